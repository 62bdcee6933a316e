"""A host on the I2C bus of a simulated chip, with a clock."""

from __future__ import annotations

from simulators.chips.i2c_chip import I2cChip


class Host:
    """I2C transactions with a clock."""

    def __init__(self, chip: I2cChip, now_us: int = 10_000) -> None:
        self.chip = chip
        self.now_us = now_us

    def wait(self, us: float) -> None:
        self.now_us += int(us)

    def write(self, *data: int) -> bool:
        self.now_us += 50
        return self.chip.write(bytes(data), self.now_us)

    def read(self, address: int, count: int = 1) -> bytes:
        assert self.write(address)
        out = self.chip.read(count, self.now_us)
        assert out is not None
        return out

    def word(self, address: int) -> int:
        return int.from_bytes(self.read(address, 2), "big")
