"""The bracelet's case from hardware/enclosure: where everything stands, base and lid as layers, and what must fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from shapely.affinity import translate
from shapely.geometry import Point, Polygon, box
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from waakzaam.exits import BadInput
from waakzaam.hardware.documents import HARDWARE, read
from waakzaam.hardware.findings import Finding
from waakzaam.hardware.schematic import Schematic
from waakzaam.hardware.solids import Layer

SWITCH_FROM_TIP = 3.0  # the strip's electrodes reach the contacts only in its last millimetres: ASSUMED
ENCLOSURE = "waakzaam.enclosure/1"
COURTYARD = 0.2  # kept free around a part: ASSUMED, half of what pick and place asks between two


@dataclass(frozen=True)
class Body:
    """A thing inside: its outline from above and its lowest and highest point, mm."""

    name: str
    outline: Polygon
    bottom: float
    top: float


def document(board: str = "bracelet") -> dict[str, Any]:
    """The parameters; raises BadInput."""
    path = HARDWARE / "enclosure" / f"{board}.toml"
    if not path.exists():
        raise BadInput("board", f"there is no case of {board!r}", "there is one of the bracelet")
    return read(path, ENCLOSURE)


def _rounded(outline: Polygon, radius: float) -> Polygon:
    return outline.buffer(-radius).buffer(radius, quad_segs=12)


class Case:
    """All measures of a case, from its parameters and the circuit whose parts it holds."""

    def __init__(self, data: dict[str, Any], circuit: Schematic) -> None:
        self.data = data
        case, strip = data["case"], data["strip"]
        width, depth = data["pcb"]["size"]
        cell = circuit.parts["BT1"].type.facts["size_mm"]
        self.cell_size = (cell[1], cell[0]) if data["cell"]["turned"] else (cell[0], cell[1])
        self.cell_top = case["floor"] + cell[2] * (1.0 + data["limits"]["swelling"])
        self.bottom_room = max(self._height(circuit, place) for place in data["place"] if place["side"] == "bottom")
        self.pcb_bottom = self.cell_top + case["foam"] + self.bottom_room
        self.pcb_top = self.pcb_bottom + data["pcb"]["thickness"]
        self.strip_bottom = self.pcb_top + strip["plane"]
        self.slot_top = self.strip_bottom + strip["thickness"] + strip["slot_gap"][1]
        self.height = self.slot_top + case["ceiling"]
        self.pcb = _rounded(box(0, 0, width, depth), data["pcb"]["corner_radius"])
        gap = case["gap_to_pcb"]
        self.cavity = _rounded(box(-gap, -gap, width + gap, depth + gap), case["corner_radius"] - case["wall"])
        self.outside = _rounded(self.cavity.envelope.buffer(case["wall"], join_style="mitre"), case["corner_radius"])
        self.switch_mm = tuple(circuit.parts["S2"].type.facts["actuator_mm"])
        self.contact_mm = tuple(circuit.parts["J2"].type.facts["working_mm"])
        self.bodies = list(self._bodies(circuit))

    @staticmethod
    def _height(circuit: Schematic, place: dict[str, Any]) -> float:
        return float(circuit.parts[place["ref"]].type.facts["size_mm"][2])

    def _bodies(self, circuit: Schematic) -> Iterator[Body]:
        floor = self.data["case"]["floor"]
        x, y = self.data["cell"]["at"]
        yield Body("BT1", box(x, y, x + self.cell_size[0], y + self.cell_size[1]), floor, self.cell_top)
        for place in self.data["place"]:
            w, h, tall = circuit.parts[place["ref"]].type.facts["size_mm"]
            w, h = (h, w) if place.get("turned") else (w, h)
            x, y = place["at"]
            bottom = {"top": self.pcb_top, "bottom": self.pcb_bottom - tall, "below": floor}[place["side"]]
            yield Body(place["ref"], box(x - w / 2, y - h / 2, x + w / 2, y + h / 2), bottom, bottom + tall)

    def body(self, name: str) -> Body:
        """A thing inside by its reference."""
        return next(one for one in self.bodies if one.name == name)

    @property
    def strip(self) -> Body:
        """The strip, pushed in as far as it goes."""
        strip, width = self.data["strip"], self.data["pcb"]["size"][0]
        half, inner = strip["width"] / 2, width - strip["inside"]
        outline = box(inner, strip["middle_y"] - half, width + 20.0, strip["middle_y"] + half)
        return Body("strip", outline, self.strip_bottom, self.strip_bottom + strip["thickness"])

    @property
    def slot(self) -> Polygon:
        """The strip's channel from above, through the wall."""
        strip = self.data["strip"]
        half = (strip["width"] + strip["slot_gap"][0]) / 2
        edge = self.outside.bounds[2] + 1.0
        inner = self.data["pcb"]["size"][0] - strip["inside"] - strip["slot_gap"][0]
        return box(inner, strip["middle_y"] - half, edge, strip["middle_y"] + half)

    @property
    def usb_opening(self) -> tuple[Polygon, float, float]:
        """(cut through the wall from above, its lowest and highest point)."""
        gap, shell = self.data["usb"]["gap"], self.body(self.data["usb"]["ref"])
        _, low, right, high = shell.outline.bounds
        return (
            box(right - 1.0, low - gap, self.outside.bounds[2] + 1.0, high + gap),
            shell.bottom - gap,
            shell.top + gap,
        )

    def windows(self) -> Iterator[tuple[dict[str, Any], Polygon]]:
        """Openings of the lid."""
        for window in self.data["window"]:
            middle = self.body(window["ref"]).outline.centroid
            yield window, Point(middle.x, middle.y).buffer(window["diameter"] / 2, quad_segs=16)

    def lugs(self) -> BaseGeometry:
        """The strap's four lugs from above."""
        strap = self.data["strap"]
        x1, y1, x2, y2 = self.outside.bounds
        middle = (y1 + y2) / 2
        reach = strap["pin_from_case"] + strap["pin_diameter"] / 2 + self.data["limits"]["wall_min"]
        thick = 3.0
        out = []
        for near, far in ((x1 + 1.0, x1 - reach), (x2 - 1.0, x2 + reach)):
            for side in (-1.0, 1.0):
                inner = middle + side * strap["width"] / 2
                out.append(
                    box(
                        min(near, far),
                        min(inner, inner + side * thick),
                        max(near, far),
                        max(inner, inner + side * thick),
                    )
                )
        return unary_union(out)

    def base(self) -> list[Layer]:
        """Floor, walls with a step that the board rests on, openings for plug and strip, lugs for the strap."""
        case, slot = self.data["case"], self.slot
        usb, usb_low, usb_high = self.usb_opening
        wall = self.outside.difference(self.cavity)
        step = self.outside.difference(self.cavity.buffer(-case["gap_to_pcb"] - case["ledge"]))
        strap = self.data["strap"]
        lug_top = case["floor"] + strap["pin_diameter"] + 2.0 * self.data["limits"]["wall_min"]
        holes = self._pin_holes()
        top = self.height - case["ceiling"]
        cuts: list[tuple[float, float, BaseGeometry]] = [
            (0.0, case["floor"], self.outside),
            (case["floor"], self.pcb_bottom, step),
            (self.pcb_bottom, top, wall),
        ]
        edges = sorted({0.0, case["floor"], lug_top, self.pcb_bottom, usb_low, usb_high, self.strip_bottom, top})
        pin_low = case["floor"] + self.data["limits"]["wall_min"] - 0.4
        edges = sorted({*edges, pin_low, pin_low + strap["pin_diameter"]})
        layers = []
        for low, high in pairwise(edges):
            shape = next(shape for bottom, above, shape in cuts if bottom <= low < above)
            if low < lug_top:
                shape = shape.union(self.lugs().difference(self.cavity if low >= case["floor"] else Polygon()))
            if pin_low <= low < pin_low + strap["pin_diameter"]:
                shape = shape.difference(holes)
            if usb_low <= low < usb_high:
                shape = shape.difference(usb)
            if low >= self.strip_bottom:
                shape = shape.difference(slot)
            layers.append(Layer(low, high, shape))
        return layers

    def _pin_holes(self) -> BaseGeometry:
        strap = self.data["strap"]
        x1, y1, x2, y2 = self.outside.bounds
        half = strap["pin_diameter"] / 2
        middle = (y1 + y2) / 2
        span = strap["width"] / 2 + 1.5
        return unary_union(
            [
                box(x - half, middle - span, x + half, middle + span)
                for x in (x1 - strap["pin_from_case"], x2 + strap["pin_from_case"])
            ]
        )

    def lid(self) -> list[Layer]:
        """Ceiling with its windows, a lip inside the wall, walls of the strip's channel."""
        case = self.data["case"]
        outer = self.cavity.buffer(-case["fit"])
        lip = outer.difference(outer.buffer(-case["rim_thickness"]))
        channel = self.slot.buffer(self.data["limits"]["wall_min"], join_style="mitre").difference(self.slot)
        inside = lip.union(channel.intersection(outer)).difference(self.slot)
        _, _, usb_high = self.usb_opening
        top = self.height - case["ceiling"]
        low = max(top - case["rim"], usb_high)
        skin = self.outside.difference(unary_union([shape for _, shape in self.windows()]))
        return [Layer(low, top, inside), Layer(top, self.height, skin)]


