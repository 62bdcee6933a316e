"""Milliseconds since start, never going back: MicroPython's tick counter without its overflow."""

try:
    from time import ticks_diff, ticks_ms  # type: ignore[attr-defined, unused-ignore]
except ImportError:  # CPython, where there is no MicroPython VM
    from time import monotonic_ns

    def ticks_ms() -> int:
        return monotonic_ns() // 1_000_000

    def ticks_diff(later: int, earlier: int) -> int:
        return later - earlier


class Uptime:
    """now_ms() must be called at least once in six days (half the tick counter's range)."""

    def __init__(self) -> None:
        self._last = ticks_ms()
        self._now_ms = 0

    def now_ms(self) -> int:
        ticks = ticks_ms()
        self._now_ms += ticks_diff(ticks, self._last)
        self._last = ticks
        return self._now_ms
