"""The benchmark's plain answers are those of the ellipsoid, also where its bounds in degrees settle nothing."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.contract.orders import Zone
from gateway.contract.shapes import Area
from gateway.geofence import areas, ellipsoid
from waakzaam.benches._ground import Ground


@pytest.mark.parametrize(
    ("lat0", "lon0", "alert_m"), [(50.9, 4.4, 1_000), (-69.0, 179.9995, 500), (84.0, 20.0, 25_000)]
)
def test_near_and_inside_are_what_the_ellipsoid_and_the_zone_itself_say(
    lat0: float, lon0: float, alert_m: float
) -> None:
    rng = np.random.default_rng(4)
    orders, count = 20, 4_000
    turns = np.arange(7) * 2 * np.pi / 6
    rings = []
    for _ in range(3 * orders):
        middle = rng.normal(0, 20_000, 2)
        points = [ellipsoid.moved(lat0, 4.4, *(middle + 300 * np.array([np.sin(t), np.cos(t)]))) for t in turns[:-1]]
        rings.append(tuple((lon, lat) for lat, lon in (*points, points[0])))
    ground = Ground(np.full(orders, float(alert_m)), rings)
    order = rng.integers(0, orders, count)
    hers = [ellipsoid.moved(lat0, lon0, *rng.normal(0, 40_000, 2)) for _ in range(count)]
    mine = [ellipsoid.moved(*at, *rng.normal(0, alert_m, 2)) for at in hers]
    for k in range(0, count, 4):  # Every fourth is near a zone of its order.
        lon, lat = rings[3 * order[k] + k % 3][0]
        mine[k] = ellipsoid.moved(lat, lon, *rng.normal(0, 300, 2))
    lat, lon = np.array(mine).T
    answers = ground.answers(order, lat, lon, (np.array(hers)[:, 0], np.array(hers)[:, 1]))
    near = [ellipsoid.distance(*a, *b) <= alert_m for a, b in zip(mine, hers, strict=True)]
    assert answers[:, 0].tolist() == near
    zones = [areas.prepare(Zone("z", Area(((one,),)), 0, ())).core for one in rings]
    inside = [[zones[3 * o + k].border_distance(*at) < 0 for k in range(3)] for o, at in zip(order, mine, strict=True)]
    assert answers[:, 1:].tolist() == inside
    assert answers.sum(axis=0).min() > 20
