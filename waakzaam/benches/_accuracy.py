"""Figures on numbers: distances against GeographicLib, probabilities against Monte Carlo."""

from __future__ import annotations

import math

import numpy as np

from gateway.geofence import ellipsoid, probability
from waakzaam.benches.report import Figure, at_most


def distances(rng: np.random.Generator, count: int) -> list[Figure]:
    """Worst distance error up to 20 km against Karney's geodesic."""
    try:
        from geographiclib.geodesic import Geodesic  # noqa: PLC0415 - a test library; without it there is no oracle
    except ImportError:
        return [Figure("distance error against GeographicLib", None, "m", "needs geographiclib", False)]
    figures = []
    for name, low, high, limit in (
        ("50-52 N", 50.0, 52.0, 0.005),
        ("to 70 N/S", -70.0, 70.0, 0.1),
        ("poles", 85.0, 90.0, 0.1),
    ):
        worst = 0.0
        for _ in range(count):
            lat, lon, far = rng.uniform(low, high), rng.uniform(-180, 180), rng.uniform(0, 20_000)
            there = Geodesic.WGS84.Direct(lat, lon, rng.uniform(0, 360), far)
            worst = max(worst, abs(ellipsoid.distance(lat, lon, there["lat2"], there["lon2"]) - far))
        figures.append(at_most(f"distance error <= 20 km, {name}, worst of {count}", worst, limit, "m"))
    return figures


def probabilities(rng: np.random.Generator, cases: int, samples: int) -> Figure:
    """Worst error of the probability of breach against Monte Carlo with two uncertain persons."""
    worst = 0.0
    for _ in range(cases):
        limit, distance = rng.uniform(50, 1500), rng.uniform(1, 2000)
        sd_a, sd_b = rng.uniform(2, 300), rng.uniform(2, 300)
        inside, done = 0, 0
        while done < samples:
            n = min(1_000_000, samples - done)
            x = distance + rng.normal(0, sd_a, n) - rng.normal(0, sd_b, n)
            y = rng.normal(0, sd_a, n) - rng.normal(0, sd_b, n)
            inside += int(np.count_nonzero(x * x + y * y <= limit * limit))
            done += n
        p = probability.within_distance(limit, distance, math.hypot(sd_a, sd_b))
        worst = max(worst, abs(p - inside / samples))
    return at_most(f"probability error against {samples:.0e}-sample Monte Carlo, worst of {cases}", worst, 0.001, "")
