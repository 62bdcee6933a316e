"""Register tables of 8- and 16-bit chips, by byte address (the .toml files of hardware/registers)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "hardware" / "registers"


@dataclass(frozen=True)
class ByteAddress:
    """One byte of a register. `index` counts bytes from the register's address up."""

    register: str
    index: int
    bank: int
    readable: bool
    writable: bool
    reset: int


@dataclass(frozen=True)
class Table:
    """Bytes by (bank, address), and the file they came from."""

    bytes: dict[tuple[int, int], ByteAddress]
    addresses: dict[str, int]
    document: dict[str, Any]

    def at(self, address: int, bank: int = 0) -> ByteAddress | None:
        return self.bytes.get((bank, address))


def _resets(row: dict[str, Any], count: int, big_endian: bool) -> list[int]:
    if "reset_list" in row:
        return list(row["reset_list"])
    value = row.get("reset", 0)
    if row.get("count", 1) > 1:
        return [value] * count
    return list(value.to_bytes(count, "big" if big_endian else "little"))


@cache
def load(name: str) -> Table:
    """The table of hardware/registers/<name>.toml."""
    with (FOLDER / f"{name}.toml").open("rb") as file:
        document = tomllib.load(file)
    word = document["chip"].get("register_width", 8)
    big = document["chip"].get("endianness", "").startswith("big")
    out: dict[tuple[int, int], ByteAddress] = {}
    addresses: dict[str, int] = {}
    for row in document["register"]:
        width = row.get("width_bits", word) // 8
        count = width * row.get("count", 1)
        bank = row.get("bank", 0)
        addresses[row["name"]] = row["address"]
        access = row["access"]
        for index, reset in enumerate(_resets(row, count, big)):
            out[bank, row["address"] + index] = ByteAddress(
                register=row["name"],
                index=index,
                bank=bank,
                readable="R" in access,
                writable="W" in access,
                reset=reset,
            )
    return Table(out, addresses, document)
