"""How pictures and pages of verdicts look: one palette for PNG and for pages that follow the reader's light or dark."""

from __future__ import annotations

import html
import io
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")  # before pyplot: no display is needed or wanted

import matplotlib.pyplot as plt
import numpy as np

INK, MUTED, GRID, BAND, PAPER = "#1b1f24", "#66707c", "#dfe3e8", "#dde8fb", "#fefefe"
BLUE, RED, GREEN, AMBER, PURPLE = "#2059c4", "#b3261e", "#1a7544", "#9a5b00", "#7a3db8"
# The same roles on a dark page.
DARK = {
    INK: "#e8eaed", MUTED: "#a3adb8", GRID: "#39414a", BAND: "#22314f", PAPER: "#16191d", BLUE: "#7fb0ff",
    RED: "#ff8a80", GREEN: "#6fd49b", AMBER: "#f0b45b", PURPLE: "#c9a2f2",
}  # fmt: skip
NAMES = {
    INK: "ink", MUTED: "muted", GRID: "grid", BAND: "band", PAPER: "paper", BLUE: "blue", RED: "red", GREEN: "green",
    AMBER: "amber", PURPLE: "purple",
}  # fmt: skip
VERDICTS = {"positive": (RED, "▲"), "negative": (GREEN, "●"), "inconclusive": (AMBER, "◆"), "invalid": (MUTED, "✕")}

mpl.rcParams.update(
    {
        "font.family": "sans-serif", "font.size": 8.5, "axes.edgecolor": MUTED, "axes.labelcolor": INK,
        "text.color": INK, "xtick.color": MUTED, "ytick.color": MUTED, "axes.facecolor": PAPER,
        "figure.facecolor": PAPER, "savefig.facecolor": PAPER, "axes.grid": True, "grid.color": GRID,
        "grid.linewidth": 0.6, "axes.axisbelow": True, "axes.spines.top": False, "axes.spines.right": False,
        "legend.frameon": False, "legend.fontsize": 7.5, "axes.titlesize": 9, "axes.titlelocation": "left",
        "axes.titleweight": "bold", "svg.fonttype": "none", "xtick.labelsize": 7.5, "ytick.labelsize": 7.5,
    }
)  # fmt: skip

CSS = Path(__file__).with_name("report.css")


def _roles(colours: dict[str, str]) -> str:
    return ";".join(f"--{NAMES[role]}:{colour}" for role, colour in colours.items())


def png(figure: Any) -> bytes:
    """A figure as PNG; the figure is closed."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=120, bbox_inches="tight", pad_inches=0.15)
    plt.close(figure)
    return stream.getvalue()


def picture(figure: Any, words: str, number: int) -> str:
    """A figure as inline SVG whose colours follow the page; `words` say it to who cannot see it. Closes the figure."""
    stream = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": f"picture {number}"}):
        figure.savefig(stream, format="svg", bbox_inches="tight", pad_inches=0.1, metadata={"Date": None})
    plt.close(figure)
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    for colour, name in NAMES.items():
        text = text.replace(colour, f"var(--{name})")
    label = html.escape(words, quote=True)
    text = text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
    return f"<figure>{text}<figcaption>{html.escape(words)}</figcaption></figure>"


def chip(verdict: str) -> str:
    """A verdict by colour, shape and word."""
    colour, shape = VERDICTS[verdict]
    return f'<span class="verdict" style="color:var(--{NAMES[colour]})">{shape} {verdict}</span>'


def table(head: list[str], rows: list[list[str]], numbers: tuple[int, ...] = ()) -> str:
    """A table of HTML cells; `numbers` are the columns that align right."""
    cells = "".join(
        "<tr>" + "".join(f"<td{' class=number' if k in numbers else ''}>{c}</td>" for k, c in enumerate(row)) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><tr>{"".join(f"<th>{h}</th>" for h in head)}</tr>{cells}</table></div>'


def page(title: str, lead: str, body: str) -> str:
    """A whole page in one file: no script, nothing fetched."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><style>:root{{color-scheme:light dark;'
        f"{_roles({c: c for c in NAMES})}}}@media (prefers-color-scheme:dark){{:root{{{_roles(DARK)}}}}}\n"
        f"{CSS.read_text(encoding='utf-8')}</style></head>"
        f"<body><main><h1>{html.escape(title)}</h1><p>{lead}</p>{body}</main></body></html>\n"
    )


