"""Electrical rules of nets: nothing floats, one driver, levels that fit, buses that work."""

from __future__ import annotations

from collections.abc import Iterator

from waakzaam.hardware.findings import Complaint, rule
from waakzaam.hardware.schematic import GROUND, Node, Part, Schematic
from waakzaam.hardware.topology import bridged, is_supply, joined, nodes, pulls

DRIVERS = ("output", "power_out", "switching")
SPEAKERS = (*DRIVERS, "tri_state", "open_drain", "i2c_data", "i2c_clock", "bidirectional", "contact", "current_sink")
PIN_PF = 10.0  # capacitance of an I2C pin: bus specification, UM10204 table 10
RISE_NS_MAX = {100_000: 1000.0, 400_000: 300.0}  # UM10204 table 10
SINK_MA = 3.0  # every I2C part sinks this at 0.4 V: UM10204 table 9
LOW_V = 0.4


@rule
def unconnected_pin(schematic: Schematic) -> Iterator[Complaint]:
    """Every pin is on a net or left open on purpose; no input is left open, and what must not be connected is not."""
    for part in schematic.parts.values():
        for pin in part.type.pins.values():
            at = f"{part.ref}.{pin.name}"
            connected, opened = pin.name in part.nets, pin.name in part.open
            if connected and (opened or pin.kind == "no_connect"):
                yield at, "is on a net although it must stay open"
            elif not connected and pin.kind == "input":
                yield at, "is an input and floats"
            elif not connected and not opened and pin.kind != "no_connect":
                yield at, "is on no net and not among the open pins"


@rule
def lonely_net(schematic: Schematic) -> Iterator[Complaint]:
    """A net joins at least two pins."""
    for net, on in schematic.nets.items():
        if len(on) < 2:
            yield net, f"only {on[0]} is on it: a misspelt name or a forgotten part"


@rule
def several_drivers(schematic: Schematic) -> Iterator[Complaint]:
    """At most one pin drives a net, and no driver shares a net with open-drain pins."""
    for net, on in schematic.nets.items():
        driving = [node for node in on if schematic.direction(node) in DRIVERS]
        listeners = [node for node in on if schematic.direction(node) in ("open_drain", "tri_state")]
        if len(driving) > 1:
            yield net, "driven by " + " and ".join(map(str, driving))
        elif driving and listeners:
            yield net, f"{driving[0]} drives against {listeners[0]}"
        elif driving and net == GROUND:
            yield net, f"{driving[0]} drives ground"


@rule
def undriven_input(schematic: Schematic) -> Iterator[Complaint]:
    """An input has something that sets its level: a driver, a pull, a rail or ground."""
    for net, on in schematic.nets.items():
        inputs = [node for node in on if schematic.direction(node) == "input"]
        if not inputs or is_supply(schematic, net):
            continue
        together = joined(schematic, net)
        speaks = [n for n in nodes(schematic, together) if schematic.direction(n) in SPEAKERS and not _probe(n.part)]
        pulled = any(pulls(schematic, one) for one in together)
        if not speaks and not pulled:
            yield str(inputs[0]), f"nothing sets the level of {net}"


def _probe(part: Part) -> bool:
    return part.type.name == "test pad"


def _lit(schematic: Schematic, net: str) -> bool:
    return any(node.part.type.name == "LED" for node in schematic.nets[net])


@rule
def missing_pull(schematic: Schematic) -> Iterator[Complaint]:
    """Open-drain lines, I2C lines and switches have a pull-up; a pin that must rest somewhere has its pull."""
    for net, on in schematic.nets.items():
        if is_supply(schematic, net):
            continue
        found = pulls(schematic, net)
        up = [one for one in found if one[1] != GROUND]
        low = [n for n in on if schematic.direction(n) in ("open_drain", "i2c_data", "i2c_clock")]
        switches = [n for n in on if n.part.type.name in ("tactile switch", "detector switch")]
        if (low or switches) and not up and not _lit(schematic, net):
            yield net, f"{(low + switches)[0]} only pulls down: a resistor to a rail is missing"
        for node in on:
            if node.pin.needs_pull and not any(
                (rail == GROUND) == (node.pin.needs_pull == "down") for _, rail in found
            ):
                yield (
                    str(node),
                    f"needs a pull-{node.pin.needs_pull}: while the controller sleeps nothing else holds it",
                )


def address_of(part: Part) -> int | None:
    """The I2C address of a part as it is wired."""
    facts = part.type.facts
    for pin, address in facts.get("i2c_address_when_low", {}).items():
        if part.nets.get(pin) == GROUND:
            return int(address)
    return None if "i2c_address" not in facts else int(facts["i2c_address"])


