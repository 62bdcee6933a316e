"""What hangs together: nets joined by small series resistors and level shifters, pulls, and which net feeds which."""

from __future__ import annotations

from waakzaam.hardware.schematic import GROUND, Node, Part, Schematic

SERIES_OHM_MAX = 1_000.0  # a series resistor up to this passes a logic level on; above it is a pull
FEEDS_OHM_MAX = 10.0  # a ferrite bead or fuse in a supply


def is_supply(schematic: Schematic, net: str) -> bool:
    """A rail or ground."""
    return net == GROUND or net in schematic.document["rails"]


def pulls(schematic: Schematic, net: str) -> list[tuple[float, str]]:
    """(ohm, supply net) of resistors from a net to a rail or ground."""
    return [(ohm, other) for _, ohm, other in schematic.resistors(net) if is_supply(schematic, other)]


def joined(schematic: Schematic, net: str) -> set[str]:
    """The nets that carry the same logic level: the net and what small series resistors join to it."""
    seen = {net}
    waiting = [net]
    while waiting:
        for _, ohm, other in schematic.resistors(waiting.pop()):
            if ohm <= SERIES_OHM_MAX and not is_supply(schematic, other) and other not in seen:
                seen.add(other)
                waiting.append(other)
    return seen


def bridged(schematic: Schematic, net: str) -> set[str]:
    """As `joined`, and through level shifters too: the whole of a bus or an interrupt line."""
    seen: set[str] = set()
    waiting = [net]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen |= joined(schematic, one)
        for name in list(seen):
            for node in schematic.nets.get(name, ()):
                for pair in _pairs(node.part):
                    if node.pin.name in pair:
                        waiting += [node.part.nets[pin] for pin in pair if pin in node.part.nets]
        waiting = [name for name in waiting if name not in seen]
    return seen


def _pairs(part: Part) -> list[list[str]]:
    if part.type.name == "NMOS level shifter":
        return [["S", "D"]]
    return [*part.type.facts.get("i2c_bridge", ()), *part.type.facts.get("switches", ())]


def nodes(schematic: Schematic, nets: set[str]) -> list[Node]:
    """The pins on any of some nets."""
    return [node for net in sorted(nets) for node in schematic.nets.get(net, ())]


def feeder(schematic: Schematic, net: str, seen: frozenset[str] = frozenset()) -> tuple[Node, str] | None:
    """(pin that drives a supply net, the net that it drives), through inductor, bead or fuse; None: nothing does."""
    if net in seen:
        return None
    for node in schematic.nets.get(net, ()):
        if node.pin.kind in ("power_out", "switching"):
            return node, net
    for node in schematic.nets.get(net, ()):
        small = node.part.type.name == "inductor" or (
            node.part.type.name in ("ferrite bead", "resistor") and (node.part.value("ohm") or 1e9) <= FEEDS_OHM_MAX
        )
        if small:
            other = node.part.nets["2" if node.pin.name == "1" else "1"]
            found = feeder(schematic, other, seen | {net})
            if found is not None:
                return found
    return None
