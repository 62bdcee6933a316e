"""I2C transactions to the simulated AS7341, as behaviour.md section 1 describes them; no driver is involved."""

from __future__ import annotations

from simulators.chips.as7341 import As7341
from tests.support import i2c_host

F1_F4 = bytes.fromhex("30 01 00 00 00 42 00 00 50 00 00 00 20 04 00 30 01 50 00 06")
F5_F8 = bytes.fromhex("00 00 00 40 02 00 10 03 50 10 03 00 00 00 24 00 00 50 00 06")


class Host(i2c_host.Host):
    """I2C transactions with a clock, and the sequences of this chip."""

    def __init__(self, chip: As7341) -> None:
        super().__init__(chip, now_us=1_000)

    def byte(self, address: int) -> int:
        return self.read(address)[0]

    def smux(self, ram: bytes, enable: int = 0x01) -> None:
        self.write(0xAF, 0x10)
        self.write(0x00, *ram)
        self.write(0x80, enable | 0x10)
        for _ in range(100):
            self.wait(200)
            if not self.byte(0x80) & 0x10:
                return
        raise TimeoutError

    def set_time(self, atime: int = 29, astep: int = 599, gain: int = 7) -> None:
        self.write(0x81, atime)
        self.write(0xCA, astep & 0xFF, astep >> 8)
        self.write(0xAA, gain)

    def measure(self, ram: bytes) -> tuple[int, list[int]]:
        self.write(0x80, 0x01)
        self.smux(ram)
        self.write(0x80, 0x03)
        for _ in range(2_000):
            self.wait(1_000)
            if self.byte(0xA3) & 0x40:
                break
        burst = self.read(0x94, 13)
        return burst[0], [burst[1 + 2 * i] | burst[2 + 2 * i] << 8 for i in range(6)]
