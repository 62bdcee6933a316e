"""What ends a deep or light sleep: lines at a level (ext0, ext1 of the ESP32-S3) and a time, as firmware armed them."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

from simulators.virtual_board import events

_ARMED = struct.Struct("<BBBI")
_NO_PIN = 255
LOOK_EVERY_S = 0.01
WAKE_WORDS = {events.WAKE_BY_EXT0: "ext0", events.WAKE_BY_EXT1: "ext1", events.WAKE_BY_TIMER: "timer"}
_NO_TIME = 0xFFFFFFFF


@dataclass(frozen=True)
class WakeLines:
    """ext0: one pin and its level. ext1: any of several pins at one level. `timer_ms` None: no time ends it.

    Levels, not edges: a line that is at its level when the sleep begins ends it at once. A pin that nothing holds
    floats, and reads low here. Source: ESP-IDF's esp_sleep (ext1 on the ESP32-S3 wakes on any low, not on all low).
    """

    ext0_pin: int | None = None
    ext0_level: int = 0
    ext1_pins: tuple[int, ...] = ()
    ext1_level: int = 0
    timer_ms: int | None = None

    @classmethod
    def armed(cls, payload: bytes, timer_ms: int = _NO_TIME) -> WakeLines:
        """From a request of the shim."""
        if not payload:
            return cls(timer_ms=None if timer_ms == _NO_TIME else timer_ms)
        pin, level, ext1_level, mask = _ARMED.unpack(payload)
        return cls(
            None if pin == _NO_PIN else pin,
            level,
            tuple(number for number in range(32) if mask >> number & 1),
            ext1_level,
            None if timer_ms == _NO_TIME else timer_ms,
        )

    def reason(self, level: Callable[[int], int], slept_s: float = 0.0) -> int:
        """Why the sleep is over (machine.wake_reason), or 0 when it is not."""
        if self.ext0_pin is not None and level(self.ext0_pin) == self.ext0_level:
            return events.WAKE_BY_EXT0
        if any(level(pin) == self.ext1_level for pin in self.ext1_pins):
            return events.WAKE_BY_EXT1
        if self.timer_ms is not None and slept_s * 1000 >= self.timer_ms:
            return events.WAKE_BY_TIMER
        return 0

    def __str__(self) -> str:
        told = [f"ext0 pin {self.ext0_pin} at {self.ext0_level}"] if self.ext0_pin is not None else []
        if self.ext1_pins:
            told.append(f"ext1 pins {', '.join(map(str, self.ext1_pins))} at {self.ext1_level}")
        if self.timer_ms is not None:
            told.append(f"after {self.timer_ms} ms")
        return "; ".join(told) or "nothing wakes it"


class DeepSleep:
    """One sleep under way, from the moment the interpreter has ended."""

    def __init__(self, lines: WakeLines, level: Callable[[int], int]) -> None:
        self._lines = lines
        self._level = level
        self._began = time.monotonic()
        self._reason = 0

    def reason(self) -> int:
        """Why it is over, or 0; what was once seen stays, as in the chip: a short pulse wakes too."""
        self._reason = self._reason or self._lines.reason(self._level, time.monotonic() - self._began)
        return self._reason

    def next_s(self) -> float:
        """When to look again: chips raise their lines by themselves."""
        if self._lines.timer_ms is None:
            return LOOK_EVERY_S
        left_s = self._lines.timer_ms / 1000 - (time.monotonic() - self._began)
        return max(0.0, min(LOOK_EVERY_S, left_s))
