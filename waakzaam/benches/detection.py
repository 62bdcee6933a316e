"""The detector's figures: fits against bounds and peers, limits, panel, device, certified data, simulator."""

from __future__ import annotations

from waakzaam.benches import (
    _detection_certified,
    _detection_colour,
    _detection_fits,
    _detection_limits,
    _detection_machines,
    _detection_panel,
)
from waakzaam.benches.report import Report


def run(seed: int, quick: bool) -> Report:
    """Every figure promised for the detector; with `quick` on small samples."""
    figures = [
        *_detection_fits.figures(seed, quick),
        *_detection_limits.figures(seed, quick),
        *_detection_panel.figures(seed, quick),
        *_detection_colour.figures(seed, quick),
        *_detection_machines.figures(seed, quick),
        *_detection_certified.figures(quick),
    ]
    return Report("detection", seed, {"quick": quick}, tuple(figures))
