"""Latitude and longitude the wrong way round: such a position lies far from everything and would read as safe."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

from gateway.contract.orders import Order
from gateway.contract.shapes import Circle
from gateway.geofence import ellipsoid

# As written farther than FAR_M from every place the order is about, the other way round within NEAR_M of one and at
# most a third as far. The middle of a time zone is such a place as well; countries are wide (ASSUMED).
FAR_M, NEAR_M, SHARE = 1_000_000.0, 500_000.0, 1 / 3
HERE_DEG = 3.0
WORDS = "latitude and longitude look swapped: the other way round this lies where its order applies"
ISO6709 = re.compile(r"([+-])(\d\d)(\d\d)(\d\d)?([+-])(\d\d\d)(\d\d)(\d\d)?")


class Place(NamedTuple):
    """A place that an order is about."""

    lat: float
    lon: float
    vector: ellipsoid.Vector


@lru_cache(maxsize=1)
def _time_zones() -> dict[str, Place]:
    """The principal place of each time zone (zone.tab of the time zone database)."""
    found = {}
    for line in files("tzdata.zoneinfo").joinpath("zone.tab").read_text(encoding="utf-8").splitlines():
        fields = line.split("\t")
        known = None if line.startswith("#") or len(fields) < 3 else ISO6709.fullmatch(fields[1])
        if known is not None:
            lat = float(known[1] + "1") * (int(known[2]) + int(known[3]) / 60)
            lon = float(known[5] + "1") * (int(known[6]) + int(known[7]) / 60)
            found[fields[2]] = Place(lat, lon, ellipsoid.vector(lat, lon))
    return found


def places_of(order: Order) -> tuple[Place, ...]:
    """The places an order is about: a point of each zone, the place of its time zone."""
    points = []
    for zone in order.zones:
        shape = zone.shape
        lon, lat = (shape.lon, shape.lat) if isinstance(shape, Circle) else shape.polygons[0][0][0]
        points.append(Place(lat, lon, ellipsoid.vector(lat, lon)))
    home = _time_zones().get(order.timezone)
    return (*points, home) if home is not None else tuple(points)


def looks_swapped(places: tuple[Place, ...], lat: float, lon: float) -> bool:
    """Whether a position lies far from all of these places, but near one of them the other way round."""
    if not places or abs(lon) > 90 or any(abs(lat - one.lat) < HERE_DEG for one in places):
        return False
    written, turned = ellipsoid.vector(lat, lon), ellipsoid.vector(lon, lat)
    far_m = min(ellipsoid.chord_m(written, one.vector) for one in places)
    near_m = min(ellipsoid.chord_m(turned, one.vector) for one in places)
    return far_m > FAR_M and near_m < NEAR_M and near_m < SHARE * far_m
