"""Bounds on distances straight from degrees are never on the wrong side: GeographicLib tells the distances."""

from __future__ import annotations

import numpy as np
import pytest
from geographiclib.geodesic import Geodesic
from numpy.typing import NDArray

from gateway.geofence import bounds, ellipsoid

Floats = NDArray[np.float64]


def _pairs(rng: np.random.Generator, low: float, high: float, count: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Pairs a metre to some 3,000 km apart, the first between two latitudes, at any longitude."""
    lat, lon = rng.uniform(low, high, count), rng.uniform(-180, 180, count)
    apart, turn = 10 ** rng.uniform(-5, 1.5, count), rng.uniform(0, 2 * np.pi, count)
    lat2 = np.clip(lat + apart * np.cos(turn), -90, 90)
    return lat, lon, lat2, (lon + apart * np.sin(turn) * rng.choice([1, 10], count) + 180) % 360 - 180


@pytest.mark.parametrize(("low", "high"), [(49, 52), (-90, 90), (69, 71), (87, 90)])
def test_a_distance_lies_between_its_bounds_everywhere(low: float, high: float) -> None:
    seed = 5
    lat, lon, lat2, lon2 = _pairs(np.random.default_rng(seed), low, high, 1_500)
    cosine = bounds.cosines(lat)
    least_m = np.sqrt(bounds.least2_m2(lat, lon, cosine, lat2, lon2))
    most_m = np.sqrt(bounds.most2_m2(lat, lon, cosine, lat2, lon2))
    way_m = np.array(
        [Geodesic.WGS84.Inverse(*row, Geodesic.DISTANCE)["s12"] for row in zip(lat, lon, lat2, lon2, strict=True)]
    )
    a, b = ellipsoid.vectors(lat, lon), ellipsoid.vectors(lat2, lon2)
    straight_m = np.sqrt(((a - b) ** 2).sum(axis=0))
    assert (least_m <= straight_m * (1 + 1e-12) + 1e-6).all(), f"seed {seed}"
    assert (most_m >= way_m * (1 - 1e-12) - 1e-6).all(), f"seed {seed}"
    if high <= 71 and low > 0:  # Where people live they settle all but a border of 2 %.
        near = way_m < 50_000
        assert (least_m[near] > 0.98 * way_m[near]).all()
        assert (most_m[near] < 1.02 * way_m[near]).all()


def test_the_cosine_is_never_too_large_and_hardly_too_small() -> None:
    lat = np.linspace(-90, 90, 20_001)
    short = np.cos(np.radians(lat)) - bounds.cosines(lat)
    assert short.min() > -1e-15
    assert short.max() < bounds.COSINE_SLACK
    assert short[np.abs(lat) < 52].max() < 2e-5


@pytest.mark.parametrize("seed", range(3))
def test_whether_places_are_within_a_limit_is_what_their_distances_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 20_000
    lat, lon = rng.uniform(-85, 85, n), rng.uniform(-180, 180, n)
    step = 10 ** rng.uniform(-6, 0, (2, n))
    lat2, lon2 = lat + step[0], (lon + step[1] + 180) % 360 - 180
    distance_m = ellipsoid.vector_distances(ellipsoid.vectors(lat, lon), ellipsoid.vectors(lat2, lon2))
    limit_m = distance_m * (1 + rng.choice([0, 1e-13, -1e-13, 1e-9, -1e-9, 0.1, -0.1], n))
    within = bounds.within((lat, lon, bounds.cosines(lat)), (lat2, lon2), limit_m)
    assert (within == (distance_m <= limit_m)).all()


@pytest.mark.parametrize(("low", "high"), [(49, 52), (-90, 90), (87, 90)])
def test_places_that_may_be_reached_are_all_that_are_and_few_others(low: float, high: float) -> None:
    seed = 6
    rng = np.random.default_rng(seed)
    lat, lon, lat2, lon2 = _pairs(rng, low, high, 20_000)
    straight_m = np.sqrt(((ellipsoid.vectors(lat, lon) - ellipsoid.vectors(lat2, lon2)) ** 2).sum(axis=0))
    far_m = straight_m * rng.choice([0.9, 0.99, 1 + 1e-9, 1.01, 3], len(lat)) + rng.choice([0, 1e-5], len(lat))
    cosine = bounds.cosines(lat)
    near = bounds.reached((lat, lon, cosine), bounds.east_shares(cosine), (lat2, lon2), far_m)
    missed = np.setdiff1d(np.flatnonzero(straight_m < far_m * (1 - 1e-12) - 1e-6), near)
    assert not len(missed), f"seed {seed}: {missed}"
    if low == 49:
        beyond = np.flatnonzero((straight_m > 1.02 * far_m) & (straight_m < 50_000))
        assert len(beyond) > 1_000
        assert not len(np.intersect1d(beyond, near))


@pytest.mark.parametrize("far_m", [-np.inf, -1.0, 0.0])
def test_nothing_is_reached_where_there_is_no_way_to_go(far_m: float) -> None:
    lat = np.array([50.9, 50.9])
    here = lat, 0 * lat, bounds.cosines(lat)
    assert not len(bounds.reached(here, bounds.east_shares(here[2]), (lat, 0 * lat), lat * 0 + far_m))


def test_a_place_that_is_not_known_hides_no_other_across_the_antimeridian() -> None:
    lat, lon = np.array([np.nan, -17.0, -17.0]), np.array([np.nan, 179.9995, 179.9995])
    lat2, lon2 = np.array([-17.0, -17.0, -17.0]), np.array([180.0, -179.9995, -179.0])
    cosine = bounds.cosines(lat)
    assert bounds.least2_m2(lat, lon, cosine, lat2, lon2)[1] < 120**2
    assert bounds.most2_m2(lat, lon, cosine, lat2, lon2)[1] < 120**2
    for far_m, near in ((200.0, [0, 1]), (np.nan, [0, 1, 2]), (200_000.0, [0, 1, 2])):
        reached = bounds.reached((lat, lon, cosine), bounds.east_shares(cosine), (lat2, lon2), np.full(3, far_m))
        assert reached.tolist() == near
