"""machine.I2C over simulated chips, on a virtual clock."""

from __future__ import annotations

from typing import Protocol

from waakzaam.rigs.afe import VirtualClock

BYTE_US = 22.5  # nine bits at 400 kHz


class Chip(Protocol):
    """ARCHITECTURE.md seam 6."""

    def write(self, data: bytes, now_us: int) -> bool: ...
    def read(self, count: int, now_us: int) -> bytes | None: ...


class SimulatedI2c:
    """A bus with a chip per address; an address that does not answer is OSError 19, as on the board."""

    def __init__(self, chips: dict[int, Chip], clock: VirtualClock) -> None:
        self._chips = chips
        self._clock = clock

    def _write(self, address: int, data: bytes) -> Chip:
        self._clock.now_us += BYTE_US * (1 + len(data))
        chip = self._chips.get(address)
        if chip is None or not chip.write(data, int(self._clock.now_us)):
            raise OSError(19, "ENODEV")
        return chip

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        self._write(address, bytes((register,)) + bytes(data))

    def readfrom_mem_into(self, address: int, register: int, into: bytearray) -> None:
        chip = self._write(address, bytes((register,)))
        self._clock.now_us += BYTE_US * (1 + len(into))
        got = chip.read(len(into), int(self._clock.now_us))
        if got is None:
            raise OSError(19, "ENODEV")
        into[:] = got
