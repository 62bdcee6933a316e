"""Do the decision and detection limits keep the error rates they state? Many calibrations, each with unknowns."""

from __future__ import annotations

import json

import numpy as np

from sensor_models import calibration, detection
from sensor_models.scans import RecordedScan
from waakzaam.benches._detection_scenes import gaussian_scans, strip
from waakzaam.benches.report import Figure

LEVELS = [0.0] * 60 + [c for c in (5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4) for _ in range(10)]


def _unknown(scans: list[RecordedScan]) -> list[RecordedScan]:
    return [
        RecordedScan(s.scan_id, s.lot, s.matrix, "", None, s.potential_v, s.forward_a, s.reverse_a, s.net_a)
        for s in scans
    ]


def figures(seed: int, quick: bool) -> list[Figure]:
    """False positives among blanks, misses at LD, coverage of the intervals, over independent calibrations."""
    rng = np.random.default_rng(seed)
    rounds, each = (4, 250) if quick else (40, 500)
    definition = strip("ketamine", (0.70, 1.00))
    blanks, misses, doubts, covered = [], [], [], []
    for _ in range(rounds):
        made = calibration.calibrate(definition, gaussian_scans(LEVELS, rng), "2100-01-01", {})
        document = json.loads(json.dumps(made.document))
        limit = document["limits"]["ketamine"]["LD"]
        for level in (0.0, limit, 6e-5):
            found = [one.to_json() for one in detection.judge(document, _unknown(gaussian_scans([level] * each, rng)))]
            positive = np.mean([v["verdict"] == "positive" for v in found])
            doubts.append(np.mean([v["verdict"] in ("inconclusive", "invalid") for v in found]))
            inside = [v["ci_low"] <= level and (v["ci_high"] is None or level <= v["ci_high"]) for v in found]
            if level == 0.0:
                blanks.append(positive)
            elif level == limit:
                misses.append(1.0 - positive)
            if level > 0.0:
                covered.append(np.mean(inside))
    total = rounds * each
    spread = {"calibrations": rounds, "between_calibrations_sd": float(np.std(blanks)), "n": total}
    false, missed = 100 * float(np.mean(blanks)), 100 * float(np.mean(misses))
    return [
        Figure("positives among simulated blanks at LC", false, "%", "5 +/- 0.5", abs(false - 5) <= 0.5, spread),
        Figure(
            "misses at LD",
            missed,
            "%",
            "5 +/- 0.7",
            abs(missed - 5) <= 0.7,
            {"between_calibrations_sd": float(np.std(misses)), "n": total},
        ),
        Figure("inconclusive or invalid among these", 100 * float(np.mean(doubts)), "%"),
        Figure("intervals of 95 % that hold the truth (LD and 60 uM)", 100 * float(np.mean(covered)), "%"),
    ]
