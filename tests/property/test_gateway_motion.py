"""The motion filter's covariance is honest: its errors are as large as it says, on walks that it was not told about."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gateway.geofence import ellipsoid, motion
from gateway.geofence.motion import Observation
from gateway.geofence.probability import R68_PER_SD
from gateway.geofence.rules import STANDARD

LAT, LON = 50.8, 4.4
RUNS, STEPS = 40, 60


def course(rng: np.random.Generator, pace_m_s: float, interval_s: float) -> np.ndarray:
    """Metres (north, east) at each fix: straight on, with a turn of up to 90 degrees now and then."""
    angle, at, path = rng.uniform(0, 2 * math.pi), np.zeros(2), []
    for _ in range(STEPS):
        if rng.random() < interval_s / 120:
            angle += rng.uniform(-math.pi / 2, math.pi / 2)
        at = at + pace_m_s * interval_s * np.array([math.cos(angle), math.sin(angle)])
        path.append(at)
    return np.array(path)


def normalised_errors(pace_m_s: float, interval_s: float, sd_m: float, hold_s: float, seed: int) -> np.ndarray:
    """Squared error over stated variance, per axis, of every estimate after the first ten; shape (RUNS * 50,)."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(RUNS):
        path = course(rng, pace_m_s, interval_s)
        error = rng.normal(0, sd_m, path.shape)
        hold = math.exp(-interval_s / hold_s) if hold_s else 0.0
        for i in range(1, STEPS):
            error[i] = hold * error[i - 1] + math.sqrt(1 - hold * hold) * error[i]
        estimate = None
        for i, (true, wrong) in enumerate(zip(path, error, strict=True)):
            lat, lon = ellipsoid.moved(LAT, LON, *(true + wrong))
            time_ms = round(i * interval_s * 1000)
            fix = Observation("m", time_ms, lat, lon, R68_PER_SD * sd_m, None, None, "")
            first = estimate is None
            estimate = motion.start(fix, STANDARD) if first else motion.update(estimate, fix, STANDARD, 1.0)
            if i >= 10:
                north, east = ellipsoid.offset(*ellipsoid.moved(LAT, LON, *true), estimate.lat, estimate.lon)
                found.append((north**2 + east**2) / 2 / motion.position_sd_m(estimate, STANDARD) ** 2)
    return np.array(found)


@pytest.mark.parametrize("pace_m_s", [0.0, 1.4, 5.0, 14.0])
@pytest.mark.parametrize("interval_s", [1.0, 10.0, 60.0])
@pytest.mark.parametrize("hold_s", [0.0, 60.0])
def test_the_error_of_the_position_is_as_large_as_the_filter_says(
    pace_m_s: float, interval_s: float, hold_s: float
) -> None:
    """One would be perfect; with errors that last a minute averaging cannot help, the floor has to carry that."""
    ratio = normalised_errors(pace_m_s, interval_s, 8.0, hold_s, seed=7)
    print(f"{pace_m_s} m/s, {interval_s} s, errors last {hold_s} s: mean {ratio.mean():.2f}")
    assert 0.2 <= ratio.mean() <= (1.1 if hold_s == 0 else 1.5)
