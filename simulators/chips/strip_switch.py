"""The contact that a strip closes: active low, and it bounces."""

from __future__ import annotations

import random


class StripSwitch:
    """PinDevice of the virtual board. `stuck` holds the level whatever the strip does."""

    def __init__(self, *, bounce_us: float = 6_000.0, seed: int = 0, stuck: int | None = None) -> None:
        self._bounce_us = bounce_us
        self._rng = random.Random(f"strip switch {seed}")
        self.stuck = stuck
        self._present = False
        self._edges_us: list[float] = []

    def _move(self, present: bool, now_us: float) -> None:
        if present == self._present:
            return
        self._present = present
        count = 2 * self._rng.randint(1, 4)
        self._edges_us = sorted(now_us + self._rng.uniform(0.0, self._bounce_us) for _ in range(count))

    def insert(self, now_us: float) -> None:
        self._move(True, now_us)

    def remove(self, now_us: float) -> None:
        self._move(False, now_us)

    def level(self, now_us: int) -> int:
        """0 = a strip is in. Within the bounce time the level flips an even number of times."""
        if self.stuck is not None:
            return self.stuck
        flips = sum(1 for edge in self._edges_us if edge > now_us)
        closed = self._present ^ bool(flips % 2)
        return int(not closed)

    def drive(self, level: int, now_us: int) -> None:
        """An input of the board: driving it changes nothing."""
