"""The tracker's surroundings: a GNSS receiver that travels a track, strap, case, panic button, battery."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from firmware.boards import tracker as pins
from simulators.virtual_board.peripherals import Peripherals
from simulators.virtual_board.uart import UartLine

MAIN = "from firmware.tracker.main import run\nrun()\n"
PANIC_HOLD_S = 3.5  # the firmware asks for 3 s
WAIT_STEP_S = 0.02


@dataclass
class Supply:
    """The cell as the divider shows it."""

    battery_mv: int = 3900

    def sense_uv(self, now_us: int) -> int:
        """Voltage at the sense pin."""
        return self.battery_mv * 1000 // pins.BATTERY_DIVIDER


class TrackerWorld:
    """What is around a tracker. Threads other than the board's may call what a person does."""

    def __init__(self, wall_ms: Callable[[], int] | None = None) -> None:
        self.peripherals = Peripherals(wall_ms)
        self.supply = Supply()
        self.receiver = UartLine()
        p = self.peripherals
        p.uarts[pins.GNSS_UART] = self.receiver
        p.inputs[pins.STRAP_LOOP] = 0
        p.inputs[pins.CASE_SWITCH] = 0
        p.inputs[pins.PANIC_BUTTON] = 1
        p.adc_uv[pins.BATTERY_SENSE] = self.supply.sense_uv

    def cut_strap(self) -> None:
        """Cut the strap."""
        self.peripherals.set_input(pins.STRAP_LOOP, 1)

    def close_strap(self) -> None:
        """Close the strap again."""
        self.peripherals.set_input(pins.STRAP_LOOP, 0)

    def open_case(self) -> None:
        """Open the case."""
        self.peripherals.set_input(pins.CASE_SWITCH, 1)

    def hold_panic(self) -> None:
        """Press the panic button and keep it pressed."""
        self.peripherals.set_input(pins.PANIC_BUTTON, 0)

    def release_panic(self) -> None:
        """Let the panic button go."""
        self.peripherals.set_input(pins.PANIC_BUTTON, 1)


@dataclass
class Timetable:
    """Things that happen at their Unix milliseconds, on a thread of its own: epochs of a receiver, acts of a person."""

    clock_ms: Callable[[], int]
    entries: Iterable[tuple[int, Callable[[], object]]]
    late_ms_max: int = 1500
    skipped: int = 0
    failure: BaseException | None = None
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin; what is already later than `late_ms_max` is skipped and counted."""
        self._thread = threading.Thread(target=self._play, name="timetable", daemon=True)
        self._thread.start()

    def _play(self) -> None:
        try:
            for at_ms, act in self.entries:
                while self.clock_ms() < at_ms:
                    if self._over.wait(WAIT_STEP_S):
                        return
                if self.clock_ms() - at_ms > self.late_ms_max:
                    self.skipped += 1
                else:
                    act()
        except BaseException as error:
            self.failure = error
            raise

    def stop(self) -> None:
        """End it and wait until it has ended."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()


def files(config: dict[str, Any]) -> dict[str, bytes | str]:
    """What the factory puts on a tracker besides the firmware."""
    return {"/main.py": MAIN, "/config.json": json.dumps(config)}
