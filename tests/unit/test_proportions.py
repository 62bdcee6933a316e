"""Intervals of proportions against published values."""

from __future__ import annotations

import pytest

from sensor_models.proportions import clopper_pearson, predictive_values, trials_without_a_miss, wilson


@pytest.mark.parametrize(
    ("hits", "n", "exact", "score"),
    [
        (60, 60, (0.9404, 1.0), (0.9398, 1.0)),
        (95, 100, (0.8872, 0.9836), (0.8882, 0.9785)),
        (0, 20, (0.0, 0.1684), (0.0, 0.1611)),
        (1, 10, (0.0025, 0.4450), (0.0179, 0.4042)),
    ],
)
def test_intervals_reproduce_published_values(
    hits: int, n: int, exact: tuple[float, float], score: tuple[float, float]
) -> None:
    assert clopper_pearson(hits, n) == pytest.approx(exact, abs=5e-5)
    assert wilson(hits, n) == pytest.approx(score, abs=5e-5)


def test_trials_without_a_miss_and_predictive_values_reproduce_published_values() -> None:
    assert [trials_without_a_miss(rate) for rate in (0.90, 0.95, 0.99)] == [29, 59, 299]
    assert predictive_values(0.95, 0.99, 0.001)[0] == pytest.approx(0.087, abs=5e-4)
    assert predictive_values(0.95, 0.99, 0.01)[0] == pytest.approx(0.49, abs=5e-3)
