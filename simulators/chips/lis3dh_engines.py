"""Motion and click engines of the LIS3DH, one sample at a time."""

from __future__ import annotations

from collections.abc import Sequence

CORNER_DIVISOR = (50.0, 100.0, 200.0, 400.0)  # approximate (MEM)


class HighPass:
    """One pole a axis; a read of REFERENCE makes the present the zero."""

    def __init__(self) -> None:
        self._low: list[float] | None = None
        self._last = [0.0, 0.0, 0.0]

    def settle(self) -> None:
        self._low = list(self._last)

    def step(self, mg: Sequence[float], code: int) -> list[float]:
        self._last = list(mg)
        if self._low is None:
            self._low = [0.0, 0.0, 0.0]
        share = min(1.0, 6.2832 / CORNER_DIVISOR[code])
        out = [value - low for value, low in zip(mg, self._low, strict=True)]
        self._low = [low + share * rest for low, rest in zip(self._low, out, strict=True)]
        return out


class MotionEngine:
    """Compares absolute values with a threshold for a number of samples."""

    def __init__(self) -> None:
        self.active = False
        self._source = 0
        self._count = 0

    def step(self, mg: Sequence[float], *, config: int, threshold_mg: float, duration: int, latched: bool) -> None:
        high = [abs(value) > threshold_mg for value in mg]
        seen = 0
        for axis, over in enumerate(high):
            seen |= 1 << (2 * axis + 1) if over else 1 << (2 * axis)
        wanted = config & 0x3F
        together = bool(config & 0x80)
        hit = bool(wanted) and (seen & wanted == wanted if together else bool(seen & wanted))
        self._count = self._count + 1 if hit else 0
        event = hit and self._count > duration
        if event:
            self.active = True
            self._source = 0x40 | seen & wanted
        elif not latched:
            self.active = False
            self._source = seen & wanted

    def read(self) -> int:
        """INT_SRC: reading clears the event."""
        source, self._source, self.active = self._source, 0, False
        return source


class ClickEngine:
    """Over the threshold for less than the limit is a click; a second one inside the window a double click."""

    def __init__(self) -> None:
        self.active = False
        self._source = 0
        self._over = 0
        self._since = 1 << 30
        self._axis = 0
        self._negative = False

    def step(self, mg: Sequence[float], *, config: int, threshold_mg: float, times: tuple[int, int, int]) -> None:
        if not config:
            return
        limit, latency, window = times
        self._since += 1
        over = [abs(value) > threshold_mg and bool(config >> (2 * axis) & 3) for axis, value in enumerate(mg)]
        if any(over):
            self._over += 1
            self._axis = over.index(True)
            self._negative = mg[self._axis] < 0.0
            return
        clicked = 0 < self._over <= max(1, limit)
        self._over = 0
        if not clicked or self._since <= latency:
            return
        single, double = config >> (2 * self._axis) & 1, config >> (2 * self._axis + 1) & 1
        if double and latency < self._since <= latency + window:
            self._report(0x20)
            self._since = 1 << 30
            return
        if single:
            self._report(0x10)
        self._since = 0

    def _report(self, kind: int) -> None:
        self.active = True
        self._source = 0x40 | kind | (0x08 if self._negative else 0) | 1 << self._axis

    def read(self) -> int:
        source, self._source, self.active = self._source, 0, False
        return source
