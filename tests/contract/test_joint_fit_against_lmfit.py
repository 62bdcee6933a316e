"""The joint fit against lmfit on the same model, and a fitted baseline against pybaselines."""

from __future__ import annotations

import numpy as np
import pytest

from sensor_models import model_building
from sensor_models.batch_fit import fit_batch
from sensor_models.scans import cut_scan
from waakzaam.benches._detection_fits import _lmfit_heights
from waakzaam.benches._detection_scenes import gaussian_scans, strip

SEED = 3


@pytest.fixture(scope="module")
def model() -> dict[str, object]:
    rng = np.random.default_rng(SEED)
    levels = [0.0] * 30 + [c for c in (2e-5, 5e-5, 1e-4) for _ in range(8)]
    return model_building.build(strip("ketamine", (0.70, 1.00)), gaussian_scans(levels, rng))


def test_heights_are_lmfits_heights(model: dict[str, object]) -> None:
    scans = gaussian_scans([5e-5] * 12, np.random.default_rng(SEED + 1))
    cuts = [cut_scan(one, model["window_v"], model["sigma_a"] * model["sign"]) for one in scans]  # type: ignore[arg-type, operator]
    nets = np.array([net for _, net in cuts])
    ours = fit_batch(model, cuts[0][0], nets).height[:, 0]
    theirs, _ = _lmfit_heights(model, cuts[0][0], nets)
    assert ours == pytest.approx(theirs, rel=2e-3), f"seed {SEED}"


def test_the_baseline_under_a_peak_is_near_pybaselines(model: dict[str, object]) -> None:
    from pybaselines import Baseline

    (scan,) = gaussian_scans([1e-4], np.random.default_rng(SEED + 2))
    potential, net = cut_scan(scan, model["window_v"], 1.0)  # type: ignore[arg-type]
    fits, row, _, _ = model_building.fit_scans(model, [scan])[0]
    height = float(fits.height[row, 0]) * float(model["sigma_a"])  # type: ignore[arg-type]
    mask = np.abs(potential - 0.85) > 0.12
    order = np.argsort(potential)
    theirs = Baseline(potential[order]).poly(net[order], poly_order=1, weights=mask[order].astype(float))[0]
    top = float(np.max(net[order] - theirs))
    assert height == pytest.approx(top, rel=0.06)
