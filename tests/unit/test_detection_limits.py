"""Limits by published procedures, against closed forms and simulated error rates; conformal tables; feasibility."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sensor_models import conformal, detection_limits, feasibility, strip_definition
from tests.support.source_tree import ROOT

SEED = 11


def test_known_sigma_gives_currie_factors() -> None:
    found = detection_limits.currie_known(1.0)
    assert (found.decision, found.detection, found.quantification) == pytest.approx((1.645, 3.290, 10.0), abs=1e-3)


def test_decision_limits_from_few_blanks_keep_alpha_over_calibrations() -> None:
    rng = np.random.default_rng(SEED)
    blanks = rng.normal(5.0, 2.0, (4000, 10))
    new = rng.normal(5.0, 2.0, (4000, 5))
    limits = np.array([b.mean() + detection_limits.currie(b.tolist()).decision for b in blanks])
    assert np.mean(new > limits[:, None]) == pytest.approx(0.05, abs=0.006)


def test_iso_11843_2_keeps_alpha_and_beta_over_calibrations() -> None:
    rng = np.random.default_rng(SEED)
    x = np.repeat([0.0, 1.0, 2.0, 4.0, 8.0], 4)
    false, missed = [], []
    # The minimum detectable value of the true process: sigma / slope = 0.25, the design's own root.
    root = math.sqrt(1.0 + 1.0 / len(x) + x.mean() ** 2 / np.sum((x - x.mean()) ** 2))
    t = stats.t.ppf(0.95, len(x) - 2)
    delta = next(d for d in np.arange(2.0, 6.0, 0.01) if stats.nct.cdf(t, len(x) - 2, d) <= 0.05)
    for _ in range(3000):
        y = 1.0 + 2.0 * x + rng.normal(0.0, 0.5, len(x))
        critical, _ = detection_limits.iso_11843_2(x.tolist(), y.tolist())
        slope, intercept = np.polyfit(x, y, 1)
        false.append((1.0 + rng.normal(0.0, 0.5) - intercept) / slope > critical)
        missed.append((1.0 + 2.0 * 0.25 * delta * root + rng.normal(0.0, 0.5) - intercept) / slope <= critical)
    assert np.mean(false) == pytest.approx(0.05, abs=0.015)
    assert np.mean(missed) == pytest.approx(0.05, abs=0.015)


def test_the_limit_of_blank_by_rank_is_the_ranked_blank() -> None:
    blanks = list(range(1, 61))  # B = 60: rank 57.5
    assert detection_limits.limit_of_blank(blanks, parametric=False) == pytest.approx(57.5)


def test_two_lots_give_the_larger_limits_and_four_are_pooled() -> None:
    rng = np.random.default_rng(SEED)
    low, high = rng.normal(0, 1, 60), rng.normal(3, 1, 60)
    samples = [rng.normal(6, 1, 15).tolist() for _ in range(4)]
    two, _ = detection_limits.over_lots({"a": low.tolist(), "b": high.tolist()}, {"a": samples, "b": samples})
    assert two == detection_limits.limit_of_blank(high.tolist())
    four, _ = detection_limits.over_lots({str(k): low.tolist() for k in range(4)}, {"0": samples})
    assert four == detection_limits.limit_of_blank(np.tile(low, 4).tolist())


def test_probit_finds_the_concentrations_it_was_made_from() -> None:
    c = np.geomspace(1, 100, 15)
    total = np.full(15, 100_000)
    share = stats.norm.cdf((np.log(c) - math.log(10.0)) / 0.5)
    found = detection_limits.probit(c.tolist(), np.round(share * total).astype(int).tolist(), total.tolist())
    expected = [10.0 * math.exp(0.5 * z) for z in (-1.6449, 0.0, 1.6449)]
    assert found == pytest.approx(expected, rel=2e-3)


def test_a_conformal_threshold_needs_enough_scores_and_is_the_right_one() -> None:
    assert conformal.threshold(list(range(98)), 0.01) is None
    assert conformal.threshold(list(range(99)), 0.01) == 98
    assert conformal.threshold(list(range(1, 20)), 0.05) == 19


def test_conformal_cells_cover_new_tests_as_promised() -> None:
    rng = np.random.default_rng(SEED)
    held = []
    for _ in range(300):
        cell = conformal.cell("k", "beer", rng.normal(0, 1, 60).tolist(), rng.normal(8, 2, 60).tolist(), 0.05)
        held += [cell.covers(v, False) for v in rng.normal(0, 1, 20)] + [
            cell.covers(v, True) for v in rng.normal(8, 2, 20)
        ]
        assert cell.decide(-9.0) == "negative"
        assert cell.decide(20.0) == "positive"
    assert np.mean(held) >= 0.945
    low, high = conformal.coverage_bounds(60, 0.05)
    assert low < 0.95 < high


def test_a_front_end_that_cannot_reach_the_peak_makes_a_drug_not_testable() -> None:
    strip = strip_definition.load(ROOT / "sensor_models/strips/ketamine_screen.toml")
    assert all(one.testable for one in feasibility.check(strip, feasibility.AD5941))
    (found,) = feasibility.check(strip, feasibility.LMP91000)
    assert not found.testable
    assert any("0.79 V" in reason for reason in found.reasons)


def test_a_detection_limit_above_the_dose_makes_a_drug_not_testable() -> None:
    strip = strip_definition.load(ROOT / "sensor_models/strips/scopolamine_screen.toml")
    (found,) = feasibility.check(strip, limits_mol_l={"scopolamine": 1e-4})
    assert not found.testable
    assert "above the dose" in found.reasons[0]


def test_there_are_at_least_24_drinks_and_every_drug_has_a_dose_with_its_source() -> None:
    assert len(feasibility.drinks()) >= 24
    for drug in feasibility.drugs().values():
        assert drug["dose_mg"][0] < drug["dose_mg"][1]
        assert "assumed" in drug
