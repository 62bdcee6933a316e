"""Do the decision and detection limits keep the error rates they state? Many calibrations, each with unknowns."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from sensor_models import calibration, detection
from sensor_models.scans import RecordedScan
from waakzaam.benches._detection_scenes import gaussian_scans, strip
from waakzaam.benches.report import Figure

PROCESSES = 2
LEVELS = [0.0] * 60 + [c for c in (5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4) for _ in range(10)]


def _unknown(scans: list[RecordedScan]) -> list[RecordedScan]:
    return [
        RecordedScan(s.scan_id, s.lot, s.matrix, "", None, s.potential_v, s.forward_a, s.reverse_a, s.net_a)
        for s in scans
    ]


def _one_calibration(job: tuple[int, int, int]) -> tuple[float, float, float, float]:
    """(positives among blanks, misses at LD, share without an answer, share of intervals that hold) of one round."""
    seed, number, each = job
    rng = np.random.default_rng((seed, number))
    made = calibration.calibrate(strip("ketamine", (0.70, 1.00)), gaussian_scans(LEVELS, rng), "2100-01-01", {})
    document = json.loads(json.dumps(made.document))
    limit = document["limits"]["ketamine"]["LD"]
    blanks = misses = 0.0
    doubts, covered = [], []
    for level, count in ((0.0, each), (limit, each), (6e-5, each // 5)):
        found = [one.to_json() for one in detection.judge(document, _unknown(gaussian_scans([level] * count, rng)))]
        positive = float(np.mean([v["verdict"] == "positive" for v in found]))
        doubts.append(np.mean([v["verdict"] in ("inconclusive", "invalid") for v in found]))
        if level == 0.0:
            blanks = positive
            continue
        if level == limit:
            misses = 1.0 - positive
        covered.append(
            np.mean([v["ci_low"] <= level and (v["ci_high"] is None or level <= v["ci_high"]) for v in found])
        )
    return blanks, misses, float(np.mean(doubts)), float(np.mean(covered))


def figures(seed: int, quick: bool) -> list[Figure]:
    """False positives among blanks, misses at LD, coverage of the intervals, over independent calibrations.

    Many calibrations rather than many blanks of few: each one's own error rate varies by some 2 % about alpha.
    """
    rounds, each = (4, 250) if quick else (80, 250)
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        rows = np.array(list(pool.map(_one_calibration, [(seed, n, each) for n in range(rounds)])))
    total = rounds * each
    false, missed, doubts, covered = (100 * float(v) for v in rows.mean(axis=0))
    spread = 100 * rows.std(axis=0, ddof=1)
    detail = {"calibrations": rounds, "n": total}
    return [
        Figure(
            "positives among simulated blanks at LC",
            false,
            "%",
            "5 +/- 0.5",
            abs(false - 5) <= 0.5,
            {**detail, "between_calibrations_sd": float(spread[0])},
        ),
        Figure(
            "misses at LD",
            missed,
            "%",
            "5 +/- 0.7",
            abs(missed - 5) <= 0.7,
            {**detail, "between_calibrations_sd": float(spread[1])},
        ),
        Figure("inconclusive or invalid among these", doubts, "%"),
        Figure("intervals of 95 % that hold the truth (LD and 60 uM)", covered, "%"),
    ]
