"""SPI front end: two-frame access with a sticky address, and the READFIFO command with its prefetch (ad5941.md 1)."""

from __future__ import annotations

from typing import Protocol

from simulators.ad5941.register_map import bytes_of

SET_ADDRESS = 0x20
WRITE = 0x2D
READ = 0x6D
READ_FIFO = 0x5F
FIFO_DUMMY_BYTES = 6
FIFO_PREFETCH_WORDS = 2
FIFO_MIN_WORDS = 3
# What comes back when nothing is defined to: status bytes of READFIFO and bytes clocked during writes are unknown
# (ad5941.md section 15).
FILLER = 0x00
IGNORED = -1
_FILLERS = [bytes([FILLER] * count) for count in range(7)]
_MASKS = [(1 << 8 * count) - 1 for count in range(5)]


class Bus(Protocol):
    """What the front end asks of the chip behind it."""

    def bus_read(self, address: int) -> int: ...

    def bus_write(self, address: int, value: int) -> None: ...

    def pop_fifo(self) -> int: ...

    def fifo_command_enabled(self) -> bool: ...

    def violation(self, action: str, address: int | None, reason: str) -> None: ...

    def hazard(self, what: str) -> None: ...


class SpiFrontEnd:
    """Bytes in, bytes out. One command per chip-select; the address survives until the next `20` frame."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self.address = 0
        # The frame that would have set the address was lost (it woke the die): the old address is still in force.
        self.address_lost = False
        self._value = 0
        self._out = 0
        self._pipeline: list[int] = []
        self.select()

    def select(self) -> None:
        """Begin of a frame."""
        self._command: int | None = None
        self.whole = False  # all of the frame came at once, of the right length: nothing is left to check at its end
        self._position = 0

    def abandon(self) -> None:
        """The frame went wrong: the rest of it is ignored."""
        self.select()
        self._command = IGNORED

    def deselect(self) -> None:
        """End of a frame: one that is too short did nothing, and says so."""
        command, wrong = self._command, False
        if command == SET_ADDRESS:
            wrong = self._position != 2
        elif command in (WRITE, READ):
            wrong = self._position != bytes_of(self.address) + (command == READ)
        if wrong and not (self.address_lost and self._command != SET_ADDRESS):
            self._bus.violation(
                "frame", self.address, f"command {self._command:02X} with {self._position} bytes after it"
            )
        if command == READ_FIFO:
            words = (self._position - FIFO_DUMMY_BYTES) // 4
            if words < FIFO_MIN_WORDS:
                self._bus.hazard(f"READFIFO of {max(words, 0)} words: at least {FIFO_MIN_WORDS}")

    def frame(self, mosi: bytes) -> bytes:
        """Bytes of a frame: a whole address, write or read at once, anything else byte by byte; same outcome."""
        if self._command is not None or not mosi:
            self.whole = False
            return bytes([self.exchange(byte) for byte in mosi])
        command, after = mosi[0], len(mosi) - 1
        if command == SET_ADDRESS and after == 2:
            self._command, self._position = command, after
            self.address = mosi[1] << 8 | mosi[2]
            self.address_lost = False
            self.whole = True
            return _FILLERS[3]
        width = bytes_of(self.address)
        if command == WRITE and after == width:
            self._command, self._position = command, after
            self.whole = True
            self._bus.bus_write(self.address, int.from_bytes(mosi[1:], "big"))
            return _FILLERS[after + 1]
        if command == READ and after == width + 1:
            self._command, self._position = command, after
            self.whole = True
            self._out = self._bus.bus_read(self.address)
            return _FILLERS[2] + (self._out & _MASKS[width]).to_bytes(width, "big")
        return bytes([self.exchange(byte) for byte in mosi])

    def exchange(self, mosi: int) -> int:
        """One byte each way."""
        if self._command is None:
            self._command = mosi
            self._value = self._out = 0
            self._pipeline = []
            if mosi not in (SET_ADDRESS, WRITE, READ, READ_FIFO):
                self._bus.violation("command", None, f"unknown SPI command {mosi:02X}")
            return FILLER
        position = self._position
        self._position += 1
        if self._command == SET_ADDRESS:
            self._value = (self._value << 8 | mosi) & 0xFFFF
            if position == 1:
                self.address = self._value
                self.address_lost = False
            return FILLER
        if self._command == WRITE:
            return self._write(position, mosi)
        if self._command == READ:
            return self._read(position)
        if self._command == READ_FIFO:
            return self._read_fifo(position, mosi)
        return FILLER

    def _write(self, position: int, mosi: int) -> int:
        width = bytes_of(self.address)
        if position < width:
            self._value = self._value << 8 | mosi
            if position == width - 1:
                self._bus.bus_write(self.address, self._value)
        return FILLER

    def _read(self, position: int) -> int:
        width = bytes_of(self.address)
        if position == 0:
            return FILLER
        if position == 1:
            self._out = self._bus.bus_read(self.address)
        if position > width:
            return FILLER
        return self._out >> 8 * (width - position) & 0xFF

    def _read_fifo(self, position: int, mosi: int) -> int:
        if position < FIFO_DUMMY_BYTES:
            if position == 0 and self._bus.fifo_command_enabled():
                self._pipeline = [self._bus.pop_fifo() for _ in range(FIFO_PREFETCH_WORDS)]
            return FILLER
        if not self._bus.fifo_command_enabled():
            if position == FIFO_DUMMY_BYTES:
                self._bus.violation("READFIFO", None, "0x0C08 was not set to 0x206C before")
            return FILLER
        byte = (position - FIFO_DUMMY_BYTES) % 4
        if byte == 0:
            self._out = self._pipeline.pop(0) if self._pipeline else 0
            if mosi == 0:
                self._pipeline.append(self._bus.pop_fifo())
        return self._out >> 8 * (3 - byte) & 0xFF
