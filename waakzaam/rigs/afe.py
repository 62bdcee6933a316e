"""A bench for drivers: a virtual clock, and the register simulators behind machine-like SPI and pins."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from firmware.drivers.ad5941 import AD5941
from firmware.drivers.ad5941_bus import RegisterBus
from simulators.ad5941 import Ad5941, Cell, OpenCell, ResistorCell

BYTE_US = 1.0  # 8 MHz SPI
EDGE_US = 2.0  # each edge of CS
DUMMY_OHM = 10_000.0


class VirtualClock:
    """Time that passes only when something takes it."""

    def __init__(self) -> None:
        self.now_us = 0.0

    def ticks_us(self) -> int:
        return int(self.now_us)

    def ticks_ms(self) -> int:
        return int(self.now_us // 1000)

    @staticmethod
    def ticks_diff(later: int, earlier: int) -> int:
        return later - earlier

    def sleep_us(self, us: int) -> None:
        self.now_us += us

    def run(self, steps: Generator[int, None, Any]) -> Any:
        """Run a driver's generator to its end; what it returned."""
        try:
            while True:
                self.now_us += next(steps)
        except StopIteration as end:
            return end.value


class SimulatedSpi:
    """machine.SPI over a simulator's transfer()."""

    def __init__(self, transfer: Callable[[bytes, float], bytes], clock: VirtualClock) -> None:
        self._transfer = transfer
        self._clock = clock

    def write(self, out: bytes) -> None:
        clock = self._clock
        now_us = clock.now_us = clock.now_us + len(out) * BYTE_US
        self._transfer(bytes(out), now_us)

    def write_readinto(self, out: bytes, into: bytearray) -> None:
        clock = self._clock
        now_us = clock.now_us = clock.now_us + len(out) * BYTE_US
        into[:] = self._transfer(bytes(out), now_us)


class AfeBench:
    """One simulated AD5941 with its reference-resistor switch, and the real driver on it."""

    def __init__(self, chip: Ad5941 | None = None, cell: Cell | None = None) -> None:
        self.clock = VirtualClock()
        self.chip = chip if chip is not None else Ad5941()
        self.cell: Cell = cell if cell is not None else OpenCell()
        self.dummy_cell = ResistorCell(DUMMY_OHM)
        self.chip.attach(self.cell, 0)
        spi = SimulatedSpi(self.chip.transfer, self.clock)
        self.afe = AD5941(RegisterBus(spi, self._chip_select), self._reset, self.clock)

    def _chip_select(self, level: int) -> None:
        clock = self.clock
        now_us = clock.now_us = clock.now_us + EDGE_US
        self.chip.chip_select(level == 0, now_us)

    def _reset(self, level: int) -> None:
        self.chip.reset_pin(level, self.clock.now_us)

    def dummy(self, level: int) -> None:
        """The switch: 1 puts the reference resistor in the strip's place."""
        self.chip.attach(self.dummy_cell if level else self.cell, self.clock.now_us)

    def put(self, cell: Cell) -> None:
        """Change what is on the strip's contacts."""
        self.cell = cell
        self.chip.attach(cell, self.clock.now_us)

    def run(self, steps: Generator[int, None, Any]) -> Any:
        return self.clock.run(steps)
