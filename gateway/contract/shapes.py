"""Shapes of exclusion zones: a circle, or GeoJSON Polygon/MultiPolygon in (lon, lat) degrees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import shapely

from gateway.contract.errors import OrdersInvalid
from gateway.contract.reading import each, inside, mapping, member, number, sequence

VERTICES_MAX = 20_000
RADIUS_MAX_M = 200_000.0
# A zone that spans more than this many degrees of longitude is taken for a slip in the coordinates (ASSUMED).
SPAN_MAX_DEG = 20.0

Ring = tuple[tuple[float, float], ...]


class Circle(NamedTuple):
    """A disc around (lon, lat) in degrees with a radius in metres on the ellipsoid."""

    lon: float
    lat: float
    radius_m: float


@dataclass(frozen=True)
class Area:
    """One or more polygons; each is an outer ring and its holes, closed, (lon, lat) in degrees.

    Edges are straight in (lon, lat), as RFC 7946 section 3.1.1 defines them. A polygon that crosses the antimeridian
    need not be split there: its longitudes then go on beyond 180 or -180, so that each edge takes the short way.
    """

    polygons: tuple[tuple[Ring, ...], ...]


Shape = Circle | Area


def _position(value: Any) -> tuple[float, float]:
    pair = sequence(value, 2, 3)
    return number(pair, 0, -180, 180), number(pair, 1, -90, 90)


def _ring(value: Any, near: float | None = None) -> Ring:
    """The ring, its first longitude the one that is within half a turn of `near`, each other of the one before."""
    points = each(_position, value, 4, VERTICES_MAX)
    if points[0] != points[-1]:
        raise OrdersInvalid("", "the ring is not closed: its last position must equal its first")
    unrolled, before = [], points[0][0] if near is None else near
    for lon, lat in points:
        before = lon - 360 * round((lon - before) / 360)
        unrolled.append((before, lat))
    if unrolled[0] != unrolled[-1]:
        raise OrdersInvalid("", "the ring goes around a pole: a Circle can")
    return tuple(unrolled)


def _polygon(value: Any) -> tuple[Ring, ...]:
    listed = sequence(value, 1, 1000)
    first = inside(_ring, listed, 0)
    rings = (first, *(inside(_ring, listed, i, first[0][0]) for i in range(1, len(listed))))
    polygon = shapely.Polygon(rings[0], rings[1:])
    if not polygon.is_valid:
        raise OrdersInvalid("", f"not a simple polygon: {shapely.is_valid_reason(polygon)}")
    if polygon.area == 0:
        raise OrdersInvalid("", "the polygon has no area")
    if polygon.bounds[2] - polygon.bounds[0] > SPAN_MAX_DEG:
        raise OrdersInvalid("", f"spans more than {SPAN_MAX_DEG:g} degrees of longitude")
    return rings


def _polygons(value: Any) -> Area:
    area = Area(tuple(each(_polygon, value, 1, 1000)))
    whole = shapely.MultiPolygon([(rings[0], rings[1:]) for rings in area.polygons])
    if not whole.is_valid:
        raise OrdersInvalid("", f"not a valid multipolygon: {shapely.is_valid_reason(whole)}")
    return area


def parse(value: Any) -> Shape:
    """The shape in a GeoJSON-like document; raises OrdersInvalid with the path, from here, of what is wrong."""
    document = mapping(value)
    kind = member(document, "type")
    if kind == "Circle":
        lon, lat = inside(_position, document, "center")
        return Circle(lon, lat, number(document, "radius_m", 1, RADIUS_MAX_M))
    if kind == "Polygon":
        return Area((inside(_polygon, document, "coordinates"),))
    if kind == "MultiPolygon":
        return inside(_polygons, document, "coordinates")
    raise OrdersInvalid("type", f"{kind!r} is not Circle, Polygon or MultiPolygon")
