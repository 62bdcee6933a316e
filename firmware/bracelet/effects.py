"""What each effect of the drink test's table does: generators of microseconds to wait, each ending with an event."""

import gc

from firmware.bracelet import telling
from firmware.bracelet.catalogue import sentences
from firmware.bracelet.flash_ring import RingError
from firmware.bracelet.judging import ends_here, kept_beside, of_all
from firmware.bracelet.strips import make_room_to_judge
from firmware.bracelet.table import AWAIT_CLEAN, AWAIT_STRIP
from firmware.drivers.errors import DriverError

if 0:  # for the type checker: compilers, a board's too, leave it out
    from typing import Any


class Evidence:
    """What the strips of one test came to, as the recorder seals it."""

    def __init__(self):
        self.instrument = None  # of the strip that was measured last: its trace is still in memory
        self.number = 0  # which of the test's strips that was, from 1
        self.aside = {}  # members of the trace that wait in flash, from the strips before
        self.lost = ""  # why a trace could not be kept
        self.found = []  # of each strip: its name, its verdict, the drugs that it looks for
        self.verdict = None
        self.temperature_c = None

    def take(self, instrument, number: int) -> None:
        """Keep what the instrument of strip `number` has measured."""
        self.instrument = instrument
        self.number = number
        if instrument.temperature_c is not None:
            self.temperature_c = instrument.temperature_c

    def trace(self) -> dict:
        """The members of a record's `trace`, over all strips."""
        if self.lost:
            raise RingError("trace", self.lost)
        members = dict(self.aside)
        if self.instrument is not None:
            kept_beside(members, self.instrument.trace(), self.number)
        return members


