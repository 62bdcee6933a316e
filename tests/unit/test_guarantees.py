"""Decision tables by drug and drink group decide; unknown drinks, expired files and too few tests get no verdict."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import numpy as np
import pytest

from firmware.detection import evaluate, guarantee
from sensor_models import calibration, detection, guarantees, model_building, strip_definition
from sensor_models.scans import RecordedScan
from tests.support.written_scans import STRIP_TOML, Formula

SEED = 5
DOSE = 1e-4


def _scans(drinks: dict[str, int], amounts: tuple[float, ...], seed: int, known: bool = True) -> list[RecordedScan]:
    """`drinks`: scans of each amount in each drink."""
    rng = np.random.default_rng(seed)
    formula = Formula()
    return [
        RecordedScan(
            f"{drink}-{amount:g}-{n}",
            "A",
            drink,
            "ketamine",
            amount if known else None,
            formula.potential_v,
            None,
            None,
            formula.net_a(amount, "A", rng),
        )
        for drink, count in drinks.items()
        for amount in amounts
        for n in range(count)
    ]


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    strip = strip_definition.parse(tomllib.loads(STRIP_TOML + f"dose_mol_l = {DOSE}\n"), "strip.toml")
    learned = _scans({"lager": 44, "cola": 44, "kvass": 8}, (0.0, 0.8 * DOSE), SEED)
    learned += _scans({"lager": 8}, (0.1 * DOSE, 0.4 * DOSE, 2.0 * DOSE), SEED + 1)
    made = calibration.calibrate(strip, learned, "2030-01-01", {})
    return dict(json.loads(json.dumps(made.document)))


def _said(document: dict[str, Any], drink: str, amount: float, today: str = "") -> tuple[str, str]:
    (one,) = detection.judge(document, _scans({drink: 1}, (amount,), 77, known=False), today)
    return one.verdict.verdict, one.verdict.reason


def test_the_file_states_every_cell_with_numbers_coverage_and_expiry(document: dict[str, Any]) -> None:
    table = document["guarantees"]
    assert table["expiry"] == "2030-01-01"
    cells = {cell["group"]: cell for cell in table["cells"]}
    assert set(cells) == {"beer", "soda", "kvass", ""}
    assert (cells["beer"]["n_clean"], cells["beer"]["n_spiked"], cells["beer"]["coverage"]) == (22, 22, 0.95)
    assert cells["kvass"]["clean_most"] is None


def test_known_drinks_get_answers_and_an_unknown_one_none(document: dict[str, Any]) -> None:
    assert _said(document, "lager", 0.0)[0] == "negative"
    assert _said(document, "lager", DOSE)[0] == "positive"
    for amount in (0.0, DOSE):
        verdict, reason = _said(document, "milk", amount)
        assert verdict == "inconclusive"
        assert "not made with milk" in reason
        assert "calibrate with clean and spiked scans of milk" in reason


def _norketamine(scans: list[RecordedScan], kept: bool) -> list[RecordedScan]:
    """The same scans as those of a drug that shares the peak; `kept` with its amount."""
    return [
        RecordedScan(
            "n" + s.scan_id, s.lot, s.matrix, "norketamine", DOSE if kept else None, s.potential_v, None, None, s.net_a
        )
        for s in scans
    ]


def test_a_drug_that_shares_the_peak_is_held_by_the_table_as_well() -> None:
    """It gives half the current: promised for by the analyte's scans alone, its doses would read as clean drinks."""
    toml = STRIP_TOML + f'dose_mol_l = {DOSE}\nalso = ["norketamine"]\n'
    strip = strip_definition.parse(tomllib.loads(toml), "strip.toml")
    own = _scans({"lager": 44}, (0.0, DOSE), SEED) + _scans({"lager": 8}, (0.1 * DOSE, 0.4 * DOSE), SEED + 1)
    weak = _norketamine(_scans({"lager": 44}, (0.5 * DOSE,), SEED + 2), kept=True)
    alone = calibration.calibrate(strip, own, "2030-01-01", {}).document
    both = calibration.calibrate(strip, own + weak, "2030-01-01", {}).document
    assert {cell["drug"] for cell in alone["guarantees"]["cells"]} == {"ketamine"}
    cells = {cell["drug"]: cell for cell in both["guarantees"]["cells"] if cell["group"] == "beer"}
    assert cells["norketamine"]["spiked_least"] < 0.7 * cells["ketamine"]["spiked_least"]
    assert cells["norketamine"]["n_spiked"] == 22
    (entry,) = both["analytes"]
    assert entry["guarantee"]["cells"]["beer"][3] == pytest.approx(cells["norketamine"]["spiked_least"], rel=1e-5)
    assert alone["analytes"][0]["guarantee"]["cells"]["beer"][3] > 1.4 * entry["guarantee"]["cells"]["beer"][3]


