"""The sequencer: waits, timeouts and register writes in 16 MHz clocks (ad5941.md section 9)."""

from __future__ import annotations

from typing import Protocol

from simulators.ad5941 import interrupts as irq
from simulators.ad5941.memory import SharedMemory

NEVER_US = float("inf")
FIRST_ADDRESS = 0x2000


class Host(Protocol):
    """What the sequencer needs of the chip."""

    def clocks_us(self, clocks: int) -> float: ...

    def sequence_write(self, address: int, value: int, now_us: float) -> None: ...

    def write_clocks(self) -> int: ...

    def fire(self, source: int) -> None: ...


def _crc_of_byte(byte: int) -> int:
    for _ in range(8):
        byte = (byte << 1 ^ 0x07) & 0xFF if byte & 0x80 else byte << 1
    return byte


_CRC = tuple(_crc_of_byte(byte) for byte in range(256))


def crc8(crc: int, word: int) -> int:
    """x^8 + x^2 + x + 1 over a 32-bit command, most significant byte first."""
    for shift in (24, 16, 8, 0):
        crc = _CRC[crc ^ (word >> shift & 0xFF)]
    return crc


class Sequencer:
    """Runs one sequence at a time; a trigger while one runs raises TRY_BREAK and is otherwise lost."""

    def __init__(self, host: Host, memory: SharedMemory) -> None:
        self._host = host
        self._memory = memory
        self.enabled = False
        self.running: int | None = None
        self.next_us = NEVER_US
        self._address = 0
        self._left = 0
        self.count = 0
        self.crc = 1
        self._timeout_end_us = NEVER_US
        self.timeout_us = NEVER_US

    def reset(self) -> None:
        self.__init__(self._host, self._memory)  # type: ignore[misc]

    def clear_count(self) -> None:
        self.count, self.crc = 0, 1

    def enable(self, on: bool) -> None:
        """SEQCON.SEQEN; switching it off ends what runs and raises SEQ_END."""
        if self.enabled and not on:
            self._stop()
            self._host.fire(irq.SEQ_END)
        self.enabled = on

    def trigger(self, sequence: int, info: int, now_us: float) -> None:
        if not self.enabled:
            return
        if self.running is not None:
            self._host.fire(irq.TRY_BREAK)
            return
        self._address, self._left = info & 0x7FF, info >> 16 & 0x7FF
        if self._left:
            self.running = sequence
            self.next_us = now_us + self._host.clocks_us(1)

    def timeout_left(self, now_us: float, clock_us: float) -> int:
        """SEQTIMEOUT: clocks left of the timeout command, also after the sequence ended."""
        if self._timeout_end_us == NEVER_US:
            return 0
        return max(0, int((self._timeout_end_us - now_us) / clock_us))

    def expire_timeout(self) -> None:
        self.timeout_us = NEVER_US
        self._host.fire(irq.SEQ_TIMEOUT)
        if self.running is not None:
            self._host.fire(irq.SEQ_TIMEOUT_ERR)

    def _stop(self) -> None:
        self.running = None
        self.next_us = NEVER_US

    def halt(self) -> None:
        """The die went to sleep: what was running is over."""
        self._stop()

    def step(self) -> None:
        """Execute the command that is due."""
        now_us = self.next_us
        if not self._left:
            self._stop()
            return
        word = self._memory.command(self._address)
        self._address += 1
        self._left -= 1
        self.count = (self.count + 1) & 0xFFFF
        self.crc = crc8(self.crc, word)
        if word & 0x80000000:
            self.next_us = now_us + self._host.clocks_us(self._host.write_clocks())
            self._host.sequence_write(FIRST_ADDRESS + ((word >> 24 & 0x7F) << 2), word & 0xFFFFFF, now_us)
            return
        clocks = word & 0x3FFFFFFF
        if word & 0x40000000:
            self._timeout_end_us = now_us + self._host.clocks_us(clocks)
            self.timeout_us = self._timeout_end_us
            clocks = 1
        self.next_us = now_us + self._host.clocks_us(max(1, clocks))
