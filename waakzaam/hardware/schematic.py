"""A board's circuit: parts on nets, from hardware/schematic, put together with bill of materials and pin map."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from waakzaam.exits import BadInput
from waakzaam.hardware import parts as part_tables
from waakzaam.hardware.documents import HARDWARE, field, read
from waakzaam.hardware.parts import Line, PartType, Pin

SCHEMATIC = "waakzaam.schematic/1"
PINS = "waakzaam.pins/1"
GROUND = "GND"


@dataclass(frozen=True)
class Part:
    """A part on the board: which net each pin is on; `open` pins are left unconnected on purpose."""

    ref: str
    line: Line
    sheet: str
    nets: dict[str, str]
    open: tuple[str, ...]
    near: str | None = None

    @property
    def type(self) -> PartType:
        """The part's pins and facts."""
        return self.line.type

    def value(self, name: str) -> float | None:
        """A value of its line, such as `ohm`."""
        return self.line.values.get(name)


@dataclass(frozen=True)
class Node:
    """A pin of a part on a net."""

    part: Part
    pin: Pin

    def __str__(self) -> str:
        return f"{self.part.ref}.{self.pin.name}"


@dataclass(frozen=True)
class Schematic:
    """A whole circuit. `document` and `pin_map` are what it was read from."""

    board: str
    document: dict[str, Any]
    pin_map: dict[str, Any]
    bill: dict[str, Line]
    parts: dict[str, Part]
    nets: dict[str, tuple[Node, ...]]

    def rail(self, net: str) -> tuple[float, float] | None:
        """Lowest and highest volts of a supply net."""
        row = self.document["rails"].get(net)
        return None if row is None else (float(row["min_v"]), float(row["max_v"]))

    def node(self, name: str) -> Node | None:
        """The pin called `U1.EN`."""
        ref, _, pin = name.partition(".")
        part = self.parts.get(ref)
        return None if part is None or pin not in part.type.pins else Node(part, part.type.pins[pin])

    def net_of(self, node: Node) -> str | None:
        """The net a pin is on; None when it is open."""
        return node.part.nets.get(node.pin.name)

    def direction(self, node: Node) -> str:
        """What a pin does: its kind, and for the controller's pins what the pin map makes of it."""
        if node.part.ref == self.document["controller"] and node.pin.kind == "bidirectional":
            gpio = node.pin.name.removeprefix("GPIO")
            for row in self.pin_map["pin"]:
                if str(row["gpio"]) == gpio:
                    return {"out": "output", "in": "input", "open_drain": "open_drain"}[row["direction"]]
        return node.pin.kind

    def resistors(self, net: str) -> list[tuple[Part, float, str]]:
        """(resistor, ohm, net at its other end) on a net."""
        out = []
        for node in self.nets.get(net, ()):
            ohm = node.part.value("ohm")
            if node.part.type.name in ("resistor", "ferrite bead", "thermistor") and ohm is not None:
                other = node.part.nets["2" if node.pin.name == "1" else "1"]
                out.append((node.part, ohm, other))
        return out


def _part(row: dict[str, Any], bill: dict[str, Line], sheet: str, where: str) -> Part:
    ref = field(row, "ref", where)
    line = field(row, "line", f"{where} {ref}")
    if line not in bill:
        raise BadInput(f"{where} {ref}", f"the bill of materials has no line {line!r}", "add it to hardware/bom")
    nets = {str(pin): str(net) for pin, net in field(row, "pins", f"{where} {ref}").items()}
    unknown = sorted((set(nets) | set(row.get("open", ()))) - set(bill[line].type.pins))
    if unknown:
        raise BadInput(
            f"{where} {ref}",
            f"{bill[line].type.name} has no pin {', '.join(unknown)}",
            "it has: " + ", ".join(bill[line].type.pins),
        )
    return Part(ref, bill[line], sheet, nets, tuple(row.get("open", ())), row.get("near"))


def _rows(sheet: dict[str, Any], where: str) -> list[dict[str, Any]]:
    rows = list(sheet.get("part", ()))
    for entry in sheet.get("passives", ()):
        if len(entry) != 5:
            raise BadInput(where, f"passive {entry!r} has {len(entry)} entries", "reference, line, net, net, near")
        ref, line, one, other, near = entry
        rows.append({"ref": ref, "line": line, "pins": {"1": one, "2": other}, "near": near or None})
    return rows


def build(
    document: dict[str, Any], pin_map: dict[str, Any], bill: dict[str, Line], where: str = "schematic"
) -> Schematic:
    """The circuit of a document; raises BadInput for a name that nothing has."""
    parts: dict[str, Part] = {}
    for sheet in field(document, "sheet", where):
        for row in _rows(sheet, where):
            part = _part(row, bill, sheet["name"], where)
            if part.ref in parts:
                raise BadInput(f"{where} {part.ref}", "this reference is there twice")
            parts[part.ref] = part
    nets: dict[str, list[Node]] = {}
    for part in parts.values():
        for pin, net in part.nets.items():
            nets.setdefault(net, []).append(Node(part, part.type.pins[pin]))
    return Schematic(
        field(document, "board", where),
        document,
        pin_map,
        bill,
        parts,
        {net: tuple(nodes) for net, nodes in sorted(nets.items())},
    )


def boards() -> list[str]:
    """The boards that have a schematic."""
    return sorted(path.stem for path in (HARDWARE / "schematic").glob("*.toml"))


def load(board: str) -> Schematic:
    """The circuit of a board; raises BadInput."""
    if board not in boards():
        raise BadInput("board", f"there is no schematic of {board!r}", "there are: " + ", ".join(boards()))
    path = HARDWARE / "schematic" / f"{board}.toml"
    document = read(path, SCHEMATIC)
    pin_map = read(HARDWARE / "pins" / f"{field(document, 'pin_map', str(path))}.toml", PINS)
    return build(document, pin_map, part_tables.bill(board, part_tables.library()), str(path))


def changed(schematic: Schematic, change: Any, line_change: Any = None) -> Schematic:
    """The same circuit after `change(document, pin_map)` was let loose on a copy: what a rule must notice."""
    document, pin_map = copy.deepcopy(schematic.document), copy.deepcopy(schematic.pin_map)
    change(document, pin_map)
    bill = dict(schematic.bill)
    if line_change is not None:
        line_change(bill)
    return build(document, pin_map, bill)
