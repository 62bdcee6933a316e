"""Calibrate and judge what other laboratories would send: shapes, baselines, lots and habits never assumed.

A small fixed sample; the campaign (`make campaign`) takes many more laboratories.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.outside_scans import world
from tests.support.outside_trial import Trial, run, unseen_lots

SEEDS = (6, 12, 24, 35, 102)


@pytest.fixture(scope="module")
def trials(tmp_path_factory: pytest.TempPathFactory) -> list[Trial]:
    return [run(world(seed), tmp_path_factory.mktemp(f"w{seed}"), 60) for seed in SEEDS]


def test_error_rates_and_intervals_hold_over_laboratories(trials: list[Trial]) -> None:
    # 300 tests of each kind: three standard errors of 5 % are 3.8 %.
    assert np.mean([one.false_positives for one in trials]) <= 0.05 + 0.038
    assert np.mean([one.misses for one in trials]) <= 0.05 + 0.038
    assert np.mean([one.coverage for one in trials]) >= 0.95 - 0.02


def test_intervals_hold_for_lots_that_the_calibration_never_saw(tmp_path: Path) -> None:
    one = run(unseen_lots(world(103, lots=3), 0.03, 60), tmp_path, 60)
    assert one.coverage >= 0.93
    assert one.false_positives <= 0.05 + 0.085


def test_garbage_and_saturated_scans_never_read_as_negative(trials: list[Trial]) -> None:
    for one in trials:
        assert "negative" not in one.garbage, (one.world.seed, one.garbage)


@pytest.mark.campaign
def test_two_hundred_laboratories_hold_their_rates(tmp_path: Path) -> None:
    """Standard error over laboratories about 0.3 %: a calibration of few blanks has an error rate of its own."""
    found = []
    for seed in range(200):
        (tmp_path / str(seed)).mkdir()
        found.append(run(world(seed), tmp_path / str(seed), 60))
    assert np.mean([one.false_positives for one in found]) <= 0.06
    assert np.mean([one.misses for one in found]) <= 0.06
    assert np.mean([one.coverage for one in found]) >= 0.94
    assert not [one.world.seed for one in found if "negative" in one.garbage]