class Effects:
    """The half of the runner that acts; the other half (runner.py) holds its parts and decides what runs when."""

    _clock: "Any"
    _strips: "Any"
    _recorder: "Any"
    _strip: "Any"
    _another: "bool"
    _button: "Any"
    _light: "Any"
    _say: "Any"
    _today: "Any"
    _texts: "dict[str, str]"
    _pattern: "tuple | None"
    instrument: "Any"
    references: "Any"
    motion: "Any"
    standby: "Any"
    radio: "Any"
    state: "Any"
    finished: "int"

    def _do_glance(self):
        """A short light: awake, put a strip in or press."""
        yield from self._play(telling.GLANCE)
        return ("nothing",)

    def _do_self_test(self):
        self._told = []
        self._another = False
        self._evidence = Evidence()
        self.instrument = None
        self._number = 0
        self.instrument = self._strips.instrument(0)
        yield 0
        state, name, value = self._standing(None)
        if state == "worn":
            return ("fault", "invalid", "worn: %s %.3g" % (name, value))
        return (yield from self.instrument.self_test())

    def _do_load_next(self):
        """The next strip's instrument, proved as the first was; of the one before only its verdict stays in memory."""
        self._release()
        evidence = self._evidence
        evidence.instrument = None
        try:
            kept = yield from self._recorder.set_aside(self.instrument.trace())
            kept_beside(evidence.aside, kept, self._number + 1)
        except (RingError, OSError) as error:  # the verdict is told all the same, as one that could not be kept
            evidence.lost = str(error)
        self.instrument = None
        yield 0
        self._number += 1
        self.instrument = self._strips.instrument(self._number)
        yield from self.instrument.self_test()
        return ("loaded",)

    def _release(self):
        """Put the instrument to rest; one that does not answer any more keeps nothing from being sealed and told."""
        try:
            self.instrument.release()
        except DriverError as error:
            self._say("fault", {"during": "release", "reason": "%s: %s" % (error.fault, error)})
        self.instrument.drop_calibration()

    def _standing(self, values) -> tuple:
        """(state, measure, value) of the reference check, with this test's values when there are any.

        A check that fails is said and keeps nothing else from going on.
        """
        if self.references is None:
            return ("", "", 0.0)
        try:
            standing = self.references.note(values) if values else self.references.standing()
        except (OSError, ValueError, KeyError) as error:
            self._say("fault", {"during": "reference check", "reason": "%s %s" % (type(error).__name__, error)})
            return ("", "", 0.0)
        if values:
            self._say("references", {"state": standing[0], "by": standing[1], "value": standing[2], "read": values})
        return standing

    def _do_look_for_strip(self):
        yield 0
        another = self._another and self.state.name not in (AWAIT_STRIP, AWAIT_CLEAN)
        self._another = False
        if not self._strip.closed:
            return ("strip_out",)
        return ("another_strip",) if another else ("strip_in",)

    def _do_check_strip(self):
        return (yield from self.instrument.check_strip(self._today()))

    def _do_watch_wetting(self):
        return (yield from self.instrument.watch_wetting())

    def _do_incubate(self):
        return (yield from self.instrument.incubate())

    def _do_measure(self):
        return (yield from self.instrument.measure())

    def _do_keep_clean(self):
        return (yield from self.instrument.keep_clean())

    def _do_decide(self):
        make_room_to_judge()
        outcome = yield from self.instrument.decide()
        self.instrument.verdict.fit = None  # its arrays are worth kilobytes; the record needs none of them
        evidence = self._evidence
        evidence.take(self.instrument, self._number + 1)
        evidence.found.append(self.instrument.said())
        if not ends_here(self.instrument.verdict, self._strips.count - self._number - 1):
            return ("go_on",)
        if len(evidence.found) > 1:
            evidence.verdict = of_all(evidence.found)
            return ("decided", evidence.verdict.verdict, evidence.verdict.reason)
        evidence.verdict = self.instrument.verdict
        return outcome

    def _do_seal(self):
        if self.instrument is not None:
            self._evidence.take(self.instrument, self._number + 1)
            values = self.instrument.references()
            self._release()
            gc.collect()
            if self.state.reason and not self.state.reason.startswith("worn"):
                self._care = self._standing(values)[0]
        return (yield from self._recorder.seal(self.state.verdict, self.state.reason, self._evidence))

    def _do_tell(self):
        return self._tell(False)

    def _do_tell_unlogged(self):
        return self._tell(True)

    def _do_tell_plainly(self):
        """Light and motor alone, when the words failed: a verdict is never lost to a text."""
        yield from self._show_verdict(telling.pattern_of(self.state.verdict))
        self.finished += 1
        return ("told",)

    def _tell(self, unlogged: bool):
        """Light and vibrate the verdict; the words go out first, so that the first second already says it."""
        verdict, reason = self.state.verdict, self.state.reason
        pattern = telling.pattern_of(verdict)
        lines = sentences(self._texts, verdict, reason)
        if self._care:
            pattern = pattern + telling.CARE
            lines.append(self._texts["care." + self._care])
        if unlogged:
            pattern = pattern + telling.UNLOGGED
            lines.append(self._texts["unlogged"])
        self._pattern = None
        self._say("tell", {"verdict": verdict, "reason": reason, "logged": not unlogged, "text": lines})
        yield from self._show_verdict(pattern)
        self.finished += 1
        self._say("finished", {"verdict": verdict, "logged": not unlogged})
        return ("told",)

    def _show_verdict(self, pattern: tuple):
        """The verdict's pattern, to its end; but a negative over another strip than the one measured is not shown.

        It would pass for that strip's.
        """
        showing = self._play(pattern)
        for wait_us in showing:
            if self._another and self.state.verdict == "negative":
                showing.close()
                self._light(telling.DARK, 0)
                return
            yield wait_us

    def _play(self, pattern: tuple):
        for milliseconds, colour, vibration in pattern:
            self._light(colour, vibration)
            yield milliseconds * 1000
        self._light(telling.DARK, 0)

    def _do_standby(self):
        """Deep sleep, dark and still; comes back only when it did not come to it."""
        self._pattern = None
        self._light(telling.DARK, 0)
        yield 0
        if self.standby is not None:
            self.standby(self._strip.closed, self._button.closed)
        return ("awake",)

    def _do_share(self):
        """Records by radio, for as long as the window is open; closed however this ends."""
        self.instrument = None
        self._evidence = Evidence()
        gc.collect()
        yield 0
        if self.radio is None:
            return ("shared",)
        radio = self.radio(self._clock.ticks_ms())
        try:
            while not radio.over:
                yield radio.step(self._clock.ticks_ms())
        finally:
            radio.close()
            self._say("radio", {"on": False, "records": radio.records})
        return ("shared",)

    def _do_rest(self):
        if self.motion is not None:
            self.motion()  # what moved until now has been answered
        self._evidence = Evidence()
        self._recorder.drop_aside()
        self._pattern = None
        self._light(telling.DARK, 0)
        yield 0
        return ("nothing",)
