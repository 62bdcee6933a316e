"""The case on paper: from above with the lid off, cut lengthwise, and the lid, all with their measures."""

from __future__ import annotations

import shapely
from shapely.geometry.base import BaseGeometry

from waakzaam.hardware import solids
from waakzaam.hardware.enclosure import Case
from waakzaam.hardware.ink import COLOURS, FAINT, INK, Drawing

SCALE = 9.0
TINTS = {"top": "#dbe8f4", "bottom": "#efe6f5", "below": "#e3efe9"}
PLASTIC = "#cbd2d9"


class _View:
    """A drawing's part in its own millimetres; y up."""

    def __init__(self, drawing: Drawing, left: float, top: float, x0: float, y1: float) -> None:
        self.drawing, self.left, self.top, self.x0, self.y1 = drawing, left, top, x0, y1

    def x(self, mm: float) -> float:
        return self.left + SCALE * (mm - self.x0)

    def y(self, mm: float) -> float:
        return self.top + SCALE * (self.y1 - mm)

    def shape(self, shape: BaseGeometry, fill: str, colour: str = INK, width: float = 1.2) -> None:
        d = ""
        for part in shapely.get_parts(shape):
            for ring in (part.exterior, *part.interiors):
                d += "M" + " L".join(f"{self.x(px):.1f} {self.y(py):.1f}" for px, py in ring.coords) + " z "
        self.drawing.path(d, colour, width, fill, 'fill-rule="evenodd"')

    def box(self, x1: float, y1: float, x2: float, y2: float, fill: str, colour: str = INK, width: float = 1.0) -> None:
        self.drawing.box(self.x(x1), self.y(y2), SCALE * (x2 - x1), SCALE * (y2 - y1), fill, colour, 1, width)

    def text(self, x: float, y: float, text: str, size: float = 10, colour: str = INK) -> None:
        self.drawing.text(self.x(x), self.y(y) + size / 3, text, size, "middle", colour)

    def across(self, x1: float, x2: float, y: float, out: float) -> None:
        """A measure along x, drawn `out` px below y."""
        level = self.y(y) + out
        for end in (x1, x2):
            self.drawing.line(self.x(end), self.y(y), self.x(end), level + 4, FAINT, 0.8)
        self.drawing.arrow(self.x(x1), level, self.x(x2), level, FAINT, 0.9)
        self.drawing.arrow(self.x(x2), level, self.x(x1), level, FAINT, 0.9)
        self.drawing.text((self.x(x1) + self.x(x2)) / 2, level - 4, f"{x2 - x1:.1f}", 11, "middle")

    def up(self, y1: float, y2: float, x: float, out: float, note: str = "") -> None:
        """A measure along y, drawn `out` px beside x."""
        level = self.x(x) + out
        for end in (y1, y2):
            self.drawing.line(self.x(x), self.y(end), level + 4, self.y(end), FAINT, 0.8)
        self.drawing.line(level, self.y(y1), level, self.y(y2), FAINT, 0.9)
        for end, way in ((y1, -1), (y2, 1)):
            self.drawing.path(f"M{level:g} {self.y(end):g} l-3 {7 * way} h6 z", FAINT, 0.5, FAINT)
        self.drawing.text(level + 8, (self.y(y1) + self.y(y2)) / 2 + 4, f"{y2 - y1:.1f}{note}", 11)


