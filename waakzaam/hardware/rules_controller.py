"""Electrical rules of the controller: pin map and circuit say the same, and each pin can do what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from waakzaam.hardware.findings import Complaint, rule
from waakzaam.hardware.schematic import GROUND, Node, Part, Schematic
from waakzaam.hardware.topology import bridged, is_supply, nodes, pulls


def _controller(schematic: Schematic) -> Part:
    return schematic.parts[schematic.document["controller"]]


def _node(schematic: Schematic, row: dict[str, Any]) -> Node | None:
    return schematic.node(f"{schematic.document['controller']}.GPIO{row['gpio']}")


def _wanted(row: dict[str, Any]) -> list[tuple[str, str]]:
    """(part, pin) that a row of the pin map names: one part with several pins, or several with one or their own."""
    parts, pins = str(row["part"]).split(", "), str(row["part_pin"]).split(", ")
    if len(parts) == 1:
        return [(parts[0], pin) for pin in pins]
    return list(zip(parts, pins if len(pins) == len(parts) else pins * len(parts), strict=True))


@rule
def pin_map_agrees(schematic: Schematic) -> Iterator[Complaint]:
    """Each signal of hardware/pins is the net at its GPIO and reaches the pin it names, and the other way round."""
    controller = _controller(schematic)
    mapped = {}
    for row in schematic.pin_map["pin"]:
        pin = f"GPIO{row['gpio']}"
        mapped[pin] = row["signal"]
        if controller.nets.get(pin) != row["signal"]:
            yield f"{controller.ref}.{pin}", f"is on {controller.nets.get(pin)}, hardware/pins says {row['signal']}"
            continue
        on = nodes(schematic, bridged(schematic, row["signal"]))
        for part, wanted in _wanted(row):
            if not any(part in (n.part.line.part, n.part.type.name) and n.pin.name == wanted for n in on):
                yield row["signal"], f"does not reach {part} {wanted}, which hardware/pins names"
    for name, net in controller.nets.items():
        pin_type = controller.type.pins[name]
        own = pin_type.strapping or pin_type.usb or pin_type.console
        if pin_type.kind == "bidirectional" and name not in mapped and not own and not is_supply(schematic, net):
            yield f"{controller.ref}.{name}", f"is on {net}, of which hardware/pins knows nothing"


@rule
def boot_pins(schematic: Schematic) -> Iterator[Complaint]:
    """Strapping pins carry no signal and rest at their level; USB and console pins are not given away."""
    controller = _controller(schematic)
    for row in schematic.pin_map["pin"]:
        node = _node(schematic, row)
        if node is None:
            yield f"GPIO{row['gpio']}", f"{controller.type.name} does not bring it out ({row['signal']})"
        elif node.pin.strapping or node.pin.usb or node.pin.console:
            yield str(node), f"decides how the module starts or talks: {row['signal']} must not be on it"
    for pin in controller.type.pins.values():
        net = controller.nets.get(pin.name)
        if pin.strapping in (None, "any") or net is None:
            continue
        held = {rail == GROUND for _, rail in pulls(schematic, net)} | (
            {net == GROUND} if is_supply(schematic, net) else set()
        )
        if held != {pin.strapping == "low"}:
            yield f"{controller.ref}.{pin.name}", f"must be held {pin.strapping} while the module starts"


@rule
def pin_abilities(schematic: Schematic) -> Iterator[Complaint]:
    """No output on an input-only pin; analogue signals on a converter, not the second one where a radio may be on."""
    for row in schematic.pin_map["pin"]:
        node = _node(schematic, row)
        if node is None:
            continue
        if row["direction"] != "in" and node.pin.kind == "input":
            yield str(node), f"can only read; {row['signal']} is {row['direction']}"
        if row.get("analog") and node.pin.adc is None:
            yield str(node), f"has no converter for {row['signal']}"
        elif row.get("analog") and node.pin.adc == 2 and schematic.document.get("radio"):
            yield str(node), f"its converter stops while the radio is on: {row['signal']} needs GPIO1 to GPIO10"


@rule
def wake_pins(schematic: Schematic) -> Iterator[Complaint]:
    """What wakes is on a pin that can wake from deep sleep, and rests at its idle level without the controller."""
    waking = [row for row in schematic.pin_map["pin"] if row.get("wakes")]
    if not waking:
        yield _controller(schematic).ref, "nothing can wake it"
    for row in waking:
        node = _node(schematic, row)
        if node is None:
            continue
        if not node.pin.rtc:
            yield str(node), f"cannot wake from deep sleep; {row['signal']} must"
        if row["direction"] != "in":
            yield str(node), f"{row['signal']} wakes but is {row['direction']}"
        on = nodes(schematic, bridged(schematic, row["signal"]))
        driven = any(n.part is not node.part and n.pin.kind == "output" for n in on)
        idle_high = row.get("active") == "low"
        pulled = any((rail != GROUND) == idle_high for _, rail in pulls(schematic, row["signal"]))
        if not driven and not pulled:
            yield row["signal"], "nothing outside the controller holds it idle: it would wake by itself"


@rule
def reachable_for_programming(schematic: Schematic) -> Iterator[Complaint]:
    """A blank or bricked board can be programmed: USB or console at hand, reset and boot pin on pads or buttons."""
    controller = _controller(schematic)
    for name in ("EN", "GPIO0"):
        net = controller.nets.get(name)
        touch = [] if net is None else [n for n in schematic.nets[net] if n.pin.kind == "contact"]
        if not touch:
            yield f"{controller.ref}.{name}", "can be reached by no pad and no button"
    enable = controller.nets.get("EN")
    if enable is not None and not any(n.part.value("farad") for n in schematic.nets[enable]):
        yield f"{controller.ref}.EN", "has no capacitor: the module would start before its supply is up"


@rule
def bill_agrees(schematic: Schematic) -> Iterator[Complaint]:
    """The bill of materials lists what is on the board, as often as it is on it, and nothing else."""
    for name, line in schematic.bill.items():
        refs = [part.ref for part in schematic.parts.values() if part.line.part == name]
        if len(refs) != line.count:
            yield name, f"the bill says {line.count}, the circuit has {len(refs)} ({', '.join(refs) or 'none'})"
