"""SVG in a few strokes: lines, boxes, text and labels in one look for all drawings of the hardware."""

from __future__ import annotations

from html import escape

INK = "#1f2933"
FAINT = "#7b8794"
PAPER = "#ffffff"
PANEL = "#f5f7fa"
FONT = "font-family=\"'DejaVu Sans', 'Noto Sans', Arial, sans-serif\""
COLOURS = {
    "supply": "#b44d12",
    "ground": "#616e7c",
    "bus": "#186faf",
    "sensor": "#0c6b58",
    "analogue": "#7b3fa0",
    "signal": "#323f4b",
}


class Drawing:
    """A page that strokes are added to; sizes in px, y down."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.strokes: list[str] = []

    def line(
        self, x1: float, y1: float, x2: float, y2: float, colour: str = INK, width: float = 1.2, more: str = ""
    ) -> None:
        """A straight line."""
        self.strokes.append(
            f'<line x1="{x1:g}" y1="{y1:g}" x2="{x2:g}" y2="{y2:g}" stroke="{colour}" stroke-width="{width:g}" {more}/>'
        )

    def path(self, d: str, colour: str = INK, width: float = 1.2, fill: str = "none", more: str = "") -> None:
        """A path."""
        self.strokes.append(f'<path d="{d}" stroke="{colour}" stroke-width="{width:g}" fill="{fill}" {more}/>')

    def box(
        self,
        x: float,
        y: float,
        w: float,
        h: float,
        fill: str = PAPER,
        colour: str = INK,
        r: float = 4,
        width: float = 1.4,
    ) -> None:
        """A rectangle with round corners."""
        self.strokes.append(
            f'<rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{r:g}" fill="{fill}" stroke="{colour}"'
            f' stroke-width="{width:g}"/>'
        )

    def circle(self, x: float, y: float, r: float, fill: str = "none", colour: str = INK, width: float = 1.2) -> None:
        """A circle."""
        self.strokes.append(
            f'<circle cx="{x:g}" cy="{y:g}" r="{r:g}" fill="{fill}" stroke="{colour}" stroke-width="{width:g}"/>'
        )

    def text(
        self,
        x: float,
        y: float,
        text: str,
        size: float = 11,
        anchor: str = "start",
        colour: str = INK,
        bold: bool = False,
    ) -> None:
        """A line of text; y is its baseline."""
        weight = ' font-weight="600"' if bold else ""
        self.strokes.append(
            f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}" fill="{colour}"{weight}>'
            f"{escape(text)}</text>"
        )

    def label(self, x: float, y: float, text: str, kind: str, left: bool) -> None:
        """A net's name in its colour, its end at x, growing to the left or to the right."""
        width = 6.1 * len(text) + 12
        start = x - width if left else x
        colour = COLOURS[kind]
        self.box(start, y - 8, width, 16, PAPER, "none", 8, 0)
        self.box(start, y - 8, width, 16, colour + "14", colour, 8, 0.9)
        self.text(start + width / 2, y + 3.6, text, 10, "middle", colour)

    def arrow(self, x1: float, y1: float, x2: float, y2: float, colour: str = INK, width: float = 1.6) -> None:
        """A horizontal line with a head at its second end."""
        self.line(x1, y1, x2, y2, colour, width)
        back = -7 if x2 > x1 else 7
        self.path(f"M{x2:g} {y2:g} l{back} -4 v8 z", colour, 0.5, colour)

    def svg(self, width: float, height: float) -> str:
        """The page as a document."""
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}"'
                f' height="{height:g}" role="img" {FONT}>',
                f"<title>{escape(self.title)}</title>",
                f'<rect width="{width:g}" height="{height:g}" fill="{PAPER}"/>',
                *self.strokes,
                "</svg>",
                "",
            ]
        )
