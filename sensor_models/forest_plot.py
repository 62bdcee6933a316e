"""Rates with their intervals, one below the other, as an SVG that follows the page's colours."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

LABEL_PX = 200
PLOT_PX = 420
VALUE_PX = 190
ROW_PX = 30
TOP_PX = 26


@dataclass(frozen=True)
class Row:
    """One line: shares from 0 to 1; `value` None when nothing was measured; `peer` draws it in grey."""

    label: str
    value: float | None
    low: float
    high: float
    text: str
    peer: bool = False


def forest_plot(rows: Sequence[Row], title: str) -> str:
    """The drawing; its title and every number are text, so that a screen reader tells it too."""
    height = TOP_PX + ROW_PX * len(rows) + 26
    width = LABEL_PX + PLOT_PX + VALUE_PX
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{html.escape(title)}" class="forest">']
    for percent in (0, 25, 50, 75, 100):
        x = LABEL_PX + PLOT_PX * percent / 100
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP_PX - 8}" y2="{height - 24}" class="grid"/>')
        parts.append(f'<text x="{x:.1f}" y="{height - 8}" text-anchor="middle">{percent} %</text>')
    for n, row in enumerate(rows):
        y = TOP_PX + ROW_PX * n + ROW_PX / 2
        kind = "peer" if row.peer else "own"
        parts.append(f'<g class="{kind}"><text x="{LABEL_PX - 12}" y="{y + 5:.1f}" text-anchor="end">')
        parts.append(f"{html.escape(row.label)}</text>")
        if row.value is not None:
            low, mid, high = (LABEL_PX + PLOT_PX * v for v in (row.low, row.value, row.high))
            parts.append(f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}" class="bar"/>')
            parts.append(f'<circle cx="{mid:.1f}" cy="{y:.1f}" r="5"/>')
        parts.append(f'<text x="{LABEL_PX + PLOT_PX + 14}" y="{y + 5:.1f}">{html.escape(row.text)}</text></g>')
    return "".join([*parts, "</svg>"])
