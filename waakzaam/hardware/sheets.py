"""The circuit as sheets: one SVG per sheet, parts as boxes, every pin with its pad number and the name of its net."""

from __future__ import annotations

from waakzaam.hardware.ink import FAINT, INK, PANEL, Drawing
from waakzaam.hardware.netlist import natural
from waakzaam.hardware.schematic import GROUND, Node, Part, Schematic
from waakzaam.hardware.topology import is_supply

ROW = 20.0  # distance of pins
STUB = 36.0
COLUMN = 470.0
MARGIN = 36.0
TOP = 96.0
TOUCHED = ("test pad", "spring contact")
SMALL = ("resistor", "capacitor", "inductor", "ferrite bead", "thermistor", "LED", "tactile switch", "detector switch")
LEFT = ("power_in", "charge_path", "ground", "bypass", "sense", "input", "i2c_clock", "i2c_data")


def kind_of_net(schematic: Schematic, net: str) -> str:
    """Which colour a net has: supply, ground, bus, sensor, analogue or signal."""
    if net == GROUND:
        return "ground"
    if is_supply(schematic, net):
        return "supply"
    for bus in schematic.document["buses"].values():
        if net in bus.values():
            return "sensor" if bus["kind"] == "i2c" else "bus"
    if any(node.pin.kind == "passive" and node.part.type.name in ("AD5941", "ADG733") for node in schematic.nets[net]):
        return "analogue"
    return "signal"


def _sides(schematic: Schematic, part: Part) -> tuple[list[Node], list[Node]]:
    wired = [Node(part, pin) for pin in part.type.pins.values() if pin.name in part.nets]
    left = [node for node in wired if schematic.direction(node) in LEFT]
    right = [node for node in wired if node not in left]
    while len(left) > len(right) + 2 and len(left) > 3:
        right.append(left.pop())
    while len(right) > len(left) + 2:
        left.append(right.pop(0))
    return left, right


def _pads(node: Node) -> str:
    numbers = list(node.pin.numbers)
    return ", ".join(numbers) if len(numbers) <= 2 else f"{numbers[0]}+{len(numbers) - 1}"


def _open(part: Part) -> str:
    names = [name for name in part.open if part.type.pins[name].kind != "no_connect"]
    return ", ".join(names)


def _wrapped(text: str, width: int) -> list[str]:
    lines, line = [], ""
    for word in text.split(" "):
        if line and len(line) + len(word) + 1 > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line] if line else lines


def _chip(drawing: Drawing, schematic: Schematic, part: Part, middle: float, y: float) -> float:
    """Draw a part of many pins; returns the height it took."""
    left, right = _sides(schematic, part)
    rows = max(len(left), len(right), 1)
    inner = max((len(node.pin.name) for node in left), default=0) + max((len(n.pin.name) for n in right), default=0)
    half = max(70.0, 3.5 * inner + 16.0, 4.2 * len(part.line.part))
    drawing.text(middle, y + 12, f"{part.ref}  {part.line.part}", 13, "middle", bold=True)
    drawing.text(middle, y + 27, part.line.mpn if part.line.mpn != "none" else part.type.package, 10, "middle", FAINT)
    top = y + 36
    drawing.box(middle - half, top, 2 * half, rows * ROW + 8, PANEL)
    for column, is_left in ((left, True), (right, False)):
        edge = middle - half if is_left else middle + half
        out = -1 if is_left else 1
        for number, node in enumerate(column):
            py = top + 4 + ROW * (number + 0.5)
            net = part.nets[node.pin.name]
            drawing.line(edge, py, edge + out * STUB, py)
            drawing.text(edge + out * STUB / 2, py - 3, _pads(node), 7.5, "middle", FAINT)
            drawing.text(edge - out * 6, py + 3.6, node.pin.name, 10.5, "start" if is_left else "end")
            drawing.label(edge + out * STUB, py, net, kind_of_net(schematic, net), is_left)
    bottom = top + rows * ROW + 8
    for line in _wrapped("open: " + _open(part), 62) if _open(part) else ():
        bottom += 14
        drawing.text(middle, bottom, line, 9, "middle", FAINT)
    return bottom - y + 26


