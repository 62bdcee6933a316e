"""Shapes of exclusion zones: a circle, or GeoJSON Polygon/MultiPolygon in (lon, lat) degrees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import shapely

from gateway.contract.errors import OrdersInvalid
from gateway.contract.reading import mapping, member, number, sequence

VERTICES_MAX = 20_000
RADIUS_MAX_M = 200_000.0
# A zone that spans more than this many degrees of longitude is taken for a slip in the coordinates (ASSUMED).
SPAN_MAX_DEG = 20.0

Ring = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Circle:
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


def _position(value: Any, path: str) -> tuple[float, float]:
    pair = sequence(value, path, 2, 3)
    return number(pair[0], f"{path}[0]", -180, 180), number(pair[1], f"{path}[1]", -90, 90)


def _ring(value: Any, path: str, near: float | None = None) -> Ring:
    """The ring, its first longitude the one that is within half a turn of `near`, each other of the one before."""
    points = [_position(point, f"{path}[{i}]") for i, point in enumerate(sequence(value, path, 4, VERTICES_MAX))]
    if points[0] != points[-1]:
        raise OrdersInvalid(path, "the ring is not closed: its last position must equal its first")
    unrolled, before = [], points[0][0] if near is None else near
    for lon, lat in points:
        before = lon - 360 * round((lon - before) / 360)
        unrolled.append((before, lat))
    if unrolled[0] != unrolled[-1]:
        raise OrdersInvalid(path, "the ring goes around a pole: a Circle can")
    return tuple(unrolled)


def _polygon(value: Any, path: str) -> tuple[Ring, ...]:
    outer, *holes = sequence(value, path, 1, 1000)
    first = _ring(outer, f"{path}[0]")
    rings = (first, *(_ring(hole, f"{path}[{i}]", first[0][0]) for i, hole in enumerate(holes, 1)))
    polygon = shapely.Polygon(rings[0], rings[1:])
    if not polygon.is_valid:
        raise OrdersInvalid(path, f"not a simple polygon: {shapely.is_valid_reason(polygon)}")
    if polygon.area == 0:
        raise OrdersInvalid(path, "the polygon has no area")
    if polygon.bounds[2] - polygon.bounds[0] > SPAN_MAX_DEG:
        raise OrdersInvalid(path, f"spans more than {SPAN_MAX_DEG:g} degrees of longitude")
    return rings


def parse(value: Any, path: str) -> Shape:
    """The shape in a GeoJSON-like document; raises OrdersInvalid with the path of what is wrong."""
    document = mapping(value, path)
    kind = member(document, "type", path)
    if kind == "Circle":
        lon, lat = _position(member(document, "center", path), f"{path}.center")
        return Circle(lon, lat, number(member(document, "radius_m", path), f"{path}.radius_m", 1, RADIUS_MAX_M))
    if kind not in {"Polygon", "MultiPolygon"}:
        raise OrdersInvalid(f"{path}.type", f"{kind!r} is not Circle, Polygon or MultiPolygon")
    coordinates = member(document, "coordinates", path)
    if kind == "Polygon":
        return Area((_polygon(coordinates, f"{path}.coordinates"),))
    parts = sequence(coordinates, f"{path}.coordinates", 1, 1000)
    area = Area(tuple(_polygon(part, f"{path}.coordinates[{i}]") for i, part in enumerate(parts)))
    whole = shapely.MultiPolygon([(rings[0], rings[1:]) for rings in area.polygons])
    if not whole.is_valid:
        raise OrdersInvalid(f"{path}.coordinates", f"not a valid multipolygon: {shapely.is_valid_reason(whole)}")
    return area
