"""The clock a process lives by: real, or a faster one for the demo and for replayed evenings."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from waakzaam.exits import BadInput

VARIABLE = "WAAKZAAM_CLOCK"


@dataclass(frozen=True)
class ScaledClock:
    """time = anchor_ms + (wall - wall_start_ms) * rate, all Unix milliseconds."""

    anchor_ms: int
    wall_start_ms: int
    rate: float

    def now_ms(self) -> int:
        wall_ms = time.time_ns() // 1_000_000
        return self.anchor_ms + round((wall_ms - self.wall_start_ms) * self.rate)

    def to_environment(self) -> str:
        return f"{self.anchor_ms}:{self.wall_start_ms}:{self.rate}"


def wall_ms() -> int:
    """Unix milliseconds of the real clock."""
    return time.time_ns() // 1_000_000


def from_environment() -> Callable[[], int]:
    """The process clock as a function that returns Unix milliseconds.

    Raises BadInput when WAAKZAAM_CLOCK is set but is not `<anchor ms>:<wall ms>:<rate>` with rate > 0.
    """
    text = os.environ.get(VARIABLE)
    if not text:
        return wall_ms
    parts = text.split(":")
    try:
        clock = ScaledClock(int(parts[0]), int(parts[1]), float(parts[2]))
    except (ValueError, IndexError):
        raise BadInput(
            VARIABLE, f"{text!r} is not <anchor ms>:<wall ms>:<rate>", "unset it for the real clock"
        ) from None
    if not clock.rate > 0:
        raise BadInput(VARIABLE, f"rate {clock.rate} must be above 0")
    return clock.now_ms
