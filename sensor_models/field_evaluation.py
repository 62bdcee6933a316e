"""What a field trial shows: 3 x 2 table plus invalids, rates with intervals; by drug, drink, lot, version, dose."""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sensor_models.detection_limits import probit
from sensor_models.field_chain import missing_records
from sensor_models.field_log import VERDICTS, FieldLog, FieldTest
from sensor_models.proportions import Rate, clopper_pearson, clustered, predictive_values

SCHEMA = "waakzaam.evaluation/2"
PREVALENCES = (0.001, 0.01, 0.05)
LOTS_FOR_CLUSTERS_MIN = 3
BOOTSTRAP_SEED = 20270701
LISTED_MAX = 50
# Fewer tests than this at a venue are told as "<5": so small a number can point at a person (ASSUMED: usual practice).
SMALL_COUNT = 5
PRODUCTS = Path(__file__).parent / "chemistry/products.toml"
ANSWERED = ("positive", "negative")
VALID = ("positive", "negative", "inconclusive")

Tests = Sequence[FieldTest]


def products() -> list[dict[str, Any]]:
    """Published sensitivity and specificity [value, lower, upper] of products on sale, with their source."""
    return list(tomllib.loads(PRODUCTS.read_text(encoding="utf-8"))["product"])


def _counts(tests: Tests) -> dict[str, int]:
    seen = Counter(one.verdict for one in tests)
    return {verdict: seen.get(verdict, 0) for verdict in VERDICTS}


def _by_lot(tests: Tests, word: str, among: tuple[str, ...]) -> list[float] | None:
    lots = sorted({one.lot for one in tests if one.lot})
    if len(lots) < LOTS_FOR_CLUSTERS_MIN:
        return None
    n = np.array([sum(t.lot == lot and t.verdict in among for t in tests) for lot in lots], dtype=float)
    hits = np.array([sum(t.lot == lot and t.verdict == word for t in tests) for lot in lots], dtype=float)
    if not n.sum():
        return None
    return list(clustered(hits, n, BOOTSTRAP_SEED))


def _rate(tests: Tests, word: str, among: tuple[str, ...]) -> dict[str, Any]:
    counts = _counts(tests)
    hits, n = counts[word], sum(counts[one] for one in among)
    out = Rate(hits, n).to_json()
    # What the sample allows one to claim: the rate is at least this (one-sided, 95 %).
    out["at_least_95"] = clopper_pearson(hits, n, 0.90)[0] if n else None
    out["lot_clustered_95"] = _by_lot(tests, word, among)
    return out


def accuracy(tests: Tests) -> dict[str, Any]:
    """Table and rates of the tests whose truth is known; inconclusive counted against the test, and left out."""
    spiked = [one for one in tests if one.truth.spiked is True]
    clean = [one for one in tests if one.truth.spiked is False]
    every = len(spiked) + len(clean)
    definite = sum(one.verdict in ANSWERED for one in spiked + clean)
    out: dict[str, Any] = {
        "table": {"spiked": _counts(spiked), "clean": _counts(clean)},
        "n_spiked": len(spiked),
        "n_clean": len(clean),
        "sensitivity": {
            "inconclusive_counted_as_negative": _rate(spiked, "positive", VALID),
            "inconclusive_excluded": _rate(spiked, "positive", ANSWERED),
        },
        "specificity": {
            "inconclusive_counted_as_positive": _rate(clean, "negative", VALID),
            "inconclusive_excluded": _rate(clean, "negative", ANSWERED),
        },
        "yield": Rate(definite, every).to_json(),
        "invalid": Rate(sum(one.verdict == "invalid" for one in spiked + clean), every).to_json(),
        "right_drug": _right_drug(spiked),
    }
    sensitivity = out["sensitivity"]["inconclusive_counted_as_negative"]["value"]
    specificity = out["specificity"]["inconclusive_excluded"]["value"]
    out["predictive_values"] = []
    if sensitivity is not None and specificity is not None:
        for prevalence in PREVALENCES:
            positive, negative = predictive_values(sensitivity, specificity, prevalence)
            out["predictive_values"].append({"prevalence": prevalence, "ppv": positive, "npv": negative})
    return out


def _named(one: FieldTest) -> set[str]:
    """The drugs that a test called positive."""
    return {str(a.get("analyte", "")).casefold() for a in one.analytes if a.get("verdict") == "positive"}


def _right_drug(spiked: Tests) -> dict[str, Any]:
    """Of the positives that name a drug, how many name one that was in the drink: a positive for another is luck."""
    told = [one for one in spiked if one.verdict == "positive" and one.truth.drugs and _named(one)]
    right = sum(bool(_named(one) & {drug.casefold() for drug in one.truth.drugs}) for one in told)
    return Rate(right, len(told)).to_json()


