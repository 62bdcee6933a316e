"""How fast this machine's VM is: the time of a fixed loop, so that other times can be stated as a ratio to it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from simulators.virtual_board.board import VirtualBoard

ITERATIONS = 1_000_000
TIMEOUT_S = 120
_LOOP = f"""
import time
def loop():
    total = 0
    for n in range({ITERATIONS}):
        total = (total + n) & 0xFFFF
    return total
t = time.ticks_us()
loop()
print("yardstick", time.ticks_diff(time.ticks_us(), t))
"""


@dataclass(frozen=True)
class Yardstick:
    """Processor time of one pass of a loop (range, add, mask, store) on this machine's interpreter."""

    runtime: str
    loop_us: int
    iterations: int = ITERATIONS

    @property
    def iteration_ns(self) -> float:
        """Nanoseconds per iteration."""
        return self.loop_us * 1000 / self.iterations

    def iterations_in(self, duration_us: float) -> float:
        """A duration in iterations of the loop: the figure that may be compared between machines."""
        return duration_us * self.iterations / self.loop_us


def calibration_loop(runtime: str | None = None) -> Yardstick:
    """Measure it on a fresh board. The board's clock counts processor time, so a busy host changes it little."""
    with tempfile.TemporaryDirectory(prefix="waakzaam-yardstick-") as folder:
        board = VirtualBoard(Path(folder) / "flash.img", runtime=runtime)
        board.storage.write({"/main.py": _LOOP})
        with board:
            said = board.console.wait("yardstick", TIMEOUT_S)
            at = board.console.wait("\n", TIMEOUT_S, since=said.find("yardstick"))
        return Yardstick(board.runtime, int(at.split()[1]))
