"""Timers and watchdog of a board, kept outside its interpreter, so that they run whatever the firmware does."""

from __future__ import annotations

import time
from typing import Protocol

from simulators.virtual_board.link import Op


class Effort(Protocol):
    """What an interpreter has got from its host."""

    def worked_s(self) -> float: ...
    def runnable(self) -> bool: ...


class BoardTimers:
    """Deadlines of one run of the firmware, in seconds of the monotonic clock."""

    def __init__(self, effort: Effort) -> None:
        self._effort = effort
        self._worked_at_feed_s = 0.0
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
                self._worked_at_feed_s = self._effort.worked_s()
                self._watchdog_deadline = now + self._watchdog_s
            case Op.WATCHDOG_FEED:
                self._watchdog_deadline = now + self._watchdog_s
                self._worked_at_feed_s = self._effort.worked_s()
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
        """Whether the firmware has not fed the watchdog in time.

        An interpreter that a busy host keeps waiting is given the rest of its time; one that sleeps too long is not.
        """
        if not self._watchdog_s or time.monotonic() < self._watchdog_deadline:
            return False
        left_s = self._watchdog_s - (self._effort.worked_s() - self._worked_at_feed_s)
        if left_s > 0 and self._effort.runnable():
            self._watchdog_deadline = time.monotonic() + left_s
            return False
        return True