def check(case: Case) -> list[Finding]:
    """What does not fit, empty when all fits."""
    return [Finding(name, at, why) for name, at, why in _complaints(case)]


def _complaints(case: Case) -> Iterator[tuple[str, str, str]]:
    limits, params = case.data["limits"], case.data
    gap, wall = limits["gap_min"], limits["wall_min"]
    x1, y1, x2, y2 = case.outside.bounds
    for name, size, most in zip(
        "length width height".split(), (x2 - x1, y2 - y1, case.height), limits["outside_max"], strict=True
    ):
        if size > most:
            yield "outside", name, f"{size:.1f} mm, a bracelet may have {most:g}"
    if not case.outside.buffer(1e-6).contains(case.cavity.buffer(wall)):
        yield "wall", "walls", f"are thinner than {wall:g} mm somewhere"
    for name in ("floor", "ceiling"):
        if params["case"][name] < wall:
            yield "wall", name, f"{params['case'][name]:g} mm, {wall:g} is the least"
    if not case.cavity.contains(case.pcb.buffer(gap)):
        yield "board", "PCB", f"is nearer than {gap:g} mm to the wall"
    yield from _placement(case)
    yield from _strip(case)
    yield from _openings(case)


def _placement(case: Case) -> Iterator[tuple[str, str, str]]:
    antenna_x, antenna_y = case.data["antenna"]["at"]
    w, h = case.data["antenna"]["size"]
    clear = box(antenna_x, antenna_y, antenna_x + w, antenna_y + h)
    tall = case.bodies
    for number, one in enumerate(tall):
        edge = case.data["usb"]["ref"] == one.name
        if one.top <= case.pcb_bottom and one.bottom < case.pcb_bottom - case.bottom_room - 1e-6:
            inside = case.cavity.buffer(-case.data["limits"]["gap_min"] - case.data["case"]["ledge"])
            if not inside.contains(one.outline):
                yield "place", one.name, "does not fit between the steps that carry the board"
        elif not edge and not case.pcb.buffer(1e-6).contains(one.outline):
            yield "place", one.name, "stands over the edge of the board"
        if one.name != "U1" and one.outline.intersects(clear):
            yield "antenna", one.name, "is metal over or under the module's antenna"
        if one.name == "BT1" and one.outline.distance(clear) < 1.0 - 1e-9:
            yield "antenna", one.name, "is nearer than 1 mm to the antenna's end of the module"
        if one.top > case.height - case.data["case"]["ceiling"]:
            yield (
                "height",
                one.name,
                f"reaches {one.top:.1f} mm, the lid is at {case.height - case.data['case']['ceiling']:.1f}",
            )
        for other in tall[number + 1 :]:
            apart = min(one.top, other.top) <= max(one.bottom, other.bottom) + 1e-9
            if not apart and one.outline.distance(other.outline) < 2 * COURTYARD - 1e-9:
                yield "overlap", one.name, f"and {other.name} are {one.outline.distance(other.outline):.2f} mm apart"


