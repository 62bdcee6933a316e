"""What a fresh strip's internal standard looks like: limits of place and height, from the calibration's own scans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from firmware.detection.internal_standard import find
from sensor_models.errors import CalibrationRefused
from sensor_models.scans import RecordedScan
from sensor_models.strip_definition import StripDefinition

# Search and chord: a reversible couple's peak is 100 to 130 mV wide at half its height (SCIENCE.md); nothing else in
# drinks gives a peak within 0.2 V of where a standard is put (chemistry/internal_standards.toml).
SEARCH_V = 0.10
REACH_V = 0.08
SCANS_LEAST = 30  # ASSUMED: fewer do not show how far fresh strips lie apart
SEEN_LEAST = 0.95  # of the calibration's scans must show it: else the strip has none, or something hides it
DRIFT_LEAST_V = 0.020  # ASSUMED: printed references scatter by some millivolts even when the scans at hand do not
FURTHEST = 0.995  # what lies further off than this part of the calibration's strips is drift
DEVIATIONS = 4.0  # of the logarithm of the height
LOW_PART, HIGH_PART = 0.8, 1.25  # not closer than this to the extremes (in 99 %) of the calibration's scans
REVERSE_MARGIN = 0.2  # of the usual reverse current, beyond the weakest (in 99.5 %) of the calibration's. ASSUMED


def _search(strip: StripDefinition, sign: float) -> dict[str, Any]:
    assert strip.internal_standard is not None
    place = strip.internal_standard.peak_potential_v
    return {
        "name": strip.internal_standard.name,
        "search_v": [round(place - SEARCH_V, 5), round(place + SEARCH_V, 5)],
        "reach_v": REACH_V,
        "sign": sign,
    }


def limits_of(strip: StripDefinition, scans: Sequence[RecordedScan], sign: float) -> dict[str, Any] | None:
    """The `standard` table of a calibration's `quality`, or None for a strip without an internal standard.

    `sign` is that of a peak's net current. Raises CalibrationRefused when the scans do not show the standard, or are
    too few to say where it lies.
    """
    if strip.internal_standard is None:
        return None
    name = strip.internal_standard.name
    search = _search(strip, sign)
    found = [one for one in (find(search, scan.for_detector()) for scan in scans) if one is not None]
    if len(scans) < SCANS_LEAST or len(found) < SEEN_LEAST * len(scans):
        raise CalibrationRefused(
            strip.analytes[0].name,
            f"the internal standard {name} is seen in {len(found)} of {len(scans)} scans "
            f"(at least {SCANS_LEAST}, and {100 * SEEN_LEAST:.0f} %): the scans must run 0.2 V past it on either side",
        )
    place = np.array([one[0] for one in found])
    height = np.log([one[1] for one in found])
    middle = float(np.median(place))
    furthest = float(np.quantile(np.abs(place - middle), FURTHEST))
    low, centre, high = (float(v) for v in np.quantile(height, [0.005, 0.5, 0.995]))
    spread = float(np.subtract(*np.quantile(height, [0.9, 0.1]))) / 2.563
    back = [one[2] for one in found if one[2] is not None]
    # A one-way reaction gives no reverse current, or one of the other sign: no limit where fresh strips show such too.
    weakest = float(np.quantile(back, 0.995) + REVERSE_MARGIN * abs(np.median(back))) if back else 0.0
    return {
        **search,
        "place_v": round(middle, 5),
        "drift_v": round(max(DRIFT_LEAST_V, furthest), 5),
        "height_low_a": float(np.exp(min(centre - DEVIATIONS * spread, low + np.log(LOW_PART)))),
        "height_high_a": float(np.exp(max(centre + DEVIATIONS * spread, high + np.log(HIGH_PART)))),
        "reverse_most": round(weakest, 5) if weakest < 0.0 else None,
    }