def _grouped(tests: Tests, of: Callable[[FieldTest], str]) -> dict[str, Any]:
    groups: dict[str, list[FieldTest]] = {}
    for one in tests:
        groups.setdefault(of(one), []).append(one)
    return {name: accuracy(group) for name, group in sorted(groups.items())}


def _by_drug(tests: Tests) -> dict[str, Any]:
    """Each drug's spiked drinks, together with every clean drink (a drug has no clean drinks of its own)."""
    clean = [one for one in tests if one.truth.spiked is False]
    drugs = sorted({drug for one in tests for drug in one.truth.drugs})
    return {drug: accuracy([one for one in tests if drug in one.truth.drugs] + clean) for drug in drugs}


def _by_dose(tests: Tests) -> dict[str, Any]:
    """Share of positives at each stated concentration (mol/L), and C5, C50, C95 by probit where they can be had.

    Drinks with one drug only; inconclusive counts as not positive, invalid is left out (EP12, SCIENCE notes).
    """
    rows: dict[str, dict[float, list[FieldTest]]] = {}
    for one in tests:
        if len(one.truth.molar) == 1 and len(one.truth.drugs) == 1 and one.verdict != "invalid":
            drug, molar = one.truth.molar[0]
            rows.setdefault(drug, {}).setdefault(molar, []).append(one)
    found: dict[str, Any] = {}
    for drug, levels in sorted(rows.items()):
        doses = sorted(levels)
        hits = [sum(one.verdict == "positive" for one in levels[dose]) for dose in doses]
        n = [len(levels[dose]) for dose in doses]
        entry: dict[str, Any] = {
            "levels": [
                {"concentration_mol_l": dose, **Rate(k, of).to_json()}
                for dose, k, of in zip(doses, hits, n, strict=True)
            ],
            "c5_c50_c95_mol_l": None,
            "reason": "",
        }
        try:
            entry["c5_c50_c95_mol_l"] = list(probit(doses, hits, n))
        except ValueError as error:
            entry["reason"] = str(error)
        found[drug] = entry
    return found


def _venues(tests: Tests) -> dict[str, str | int]:
    counts = Counter(one.venue for one in tests if one.venue)
    return {venue: n if n >= SMALL_COUNT else f"<{SMALL_COUNT}" for venue, n in sorted(counts.items())}


def _listed(places: Sequence[str]) -> dict[str, Any]:
    return {"n": len(places), "where": list(places[:LISTED_MAX])}


def evaluate(log: FieldLog) -> dict[str, Any]:
    """The whole evaluation as one JSON document. Records with a wrong signature count in no rate."""
    tests = log.tests
    known = [one for one in tests if one.truth.spiked is not None]
    chain = missing_records([*tests, *log.forged])
    signed = Counter("right" if one.verified else "not checked" for one in tests)
    return {
        "schema": SCHEMA,
        "tests": len(tests),
        "repeats_left_out": log.repeats,
        "lines_left_out": _listed([str(fault) for fault in log.faults]),
        "devices": len({one.device_id for one in tests}),
        "lots": sorted({one.lot for one in tests if one.lot}),
        "venues": _venues(tests),
        "first": min((one.time for one in tests if one.time), default=None),
        "last": max((one.time for one in tests if one.time), default=None),
        "months": dict(sorted(Counter(one.time[:7] for one in tests if len(one.time) >= 7).items())),
        "signatures": {**signed, **({"wrong": len(log.forged)} if log.forged else {})},
        "signature_wrong": _listed([one.where for one in log.forged]),
        "chain": {
            "records_missing_before": _listed(chain["gaps"]),
            "two_after_one": _listed(chain["forks"]),
            "devices_whose_log_begins_later": chain["begins_later"],
            "not_chained": chain["not_chained"],
        },
        "verdicts": _counts(tests),
        "refusals": dict(Counter(one.reason for one in tests if one.verdict == "invalid").most_common(20)),
        "doubts": dict(Counter(one.reason for one in tests if one.verdict == "inconclusive").most_common(20)),
        "feedback": dict(Counter(one.feedback[:120] for one in tests if one.feedback).most_common(20)),
        "with_truth": len(known),
        "accuracy": accuracy(known) if known else None,
        "by_drug": _by_drug(known),
        "by_drink": _grouped(known, lambda one: one.drink or "undeclared"),
        "by_lot": _grouped(known, lambda one: one.lot or "unknown"),
        "by_version": _grouped(known, lambda one: one.version or "unknown"),
        "by_dose": _by_dose(known),
        "products": products(),
    }