def _strip(case: Case) -> Iterator[tuple[str, str, str]]:
    strip, params = case.strip, case.data["strip"]
    if not case.slot.contains(translate(strip.outline, -10.0).intersection(case.slot.envelope)):
        yield "strip", "slot", "is narrower than the strip"
    if not 0.2 <= params["slot_gap"][0] <= 0.8 or not 0.2 <= params["slot_gap"][1] <= 0.6:
        yield "strip", "slot", "lets the strip jam (under 0.2 mm) or tilt (over 0.8 and 0.6)"
    for one in case.bodies:
        reaches = one.top > strip.bottom - 0.1 and one.bottom < strip.top
        if reaches and one.outline.intersects(case.slot):
            yield "strip", one.name, f"reaches {one.top:.2f} mm into the strip's way at {strip.bottom:.2f}"
    tip, touch = strip.outline.bounds[0], case.body("S2").outline.centroid
    if not strip.outline.contains(touch) or touch.x - tip > SWITCH_FROM_TIP:
        yield "strip", "S2", f"is {touch.x - tip:.1f} mm behind the tip: a strip that is not home would count as in"
    pressed, free = case.switch_mm
    if not pressed <= params["plane"] <= free - 0.2:
        yield "strip", "S2", f"moves from {free:g} to {pressed:g} mm, the strip passes at {params['plane']:g}"
    if not case.contact_mm[0] <= params["plane"] <= case.contact_mm[1]:
        yield (
            "strip",
            "J2",
            f"works at {case.contact_mm[0]:g} to {case.contact_mm[1]:g} mm, the strip is at {params['plane']:g}",
        )
    eye = case.body("U7").outline
    if not strip.outline.buffer(-1.0).contains(eye):
        yield "strip", "U7", "does not lie under the strip's pads"


def _openings(case: Case) -> Iterator[tuple[str, str, str]]:
    wall = case.data["limits"]["wall_min"]
    shapes = list(case.windows())
    for window, shape in shapes:
        if not shape.contains(case.body(window["ref"]).outline.centroid) or shape.area < 3.0:
            yield "window", window["name"], "is not over its part, or too small"
        if shape.distance(case.outside.exterior) < wall + case.data["case"]["wall"]:
            yield "window", window["name"], "cuts into the rim"
        if shape.distance(case.slot) < wall:
            yield "window", window["name"], "opens into the strip's wet channel"
        for other, there in shapes:
            if other is not window and shape.distance(there) < wall:
                yield "window", window["name"], f"is too near to {other['name']}"
    usb, low, high = case.usb_opening
    if usb.distance(case.slot) < wall:
        yield "usb", "J1", "its opening runs into the strip's: a drop would reach the plug"
    if case.body("J1").outline.bounds[2] < case.data["pcb"]["size"][0] - 0.5:
        yield "usb", "J1", "stands too far in: a plug would not reach it"
    if high > case.height - case.data["case"]["ceiling"] or low < case.pcb_bottom - 0.5:
        yield "usb", "J1", "its opening reaches the lid or the cell"
