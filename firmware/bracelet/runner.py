"""Plays one test after another: inputs and time in, effects run a little at a time, told and logged.

`poll()` does what is due and returns the microseconds until it wants to be called again; asyncio calls it on the board,
the fault campaign on a virtual clock. Every failure of an effect becomes a fault event: told, logged, typed.
"""

from firmware.bracelet import flow, telling
from firmware.bracelet.effects import Effects, Evidence
from firmware.bracelet.flash_ring import RingError
from firmware.bracelet.table import (
    ASLEEP,
    AWAIT_CLEAN,
    AWAIT_STRIP,
    AWAIT_STRIP_OUT,
    AWAIT_WETTING,
    AWAKE,
    CHANGE_STRIP,
    CLEAN_KEEP,
    CLEAN_OUT,
    CLEAN_WETTING,
    DECIDE,
    LOAD_NEXT,
    LOG,
    SHARE,
    TELL,
)
from firmware.drivers.errors import DriverError

INPUTS_EVERY_MS = 20
SLOW_MS = 100
SLOW_FROM_MS = 400
DEBOUNCE_READS = 3
STILL_READS = 50  # a second (ASSUMED): a contact that scrapes while its strip is drawn out is open for less
HOLD_MS = 3_000
STUCK_MS = 60_000  # a button held for so long is no finger (ASSUMED)
EVENTS_MAX = 8
MEASURED = (DECIDE, LOAD_NEXT, CHANGE_STRIP, CLEAN_KEEP, CLEAN_OUT, LOG, TELL, AWAIT_STRIP_OUT)  # a strip, not yet out
IDLE_PATTERNS = {
    ASLEEP: None,
    AWAKE: None,
    AWAIT_STRIP: telling.PUT_STRIP,
    AWAIT_WETTING: telling.PUT_DRINK,
    AWAIT_STRIP_OUT: None,
    CHANGE_STRIP: telling.PUT_STRIP,
    AWAIT_CLEAN: telling.PUT_CLEAN,
    CLEAN_WETTING: telling.PUT_CLEAN,
    CLEAN_OUT: telling.PUT_STRIP,
    SHARE: telling.SHARING,
}


class Input:
    """A debounced contact: a pin that reads 0 when closed."""

    def __init__(self, pin):
        self._pin = pin
        self.closed = False
        self._alike = 0
        self._still = STILL_READS

    def changed(self, at_once: bool) -> bool:
        """Read once; True when the contact has just settled in the other position.

        `at_once`: one that was open for a while counts as closed when it first reads so. Nobody would ever be told of
        a strip or a finger that is gone again before it has settled.
        """
        closed = self._pin() == 0
        if closed == self.closed:
            self._alike = 0
            self._still = min(self._still + 1, STILL_READS)
            return False
        self._alike += 1
        believed = at_once and closed and self._still >= STILL_READS
        if self._alike < DEBOUNCE_READS and not believed:
            return False
        self.closed = closed
        self._alike = 0
        self._still = 0
        return True


