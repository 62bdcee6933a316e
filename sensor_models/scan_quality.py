"""Limits of what fresh strips show, from the calibration's own scans: their background, and where their peaks lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firmware.detection.quality import DRIFT_MOST_V, background
from sensor_models.scans import Array, RecordedScan

SCANS_LEAST = 30  # ASSUMED: fewer do not show how far fresh strips lie apart
DEVIATIONS = 3.5  # of the logarithm: one fresh strip in 4,000 of a log-normal background on either side
# Not closer than this to the extremes of the calibration's scans: other lots and drinks lie further out.
LOW_PART, HIGH_PART = 0.8, 1.5
SHIFTS_LEAST = 10  # ASSUMED: fewer clear peaks do not show how far drinks move them
SHIFT_MARGIN = 1.3  # ... and further than this times the furthest (in 99.5 %) of the calibration's no drink moves them


def background_limits(scans: Sequence[RecordedScan]) -> dict[str, float]:
    """{"background_low_a", "background_high_a"}, or nothing when there are too few scans."""
    if len(scans) < SCANS_LEAST:
        return {}
    seen = np.log([max(background(scan.for_detector()), 1e-18) for scan in scans])
    middle, spread = float(np.mean(seen)), float(np.std(seen, ddof=1))
    return {
        "background_low_a": float(np.exp(min(middle - DEVIATIONS * spread, seen.min() + np.log(LOW_PART)))),
        "background_high_a": float(np.exp(max(middle + DEVIATIONS * spread, seen.max() + np.log(HIGH_PART)))),
    }


def drift_limit_v(shifts_v: Array) -> float | None:
    """How far off a clear peak must lie to mean a drifted reference, V, from fresh strips' clear peaks; None: unknown.

    Drinks move a peak themselves (pH, a neighbour's flank): only what none of the calibration's drinks did is drift.
    """
    if len(shifts_v) < SHIFTS_LEAST:
        return None
    furthest = float(np.quantile(np.abs(shifts_v), 0.995))
    return round(max(DRIFT_MOST_V, SHIFT_MARGIN * furthest), 5)