def unit_of(mol_l: float) -> tuple[float, str]:
    """(factor, unit) in which a concentration is a handy number."""
    for factor, unit in ((1e3, "mmol/L"), (1e6, "µmol/L"), (1e9, "nmol/L")):
        if mol_l * factor >= 1.0:
            return factor, unit
    return 1e9, "nmol/L"


def amount(mol_l: float | None) -> str:
    """A concentration in words."""
    if mol_l is None:
        return "–"
    if mol_l == 0.0:
        return "0"
    factor, unit = unit_of(mol_l)
    return f"{mol_l * factor:.3g} {unit}"


def concentration_axis(axes: Any, found: dict[str, Any], limits: dict[str, float | None], dose: float | None) -> None:
    """What a verdict rests on: estimate and interval beside decision limit, detection limit and dose."""
    known = [v for v in (*limits.values(), dose, found["concentration_mol_l"], found["ci_high"], found["ci_low"]) if v]
    top = max(known, default=1e-6) * 2.5
    factor, unit = unit_of(dose or limits.get("LC") or top / 10)
    base = (limits.get("LC") or top / 20) * factor
    axes.set_xscale("symlog", linthresh=base, linscale=0.6)
    axes.set_xlim(-0.15 * base, top * factor)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y", visible=False)
    axes.axvspan(-0.15 * base, base, color=BAND, lw=0)
    for k, (word, value) in enumerate(limits.items()):
        if value:
            axes.axvline(value * factor, ymax=0.62, color=BLUE, lw=1, ls="--")
            axes.text(value * factor, 0.66 + 0.14 * (k % 2), word, color=BLUE, ha="center", va="bottom", fontsize=7.5)
    if dose:
        axes.axvline(dose * factor, ymax=0.62, color=RED, lw=1.4)
        axes.text(dose * factor, 0.94, "incapacitating dose", color=RED, ha="center", va="bottom", fontsize=7.5)
    colour = VERDICTS[found["verdict"]][0]
    low = found["ci_low"]
    if low is not None and found["verdict"] != "invalid":
        high = found["ci_high"] if found["ci_high"] is not None else top
        axes.plot([low * factor, high * factor], [0.3, 0.3], color=colour, lw=5, alpha=0.35, solid_capstyle="butt")
        if found["ci_high"] is None:
            axes.plot([top * factor * 0.97], [0.3], ">", color=colour, ms=6)
        if found["concentration_mol_l"] is not None:
            axes.plot([found["concentration_mol_l"] * factor], [0.3], "o", color=colour, ms=6)
    name = found["analyte"] or ""
    axes.set_xlabel(f"{name} / {unit} (bar: 95 % interval; shaded: below the decision limit)", fontsize=8)


def stacked(pictures: list[bytes]) -> bytes:
    """Several PNGs one below the other as one; nothing to draw gives a picture that says so."""
    if not pictures:
        figure = plt.figure(figsize=(5, 1))
        figure.text(0.02, 0.4, "no scan could be drawn: see the reasons in the answer")
        return png(figure)
    if len(pictures) == 1:
        return pictures[0]
    images = [plt.imread(io.BytesIO(one)) for one in pictures]
    wide = max(image.shape[1] for image in images)
    paper = np.array(mpl.colors.to_rgba(PAPER), dtype=images[0].dtype)
    rows = []
    for image in images:
        row = np.broadcast_to(paper, (image.shape[0], wide, 4)).copy()
        row[:, : image.shape[1]] = image
        rows.append(row)
    stream = io.BytesIO()
    plt.imsave(stream, np.concatenate(rows), format="png")
    return stream.getvalue()
