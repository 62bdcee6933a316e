"""The two clocks a backend lives by."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


def real_clock_ms() -> int:
    """Unix milliseconds of the real clock."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Clocks:
    """`now_ms` is the process clock (may run faster, ADR 0004); `wall_ms` the real one that latencies, people's

    deadlines and sessions are measured by."""

    now_ms: Callable[[], int]
    wall_ms: Callable[[], int] = real_clock_ms
