"""Two drawings of the whole board: what the controller talks to, and which source feeds what with how much current."""

from __future__ import annotations

from waakzaam.hardware.ink import COLOURS, FAINT, INK, PANEL, Drawing
from waakzaam.hardware.netlist import natural
from waakzaam.hardware.rules_power import SPARE, loads_ma
from waakzaam.hardware.schematic import Part, Schematic
from waakzaam.hardware.sheets import kind_of_net
from waakzaam.hardware.topology import bridged, feeder, nodes

PASSIVE = (
    "resistor",
    "capacitor",
    "inductor",
    "ferrite bead",
    "thermistor",
    "test pad",
    "NMOS level shifter",
    "PCA9306",
)
WIDE, HIGH, GAP = 210.0, 58.0, 26.0


def _talks(schematic: Schematic) -> dict[str, list[tuple[str, str]]]:
    """Reference of each part that a signal of the controller reaches → (signal, direction) in the pin map's order."""
    out: dict[str, list[tuple[str, str]]] = {}
    controller = schematic.document["controller"]
    for row in schematic.pin_map["pin"]:
        for node in nodes(schematic, bridged(schematic, row["signal"])):
            part = node.part
            if part.ref != controller and part.type.name not in PASSIVE:
                entry = (row["signal"], row["direction"])
                if entry not in out.setdefault(part.ref, []):
                    out[part.ref].append(entry)
    return out


def blocks_svg(schematic: Schematic) -> str:
    """The controller in the middle, each part that it talks to around it with the signals between."""
    drawing = Drawing(f"{schematic.document['title']}: what talks to what")
    controller = schematic.parts[schematic.document["controller"]]
    talks = sorted(_talks(schematic).items(), key=lambda one: (-len(one[1]), natural(one[0])))
    sides: tuple[list[tuple[str, list[tuple[str, str]]]], ...] = ([], [])
    for entry in talks:
        min(sides, key=lambda side: sum(_height(signals) for _, signals in side)).append(entry)
    tall = max(sum(_height(signals) + GAP for _, signals in side) for side in sides)
    width, top, height = 1240.0, 100.0, tall + 140.0
    middle, half = width / 2, 110.0
    drawing.text(36, 42, drawing.title, 22, bold=True)
    drawing.text(
        36,
        64,
        "Signal names of hardware/pins; colours as on the sheets. Supplies are on the other drawing.",
        11,
        colour=FAINT,
    )
    drawing.box(middle - half, top, 2 * half, tall - GAP, PANEL, r=8, width=2)
    drawing.text(middle, top + (tall - GAP) / 2 - 4, controller.line.part, 15, "middle", bold=True)
    drawing.text(middle, top + (tall - GAP) / 2 + 14, f"{controller.ref}  {controller.line.use}", 10, "middle", FAINT)
    for side, is_left in zip(sides, (True, False), strict=True):
        y = top
        for ref, signals in side:
            part, tallness = schematic.parts[ref], _height(signals)
            x = 36.0 if is_left else width - 36.0 - WIDE
            drawing.box(x, y, WIDE, tallness, PANEL, r=6)
            drawing.text(x + WIDE / 2, y + tallness / 2 - 2, part.line.part, 13, "middle", bold=True)
            drawing.text(x + WIDE / 2, y + tallness / 2 + 14, f"{ref}  {part.type.use}", 9.5, "middle", FAINT)
            edge, core = (x + WIDE, middle - half) if is_left else (x, middle + half)
            for number, (signal, direction) in enumerate(signals):
                ly = y + tallness / 2 + 19 * (number - (len(signals) - 1) / 2)
                colour = COLOURS[kind_of_net(schematic, signal)]
                start, end = (core, edge) if direction == "out" else (edge, core)
                drawing.arrow(start, ly, end, ly, colour, 1.2)
                if direction == "open_drain":
                    drawing.arrow(core, ly, edge, ly, colour, 1.2)
                drawing.label(
                    (edge + core) / 2 + (3.05 * len(signal) + 6), ly, signal, kind_of_net(schematic, signal), True
                )
            y += tallness + GAP
    return drawing.svg(width, height)


