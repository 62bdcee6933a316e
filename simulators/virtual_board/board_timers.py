"""Timers and watchdog of a board, kept outside its interpreter, so that they run whatever the firmware does."""

from __future__ import annotations

import time

from simulators.virtual_board.link import Op


class BoardTimers:
    """Deadlines of one run of the firmware, in seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._timers: dict[int, tuple[float, float]] = {}  # slot: (deadline, period; 0 = once)
        self._watchdog_s = 0.0
        self._watchdog_deadline = 0.0

    def handle(self, op: Op, unit: int, argument: int, payload: bytes) -> bool:
        """Do a request about timers; False when it is about something else."""
        now = time.monotonic()
        match op:
            case Op.TIMER_START:
                period = argument / 1000
                self._timers[unit] = (now + period, period if payload == b"\x01" else 0.0)
            case Op.TIMER_STOP:
                self._timers.pop(unit, None)
            case Op.WATCHDOG_START:
                self._watchdog_s = argument / 1000
                self._watchdog_deadline = now + self._watchdog_s
            case Op.WATCHDOG_FEED:
                self._watchdog_deadline = now + self._watchdog_s
            case _:
                return False
        return True

    def next_s(self) -> float | None:
        """Seconds until something is due; None when nothing is."""
        deadlines = [deadline for deadline, _ in self._timers.values()]
        if self._watchdog_s:
            deadlines.append(self._watchdog_deadline)
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def due(self) -> list[int]:
        """The timers whose time has come; a periodic one is set again."""
        now = time.monotonic()
        slots = [slot for slot, (deadline, _) in self._timers.items() if deadline <= now]
        for slot in slots:
            deadline, period = self._timers[slot]
            if period:
                # A host that was late skips periods instead of sending a burst of them.
                self._timers[slot] = (max(deadline + period, now), period)
            else:
                del self._timers[slot]
        return slots

    def watchdog_expired(self) -> bool:
        """Whether the firmware has not fed the watchdog in time."""
        return bool(self._watchdog_s) and time.monotonic() >= self._watchdog_deadline
