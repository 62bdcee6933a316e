"""Limits of a scan's background, from the calibration's own scans: what a dry or soiled strip gets wrong."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from firmware.detection.quality import background
from sensor_models.scans import RecordedScan

SCANS_LEAST = 30  # ASSUMED: fewer do not show how far fresh strips lie apart
DEVIATIONS = 3.5  # of the logarithm: one fresh strip in 4,000 of a log-normal background on either side
# Not closer than this to the extremes of the calibration's scans: other lots and drinks lie further out.
LOW_PART, HIGH_PART = 0.8, 1.5


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
