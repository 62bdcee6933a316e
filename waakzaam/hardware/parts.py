"""What a part's pins are: the tables of hardware/parts and the lines of a bill of materials."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from waakzaam.exits import BadInput
from waakzaam.hardware.documents import HARDWARE, field, read

PART = "waakzaam.part/1"
BOM = "waakzaam.bom/1"

SUPPLIES = ("power_in", "charge_path")
KINDS = (
    *SUPPLIES,
    "power_out",
    "ground",
    "bypass",
    "sense",
    "switching",
    "input",
    "output",
    "tri_state",
    "open_drain",
    "i2c_data",
    "i2c_clock",
    "current_sink",
    "bidirectional",
    "passive",
    "contact",
    "no_connect",
)


@dataclass(frozen=True)
class Pin:
    """One function of a part and the pads it comes out on. Volts, milliamperes, microfarads."""

    name: str
    numbers: tuple[str, ...]
    kind: str
    supply: str | None = None
    min_v: float | None = None
    max_v: float | None = None
    tolerates_v: float | None = None
    vih_v: float | None = None
    decouple_uf: float = 0.0
    out_v: float | None = None
    supplies_ma: float | None = None
    fed_by: str | None = None
    linear: bool = False
    efficiency: float = 1.0
    through: str | None = None
    limit_ma: float | None = None
    needs_pull: str | None = None
    strapping: str | None = None
    rtc: bool = False
    adc: int | None = None
    usb: str | None = None
    usb_sink: bool = False
    console: bool = False


@dataclass(frozen=True)
class PartType:
    """A row of hardware/parts: pins by name and what else the rules need to know."""

    name: str
    use: str
    package: str
    pins: dict[str, Pin]
    facts: dict[str, Any]

    @property
    def pads(self) -> Iterator[tuple[str, Pin]]:
        """(pad number, pin), in the order of the file."""
        return ((number, pin) for pin in self.pins.values() for number in pin.numbers)


@dataclass(frozen=True)
class Line:
    """A line of a bill of materials. `ohm`, `farad` and so on are in `values`."""

    part: str
    type: PartType
    mpn: str
    maker: str
    package: str
    count: int
    use: str
    alternates: tuple[str, ...]
    cost: str
    values: dict[str, float]


def _pin(row: dict[str, Any], where: str) -> Pin:
    name = field(row, "name", where)
    try:
        pin = Pin(**{**row, "numbers": tuple(field(row, "numbers", where))})
    except TypeError as error:
        raise BadInput(f"{where} {name}", f"unknown field: {error}") from None
    if pin.kind not in KINDS:
        raise BadInput(f"{where} {name}", f"{pin.kind!r} is no kind of pin", "there are: " + ", ".join(KINDS))
    return pin


def part_type(path: Path) -> PartType:
    """One part's table; raises BadInput."""
    document = read(path, PART)
    pins: dict[str, Pin] = {}
    pads: set[str] = set()
    for row in field(document, "pins", str(path)):
        pin = _pin(row, str(path))
        if pin.name in pins or pads & set(pin.numbers):
            raise BadInput(f"{path} {pin.name}", "this name or pad is there twice")
        pins[pin.name] = pin
        pads |= set(pin.numbers)
    known = {"schema", "name", "use", "package", "pins"}
    facts = {key: value for key, value in document.items() if key not in known}
    return PartType(field(document, "name", str(path)), document.get("use", ""), document["package"], pins, facts)


def library(folder: Path = HARDWARE / "parts") -> dict[str, PartType]:
    """Every part type by name."""
    return {one.name: one for one in map(part_type, sorted(folder.glob("*.toml")))}


def bill(board: str, types: dict[str, PartType], folder: Path = HARDWARE / "bom") -> dict[str, Line]:
    """The lines of a board's bill of materials by part name; raises BadInput."""
    path = folder / f"{board}.toml"
    lines: dict[str, Line] = {}
    for row in field(read(path, BOM), "line", str(path)):
        where = f"{path} {row.get('part', 'a line without a part')}"
        values = {key: float(row[key]) for key in row if isinstance(row[key], float)}
        kind = field(row, "type", where)
        if kind not in types:
            raise BadInput(where, f"no part type {kind!r} in hardware/parts")
        line = Line(
            field(row, "part", where),
            types[kind],
            field(row, "mpn", where),
            field(row, "maker", where),
            field(row, "package", where),
            int(field(row, "count", where)),
            row.get("use", ""),
            tuple(row.get("alternates", ())),
            row.get("cost", ""),
            values,
        )
        if line.part in lines:
            raise BadInput(where, "is there twice")
        lines[line.part] = line
    return lines
