"""The colour panel: drinks x GHB and GBL x temperature x lots, beside a clean pour; and what pH alone does."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from firmware.detection.colour import evaluate_colour
from sensor_models import colour_calibration, colour_strip
from sensor_models.colour_scans import Reading, RecordedColourTest
from sensor_models.proportions import clopper_pearson, clustered
from simulators.strip.chemistry import drinks
from simulators.strip.colour_readings import (
    CHANNELS,
    ColourCase,
    ColourTest,
    PadReading,
    calibration_tests,
    colour_cases,
    simulate_colour_test,
)
from simulators.strip.panel import TEMPERATURES_C
from waakzaam.benches.report import Figure, at_least, at_most
from waakzaam.machine import ROOT

STRIP = ROOT / "sensor_models/strips/ghb_gbl_colour.toml"
BASES_MOL_L = (-0.05, -0.01, 0.003, 0.01, 0.03, 0.06, 0.12)


def _readings(found: tuple[PadReading, ...]) -> list[Reading]:
    return [
        Reading(
            one.pad,
            one.time_s,
            {c: float(v) for c, v in zip(CHANNELS, one.lit, strict=True)},
            {c: float(v) for c, v in zip(CHANNELS, one.unlit, strict=True)},
            one.saturated,
        )
        for one in found
    ]


def recorded(test: ColourTest, *, known: bool) -> RecordedColourTest:
    """A simulated test as a recorded one; `known` with its content."""
    analyte, amount = next(iter(test.spikes_mol_l.items()), ("", 0.0))
    return RecordedColourTest(
        scan_id=test.test_id,
        lot=test.lot,
        matrix=test.matrix,
        analyte=analyte if known else "",
        concentration_mol_l=amount if known else None,
        temperature_c=test.temperature_c,
        readings=_readings(test.readings),
        clean=None if test.clean_pour is None else _readings(test.clean_pour),
    )


@dataclass(frozen=True)
class Outcome:
    """One test: what was in it and what was said."""

    drug: str
    group: str
    lot: str
    spiked: bool
    verdict: str
    reason: str


def calibrated(seed: int, quick: bool) -> dict[str, Any]:
    """A calibration of the colour strip over all drinks, 4 to 30 degC and three lots, as a device reads it."""
    tests = [recorded(one, known=True) for one in calibration_tests(seed=seed, tests=192 if quick else 384)]
    made = colour_calibration.calibrate(colour_strip.load(STRIP), tests, "2100-01-01", {})
    return dict(json.loads(json.dumps(made.document)))


def _said(calibration: dict[str, Any], test: RecordedColourTest, drug: str) -> tuple[str, str]:
    entries = [entry for entry in calibration["analytes"] if entry["name"] == drug]
    verdict = evaluate_colour({**calibration, "analytes": entries}, *test.for_detector(calibration["channels"]))
    return verdict.verdict, verdict.reason


def outcomes(calibration: dict[str, Any], cases: Iterable[ColourCase], paired: bool) -> list[Outcome]:
    """What is said of every case, with or without the clean pour beside it."""
    found = []
    for case in cases:
        verdict, reason = _said(calibration, recorded(case.test(paired=paired), known=False), case.drug)
        group = drinks()[case.matrix].group
        found.append(Outcome(case.drug, group, case.lot, case.amount_mol_l > 0.0, verdict, reason))
    return found


def _share(found: list[Outcome], word: str) -> dict[str, Any]:
    """Share of answered tests that say `word`, with an exact and a lot-clustered interval."""
    answered = [one for one in found if one.verdict in ("positive", "negative")]
    hits = sum(one.verdict == word for one in answered)
    lots = sorted({one.lot for one in answered})
    n = np.array([sum(one.lot == lot for one in answered) for lot in lots], dtype=float)
    right = np.array([sum(one.lot == lot and one.verdict == word for one in answered) for lot in lots], dtype=float)
    return {
        "percent": 100 * hits / len(answered) if answered else None,
        "n": len(answered),
        "of": len(found),
        "exact_95": [100 * v for v in clopper_pearson(hits, len(answered))] if answered else None,
        "lot_clustered_95": [100 * v for v in clustered(right, n, 1)] if answered else None,
    }


def _summary(found: list[Outcome]) -> dict[str, Any]:
    return {
        "sensitivity": _share([one for one in found if one.spiked], "positive"),
        "specificity": _share([one for one in found if not one.spiked], "negative"),
        "no_answer": 100 * float(np.mean([one.verdict in ("inconclusive", "invalid") for one in found])),
        "dose_called_negative": sum(one.spiked and one.verdict == "negative" for one in found),
        "reasons_without_answer": dict(
            Counter(one.reason.split(":")[0] for one in found if one.verdict in ("inconclusive", "invalid"))
        ),
    }


def _by(found: list[Outcome], key: str) -> dict[str, Any]:
    names = sorted({getattr(one, key) for one in found})
    return {name: _summary([one for one in found if getattr(one, key) == name]) for name in names}


def _by_ph_alone(calibration: dict[str, Any], seed: int, quick: bool) -> Figure:
    """Drinks to which nothing but acid or base was added, beside a clean pour and without one."""
    said: Counter[str] = Counter()
    wrong = []
    grid = list(itertools.product(drinks(), BASES_MOL_L, ("GHB", "GBL"), (True, False)))
    for n, (matrix, base, drug, paired) in enumerate(grid[:: 6 if quick else 1]):
        test = simulate_colour_test(
            matrix,
            {},
            seed=f"pH {seed} {n}",
            paired=paired,
            base_mol_l=base,
            lot=f"C{n % 3 + 1}",
            temperature_c=TEMPERATURES_C[n % len(TEMPERATURES_C)],
        )
        verdict, _ = _said(calibration, recorded(test, known=False), drug)
        said[verdict] += 1
        if verdict == "positive":
            wrong.append(f"{drug} in {matrix}, {base:g} mol/L base, {'paired' if paired else 'alone'}")
    paired_wrong = [text for text in wrong if text.endswith("paired")]
    return at_most(
        "colour: positives by pH alone, beside a clean pour",
        len(paired_wrong),
        0,
        "tests",
        n=said.total(),
        said=dict(said),
        where=paired_wrong,
        without_a_clean_pour=[text for text in wrong if text.endswith("alone")],
    )


def figures(seed: int, quick: bool) -> list[Figure]:
    """Sensitivity, specificity and share without an answer of the colour pads, and positives by pH alone."""
    calibration = calibrated(seed, quick)
    cases = list(colour_cases(seed=seed, repeats=1 if quick else 2))
    cases = cases[:240] if quick else cases
    beside = outcomes(calibration, cases, True)
    whole = _summary(beside)
    detail = {
        "tests": len(beside),
        "by_drug": _by(beside, "drug"),
        "by_drink_group": _by(beside, "group"),
        "limits_mol_l": calibration["limits"],
    }
    alone = _summary(outcomes(calibration, cases[: len(cases) // 2], False))
    return [
        at_least("colour panel: sensitivity (answered tests)", whole["sensitivity"]["percent"] or 0.0, 99.0, "%",
                 **whole["sensitivity"]),
        at_least("colour panel: specificity (answered tests)", whole["specificity"]["percent"] or 0.0, 99.5, "%",
                 **whole["specificity"]),
        at_most("colour panel: inconclusive and invalid", whole["no_answer"], 5.0, "%", **detail),
        Figure("colour panel without a clean pour: specificity (answered tests)", alone["specificity"]["percent"], "%",
               detail=alone),
        _by_ph_alone(calibration, seed, quick),
    ]  # fmt: skip
