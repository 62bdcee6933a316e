"""Limits from a calibration's own scans: background of fresh strips, where peaks lie, how and which way scans ran."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from firmware.detection.quality import DRIFT_MOST_V, background
from sensor_models.scans import Array, RecordedScan
from sensor_models.strip_definition import StripDefinition

SCANS_LEAST = 30  # ASSUMED: fewer do not show how far fresh strips lie apart
DEVIATIONS = 3.5  # of the logarithm: one fresh strip in 4,000 of a log-normal background on either side
# Not closer than this to the extremes of the calibration's scans: other lots and drinks lie further out.
LOW_PART, HIGH_PART = 0.8, 1.5
# A scan's mean net current is 0.96 of its background at least (5,000 scans of five strips), or minus that with the
# wrong sign: the calibration's scans must lie on one side of nought as clearly.
SIGN_OF_BACKGROUND = 0.5
SIGN_OF_USUAL = 0.1
ODD_PART = 0.025  # of a calibration's scans on either side that may have been run otherwise
# Neighbouring potentials of a scan: a fifth of a peak's width may be missing, or what instruments leave out. ASSUMED
GAP_LEAST_V, GAP_STEPS, GAP_MARGIN = 0.02, 2.5, 1.2
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


def net_sign(scans: Sequence[RecordedScan]) -> int | None:
    """1 or -1 where every scan's mean net current clearly has that sign, or None: then a sign tells nothing.

    Clearly: no scan's mean is less than SIGN_OF_BACKGROUND of its own background, or SIGN_OF_USUAL of the usual mean.
    """
    if len(scans) < SCANS_LEAST:
        return None
    told = [scan.for_detector() for scan in scans]
    mean = np.array([np.mean([one.net(k) for k in range(len(one.potential_v))]) for one in told])
    sign = 1 if np.median(mean) > 0.0 else -1
    size = sign * mean
    still = SIGN_OF_BACKGROUND * np.array([background(one) for one in told])
    clear = np.all(size > still) and float(size.min()) > SIGN_OF_USUAL * float(np.median(size))
    return sign if clear else None


def waveform_limits(strip: StripDefinition, scans: Sequence[RecordedScan]) -> dict[str, Any] | None:
    """`quality.waveform` (firmware.detection.waveform): how these sound scans were run, or None without a scan.

    A few that were run otherwise than the rest do not count. Amplitude and frequency are what the scans state, or else
    the strip's definition.
    """
    if not scans:
        return None
    potentials = [scan.potential_v for scan in scans]

    def middle(values: list[float]) -> list[float]:
        low = np.quantile(values, ODD_PART, method="lower")
        return [round(float(v), 6) for v in (low, np.quantile(values, 1.0 - ODD_PART, method="higher"))]

    step = middle([float(abs(e[-1] - e[0])) / (len(e) - 1) for e in potentials])
    gap = float(np.quantile([np.max(np.abs(np.diff(e))) for e in potentials], 1.0 - ODD_PART))
    found: dict[str, Any] = {
        "step_v": step,
        "first_v": middle([float(e[0]) for e in potentials]),
        "last_v": middle([float(e[-1]) for e in potentials]),
        "gap_v": round(max(GAP_LEAST_V, GAP_STEPS * step[1], GAP_MARGIN * gap), 6),
    }
    for name in ("amplitude_v", "frequency_hz"):
        said = [value for scan in scans if (value := getattr(scan.stated, name))]
        value = float(np.median(said)) if said else getattr(strip.waveform, name, 0.0)
        if value:
            found[name] = value
    return found


def drift_limit_v(shifts_v: Array) -> float | None:
    """How far off a clear peak must lie to mean a drifted reference, V, from fresh strips' clear peaks; None: unknown.

    Drinks move a peak themselves (pH, a neighbour's flank): only what none of the calibration's drinks did is drift.
    """
    if len(shifts_v) < SHIFTS_LEAST:
        return None
    furthest = float(np.quantile(np.abs(shifts_v), 0.995))
    return round(max(DRIFT_MOST_V, SHIFT_MARGIN * furthest), 5)
