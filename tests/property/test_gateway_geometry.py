"""Distances against GeographicLib, probabilities against Monte Carlo, polygons against shapely."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from geographiclib.geodesic import Geodesic
from hypothesis import given
from hypothesis import strategies as st

from gateway.contract.orders import Zone
from gateway.contract.shapes import Area, Circle
from gateway.geofence import areas, ellipsoid, probability


@given(lat=st.floats(-89.9, 89.9), lon=st.floats(-180, 180), azimuth=st.floats(0, 360), far_m=st.floats(0, 20_000))
def test_a_distance_up_to_20_km_is_within_5_mm_of_the_geodesic_anywhere(
    lat: float, lon: float, azimuth: float, far_m: float
) -> None:
    there = Geodesic.WGS84.Direct(lat, lon, azimuth, far_m)
    assert abs(ellipsoid.distance(lat, lon, there["lat2"], there["lon2"]) - far_m) < 0.005


@given(lat=st.floats(-80, 80), lon=st.floats(-180, 180), north=st.floats(-3000, 3000), east=st.floats(-3000, 3000))
def test_an_offset_and_a_move_are_each_others_inverse(lat: float, lon: float, north: float, east: float) -> None:
    there = ellipsoid.moved(lat, lon, north, east)
    back = ellipsoid.offset(lat, lon, *there)
    assert math.hypot(back[0] - north, back[1] - east) < 0.01


@pytest.mark.parametrize("seed", range(4))
def test_the_probability_of_two_uncertain_persons_being_near_is_that_of_monte_carlo(seed: int) -> None:
    rng = np.random.default_rng(seed)
    limit, distance = rng.uniform(50, 1500), rng.uniform(1, 2000)
    sd_a, sd_b = rng.uniform(2, 300), rng.uniform(2, 300)
    n = 1_000_000
    x = distance + rng.normal(0, sd_a, n) - rng.normal(0, sd_b, n)
    y = rng.normal(0, sd_a, n) - rng.normal(0, sd_b, n)
    expected = float(np.mean(np.hypot(x, y) <= limit))
    assert abs(probability.within_distance(limit, distance, math.hypot(sd_a, sd_b)) - expected) < 0.002


@given(limit=st.floats(10, 5000), distance=st.floats(0, 6000), sd=st.floats(0.5, 500))
def test_one_probability_and_many_are_the_same(limit: float, distance: float, sd: float) -> None:
    many = probability.within_distances(np.array([limit]), np.array([distance]), np.array([sd]))
    assert abs(float(many[0]) - probability.within_distance(limit, distance, sd)) < 1e-12


def test_the_normal_approximation_joins_the_exact_probability_smoothly() -> None:
    for distance in (probability.NORMAL_RATIO * 0.999, probability.NORMAL_RATIO * 1.001):
        for z in np.linspace(-6, 6, 41):
            exact = probability.special.chndtr((distance + z) ** 2, 2, distance**2)
            assert abs(probability.within_distance(distance + z, distance, 1.0) - exact) < 2e-5


HOLED = Area(
    (
        (
            ((4.0, 50.0), (4.02, 50.0), (4.02, 50.02), (4.0, 50.02), (4.0, 50.0)),
            ((4.008, 50.008), (4.012, 50.008), (4.012, 50.012), (4.008, 50.012), (4.008, 50.008)),
        ),
        (((4.03, 50.0), (4.04, 50.0), (4.035, 50.01), (4.03, 50.0)),),
    )
)


@pytest.mark.parametrize("seed", range(3))
def test_the_probability_inside_a_polygon_with_a_hole_is_that_of_monte_carlo(seed: int) -> None:
    rng = np.random.default_rng(seed)
    zone = areas.prepare(Zone("z", HOLED, 0, ()))
    lat, lon, sd = rng.uniform(49.998, 50.022), rng.uniform(3.997, 4.042), rng.uniform(20, 400)
    north, east = ellipsoid.metres_per_degree(lat)
    n = 400_000
    lons, lats = lon + rng.normal(0, sd, n) / east, lat + rng.normal(0, sd, n) / north
    shape = shapely.MultiPolygon([(rings[0], rings[1:]) for rings in HOLED.polygons])
    expected = float(np.mean(shapely.contains_xy(shape, lons, lats)))
    assert abs(zone.core.probability(lat, lon, sd) - expected) < 0.003


@given(lat=st.floats(49.99, 50.03), lon=st.floats(3.99, 4.05))
def test_inside_a_polygon_means_what_it_means_to_shapely(lat: float, lon: float) -> None:
    zone = areas.prepare(Zone("z", HOLED, 100, ()))
    shape = shapely.MultiPolygon([(rings[0], rings[1:]) for rings in HOLED.polygons])
    point = shapely.Point(lon, lat)
    if shape.boundary.distance(point) < 1e-9:
        return
    assert (zone.core.border_distance(lat, lon) < 0) == shape.contains(point)
    assert zone.buffer is not None
    border = zone.core.border_distance(lat, lon)
    if abs(border - 100) > 1:
        assert (zone.buffer.border_distance(lat, lon) < 0) == (border < 100)


@given(
    lat1=st.floats(49.99, 50.03), lon1=st.floats(3.99, 4.05), lat2=st.floats(49.99, 50.03), lon2=st.floats(3.99, 4.05)
)
def test_a_path_that_runs_through_an_area_is_found_and_one_that_misses_is_not(
    lat1: float, lon1: float, lat2: float, lon2: float
) -> None:
    zone = areas.prepare(Zone("z", HOLED, 0, ()))
    shape = shapely.MultiPolygon([(rings[0], rings[1:]) for rings in HOLED.polygons])
    path = shapely.LineString([(lon1, lat1), (lon2, lat2)])
    if path.length < 1e-6 or shape.boundary.buffer(1e-9).intersection(path).length > 1e-6:
        return  # A point has no length; along the border itself inside and outside are a matter of rounding.
    inside = shape.intersection(path).length
    share = zone.core.deepest(lat1, lon1, lat2, lon2)
    if inside > 1e-6:
        assert share is not None
        assert shape.buffer(1e-9).contains(shapely.Point(lon1 + share * (lon2 - lon1), lat1 + share * (lat2 - lat1)))
    elif inside == 0:
        assert share is None


def test_a_circle_on_the_way_between_two_fixes_is_found() -> None:
    zone = areas.prepare(Zone("z", Circle(4.0, 50.0, 300), 0, ()))
    south, north = ellipsoid.moved(50.0, 4.0, -1000, 100), ellipsoid.moved(50.0, 4.0, 1000, 100)
    assert zone.core.deepest(*south, *north) == pytest.approx(0.5, abs=0.01)
    assert zone.core.deepest(*south, *ellipsoid.moved(50.0, 4.0, -900, 900)) is None
