"""Peaks about the detection limit: how they read against a closed form, and what scatter is learned from few scans."""

from __future__ import annotations

import numpy as np
import pytest

from sensor_models import low_peaks, model_building, response_curve
from sensor_models.scans import RecordedScan

SEED = 20
POTENTIAL_V = np.arange(-0.35, 0.35, 0.004)
HALF_WIDTH_V = 0.045
SHIFT_SD_V = 0.012


def one_peak_model() -> dict[str, object]:
    """A Gaussian of known place and width but for its shift, on a straight baseline; noise 1 A a point."""
    u = np.linspace(-0.25, 0.25, 101)
    peak = {"role": "analyte", "potential_v": 0.0, "shape": 0, "width": 1.0, "shift_sd_v": SHIFT_SD_V, "width_sd": 1e-6}
    return {
        "sigma_a": 1.0,
        "sign": 1,
        "degree": 1,
        "window_v": [-0.34, 0.34],
        "shapes": [{"step_v": 0.005, "values": np.exp(-0.5 * (u / HALF_WIDTH_V) ** 2).tolist()}],
        "peaks": [peak],
    }


def blanks(rng: np.random.Generator, count: int) -> list[RecordedScan]:
    return [
        RecordedScan(f"b{n}", "", "", "", 0.0, POTENTIAL_V, None, None, rng.standard_normal(len(POTENTIAL_V)))
        for n in range(count)
    ]


def test_a_small_peak_reads_higher_than_it_is_by_what_second_order_theory_says() -> None:
    """y = A s(E - d) + noise, d found with a prior: E(A^) / A - 1 = c / (K + 1) (1 - (K + t^2) / (2 (K + 1))).

    c = D / g with g = s's, D = s''s' (by d in its prior's units, both without the baseline), K = A^2 D, t = the true
    scatter in the prior's units; from the expansion of the profile likelihood about the true place.
    """
    rng = np.random.default_rng(SEED)
    model, scans = one_peak_model(), blanks(rng, 240)
    fits, _, _, potential = model_building.fit_scans(model, scans)[0]
    u = potential / HALF_WIDTH_V
    basis = np.linalg.qr(np.vander(potential, 2))[0]
    value = np.exp(-0.5 * u * u)
    slope = u * value / HALF_WIDTH_V * SHIFT_SD_V
    g, d = (float(np.sum((one - basis @ (basis.T @ one)) ** 2)) for one in (value, slope))
    noise = float(np.median(fits.height_sd))
    entry = {
        "peak": 0,
        "noise_a": noise,
        "height_sd": noise,
        "leak": 0.0,
        "misfit": 0.0,
        "residual_mean_square": 1.0,
        "excess_noisy": 2.0,
    }
    found = low_peaks.added_to_blanks(model, entry, scans)
    assert found.height[0] == found.excess[0] == 0.0
    scatter2 = low_peaks.PRIOR_OF_SCATTER**-2
    for height, excess in zip(found.height[1:], found.excess[1:], strict=True):
        k = (height * noise) ** 2 * d
        expected = height * d / g / (k + 1.0) * (1.0 - 0.5 * (k + scatter2) / (k + 1.0))
        assert expected > 0.0
        assert excess == pytest.approx(expected, abs=0.25 * expected + 0.01), (SEED, height)
    assert found.scatter == pytest.approx([1.0] * len(found.scatter), abs=0.06)


def test_the_scatter_of_strips_is_learned_without_bias_from_few_scans_of_many_lots_and_drinks() -> None:
    """24 spiked scans over 4 lots, 4 drinks and 6 levels, half of which stand within the noise."""
    rng = np.random.default_rng(SEED)
    levels = np.repeat([0.0, 0.01, 0.02, 0.05, 0.3, 0.6, 1.0], [20, 4, 4, 4, 4, 4, 4])
    lots = tuple(f"L{k % 4}" for k in range(len(levels)))
    spread, noise, rounds = 0.03, 0.01, 40
    found = []
    for _ in range(rounds):
        drinks = tuple(f"d{k}" for k in rng.integers(4, size=len(levels)))
        gains = {name: 1.0 + 0.04 * rng.standard_normal() for name in sorted({*lots, *drinks})}
        gain = np.array([gains[lot] * gains[drink] for lot, drink in zip(lots, drinks, strict=True)])
        strip = 1.0 + spread * rng.standard_normal(len(levels))
        signal = levels * gain * strip + noise * rng.standard_normal(len(levels))
        data = response_curve.CurveData(levels, signal, lots, drinks, np.ones(len(levels)), np.zeros(len(levels)))
        found.append(response_curve.fit_curve("k", "linear", data).variance)
    square = np.array([one.spread**2 for one in found])
    # The mean of this many variances has a standard error of an eighth; counting parameters finds half of the truth.
    assert 0.65 <= np.mean(square) / spread**2 <= 1.4, SEED
    stated = float(np.median([one.spread_degrees for one in found]))
    shown = 2.0 * float(np.mean(square)) ** 2 / float(np.var(square))
    assert 0.4 <= stated / shown <= 2.5, (SEED, stated, shown)
