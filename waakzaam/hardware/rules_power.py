"""Electrical rules of supplies: sources, ranges, capacitors, currents, charging, USB."""

from __future__ import annotations

from collections.abc import Iterator

from waakzaam.hardware.findings import Complaint, rule
from waakzaam.hardware.parts import SUPPLIES
from waakzaam.hardware.schematic import GROUND, Node, Part, Schematic
from waakzaam.hardware.topology import bridged, feeder, is_supply, nodes

DERATING = 1.25  # a ceramic capacitor loses capacitance near its rated voltage: ASSUMED margin
SPARE = 0.8  # share of a source's rating that may be planned: ASSUMED
CHARGE_C_MAX = 0.7  # charge current in units of the cell's capacity: ASSUMED, the cell's sheet decides
RD_OHM = (5_100.0 * 0.9, 5_100.0 * 1.1)  # USB Type-C: sink's resistor on each CC, +-10 %
VBUS_UF = (1.0, 10.0)  # USB 2.0 section 7.2.4.1
UNASKED_MA = 100.0  # what a port grants before it was asked


@rule
def unsourced_supply(schematic: Schematic) -> Iterator[Complaint]:
    """Every supply pin and every rail has a source."""
    for net, on in schematic.nets.items():
        needy = [node for node in on if node.pin.kind in SUPPLIES]
        if (needy or net in schematic.document["rails"]) and feeder(schematic, net) is None:
            yield str(needy[0]) if needy else net, f"nothing feeds {net}"
        if needy and schematic.rail(net) is None:
            yield net, "feeds supply pins but has no voltage under [rails]"


@rule
def ungrounded_pin(schematic: Schematic) -> Iterator[Complaint]:
    """Every ground pin is on ground."""
    for part in schematic.parts.values():
        for pin in part.type.pins.values():
            if pin.kind == "ground" and part.nets.get(pin.name, GROUND) != GROUND:
                yield f"{part.ref}.{pin.name}", f"is on {part.nets[pin.name]} instead of {GROUND}"


@rule
def supply_range(schematic: Schematic) -> Iterator[Complaint]:
    """A rail stays within what each supply pin on it bears."""
    for part in schematic.parts.values():
        for pin in part.type.pins.values():
            rail = schematic.rail(part.nets.get(pin.name, ""))
            if rail is None or pin.kind not in SUPPLIES or pin.min_v is None or pin.max_v is None:
                continue
            if rail[0] < pin.min_v or rail[1] > pin.max_v:
                yield (
                    f"{part.ref}.{pin.name}",
                    f"{part.nets[pin.name]} is {rail[0]:g} to {rail[1]:g} V, the pin {pin.min_v:g} to {pin.max_v:g} V",
                )


def _capacitors(schematic: Schematic) -> Iterator[tuple[Part, float, str]]:
    """(capacitor, farad, net other than ground) of those that end in ground."""
    for part in schematic.parts.values():
        farad = part.value("farad")
        if farad is not None and GROUND in part.nets.values():
            yield part, farad, next((net for net in part.nets.values() if net != GROUND), GROUND)


@rule
def decoupling(schematic: Schematic) -> Iterator[Complaint]:
    """Every supply and reference pin has its own capacitor of the right size to ground, placed at that pin."""
    beside: dict[str, float] = {}
    for part, farad, net in _capacitors(schematic):
        if part.near is None:
            continue
        node = schematic.node(part.near)
        if node is None or schematic.net_of(node) != net:
            yield part.ref, f"is said to sit at {part.near}, which is not on {net}"
        beside[part.near] = beside.get(part.near, 0.0) + farad * 1e6
    for part in schematic.parts.values():
        for pin in part.type.pins.values():
            there = beside.get(f"{part.ref}.{pin.name}", 0.0)
            if pin.name in part.nets and there < 0.999 * pin.decouple_uf:
                yield f"{part.ref}.{pin.name}", f"wants {pin.decouple_uf:g} uF beside it, has {there:g} uF"


@rule
def capacitor_voltage(schematic: Schematic) -> Iterator[Complaint]:
    """A capacitor on a rail is rated well above it."""
    for part, _, net in _capacitors(schematic):
        rail, rated = schematic.rail(net), part.value("rated_v")
        if rail is not None and rated is not None and rated < DERATING * rail[1]:
            yield part.ref, f"is rated {rated:g} V on {net}, which reaches {rail[1]:g} V"