def _symbol(drawing: Drawing, part: Part, x: float, y: float) -> None:
    name = part.type.name
    if name in ("resistor", "ferrite bead", "thermistor"):
        drawing.box(x - 13, y - 5, 26, 10, "#1f2933" if name == "ferrite bead" else "#ffffff", INK, 1, 1.2)
        if name == "thermistor":
            drawing.path(f"M{x - 14} {y + 9} h5 l16 -18", width=1.0)
    elif name == "capacitor":
        drawing.line(x - 13, y, x - 3, y)
        drawing.line(x + 3, y, x + 13, y)
        drawing.line(x - 3, y - 8, x - 3, y + 8, width=2)
        drawing.line(x + 3, y - 8, x + 3, y + 8, width=2)
    elif name == "inductor":
        drawing.path(f"M{x - 13} {y} " + "a4.3 4.3 0 0 1 8.6 0 " * 3)
    elif name == "LED":
        drawing.path(f"M{x + 7} {y - 7} v14 l-14 -7 z M{x - 7} {y - 7} v14 M{x - 13} {y} h6 M{x + 7} {y} h6")
        drawing.path(f"M{x - 1} {y - 10} l-4 -6 M{x + 5} {y - 10} l-4 -6", width=1.0)
    else:
        drawing.circle(x - 9, y, 2)
        drawing.circle(x + 9, y, 2)
        drawing.path(f"M{x - 13} {y} h2 M{x + 11} {y} h2 M{x - 8} {y - 2} l15 -7")


def _small(drawing: Drawing, schematic: Schematic, part: Part, middle: float, y: float) -> float:
    """Draw a part of two pins between its two nets; returns the height it took."""
    first, second = list(part.type.pins)[:2]
    taller = 8.0 if part.type.name == "LED" else 0.0  # its rays
    row = y + 20 + taller
    _symbol(drawing, part, middle, row)
    drawing.text(middle, row - (19 if part.type.name == "LED" else 12), f"{part.ref}  {part.line.part}", 9.5, "middle")
    for pin, out in ((first, -1), (second, 1)):
        net = part.nets[pin]
        drawing.line(middle + out * 13, row, middle + out * 40, row)
        drawing.label(middle + out * 40, row, net, kind_of_net(schematic, net), out < 0)
    if part.near:
        drawing.text(middle, row + 18, f"at {part.near}", 8, "middle", FAINT)
    return 46.0 + taller


def _touched(drawing: Drawing, schematic: Schematic, part: Part, middle: float, y: float) -> float:
    """Draw a pad or spring pin on its one net; returns the height it took."""
    row = y + 20
    net = part.nets["1"]
    drawing.circle(middle - 20, row, 5)
    drawing.line(middle - 15, row, middle + 6, row)
    drawing.label(middle + 6, row, net, kind_of_net(schematic, net), False)
    drawing.text(middle - 32, row + 3.5, f"{part.ref}  {part.line.part}", 9.5, "end")
    return 30.0


def sheet_svg(schematic: Schematic, name: str) -> str:
    """The drawing of one sheet."""
    drawing = Drawing(f"{schematic.document['title']}: {name}")
    mine = sorted((part for part in schematic.parts.values() if part.sheet == name), key=lambda one: natural(one.ref))
    chips = [part for part in mine if part.type.name not in (*SMALL, *TOUCHED)]
    small = [part for part in mine if part.type.name in SMALL]
    touched = [part for part in mine if part.type.name in TOUCHED]
    chips.sort(key=lambda part: -len(part.nets))
    columns = 3 if len(mine) > 14 else 2
    heights = [TOP] * columns
    for part in [*chips, *small, *touched]:
        column = heights.index(min(heights))
        middle = MARGIN + COLUMN * (column + 0.5)
        drawer = _touched if part in touched else _small if part in small else _chip
        heights[column] += drawer(drawing, schematic, part, middle, heights[column])
    width, height = 2 * MARGIN + COLUMN * columns, max(heights) + 40
    drawing.text(MARGIN, 42, drawing.title, 22, bold=True)
    note = f"Revision {schematic.document['revision']}. Generated from hardware/schematic/{schematic.board}.toml."
    drawing.text(MARGIN, 64, f"{note} Same name = same net; grey figures are pads.", 11, colour=FAINT)
    drawing.line(MARGIN, 76, width - MARGIN, 76, FAINT, 0.8)
    return drawing.svg(width, height)


def file_name(schematic: Schematic, name: str) -> str:
    """What a sheet's file is called."""
    words = "".join(letter if letter.isalnum() else " " for letter in name.lower()).split()
    return f"{schematic.board}-{'-'.join(words)}.svg"
