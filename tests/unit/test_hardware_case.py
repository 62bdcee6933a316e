"""Everything fits in the case, and each check finds the misfit that is put there on purpose."""

from __future__ import annotations

import copy
import struct
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from shapely.geometry import box

from waakzaam.hardware import enclosure, schematic, solids
from waakzaam.hardware.solids import Layer

CIRCUIT = schematic.load("bracelet")
Data = dict[str, Any]


def case_of(change: Callable[[Data], object] = lambda data: None) -> enclosure.Case:
    data = copy.deepcopy(enclosure.document())
    change(data)
    return enclosure.Case(data, CIRCUIT)


def _place(ref: str, x: float, y: float) -> Callable[[Data], None]:
    return lambda data: next(one for one in data["place"] if one["ref"] == ref).update(at=[x, y])


def _set(table: str, key: str, value: Any) -> Callable[[Data], None]:
    return lambda data: data[table].update({key: value})


MISFITS: list[tuple[str, str, Callable[[Data], object]]] = [
    ("outside", "height", _set("case", "foam", 3.0)),
    ("outside", "length", _set("case", "wall", 5.0)),
    ("wall", "walls", _set("case", "wall", 0.8)),
    ("wall", "ceiling", _set("case", "ceiling", 0.8)),
    ("board", "PCB", _set("case", "gap_to_pcb", 0.1)),
    ("place", "M1", _place("M1", 47.0, 14.5)),
    ("place", "U2", _place("U2", 48.0, 28.0)),
    ("antenna", "U10", _place("U10", 4.0, 20.0)),
    ("antenna", "BT1", _set("cell", "at", [3.0, 6.5])),
    ("height", "U1", _set("strip", "plane", 0.5)),
    ("overlap", "U3", _place("U13", 34.0, 19.0)),
    ("overlap", "BT1", _place("M1", 42.0, 14.5)),
    ("strip", "slot", _set("strip", "slot_gap", [0.1, 0.4])),
    ("strip", "slot", _set("strip", "slot_gap", [0.5, 0.9])),
    ("strip", "J1", lambda data: (_place("J1", 46.2, 14.0)(data), _set("strip", "plane", 3.15)(data))),
    ("strip", "S2", _place("S2", 30.0, 7.0)),
    ("strip", "S2", _set("strip", "plane", 4.0)),
    ("strip", "J2", _set("strip", "plane", 3.0)),
    ("strip", "U7", _place("U7", 37.0, 14.0)),
    ("window", "button", _place("S1", 25.6, 28.0)),
    ("window", "light", _place("D7", 30.0, 25.0)),
    ("window", "light", _place("D7", 32.8, 13.0)),
    ("usb", "J1", _place("J1", 45.0, 21.0)),
    ("usb", "J1", _set("usb", "gap", 2.5)),
]


def test_everything_fits() -> None:
    assert enclosure.check(case_of()) == []


@pytest.mark.parametrize(("rule", "at", "misfit"), MISFITS, ids=[f"{r}-{a}-{n}" for n, (r, a, _) in enumerate(MISFITS)])
def test_a_misfit_put_there_on_purpose_is_found(rule: str, at: str, misfit: Callable[[Data], object]) -> None:
    found = enclosure.check(case_of(misfit))
    assert (rule, at) in {(one.rule, one.at) for one in found}, "\n".join(map(str, found))


@pytest.mark.parametrize("name", ["base", "lid"])
def test_the_printed_surface_is_closed_and_holds_its_layers_volume(name: str) -> None:
    layers: list[Layer] = getattr(case_of(), name)()
    assert solids.enclosed_mm3(solids.triangles(layers)) == pytest.approx(solids.volume_mm3(layers), rel=1e-9)
    assert all(low.top == high.bottom for low, high in pairwise(layers))


def test_a_cube_has_a_cubes_volume_and_twelve_triangles_outward() -> None:
    surface = solids.triangles([Layer(0.0, 10.0, box(0, 0, 10, 10))])
    assert len(surface) == 12
    assert solids.enclosed_mm3(surface) == pytest.approx(1000.0)
    content = solids.stl([Layer(0.0, 10.0, box(0, 0, 10, 10))], "cube")
    assert struct.unpack_from("<I", content, 80) == (12,)
    assert len(content) == 84 + 12 * 50


def test_base_and_lid_do_not_meet_but_leave_the_fit_between_them() -> None:
    case = case_of()
    wall = next(layer for layer in case.base() if layer.top == case.height - case.data["case"]["ceiling"])
    lip = case.lid()[0]
    assert wall.shape.intersection(lip.shape).area < 1e-6
    assert wall.shape.distance(lip.shape) == pytest.approx(case.data["case"]["fit"], abs=0.02)