@rule
def regulator_setting(schematic: Schematic) -> Iterator[Complaint]:
    """A regulator is set to what the rail says and has room above it."""
    for net in schematic.document["rails"]:
        rail, source = schematic.rail(net), feeder(schematic, net)
        if rail is None or source is None or source[0].pin.out_v is None:
            continue
        node, out_v = source[0], source[0].pin.out_v
        setting = node.part.type.facts.get("sets_v")
        if setting is not None and node.pin.kind == "switching":
            out_v = setting["volt"]
            found = [ohm for _, ohm, other in schematic.resistors(node.part.nets[setting["pin"]]) if other == GROUND]
            if not any(abs(ohm - setting["ohm"]) < 0.02 * setting["ohm"] for ohm in found):
                yield f"{node.part.ref}.{setting['pin']}", f"needs {setting['ohm']:g} ohm to ground for {out_v:g} V"
        if node.pin.fed_by is not None and not rail[0] - 0.2 <= out_v <= rail[1] + 0.2:
            yield net, f"is {rail[0]:g} to {rail[1]:g} V, its regulator {node} gives {out_v:g} V"
        fed = schematic.rail(node.part.nets.get(node.pin.fed_by or "", ""))
        if fed is not None and fed[0] < rail[0] + 0.1:
            yield str(node), f"is fed by as little as {fed[0]:g} V and cannot keep {net} at {rail[0]:g} V"


def loads_ma(schematic: Schematic, case: dict[str, float]) -> dict[str, float]:
    """Milliamperes that each source pin gives in a case: what is on its nets, and the regulators further down."""
    own: dict[str, float] = {}
    sources: dict[str, Node] = {}
    for name, current in case.items():
        node = schematic.node(name)
        net = None if node is None else schematic.net_of(node)
        source = None if net is None else feeder(schematic, net)
        if source is not None:
            own[str(source[0])] = own.get(str(source[0]), 0.0) + current
            sources[str(source[0])] = source[0]
    total = dict(own)
    waiting = list(own.items())
    while waiting:
        name, current = waiting.pop()
        node = sources[name]
        fed_net = node.part.nets.get(node.pin.fed_by or "")
        above = None if fed_net is None else feeder(schematic, fed_net)
        if above is None or str(above[0]) == name:
            continue
        if not node.pin.linear:
            rail = schematic.rail(fed_net or "")
            current *= (node.pin.out_v or 0.0) / ((rail or (1.0, 1.0))[0] * node.pin.efficiency)
        sources[str(above[0])] = above[0]
        total[str(above[0])] = total.get(str(above[0]), 0.0) + current
        waiting.append((str(above[0]), current))
    return total


@rule
def current_budget(schematic: Schematic) -> Iterator[Complaint]:
    """In every case of use, each source (cell, charger, regulators, switches) gives at most 80 % of what it can."""
    for case in schematic.document.get("case", ()):
        for name in case["ma"]:
            node = schematic.node(name)
            if node is None or schematic.net_of(node) is None:
                yield name, f"is in case {case['name']!r} but not on the board"
        for name, current in loads_ma(schematic, case["ma"]).items():
            source = schematic.node(name)
            assert source is not None
            limit = source.pin.supplies_ma
            if limit is not None and current > SPARE * limit:
                yield name, f"gives {current:.0f} mA in {case['name']!r}, {SPARE:.0%} of its {limit:g} mA is the most"


