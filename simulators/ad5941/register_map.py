"""The chip's register map as data, and the error that every access outside it is."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

TABLE = Path(__file__).resolve().parents[2] / "hardware" / "registers" / "ad5941.toml"


class RegisterMapViolation(Exception):
    """The bus did something that the register map does not allow. `address` is None when no register was meant."""

    def __init__(self, action: str, address: int | None, reason: str, now_us: float) -> None:
        where = "" if address is None else f" 0x{address:04X}"
        super().__init__(f"{action}{where} at {now_us:.0f} us: {reason}")
        self.action = action
        self.address = address
        self.reason = reason
        self.now_us = now_us


@dataclass(frozen=True)
class Register:
    """One row of the table. `access`: r, w, rw, w1, w1c, rw1c as the table explains."""

    name: str
    address: int
    width: int
    reset: int
    access: str
    sequencer_may_write: bool
    fields: dict[str, tuple[int, int]]

    @cached_property
    def readable(self) -> bool:
        return self.access in {"r", "rw", "rw1c"}

    @cached_property
    def writable(self) -> bool:
        return self.access != "r"


class RegisterMap:
    """Registers by name and by address, and the constants of the same file."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.constants = document
        self.by_name: dict[str, Register] = {}
        self.by_address: dict[int, Register] = {}
        self._masks: dict[tuple[str, str], int] = {}
        self._fields: dict[tuple[str, str], tuple[int, int]] = {}  # lsb and the field's bits at the bottom
        for row in document["register"]:
            register = Register(
                name=row["name"],
                address=row["address"],
                width=row["width"],
                reset=row.get("reset", 0),
                access=row["access"],
                sequencer_may_write=row["seq_write"],
                fields={field["name"]: (field["lsb"], field["width"]) for field in row["fields"]},
            )
            self.by_name[register.name] = register
            self.by_address[register.address] = register
            for field, (lsb, width) in register.fields.items():
                self._fields[register.name, field] = (lsb, (1 << width) - 1)

    def address(self, name: str) -> int:
        return self.by_name[name].address

    def mask(self, name: str, field: str) -> int:
        """The field's bits in place."""
        found = self._masks.get((name, field))
        if found is None:
            lsb, width = self.by_name[name].fields[field]
            found = self._masks[name, field] = ((1 << width) - 1) << lsb
        return found

    def field(self, name: str, field: str, value: int) -> int:
        """The field's number in a register value."""
        lsb, ones = self._fields[name, field]
        return (value >> lsb) & ones


def bytes_of(address: int) -> int:
    """Data bytes of an access: 4 in 0x1000..0x3014, else 2 (ad5941.md section 1)."""
    return 4 if 0x1000 <= address <= 0x3014 else 2


@cache
def load() -> RegisterMap:
    """The map of hardware/registers/ad5941.toml."""
    with TABLE.open("rb") as file:
        return RegisterMap(tomllib.load(file))
