"""The bracelet's program: reads its files, opens its parts, plays tests; JSON lines and records on the serial port.

Lines: one JSON object each with "kind" (start, state, light, tell, fault, finished, records), `WZR1 <json>` per
sealed record. Records leave only when the wearer asks: the button held for 3 s (serial, and a minute of Bluetooth), the
command `records`, or `"send": "after_test"` in /config.json.
Commands on the serial line: records, status, test, contacts.
"""

import asyncio
import gc
import json
import os
import sys

from firmware.bracelet import recorder, settings, telling
from firmware.bracelet.catalogue import texts_of
from firmware.bracelet.flash_ring import FlashRing
from firmware.bracelet.runner import Runner
from firmware.bracelet.signals import Signals
from firmware.bracelet.strips import Strips, forget

WATCHDOG_MS = 8_000
SERIAL_PREFIX = "WZR1 "
COMMAND_BYTES_MAX = 64
_NOTHING_DONE = 0  # what the wearer has done since the last wake
_TOUCHED = 1
_DRINK_SEEN = 2


def say(kind: str, data: dict) -> None:
    """One JSON line."""
    line = {"kind": kind}
    line.update(data)
    print(json.dumps(line))


def with_standby(act):
    """What `act(module)` returns of the module of deep sleep, which is in memory for just that long."""
    from firmware.bracelet import standby

    try:
        return act(standby)
    finally:
        forget("firmware.bracelet", "standby")
        forget("firmware.bracelet", "standby_plan")


class ReferenceCheck:
    """firmware.bracelet.references, in memory only while it works."""

    def __init__(self, factory: dict):
        self._factory = factory

    def standing(self) -> tuple:
        """Of the last tests."""
        return self.note({})

    def note(self, values: dict) -> tuple:
        """With one more test's values."""
        from firmware.bracelet.references import References

        check = References(os, open, self._factory)
        try:
            return check.note(values) if values else check.standing()
        finally:
            forget("firmware.bracelet", "references")


class Announcer:
    """LED and motor, and each change as a line for whoever watches without eyes on the wrist."""

    def __init__(self, announce: bool, signals):
        self._announce = announce
        self._signals = signals
        self._last = None

    def light(self, colour: tuple, vibration: int) -> None:
        """Colour and vibration from now on."""
        self._signals.light(colour, vibration)
        if self._announce and (colour, vibration) != self._last:
            say("light", {"colour": telling.colour_name(colour), "vibration": vibration})
        self._last = (colour, vibration)


def send_records(ring: FlashRing, first: int = 0) -> int:
    """Print the sealed records from number `first` on; returns how many."""
    sent = 0
    for number in ring.numbers():
        if number < first:
            continue
        sys.stdout.write(SERIAL_PREFIX)
        for chunk in ring.lines_of(number):
            sys.stdout.write(chunk.decode())
        sys.stdout.write("\n")
        sent += 1
    return sent