@rule
def charging(schematic: Schematic) -> Iterator[Complaint]:
    """The charger is gentle to the cell, watches its temperature and takes of USB what a port grants unasked."""
    for part in schematic.parts.values():
        facts = part.type.facts.get("charger")
        if facts is None:
            continue
        cells = [n.part for n in schematic.nets.get(part.nets["BAT"], ()) if n.part.type.name == "cell"]
        amount = [ohm for _, ohm, other in schematic.resistors(part.nets["ISET"]) if other == GROUND]
        if not cells or not amount:
            yield part.ref, "has no cell at BAT or no resistor at ISET"
            continue
        charge_ma = 1e3 * facts["iset_v"] / amount[0]
        if charge_ma > CHARGE_C_MAX * cells[0].type.facts["capacity_mah"]:
            yield f"{part.ref}.ISET", f"charges with {charge_ma:.0f} mA, too much for {cells[0].ref}"
        limits = [ohm for _, ohm, other in schematic.resistors(part.nets["ILIM_VSET"]) if other == GROUND]
        limit_ma = {float(row[0]): float(row[1]) for row in facts["input_limits"]}.get(limits[0] if limits else 0.0)
        if limit_ma is None or limit_ma > UNASKED_MA:
            yield f"{part.ref}.ILIM_VSET", f"may draw {limit_ma} mA of a port that grants {UNASKED_MA:g} mA unasked"
        if not any(one.type.name == "thermistor" for one, _, _ in schematic.resistors(part.nets["TS"])):
            yield f"{part.ref}.TS", "the cell's temperature is not watched: a cell on a wrist must not be charged hot"


@rule
def usb(schematic: Schematic) -> Iterator[Complaint]:
    """USB-C: a sink's resistor on each CC, clamps on the lines, a right capacitor; VBUS goes to the charger only."""
    for part in schematic.parts.values():
        for pin in part.type.pins.values():
            net = part.nets.get(pin.name)
            if part.type.name != "USB-C receptacle" or pin.usb is None or net is None:
                continue
            at = f"{part.ref}.{pin.name}"
            on = schematic.nets[net]
            clamped = any(n.pin.name in n.part.type.facts.get("clamps", ()) for n in on)
            if pin.usb == "CC":
                downs = [ohm for _, ohm, other in schematic.resistors(net) if other == GROUND]
                shared = any(other != pin.name and part.nets.get(other) == net for other in part.type.pins)
                if shared or len(downs) != 1 or not RD_OHM[0] <= downs[0] <= RD_OHM[1]:
                    yield at, "needs 5.1 kohm to ground of its own, or a USB-C port gives no power"
            elif not clamped:
                yield at, "has no clamp against discharges"
            if pin.usb in ("D+", "D-") and not any(n.pin.usb == pin.usb and n.part is not part for n in on):
                yield at, f"does not reach the controller's {pin.usb}"
            if pin.usb == "VBUS":
                strangers = [
                    n
                    for n in on
                    if not (n.part is part or n.pin.usb_sink or n.part.type.name in ("capacitor", "USBLC6-2"))
                ]
                if strangers:
                    yield str(strangers[0]), "is on VBUS: the charger must be the only way from USB to the rest"
                total = sum(farad * 1e6 for _, farad, other in _capacitors(schematic) if other == net)
                if not VBUS_UF[0] <= total <= VBUS_UF[1]:
                    yield at, f"has {total:g} uF, USB allows {VBUS_UF[0]:g} to {VBUS_UF[1]:g} uF"


@rule
def led_current(schematic: Schematic) -> Iterator[Complaint]:
    """A light's current is limited, below what the light and the pin that sinks or sources it bear."""
    for part in schematic.parts.values():
        if part.type.name != "LED":
            continue
        ends = [part.nets["A"], part.nets["K"]]
        ohm = 0.0
        limit = part.value("max_ma") or 0.0
        top = 0.0
        controlled = False
        for net in ends:
            for _, size, other in schematic.resistors(net):
                ohm += size
                top = max(top, (schematic.rail(other) or (0.0, 0.0))[1])
            top = max(top, (schematic.rail(net) or (0.0, 0.0))[1])
            reached = {net} if is_supply(schematic, net) else bridged(schematic, net)
            for node in nodes(schematic, reached):
                controlled |= node.pin.kind == "current_sink"
                if node.part is not part and node.pin.limit_ma is not None:
                    limit = min(limit, node.pin.limit_ma)
                    own = schematic.rail(node.part.nets.get(node.pin.supply or "", ""))
                    top = max(top, 0.0 if own is None else own[1])
        if controlled:
            continue
        if ohm == 0.0:
            yield part.ref, "has no resistor and no current sink"
        elif 1e3 * (top - (part.value("forward_v") or 0.0)) / ohm > limit:
            current = 1e3 * (top - (part.value("forward_v") or 0.0)) / ohm
            yield part.ref, f"takes {current:.1f} mA, {limit:g} mA is the most that it and its pin bear"
