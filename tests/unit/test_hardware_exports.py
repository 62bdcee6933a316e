"""Firmware, pin map, circuit, bill of materials and what is written from them say the same."""

from __future__ import annotations

import csv
import io
import re
from types import ModuleType
from typing import Any

import pytest

from firmware.boards import bracelet
from tests.support.source_tree import ROOT
from waakzaam.commands import hardware
from waakzaam.hardware import netlist, schematic
from waakzaam.hardware.parts import library

BOARDS = {"bracelet": bracelet}
NOT_PINS = ("_BAUD_HZ", "_ADDRESS", "_SPI", "_I2C")


def parsed(text: str) -> list[Any]:
    """S-expressions as nested lists; a reader of its own, so that the writer's mistakes show."""
    stack: list[list[Any]] = [[]]
    for quoted, bracket, word in re.findall(r'"((?:[^"\\]|\\.)*)"|([()])|([^\s()"]+)', text):
        if bracket == "(":
            stack.append([])
        elif bracket == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(word or re.sub(r"\\(.)", r"\1", quoted))
    assert len(stack) == 1, "brackets do not match"
    (whole,) = stack[0]
    return list(whole)


def find(expression: list[Any], name: str) -> list[list[Any]]:
    """The lists of an expression that begin with a name."""
    return [one for one in expression if isinstance(one, list) and one and one[0] == name]


def value(expression: list[Any], name: str) -> str:
    """The word of the one list that begins with a name."""
    (found,) = find(expression, name)
    return str(found[1])


@pytest.mark.parametrize(("board", "module"), BOARDS.items(), ids=list(BOARDS))
def test_the_firmwares_pins_are_the_circuits_nets(board: str, module: ModuleType) -> None:
    circuit = schematic.load(board)
    controller = circuit.parts[circuit.document["controller"]]
    coded = {f"GPIO{v}": k.lower() for k, v in vars(module).items() if isinstance(v, int) and not k.endswith(NOT_PINS)}
    drawn = {
        pin: net
        for pin, net in controller.nets.items()
        if controller.type.pins[pin].kind == "bidirectional"
        and not (controller.type.pins[pin].strapping or controller.type.pins[pin].usb)
    }
    assert coded == drawn


def test_the_netlist_has_every_pad_of_every_part_once_and_on_its_net() -> None:
    circuit = schematic.load("bracelet")
    whole = parsed(netlist.kicad(circuit))
    assert value(whole, "version") == "E"
    (components,) = find(whole, "components")
    (nets,) = find(whole, "nets")
    refs = {value(one, "ref"): one for one in find(components, "comp")}
    assert set(refs) == set(circuit.parts)
    read: dict[tuple[str, str], str] = {}
    for net in find(nets, "net"):
        for node in find(net, "node"):
            pad = (value(node, "ref"), value(node, "pin"))
            assert pad not in read, f"pad {pad} is on two nets"
            read[pad] = value(net, "name")
    wanted = {
        (ref, number): part.nets.get(pin.name) for ref, part in circuit.parts.items() for number, pin in part.type.pads
    }
    assert set(read) == set(wanted)
    assert all(read[pad] == net for pad, net in wanted.items() if net is not None)
    assert all(read[pad].startswith("unconnected-(") for pad, net in wanted.items() if net is None)


def test_the_netlists_part_types_have_the_pads_that_its_nodes_name() -> None:
    whole = parsed(netlist.kicad(schematic.load("bracelet")))
    (types,) = find(whole, "libparts")
    pads = {
        value(one, "part"): {value(pin, "num") for pin in find(find(one, "pins")[0], "pin")}
        for one in find(types, "libpart")
    }
    (components,) = find(whole, "components")
    part_of = {value(one, "ref"): value(find(one, "libsource")[0], "part") for one in find(components, "comp")}
    (nets,) = find(whole, "nets")
    for net in find(nets, "net"):
        for node in find(net, "node"):
            assert value(node, "pin") in pads[part_of[value(node, "ref")]]


def test_the_bill_as_csv_names_each_reference_once() -> None:
    circuit = schematic.load("bracelet")
    rows = list(csv.DictReader(io.StringIO(netlist.bill_csv(circuit))))
    refs = [ref for row in rows for ref in row["references"].split()]
    assert sorted(refs) == sorted(circuit.parts)
    assert sum(int(row["count"]) for row in rows) == len(circuit.parts)
    assert all(row["mpn"] and row["maker"] and row["package"] for row in rows)


def test_every_part_number_is_there_once_and_every_line_has_what_its_kind_needs() -> None:
    lines = schematic.load("bracelet").bill.values()
    numbers = [line.mpn for line in lines if line.mpn != "none"]
    assert len(numbers) == len(set(numbers))
    needed = {"resistor": "ohm", "capacitor": "farad", "inductor": "henry", "LED": "forward_v"}
    assert all(needed[line.type.name] in line.values for line in lines if line.type.name in needed)


def test_every_part_type_is_used() -> None:
    used = {part.type.name for board in schematic.boards() for part in schematic.load(board).parts.values()}
    assert set(library()) == used


def test_the_pages_of_docs_hardware_are_what_the_data_give() -> None:
    folder = ROOT / "docs/hardware"
    stale = [
        name
        for name, content in hardware.documents().items()
        if not name.startswith("feasibility")  # its data are the strips' and drugs': test_hardware_feasibility holds it
        and not ((folder / name).exists() and (folder / name).read_text(encoding="utf-8") == content)
    ]
    assert not stale, f"run `waakzaam hardware docs`; it changes: {', '.join(stale)}"