def _above(drawing: Drawing, case: Case, left: float, top: float) -> float:
    x1, y1, x2, y2 = case.outside.bounds
    view = _View(drawing, left, top + 40, x1, y2)
    drawing.text(left - 46, top, "From above, lid off", 14, bold=True)
    view.shape(case.outside.union(case.lugs()), PLASTIC)
    view.shape(case.cavity, "#ffffff")
    view.shape(case.pcb, "#f3f7ee", "#6b8f4e", 1.4)
    for one in case.bodies:
        side = next((place["side"] for place in case.data["place"] if place["ref"] == one.name), "below")
        if side != "top":
            ax, ay, bx, by = one.outline.bounds
            drawing.box(
                view.x(ax), view.y(by), SCALE * (bx - ax), SCALE * (by - ay), "none", COLOURS["analogue"], 2, 0.9
            )
            view.text(
                (ax + bx) / 2,
                ay + 0.9 if one.name in ("BT1", "M1") else (ay + by) / 2,
                one.name,
                9,
                COLOURS["analogue"],
            )
    for one in case.bodies:
        if any(place["ref"] == one.name and place["side"] == "top" for place in case.data["place"]):
            ax, ay, bx, by = one.outline.bounds
            view.box(ax, ay, bx, by, TINTS["top"])
            view.text((ax + bx) / 2, (ay + by) / 2, one.name, 10)
    sx1, sy1, sx2, sy2 = case.strip.outline.bounds
    view.box(sx1, sy1, min(sx2, x2 + 8), sy2, "#f6c36d66", "#b7791f", 1.2)
    view.text(x2 + 4.6, (sy1 + sy2) / 2, "strip", 10, "#8a5a10")
    ax, ay = case.data["antenna"]["at"]
    aw, ah = case.data["antenna"]["size"]
    view.box(ax, ay, ax + aw, ay + ah, "#fde2e2aa", "#c0392b", 0.9)
    view.text(ax + aw / 2, ay + 1.4, "antenna: no metal", 6.5, "#c0392b")
    view.across(x1, x2, y1, 42)
    view.across(0.0, case.data["pcb"]["size"][0], y1, 18)
    view.up(y1, y2, x2 + 8.5, 14)
    view.up(sy1, sy2, x2 + 8.5, 60, " strip")
    return float(top + 40 + SCALE * (y2 - y1) + 66)


def _cut(drawing: Drawing, case: Case, left: float, top: float) -> float:
    x1, _, x2, _ = case.outside.bounds
    view = _View(drawing, left, top + 30, x1, case.height)
    drawing.text(left - 46, top, "Cut lengthwise through the strip (heights to scale)", 14, bold=True)
    params, floor = case.data["case"], case.data["case"]["floor"]
    wall = params["wall"]
    view.box(x1, 0, x2, floor, PLASTIC)
    view.box(x1, floor, x1 + wall, case.height - params["ceiling"], PLASTIC)
    view.box(x2 - wall, floor, x2, case.strip_bottom, PLASTIC)
    view.box(x1, case.height - params["ceiling"], x2, case.height, PLASTIC)
    for edge in (x1 + wall, x2 - wall - params["ledge"] - params["gap_to_pcb"]):
        view.box(edge, floor, edge + params["ledge"] + params["gap_to_pcb"], case.pcb_bottom, PLASTIC)
    width = case.data["pcb"]["size"][0]
    view.box(0, case.pcb_bottom, width, case.pcb_top, "#dbe8cf", "#6b8f4e")
    view.text(width / 2, (case.pcb_bottom + case.pcb_top) / 2, "board", 8)
    for one in case.bodies:
        ax, _, bx, _ = one.outline.bounds
        side = next((place["side"] for place in case.data["place"] if place["ref"] == one.name), "below")
        view.box(ax, one.bottom, bx, one.top, TINTS[side] + "cc", INK, 0.8)
        if one.name in ("BT1", "M1", "U1", "J1", "S2", "U7"):
            view.text((ax + bx) / 2, (one.bottom + one.top) / 2, one.name, 9)
    strip = case.strip
    view.box(strip.outline.bounds[0], strip.bottom, x2 + 8, strip.top, "#f6c36d", "#b7791f")
    view.text(x2 + 4.6, strip.top + 0.9, "strip", 10, "#8a5a10")
    view.up(0, case.height, x2 + 8.5, 14, " over all")
    view.up(0, case.pcb_bottom, x1, -58)
    view.up(case.pcb_top, case.strip_bottom, x2 + 8.5, 96, " contacts")
    return float(top + 30 + SCALE * case.height + 34)


