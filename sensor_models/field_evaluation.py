"""What a field trial shows: 3 x 2 table plus invalids, rates both ways, predictive values, by drug, by drink."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from sensor_models.field_log import VERDICTS, FieldTest
from sensor_models.proportions import Rate, clustered, predictive_values

SCHEMA = "waakzaam.evaluation/1"
PREVALENCES = (0.001, 0.01, 0.05)
LOTS_FOR_CLUSTERS_MIN = 3
BOOTSTRAP_SEED = 20270701


def _counts(tests: list[FieldTest]) -> dict[str, int]:
    seen = Counter(one.verdict for one in tests)
    return {verdict: seen.get(verdict, 0) for verdict in VERDICTS}


def _by_lot(tests: list[FieldTest], word: str, among: tuple[str, ...]) -> list[float] | None:
    lots = sorted({one.lot for one in tests if one.lot})
    if len(lots) < LOTS_FOR_CLUSTERS_MIN:
        return None
    n = np.array([sum(t.lot == lot and t.verdict in among for t in tests) for lot in lots], dtype=float)
    hits = np.array([sum(t.lot == lot and t.verdict == word for t in tests) for lot in lots], dtype=float)
    if not n.sum():
        return None
    return list(clustered(hits, n, BOOTSTRAP_SEED))


def _rate(tests: list[FieldTest], word: str, among: tuple[str, ...]) -> dict[str, Any]:
    counts = _counts(tests)
    out = Rate(counts[word], sum(counts[one] for one in among)).to_json()
    out["lot_clustered_95"] = _by_lot(tests, word, among)
    return out


def accuracy(tests: list[FieldTest]) -> dict[str, Any]:
    """Table and rates of the tests whose truth is known; inconclusive counted against the test, and left out."""
    spiked = [one for one in tests if one.truth.spiked is True]
    clean = [one for one in tests if one.truth.spiked is False]
    answered = ("positive", "negative")
    valid = ("positive", "negative", "inconclusive")
    every = len(spiked) + len(clean)
    definite = sum(one.verdict in answered for one in spiked + clean)
    out: dict[str, Any] = {
        "table": {"spiked": _counts(spiked), "clean": _counts(clean)},
        "n_spiked": len(spiked),
        "n_clean": len(clean),
        "sensitivity": {
            "inconclusive_counted_as_negative": _rate(spiked, "positive", valid),
            "inconclusive_excluded": _rate(spiked, "positive", answered),
        },
        "specificity": {
            "inconclusive_counted_as_positive": _rate(clean, "negative", valid),
            "inconclusive_excluded": _rate(clean, "negative", answered),
        },
        "yield": Rate(definite, every).to_json(),
        "invalid": Rate(sum(one.verdict == "invalid" for one in spiked + clean), every).to_json(),
    }
    sensitivity = out["sensitivity"]["inconclusive_counted_as_negative"]["value"]
    specificity = out["specificity"]["inconclusive_excluded"]["value"]
    out["predictive_values"] = []
    if sensitivity is not None and specificity is not None:
        for prevalence in PREVALENCES:
            positive, negative = predictive_values(sensitivity, specificity, prevalence)
            out["predictive_values"].append({"prevalence": prevalence, "ppv": positive, "npv": negative})
    return out


def _grouped(tests: list[FieldTest], names: dict[str, list[FieldTest]]) -> dict[str, Any]:
    return {name: accuracy(group) for name, group in sorted(names.items())}


def _drug_groups(tests: list[FieldTest]) -> dict[str, list[FieldTest]]:
    """Each drug's spiked drinks, together with every clean drink (a drug has no clean drinks of its own)."""
    clean = [one for one in tests if one.truth.spiked is False]
    drugs = sorted({drug for one in tests for drug in one.truth.drugs})
    return {drug: [one for one in tests if drug in one.truth.drugs] + clean for drug in drugs}


def evaluate(tests: list[FieldTest], repeats: int) -> dict[str, Any]:
    """The whole evaluation as one JSON document."""
    known = [one for one in tests if one.truth.spiked is not None]
    drinks: dict[str, list[FieldTest]] = {}
    for one in known:
        drinks.setdefault(one.drink or "undeclared", []).append(one)
    signatures = Counter({True: "right", False: "wrong", None: "not checked"}[one.verified] for one in tests)
    return {
        "schema": SCHEMA,
        "tests": len(tests),
        "repeats_left_out": repeats,
        "devices": len({one.device_id for one in tests}),
        "lots": sorted({one.lot for one in tests if one.lot}),
        "venues": dict(sorted(Counter(one.venue for one in tests if one.venue).items())),
        "first": min((one.time for one in tests if one.time), default=None),
        "last": max((one.time for one in tests if one.time), default=None),
        "signatures": dict(signatures),
        "verdicts": _counts(tests),
        "refusals": dict(Counter(one.reason for one in tests if one.verdict == "invalid").most_common(20)),
        "doubts": dict(Counter(one.reason for one in tests if one.verdict == "inconclusive").most_common(20)),
        "with_truth": len(known),
        "accuracy": accuracy(known) if known else None,
        "by_drug": _grouped(known, _drug_groups(known)),
        "by_drink": _grouped(known, drinks),
    }