class Program:
    """One bracelet, from its files to its lines."""

    def __init__(self):
        from firmware.bracelet import proving
        from firmware.bracelet.hardware import Hardware, now_text, today

        self.slot = proving.slot_standing()
        self.config = settings.checked_config(settings.read_json(open, "/config.json"))
        paths = self.config["strips"]
        self.hashes = {
            "calibration": settings.sha256_of_files(open, paths),
            "firmware": self.slot.get("sha256") or self.config.get("firmware_sha256"),
            "version": self.slot.get("version"),
        }
        self.texts = texts_of(self.config["language"])
        self.hardware = Hardware()
        self.ring = FlashRing(os, open)
        haptics, _ = self.hardware.sensors(say)
        self.signals = Signals(self.hardware.led(), haptics, say)
        self.announcer = Announcer(self.config["announce"], self.signals)
        self.hardware.temperature_offset_c = self.config["temperature_offset_c"]
        strips = Strips(open, paths, self.config, self.hardware)
        self.recorder = recorder.Recorder(self.ring, self.config, self.hashes, now_text)
        self.runner = Runner(
            self.hardware.clock,
            strips,
            self.recorder,
            self.hardware.strip,
            self.hardware.button,
            self.announcer.light,
            self._say,
            self.texts,
            today,
        )
        self.runner.motion = self.hardware.motion
        self.runner.references = ReferenceCheck(self.config["references"])
        self.runner.on_hold = lambda: say("records", {"sent": send_records(self.ring)})
        self.runner.standby = self._deep_sleep
        if self.config["radio"]:
            self.runner.radio = self._open_radio
        self._use = _NOTHING_DONE
        self._ended = False
        self.heap_free_min = 1 << 30
        self._least_during = ""

    def _say(self, kind: str, data: dict) -> None:
        self._watch_heap()
        if kind in ("finished", "radio"):
            data["heap_free_min"] = self.heap_free_min
        if kind == "finished":
            data["heap_least_during"] = self._least_during
            data["record"] = self.recorder.last_number
            self._ended = True
        if kind == "state" and data["event"] in ("button", "strip_in", "wet"):
            self._use = max(self._use, _DRINK_SEEN if data["event"] == "wet" else _TOUCHED)
        say(kind, data)

    def _watch_heap(self) -> None:
        if hasattr(gc, "mem_free"):
            gc.collect()
            free = gc.mem_free()
            if free < self.heap_free_min:
                self.heap_free_min = free
                self._least_during = self.runner.state.name

    def status(self) -> dict:
        """What this bracelet is and how it stands."""
        return {
            "implementation": "%s %s"
            % (sys.implementation.name, ".".join([str(n) for n in sys.implementation.version[:3]])),
            "machine": getattr(sys.implementation, "_machine", sys.platform),
            "device_id": self.config["device_id"],
            "firmware_version": self.hashes["version"] or recorder.VERSION,
            "firmware_sha256": self.hashes["firmware"],
            "firmware_on_trial": self.slot.get("on_trial", False),
            "calibration_sha256": self.hashes["calibration"],
            "strips": self.config["strips"],
            "strip_lot": self.config["strip_lot"],
            "heap_free": gc.mem_free() if hasattr(gc, "mem_free") else None,
            "records": len(self.ring.numbers()),
            "discards": self.ring.discards,
            "state": self.runner.state.name,
            "references": self.runner._standing(None)[0] or "good",
            "sleep": with_standby(lambda standby: standby.standing()),
        }

    def command(self, line: str) -> None:
        """One command from the serial line."""
        word = line.strip()
        self.runner.touched()
        self._use = max(self._use, _TOUCHED)
        if word == "records":
            say("records", {"sent": send_records(self.ring)})
        elif word == "status":
            say("status", self.status())
        elif word == "test":
            self.runner.press()
        elif word == "contacts":
            self._contacts()
        elif word:
            say("error", {"reason": "unknown command", "commands": "records, status, test, contacts"})

    def _contacts(self) -> None:
        """How well the contacts conduct, by modules in memory for just that long; never while a test needs the chip."""
        if not self.runner.idle():
            say("fault", {"during": "contacts", "reason": "a test is under way: ask again after it"})
            return
        try:
            from firmware.bracelet import contacts

            say(*contacts.ask(self.hardware, self.config["dummy_ohm"]))
        except Exception as error:  # it must not end the task that listens
            say("fault", {"during": "contacts", "reason": "%s %s" % (type(error).__name__, error)})
        finally:
            forget("firmware.bracelet", "contacts")
            forget("firmware.drivers", "ad5941_impedance")

    async def prove(self) -> None:
        """Whether a firmware on trial may stay."""
        from firmware.bracelet import proving

        await proving.prove(self.slot, self.runner, self.ring, self.texts, self.announcer, self.signals, say)

    def _open_radio(self, now_ms: int):
        forget("firmware.bracelet", "radio")
        from firmware.bracelet.radio import Radio

        opened = Radio(self.ring, now_ms, self.hardware.clock.ticks_diff)
        self._say("radio", {"on": True})
        return opened

    def _deep_sleep(self, strip_in: bool, button_stuck: bool) -> None:
        with_standby(lambda standby: standby.begin(self.hardware, say, strip_in, button_stuck, self._use))

    async def play(self, watchdog=None) -> None:
        """Tests, one after another, for ever."""
        while True:
            wait_us = self.runner.poll()
            if self.config.get("watch_heap") and (wait_us == 0 or wait_us >= 1000):
                self._watch_heap()
            if watchdog is not None:
                watchdog.feed()
            if self._ended:
                self._ended = False
                if self.config["send"] == "after_test":
                    send_records(self.ring, self.recorder.last_number)
            if wait_us >= 1000:
                await asyncio.sleep_ms(wait_us // 1000)
            else:
                if wait_us:
                    self.hardware.clock.sleep_us(wait_us)
                await asyncio.sleep_ms(0)

    async def listen(self) -> None:
        """Commands from the serial line, without ever waiting on it."""
        import select

        poll = select.poll()
        poll.register(sys.stdin, select.POLLIN)
        held = ""
        while True:
            while poll.poll(0):
                letter = sys.stdin.read(1)
                if not letter:
                    break
                if letter in "\r\n":
                    self.command(held)
                    held = ""
                elif len(held) < COMMAND_BYTES_MAX:
                    held += letter
            await asyncio.sleep_ms(50)


async def run() -> None:
    """Start and stay."""
    woken_by = with_standby(lambda standby: standby.wake(say))
    program = Program()
    with_standby(lambda standby: standby.answer(woken_by, program.runner))
    gc.collect()
    say("start", program.status())
    await program.prove()
    forget("firmware.bracelet", "proving")
    if not program.slot.get("on_trial"):  # a firmware that may have to be left keeps its watch
        program.runner.sleep_after_ms = int(program.config["sleep_after_s"] * 1000)
    watchdog = program.hardware.watchdog(WATCHDOG_MS) if program.config.get("watchdog") else None
    listener = asyncio.create_task(program.listen())
    try:
        await program.play(watchdog)
    finally:
        listener.cancel()


def main() -> None:
    """Run until interrupted; a file that cannot be used is said in one line."""
    try:
        asyncio.run(run())
    except settings.BadSettings as error:
        say("error", {"file": error.file, "field": error.field, "reason": error.reason})
    except KeyboardInterrupt:
        say("stopped", {})