def _lid(drawing: Drawing, case: Case, left: float, top: float) -> float:
    x1, y1, x2, y2 = case.outside.bounds
    view = _View(drawing, left, top + 30, x1, y2)
    drawing.text(left - 46, top, "Lid, from above", 14, bold=True)
    layers = case.lid()
    view.shape(layers[1].shape, PLASTIC)
    view.shape(layers[0].shape, "none", FAINT, 0.9)
    for window, shape in case.windows():
        middle = shape.centroid
        view.text(middle.x, middle.y, window["name"], 9)
        low = shape.bounds[1]
        drawing.text(view.x(middle.x), view.y(low) + 13, f"dia. {window['diameter']:g}", 9, "middle", FAINT)
        view.across(x1, middle.x, y1, 20 if window["name"] == "button" else 44)
    middle = next(iter(case.windows()))[1].centroid
    view.up(y1, middle.y, x2, 20)
    return float(top + 30 + SCALE * (y2 - y1) + 62)


NOTES = """## Against drops
The case claims no protection class: nobody has tested one. What the shape does: lid and base overlap (lip inside the
wall), to be closed with a 1 mm silicone cord; light pipe and button cap are pressed in and glued; the strip's channel
has walls of its own, lies above the board and opens downwards when the hand hangs; a flap closes the USB opening. The
board gets a conformal coat, except the spring contacts. A wet strip must be taken out before charging.

## Not in the model
The eight lamps over the pads and the diffuser, the wires of cell and motor, screws or clips of the lid, the seal's
groove.
"""


def page(case: Case, findings: int, generated: str) -> str:
    """The page of docs/hardware."""
    x1, y1, x2, y2 = case.outside.bounds
    bay = case.pcb_bottom - case.bottom_room - case.data["case"]["floor"]
    rows = [
        ("outside, without lugs", f"{x2 - x1:.1f} x {y2 - y1:.1f} x {case.height:.1f}"),
        ("cell bay, swelling and foam included", f"{case.cell_size[0]:g} x {case.cell_size[1]:g} x {bay:.2f}"),
        ("board", "{} x {} x {}".format(*case.data["pcb"]["size"], case.data["pcb"]["thickness"])),
        ("strip's slot", f"{case.slot.bounds[3] - case.slot.bounds[1]:.1f} x {case.slot_top - case.strip_bottom:.1f}"),
        ("base, mm3", f"{solids.volume_mm3(case.base()):.0f}"),
        ("lid, mm3", f"{solids.volume_mm3(case.lid()):.0f}"),
    ]
    lines = [
        "# Bracelet: case",
        generated,
        "Parameters: [hardware/enclosure/bracelet.toml](../../hardware/enclosure/bracelet.toml).",
        "`waakzaam hardware case` checks walls, clearances, heights, the strip's way, windows and the antenna's",
        f"surroundings against the sizes of the circuit's parts ({findings} broken now), and writes `base.stl` and",
        "`lid.stl`. Nothing was printed yet.",
        "",
        "![Case](case.svg)",
        "",
        "| what | mm |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in rows),
        "",
        NOTES,
    ]
    return "\n".join(lines)


def svg(case: Case) -> str:
    """The drawing."""
    drawing = Drawing("Waakzaam bracelet: case")
    x1, y1, x2, y2 = case.outside.bounds
    drawing.text(36, 42, drawing.title, 22, bold=True)
    grams = (solids.volume_mm3(case.base()) + solids.volume_mm3(case.lid())) * 1.01e-3
    about = f"{x2 - x1:.1f} x {y2 - y1:.1f} x {case.height:.1f} mm, {grams:.1f} g of PA12; all measures in millimetres."
    drawing.text(36, 64, f"{about} Generated from hardware/enclosure/bracelet.toml.", 11, colour=FAINT)
    bottom = _above(drawing, case, 110, 104)
    bottom = _cut(drawing, case, 110, bottom + 16)
    bottom = _lid(drawing, case, 110, bottom + 16)
    return drawing.svg(900, bottom + 10)
