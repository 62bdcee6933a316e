"""A fixed sample of the approach scenarios on perturbed real tracks that `waakzaam bench gateway` runs by thousands."""

from __future__ import annotations

import numpy as np
import pytest

from waakzaam.benches import _approaches, _decisions

SEEDS = range(7_000, 7_060)


def test_no_breach_of_30_s_that_a_fix_shows_is_missed_and_none_is_told_late() -> None:
    outcomes = [_decisions.approach(seed) for seed in SEEDS]
    late = [fixes for one in outcomes for fixes in one.late_fixes]
    assert [seed for seed, one in zip(SEEDS, outcomes, strict=True) if one.missed] == []
    assert len(late) > 30
    assert np.median(late) <= 1
    assert max(late) <= 6
    assert sum(one.without_cause for one in outcomes) <= 0.1 * sum(one.raised for one in outcomes)


def test_the_judge_of_scenarios_sees_a_breach_that_nobody_tells() -> None:
    inside = np.where((np.arange(600) > 100) & (np.arange(600) < 200), 100.0, 900.0)
    assert _approaches.true_breaches(inside, 500.0) == [(101, 199)]
    assert _approaches.true_breaches(np.where(np.arange(600) < 20, 100.0, 900.0), 500.0) == []


@pytest.mark.campaign
def test_ten_thousand_approaches() -> None:
    figures = _decisions.approaches(1, 10_000)
    assert all(figure.met is not False for figure in figures), figures
