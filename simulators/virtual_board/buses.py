"""SPI and I2C buses with simulated chips on them, and the faults that a bus can have."""

from __future__ import annotations

import errno
import time
from dataclasses import dataclass, field
from typing import Protocol


class SpiDevice(Protocol):
    """A chip on an SPI bus."""

    def chip_select(self, active: bool, now_us: int) -> None: ...
    def transfer(self, mosi: bytes, now_us: int) -> bytes: ...


class I2cDevice(Protocol):
    """A chip on an I2C bus; False and None mean: not acknowledged."""

    def write(self, data: bytes, now_us: int) -> bool: ...
    def read(self, count: int, now_us: int) -> bytes | None: ...


class SimulatedFault(Exception):
    """The firmware did to a bus what no hardware allows: two chips selected at once, a bus that is not there."""


@dataclass
class Faults:
    """Faults of one bus, set by a test and used up by transactions."""

    nack_next: int = 0
    stuck: bool = False
    latency_us: int = 0
    flip_next_bit: bool = False

    def delay(self) -> None:
        """Take the time that a slow bus takes."""
        if self.latency_us:
            time.sleep(self.latency_us / 1e6)

    def pass_on(self, data: bytes) -> bytes:
        """What arrives of what a chip sent."""
        if self.flip_next_bit and data:
            self.flip_next_bit = False
            data = data[:-1] + bytes([data[-1] ^ 1])
        return data


@dataclass
class SpiBus:
    """SPI with a chip-select pin per device."""

    devices: dict[int, SpiDevice] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    selected: set[int] = field(default_factory=set)

    def select(self, pin: int, active: bool, now_us: int) -> None:
        if active != (pin in self.selected):
            (self.selected.add if active else self.selected.discard)(pin)
            self.devices[pin].chip_select(active, now_us)

    def transfer(self, mosi: bytes, now_us: int) -> bytes:
        """What comes back on MISO; all ones when no chip is selected or the bus is stuck."""
        if len(self.selected) > 1:
            raise SimulatedFault(f"SPI: chip selects {sorted(self.selected)} active at the same time")
        if not self.selected or self.faults.stuck:
            return b"\xff" * len(mosi)
        return self.faults.pass_on(self.devices[next(iter(self.selected))].transfer(mosi, now_us))


@dataclass
class I2cBus:
    """I2C with a device per address."""

    devices: dict[int, I2cDevice] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)

    def _refused(self, address: int) -> int:
        if self.faults.stuck:
            return errno.ETIMEDOUT
        if self.faults.nack_next > 0:
            self.faults.nack_next -= 1
            return errno.ENODEV
        return 0 if address in self.devices else errno.ENODEV

    def write(self, address: int, data: bytes, now_us: int) -> int:
        """0, or the error number that the controller reports."""
        refused = self._refused(address)
        if refused or not data:
            return refused
        return 0 if self.devices[address].write(data, now_us) else errno.ENODEV

    def read(self, address: int, count: int, now_us: int) -> tuple[int, bytes]:
        """(0, bytes), or (error number, nothing)."""
        refused = self._refused(address)
        if refused:
            return refused, b""
        data = self.devices[address].read(count, now_us)
        if data is None:
            return errno.ENODEV, b""
        return 0, self.faults.pass_on(data)
