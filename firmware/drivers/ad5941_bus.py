"""AD5941 register access over SPI: two frames per access, width by address, READFIFO bursts (ad5941.md 1, 8)."""

from firmware.drivers.ad5941_registers import (
    CHIP,
    DATAFIFORD,
    SPI_READ,
    SPI_READ_FIFO,
    SPI_SET_ADDRESS,
    SPI_WRITE,
    WIDE_FIRST,
    WIDE_LAST,
)
from firmware.drivers.errors import BusFault

FIFO_BURST_WORDS_MAX = 50
_FIFO_HEAD = 7  # the command byte and six dummies


class RegisterBus:
    """Reads and writes registers. `spi` is machine.SPI-like, `cs` a pin: cs(0) selects."""

    def __init__(self, spi, cs):
        self._spi = spi
        self._cs = cs
        self._address = bytearray(3)
        self._address[0] = SPI_SET_ADDRESS
        self._out = bytearray(6)
        self._in = bytearray(6)
        size = _FIFO_HEAD + 4 * FIFO_BURST_WORDS_MAX
        self._burst_out = bytearray(size)
        self._burst_in = bytearray(size)
        self.transfers = 0
        cs(1)

    def _point(self, address: int) -> None:
        frame = self._address
        frame[1] = address >> 8
        frame[2] = address & 0xFF
        self._cs(0)
        self._spi.write(frame)
        self._cs(1)
        self.transfers += 1

    def write(self, address: int, value: int) -> None:
        """Write one register."""
        self._point(address)
        wide = WIDE_FIRST <= address <= WIDE_LAST
        out = self._out
        out[0] = SPI_WRITE
        if wide:
            out[1] = value >> 24 & 0xFF
            out[2] = value >> 16 & 0xFF
            out[3] = value >> 8 & 0xFF
            out[4] = value & 0xFF
            frame = memoryview(out)[:5]
        else:
            out[1] = value >> 8 & 0xFF
            out[2] = value & 0xFF
            frame = memoryview(out)[:3]
        self._cs(0)
        self._spi.write(frame)
        self._cs(1)

    def read(self, address: int) -> int:
        """Read one register."""
        self._point(address)
        size = 6 if WIDE_FIRST <= address <= WIDE_LAST else 4
        out = self._out
        for index in range(size):
            out[index] = 0
        out[0] = SPI_READ
        got = memoryview(self._in)[:size]
        self._cs(0)
        self._spi.write_readinto(memoryview(out)[:size], got)
        self._cs(1)
        value = 0
        for index in range(2, size):
            value = value << 8 | got[index]
        return value

    def write_checked(self, address: int, value: int, mask: int = 0xFFFFFFFF) -> None:
        """Write a register and prove by reading it back that it arrived; one more try, then BusFault."""
        got = 0
        for _ in range(2):
            self.write(address, value)
            got = self.read(address)
            if got & mask == value & mask:
                return
        raise BusFault(CHIP, "readback", "0x%04X is 0x%X, not 0x%X" % (address, got, value))

    def prove(self, address: int) -> None:
        """Send four patterns through a register that keeps any 32 bits; BusFault when one comes back changed."""
        for pattern in (0x00000000, 0xFFFFFFFF, 0xA5C33C5A, 0x12345678):
            self.write(address, pattern)
            got = self.read(address)
            if got != pattern:
                raise BusFault(CHIP, "spi_stuck", "sent 0x%08X, got 0x%08X" % (pattern, got))

    def read_fifo(self, words, count: int) -> int:
        """Move up to `count` FIFO words into the array `words`; returns how many were moved.

        Fewer than three words are popped one by one: the burst needs three (section 1).
        """
        if count <= 0:
            return 0
        if count < 3:
            for index in range(count):
                words[index] = self.read(DATAFIFORD)
            return count
        count = min(count, FIFO_BURST_WORDS_MAX)
        size = _FIFO_HEAD + 4 * count
        out = self._burst_out
        for index in range(size - 8):
            out[index] = 0
        out[0] = SPI_READ_FIFO
        for index in range(size - 8, size):
            out[index] = 0x44  # a non-zero offset keeps the prefetch from popping past the last word
        got = memoryview(self._burst_in)[:size]
        self._cs(0)
        self._spi.write_readinto(memoryview(out)[:size], got)
        self._cs(1)
        self.transfers += 1
        at = _FIFO_HEAD
        for index in range(count):
            words[index] = got[at] << 24 | got[at + 1] << 16 | got[at + 2] << 8 | got[at + 3]
            at += 4
        return count