class Runner(Effects):
    """The bracelet at work. `say(kind, data)` reports; `light(colour, vibration)` drives LED and motor.

    `strips` gives the strips of a test: `count`, and `instrument(number)`, a new one each time.
    """

    def __init__(self, clock, strips, recorder, strip_pin, button_pin, light, say, texts, today):
        self._clock = clock
        self._strips = strips
        self._number = 0
        self.instrument = strips.instrument(0)
        self._evidence = Evidence()
        self._recorder = recorder
        self._strip = Input(strip_pin)
        self._another = False  # the strip was changed after it was measured: what was measured is not this one's
        self._button = Input(button_pin)
        self._light = light
        self._say = say
        self._texts = texts
        self._today = today
        self.state = flow.begin(clock.ticks_ms())
        self._events = []
        self._effect = None
        self._effect_name = ""
        self._resume_ms = 0
        self._inputs_ms = clock.ticks_ms()
        self._pattern: "tuple | None" = None
        self._part = 0
        self._part_ms = 0
        self._told = []
        self.references = None  # the reference check, when there is one
        self._care = ""  # what the reference check asks of the wearer
        self.motion = None  # called while asleep: True when the wrist has moved
        self.on_hold = None  # what a button held for HOLD_MS does: the wearer's wish to hand the records over
        self._held_ms = 0
        self.sleep_after_ms = 0  # asleep for so long, it asks for deep sleep; 0: never
        self.standby = None  # deep sleep: standby(strip_in, button_stuck); returns only when it did not come to it
        self.radio = None  # opens the radio: radio(now_ms), with step(now_ms), over, records and close()
        self._idle_ms = clock.ticks_ms()
        self.finished = 0
        self.faults = 0

    # --- one turn -----------------------------------------------------------------------------------------------------

    def poll(self) -> int:
        """Do what is due now; microseconds until the next call is wanted."""
        now_ms = self._clock.ticks_ms()
        passed_ms = self._clock.ticks_diff(now_ms, self._inputs_ms)
        if passed_ms >= INPUTS_EVERY_MS:
            self._inputs_ms = now_ms
            self._read_inputs(passed_ms)
            self._handle((flow.TICK,))
            self._show(now_ms)
            self._tire(now_ms)
        while self._events:
            self._handle(self._events.pop(0))
        effect = self._effect
        if effect is None:
            return INPUTS_EVERY_MS * 1000
        left_ms = self._clock.ticks_diff(self._resume_ms, now_ms)
        if left_ms > 0:
            return min(left_ms, self._pause_ms(left_ms)) * 1000
        return self._advance(effect, now_ms)

    def _pause_ms(self, left_ms: int) -> int:
        """How long nothing need be looked at: longer while the colour comes, for the battery."""
        slow = left_ms >= SLOW_FROM_MS and not self._button.closed and self.state.name != TELL
        return SLOW_MS if slow else INPUTS_EVERY_MS

    def _advance(self, effect, now_ms: int) -> int:
        try:
            wait_us = next(effect)
        except StopIteration as end:
            self._effect = None
            self._post(end.value)
            return 0
        except DriverError as error:
            word = error.reason if error.fault == "cell" else "%s: %s" % (error.fault, error)
            self._fail(word)
            return 0
        except RingError as error:
            self._fail("firmware: flash " + str(error))
            return 0
        except Exception as error:
            # Whatever else happens in there must end told and logged as well, never as silence.
            self._fail("firmware: %s %s" % (type(error).__name__, error))
            return 0
        if wait_us >= 1000:
            self._resume_ms = now_ms + wait_us // 1000
            return min(wait_us, self._pause_ms(wait_us // 1000) * 1000)
        return wait_us

    def _fail(self, reason: str) -> None:
        self._effect = None
        self.faults += 1
        self._say("fault", {"during": self._effect_name, "reason": reason})
        self._post(("fault", flow.INVALID, reason))

    def _post(self, event: tuple) -> None:
        if len(self._events) >= EVENTS_MAX:
            self._events.pop(0)
        self._events.append(event)

    def busy(self) -> bool:
        """Whether anything is under way: a test, a verdict, a glance, an effect, a button that a finger holds."""
        held = self._button.closed and self._held_ms < STUCK_MS
        return self.state.name != ASLEEP or self._effect is not None or bool(self._events) or held

    def idle(self) -> bool:
        """Whether nothing uses the front end or will go on with it as it stands: no test has begun, or all is told."""
        if self.state.name == AWAKE:  # a short light, and every test begins with a reset
            return not self._events
        return self.state.name in (ASLEEP, AWAIT_STRIP_OUT) and self._effect is None and not self._events

    def touched(self) -> None:
        """Somebody is there: the time until deep sleep begins anew."""
        self._idle_ms = self._clock.ticks_ms()

    def _tire(self, now_ms: int) -> None:
        if self.busy() or not self.sleep_after_ms:
            self._idle_ms = now_ms
        elif self._clock.ticks_diff(now_ms, self._idle_ms) >= self.sleep_after_ms:
            self._idle_ms = now_ms
            self._post(("idle",))

    def woken(self, event: str, by_strip: bool, by_button: bool) -> None:
        """Start with what ended a deep sleep; a contact that did it is closed already, not news."""
        self._strip.closed = by_strip
        self._button.closed = by_button
        self._post((event,))

    def press(self) -> None:
        """As if the button had been pressed: the serial command `test`."""
        self._post(("button",))

    def _read_inputs(self, passed_ms: int) -> None:
        if self.motion is not None and self.state.name == ASLEEP and self.motion():
            self._post(("wrist",))
        idle = self.state.name in (ASLEEP, AWAKE, SHARE)  # where a touch begins a test, as it does out of deep sleep
        if self._strip.changed(idle):
            self._post(("strip_in",) if self._strip.closed else ("strip_out",))
            if self._strip.closed and self.state.name in MEASURED:
                self._another = True
                if self.state.verdict == "negative" and self.state.name != LOG:
                    self._resume_ms = self._inputs_ms  # what is being told ends now
        if self._button.changed(idle):
            self._held_ms = 0
            if self._button.closed:
                self._post(("button",))
        elif self._button.closed:
            before_ms = self._held_ms
            self._held_ms += passed_ms
            if before_ms < HOLD_MS <= self._held_ms:
                self._post(("hold",))
                if self.on_hold is not None:
                    self.on_hold()

    # --- moving on ----------------------------------------------------------------------------------------------------

    def _handle(self, event: tuple) -> None:
        now_ms = self._clock.ticks_ms()
        state, effect = flow.step(self.state, event, now_ms)
        if state is self.state:
            return
        if state.name != self.state.name:
            self._stop_effect()
            self._say("state", {"from": self.state.name, "to": state.name, "event": event[0], "at_ms": now_ms})
        self.state = state
        if effect:
            self._start(effect, now_ms)

    def _stop_effect(self) -> None:
        if self._effect is not None:
            self._effect.close()
            self._effect = None

    def _start(self, effect: str, now_ms: int) -> None:
        self._effect_name = effect
        self._resume_ms = now_ms
        self._stop_effect()
        self._effect = getattr(self, "_do_" + effect)()
        pattern = IDLE_PATTERNS.get(self.state.name, telling.WORKING)
        if effect not in ("tell", "tell_unlogged", "tell_plainly"):
            self._pattern = pattern
            self._part = 0
            self._part_ms = now_ms

    def _show(self, now_ms: int) -> None:
        pattern = self._pattern
        if not pattern:
            return
        milliseconds, colour, vibration = pattern[self._part]
        if self._clock.ticks_diff(now_ms, self._part_ms) >= milliseconds:
            self._part = (self._part + 1) % len(pattern)
            self._part_ms = now_ms
            _, colour, vibration = pattern[self._part]
            self._light(colour, vibration)
