"""What happens to a board: exit codes of the VM read as board events, and the causes that firmware asks for."""

from __future__ import annotations

from dataclasses import dataclass

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

WAKE_BY_PIN = 2
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