@rule
def i2c_addresses(schematic: Schematic) -> Iterator[Complaint]:
    """On one I2C bus every part has its own address, the one that the pin map (and so the firmware) says."""
    wanted: dict[str, int] = {}
    for bus in schematic.pin_map["buses"].values():
        wanted |= bus.get("addresses", {})
    seen: dict[tuple[str, int], Part] = {}
    for name, bus in schematic.document["buses"].items():
        if bus["kind"] != "i2c":
            continue
        whole = "+".join(sorted(bridged(schematic, bus["data"])))
        for node in schematic.nets.get(bus["data"], ()):
            address = address_of(node.part)
            if node.pin.kind != "i2c_data" or address is None:
                continue
            other = seen.setdefault((whole, address), node.part)
            if other is not node.part:
                yield node.part.ref, f"has address 0x{address:02X} on bus {name}, as {other.ref} has"
            if wanted.get(node.part.type.name) != address:
                yield node.part.ref, f"answers at 0x{address:02X}; hardware/pins says {wanted.get(node.part.type.name)}"


@rule
def i2c_lines(schematic: Schematic) -> Iterator[Complaint]:
    """Both lines of a bus reach the same parts; pull-ups are quick enough for the clock and weak enough to pull low."""
    for name, bus in schematic.document["buses"].items():
        if bus["kind"] != "i2c":
            continue
        reached = {}
        for line in (bus["data"], bus["clock"]):
            on = [n for n in schematic.nets.get(line, ()) if n.pin.kind.startswith("i2c") or n.pin.name[:4] == "GPIO"]
            reached[line] = {n.part.ref for n in on}
            wrong = [n for n in on if n.pin.kind == ("i2c_clock" if line == bus["data"] else "i2c_data")]
            if wrong:
                yield str(wrong[0]), f"data and clock are swapped on bus {name}"
            ups = [(ohm, rail) for ohm, rail in pulls(schematic, line) if rail != GROUND]
            if ups:
                parallel = 1.0 / sum(1.0 / ohm for ohm, _ in ups)
                rise_ns = 0.8473 * parallel * (len(on) * PIN_PF + bus["trace_pf"]) * 1e-3
                if rise_ns > RISE_NS_MAX[bus["baud_hz"]]:
                    yield (
                        line,
                        f"rises in {rise_ns:.0f} ns, {bus['baud_hz']} baud allows {RISE_NS_MAX[bus['baud_hz']]:g}",
                    )
            sunk_ma = sum(
                1e3 * ((schematic.rail(rail) or (0.0, 0.0))[1] - LOW_V) / ohm
                for one in bridged(schematic, line)
                for ohm, rail in pulls(schematic, one)
                if rail != GROUND
            )
            if sunk_ma > SINK_MA:
                yield line, f"its pull-ups need {sunk_ma:.1f} mA to be pulled down, parts promise {SINK_MA:g} mA"
        if reached[bus["data"]] != reached[bus["clock"]]:
            odd = reached[bus["data"]] ^ reached[bus["clock"]]
            yield name, f"{', '.join(sorted(odd))} is on one line only"


def _rail_of(schematic: Schematic, node: Node) -> tuple[float, float] | None:
    if node.pin.supply is None:
        return None
    net = node.part.nets.get(node.pin.supply)
    return None if net is None else schematic.rail(net)


@rule
def logic_levels(schematic: Schematic) -> Iterator[Complaint]:
    """The high level of a line is high for everybody who listens, and above nobody's supply."""
    done: set[str] = set()
    for net in schematic.nets:
        if net in done or net == GROUND:
            continue
        together = {net} if is_supply(schematic, net) else joined(schematic, net)
        done |= together
        on = nodes(schematic, together)
        highs = [_rail_of(schematic, n) for n in on if schematic.direction(n) in ("output", "tri_state")]
        highs += [schematic.rail(rail) for one in together for _, rail in pulls(schematic, one) if rail != GROUND]
        if is_supply(schematic, net):
            highs = [schematic.rail(net)]
        known = [high for high in highs if high is not None]
        for node in on:
            own = _rail_of(schematic, node)
            limit = node.pin.tolerates_v or (None if own is None else own[1] + 0.3)
            needed = node.pin.vih_v or (None if own is None else 0.7 * own[1])
            if limit is None or needed is None or not known:
                continue
            top, bottom = max(high[1] for high in known), min(high[0] for high in known)
            if top > limit:
                yield str(node), f"{net} reaches {top:g} V, the pin bears {limit:.2f} V"
            elif bottom < needed and schematic.direction(node) != "open_drain":
                yield str(node), f"{net} is high at {bottom:g} V, the pin needs {needed:.2f} V"