def test_a_test_that_gets_no_answer_anyway_says_nothing_about_the_table(document: dict[str, Any]) -> None:
    """One fit that never came to rest would make a whole group's clean drinks doubtful."""
    (entry,) = document["analytes"]
    (scan,) = _scans({"lager": 1}, (DOSE,), 5)
    ((fits, row, degrees, _),) = model_building.fit_scans(document["model"], [scan])
    fit = fits.one(row, degrees)
    assert guarantees.answered(document["model"], entry, fit, "A", "lager")
    assert guarantees.answered(document["model"], {**entry, "guarantee": {"cells": {}}}, fit, "A", "lager")
    fit.mean_square, fit.roughness = 1e3, 0.1
    assert not guarantees.answered(document["model"], entry, fit, "A", "lager")


@pytest.mark.parametrize("made_in", ["", "buffer"])
def test_the_smallest_strip_file_judges_its_own_matrix_and_undeclared_scans(made_in: str) -> None:
    """Without a drink in the calibration's scans there is no domain to be outside of; with one, others are outside."""
    strip = strip_definition.parse(tomllib.loads(STRIP_TOML), "strip.toml")
    learned = _scans({made_in: 30}, (0.0,), SEED) + _scans({made_in: 10}, (0.3 * DOSE, DOSE, 2 * DOSE), SEED + 1)
    made = dict(json.loads(json.dumps(calibration.calibrate(strip, learned, "2030-01-01", {}).document)))
    for drink in ("", made_in):
        assert [_said(made, drink, amount)[0] for amount in (0.0, DOSE)] == ["negative", "positive"]
    answers = [_said(made, "beer", amount) for amount in (0.0, DOSE)]
    if made_in:
        assert all(word == "inconclusive" and "of beer" in reason for word, reason in answers)
    else:
        assert [word for word, _ in answers] == ["negative", "positive"]


def test_every_drink_is_both_fitted_and_kept_apart_in_whatever_order_the_scans_come() -> None:
    """Drinks that come in turn: every second scan would be every second drink."""
    strip = strip_definition.parse(tomllib.loads(STRIP_TOML + f"dose_mol_l = {DOSE}\n"), "strip.toml")
    pair = [_scans({drink: 40}, (0.0, DOSE), SEED) for drink in ("lager", "tripel")]
    scans = [one for both in zip(*pair, strict=True) for one in both]
    kept = set(guarantees.kept_apart(strip, scans))
    for drink in ("lager", "tripel"):
        for amount in (0.0, DOSE):
            of_these = [n for n, s in enumerate(scans) if (s.matrix, s.concentration_mol_l) == (drink, amount)]
            assert len(kept & set(of_these)) == len(of_these) / 2


def test_an_undeclared_drink_is_held_to_what_all_drinks_together_show(document: dict[str, Any]) -> None:
    assert _said(document, "", 0.0)[0] == "negative"
    assert _said(document, "", DOSE)[0] == "positive"


def test_too_few_tests_of_a_group_promise_nothing(document: dict[str, Any]) -> None:
    verdict, reason = _said(document, "kvass", DOSE)
    assert verdict == "inconclusive"
    assert "4 clean and 4 spiked tests of kvass are too few to promise 95 %" in reason


def test_an_expired_calibration_never_gives_a_verdict(document: dict[str, Any]) -> None:
    assert _said(document, "lager", 0.0, "2030-01-01")[0] == "negative"
    for amount in (0.0, DOSE):
        verdict, reason = _said(document, "lager", amount, "2030-01-02")
        assert verdict == "invalid"
        assert "expired on 2030-01-01" in reason
    (scan,) = _scans({"lager": 1}, (0.0,), 3, known=False)
    assert evaluate(document, scan.for_detector(), "2030-02-01").verdict == "invalid"


@pytest.mark.parametrize(
    ("verdict", "statistic", "word"),
    [
        ("positive", 1.9, "without ketamine can look like this"),
        ("positive", 2.1, None),
        ("negative", 9.1, "with a dose of ketamine can look like this"),
        ("negative", 8.9, None),
    ],
)
def test_an_answer_that_the_table_does_not_bear_out_is_doubted(verdict: str, statistic: float, word: str) -> None:
    entry = {
        "name": "ketamine",
        "drinks": {"lager": "beer"},
        "guarantee": {"coverage": 0.95, "n_least": 19, "cells": {"beer": [30, 30, 2.0, 9.0]}},
    }
    found = guarantee.doubt(entry, verdict, statistic, "lager")
    assert (found is None) if word is None else (word in found)


def test_the_published_procedures_are_in_the_file(document: dict[str, Any]) -> None:
    """All of them see the same blanks and slope: their detection limits lie within a factor of three."""
    found = document["limits"]["ketamine"]["procedures"]
    detection_limits = [
        found["currie"]["LD"],
        found["iso_11843_2"]["minimum_detectable"],
        found["iso_11843_5"]["minimum_detectable"],
        found["ep17_a2"]["parametric"]["LoD"],
        found["ep17_a2"]["rank"]["LoD"],
    ]
    assert max(detection_limits) < 3 * min(detection_limits)
    assert set(found["probit"]) == {"C5", "C50", "C95", "reason"}
