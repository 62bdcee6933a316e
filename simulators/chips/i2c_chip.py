"""What every simulated I2C chip shares: pointer, supply, acknowledge, access checks, faults."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulators.ad5941.register_map import RegisterMapViolation
from simulators.chips.register_bytes import Table


@dataclass
class I2cFaults:
    """Faults to inject while running."""

    nak_next: int = 0
    flip_bit_every: int = 0  # bytes read between two flipped bits
    flip_written_bit_every: int = 0  # ... and bytes written, the register's number among them
    sda_stuck_low: bool = False
    _count: int = field(default=0, repr=False)
    _written: int = field(default=0, repr=False)

    def spoil(self, byte: int) -> int:
        self._count += 1
        if self.flip_bit_every and self._count % self.flip_bit_every == 0:
            byte ^= 1 << (self._count // self.flip_bit_every) % 8
        return 0 if self.sda_stuck_low else byte

    def spoil_written(self, data: bytes) -> bytes:
        """What arrives of what the controller sent."""
        every = self.flip_written_bit_every
        if not every:
            return data
        arrived = bytearray(data)
        for index in range(len(arrived)):
            self._written += 1
            if self._written % every == 0:
                arrived[index] ^= 1 << (self._written // every) % 8
        return bytes(arrived)


class I2cChip:
    """ARCHITECTURE.md seam 6: `write` returns False and `read` None when not acknowledged.

    `strict` raises RegisterMapViolation at once; otherwise it is kept in `violations`. `hazards` lists what the chip
    allows and the notes warn of.
    """

    def __init__(self, table: Table, *, strict: bool, faults: I2cFaults | None) -> None:
        self.table = table
        self.strict = strict
        self.faults = faults or I2cFaults()
        self.violations: list[RegisterMapViolation] = []
        self.hazards: list[str] = []
        self.now_us = 0.0
        self.powered = True
        self.awake_at_us = 0.0
        self.pointer = 0
        self.bytes: dict[tuple[int, int], int] = {}
        self.load_resets()

    def load_resets(self) -> None:
        self.bytes = {key: cell.reset for key, cell in self.table.bytes.items()}

    # -- bus -------------------------------------------------------------------------------------------------------
    def write(self, data: bytes, now_us: int) -> bool:
        """Address byte acknowledged? First byte sets the pointer, the rest is stored."""
        self.advance(now_us)
        if not self._answers():
            return False
        if not data:
            return True
        data = self.faults.spoil_written(data)
        self.pointer = data[0]
        self.point(data[0])
        for index, byte in enumerate(data[1:]):
            self.store(self.pointer, byte, last=index == len(data) - 2)
            self.pointer = self.following(self.pointer)
        return self.after_write(data)

    def read(self, count: int, now_us: int) -> bytes | None:
        """`count` bytes from the pointer on."""
        self.advance(now_us)
        if not self._answers():
            return None
        out = bytearray()
        for index in range(count):
            out.append(self.faults.spoil(self.fetch(self.pointer, first=index == 0)))
            self.pointer = self.following(self.pointer)
        return bytes(out)

    def _answers(self) -> bool:
        if self.faults.nak_next > 0:
            self.faults.nak_next -= 1
            return False
        return self.powered and not self.faults.sda_stuck_low and self.now_us >= self.awake_at_us

    # -- for each chip to say --------------------------------------------------------------------------------------
    def advance(self, now_us: float) -> None:
        self.now_us = max(self.now_us, now_us)

    def point(self, address: int) -> None:
        """The pointer was written."""

    def after_write(self, data: bytes) -> bool:
        """Last byte acknowledged?"""
        return True

    def following(self, address: int) -> int:
        return (address + 1) & 0xFF

    def store(self, address: int, value: int, last: bool) -> None:
        raise AssertionError("a chip stores for itself")

    def fetch(self, address: int, first: bool) -> int:
        raise AssertionError("a chip fetches for itself")

    # -- for all ---------------------------------------------------------------------------------------------------
    def value(self, name: str, bank: int = 0, index: int = 0) -> int:
        return self.bytes[bank, self.table.addresses[name] + index]

    def set(self, name: str, value: int, bank: int = 0, index: int = 0) -> None:
        self.bytes[bank, self.table.addresses[name] + index] = value & 0xFF

    def violation(self, action: str, address: int, reason: str) -> None:
        found = RegisterMapViolation(action, address, reason, self.now_us)
        self.violations.append(found)
        if self.strict:
            raise found

    def hazard(self, what: str) -> None:
        if what not in self.hazards:
            self.hazards.append(what)
