"""What happens to a board: exit codes of the VM read as board events, and the causes that firmware asks for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

# What the VM's exit codes mean; vm/frozen/vboard_boot.py, vm/frozen/machine.py and vm/usermod/vboard/vboard.h have them
# too.
EXIT_SOFT_RESET = 10
EXIT_SOFT_RESET_RAW = 11
EXIT_HOST_GONE = 69
EXIT_RESET = 70
EXIT_DEEPSLEEP = 71
EXIT_POWER_CUT = 72

# machine.reset_cause() of the ESP32 port.
CAUSE_POWER_ON = 1
CAUSE_HARD_RESET = 2
CAUSE_WATCHDOG = 3
CAUSE_DEEPSLEEP = 4
CAUSE_SOFT_RESET = 5

# machine.wake_reason() of the ESP32 port.
WAKE_BY_EXT0 = 2
WAKE_BY_EXT1 = 3
WAKE_BY_TIMER = 4

KINDS = ("boot", "soft_reset", "reset", "deepsleep", "wake", "watchdog", "crash", "power_cut", "off")


@dataclass(frozen=True)
class BoardEvent:
    """One thing that happened: kind (one of KINDS), time since the board was made, and a detail for people."""

    kind: str
    at_us: int
    detail: str = ""


class BoardError(Exception):
    """The virtual board could not be made, started or asked; says why in one line."""


class BoardTimeout(BoardError):
    """What was waited for did not happen in time; carries the end of the console."""

    def __init__(self, what: str, timeout_s: float, console: str) -> None:
        self.what = what
        self.timeout_s = timeout_s
        self.console = console
        super().__init__(f"{what}: not within {timeout_s:g} s; the console ends with {console[-300:]!r}")


class Said(Protocol):
    """What tells the end of a console, for a message about a wait that failed."""

    def text(self, since: int = 0) -> str: ...


class EventLog:
    """The events of one board in order; any thread may wait for one."""

    def __init__(self, console: Said, on_event: Callable[[BoardEvent], None] | None = None) -> None:
        self._events: list[BoardEvent] = []
        self._happened = threading.Condition()
        self._console = console
        self._on_event = on_event

    def add(self, event: BoardEvent) -> None:
        """Note an event."""
        with self._happened:
            self._events.append(event)
            self._happened.notify_all()
        if self._on_event is not None:
            self._on_event(event)

    def events(self) -> list[BoardEvent]:
        """All so far."""
        with self._happened:
            return list(self._events)

    def count(self, kind: str) -> int:
        """How many of that kind so far."""
        with self._happened:
            return sum(event.kind == kind for event in self._events)

    def wait(self, kind: str, timeout_s: float, times: int = 1) -> BoardEvent:
        """The n-th event of that kind once it happened; raise BoardTimeout after that time."""
        with self._happened:
            if not self._happened.wait_for(lambda: self.count(kind) >= times, timeout_s):
                raise BoardTimeout(f"event {kind} number {times}", timeout_s, self._console.text())
            return [event for event in self._events if event.kind == kind][times - 1]
