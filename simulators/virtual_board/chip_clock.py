"""The clock of a board's chips: the board's own clock while it talks to them, the world's between.

The board's clock leaves out the time in which a busy host did not let it run, and the time that the chips' models take
to compute. Following it, chip and firmware always agree on how much time has passed between two accesses.
"""

from __future__ import annotations

import threading
import time

_MODULO = 1 << 32
# Between two accesses of a running board, a hand's clock may run ahead of the board's by this much: a board that the
# host kept waiting must not find its chips' time standing still until it has caught up.
_AHEAD_US_MAX = 2_000


class ChipClock:
    """Microseconds since the board was made; never goes back."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._anchor_us = 0  # the chips' time at the last access
        self._board_us: int | None = None  # the board's clock at that access, modulo 2^32
        self._since_ns: int | None = time.monotonic_ns()  # world's time since then; None = during an access
        self._highest_us = 0

    def follow(self, board_us: int) -> None:
        """An access at that time of the board's clock begins: time stands still until `release`."""
        with self._lock:
            if self._board_us is None:
                self._anchor_us = self._estimate_us()
            else:
                self._anchor_us += (board_us - self._board_us) % _MODULO
            self._board_us = board_us
            self._since_ns = None

    def release(self) -> None:
        """The access is over."""
        with self._lock:
            self._since_ns = time.monotonic_ns()

    def board_stopped(self) -> None:
        """The board restarts: its clock begins anew, the chips' goes on."""
        with self._lock:
            self._board_us = None
            self._anchor_us = self._estimate_us()
            self._since_ns = time.monotonic_ns()

    def _estimate_us(self) -> int:
        passed_us = 0 if self._since_ns is None else (time.monotonic_ns() - self._since_ns) // 1000
        return self._anchor_us + (passed_us if self._board_us is None else min(passed_us, _AHEAD_US_MAX))

    def now_us(self) -> int:
        """Now."""
        with self._lock:
            self._highest_us = max(self._highest_us, self._estimate_us())
            return self._highest_us