def _height(signals: list[tuple[str, str]]) -> float:
    return max(HIGH, 19.0 * len(signals) + 14.0)


def _worst(schematic: Schematic) -> dict[str, float]:
    worst: dict[str, float] = {}
    for case in schematic.document["case"]:
        for name, current in [*case["ma"].items(), *loads_ma(schematic, case["ma"]).items()]:
            worst[name] = max(worst.get(name, 0.0), current)
    return worst


def _children(schematic: Schematic, part: Part) -> list[tuple[str, str]]:
    """(pin that is fed, net) of each supply pin that this part's output feeds, through beads and inductors too."""
    out = []
    for net in schematic.nets:
        source = feeder(schematic, net)
        if source is None or source[0].part.ref != part.ref:
            continue
        for node in schematic.nets[net]:
            is_load = node.pin.kind == "power_in" or node.part.type.name == "LED"
            if (is_load or (node.pin.kind == "charge_path" and part.type.name == "cell")) and node.part.ref != part.ref:
                out.append((str(node), net))
    return sorted(out, key=lambda one: natural(one[0].split(".")[0]))


def power_tree_svg(schematic: Schematic) -> str:
    """Who feeds whom; beside each its largest current over all cases and, for a source, what it could give."""
    drawing = Drawing(f"{schematic.document['title']}: where the current goes")
    worst = _worst(schematic)
    drawing.text(36, 42, drawing.title, 22, bold=True)
    drawing.text(
        36,
        64,
        f"Largest current of any case of use; a source may be planned to {SPARE:.0%} of what it gives.",
        11,
        colour=FAINT,
    )
    widest = 0.0
    placed: set[str] = set()

    def place(part: Part, depth: int, y: float, via: str) -> float:
        nonlocal widest
        x = 36.0 + depth * 324.0
        widest = max(widest, x + 240.0)
        source = next((p for p in part.type.pins.values() if p.supplies_ma is not None), None)
        name = f"{part.ref}.{source.name}" if source is not None else via
        drawing.box(x, y, 236, 44, PANEL, INK, 6, 1.6 if source is not None else 1.0)
        drawing.text(x + 10, y + 18, f"{part.ref}  {part.line.part}", 12, bold=source is not None)
        current = worst.get(name, 0.0)
        told = f"{current:.3g} mA" if current else "micro-amperes"
        if source is not None and source.supplies_ma is not None:
            told = f"{current:.3g} of {source.supplies_ma:g} mA"
            share = min(1.0, current / source.supplies_ma)
            drawing.box(x + 120, y + 27, 104, 7, "#ffffff", FAINT, 3, 0.8)
            if share > 0.01:
                drawing.box(x + 120, y + 27, 104 * share, 7, "#0c6b58" if share <= SPARE else "#b44d12", "none", 3, 0)
        drawing.text(x + 10, y + 35, told, 10.5, colour=FAINT)
        below = y
        seen: set[str] = set()
        if part.ref in placed:
            drawing.text(x + 246, y + 27, "and on, as above", 10.5, colour=FAINT)
            return y + 54
        placed.add(part.ref)
        for pin, net in _children(schematic, part):
            ref = pin.split(".")[0]
            if ref in seen:
                continue
            seen.add(ref)
            mid = below + 22
            drawing.path(f"M{x + 236} {y + 22} h16 V{mid} h72", COLOURS["supply"], 1.4)
            drawing.text(x + 256, mid - 4, net, 8.5, colour=COLOURS["supply"])
            below = place(schematic.parts[ref], depth + 1, below, pin)
        return max(below, y + 54)

    y = 96.0
    roots = [
        p
        for p in schematic.parts.values()
        if any(q.kind == "power_out" and q.fed_by is None for q in p.type.pins.values())
    ]
    for root in sorted(roots, key=lambda one: one.ref):
        y = place(root, 0, y, f"{root.ref}.") + 20
    return drawing.svg(widest + 36, y + 20)
