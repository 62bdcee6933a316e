"""Exclusion zones made ready for questions: how far to the border, how probable inside, crossed on the way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from gateway.contract.orders import Zone
from gateway.contract.shapes import Area, Circle, Ring, Shape
from gateway.geofence import ellipsoid, probability

Floats = NDArray[np.float64]
# Quarter-circle segments of a buffered corner: the chord then lies at most 0.03 % of the buffer inside the arc.
BUFFER_SEGMENTS = 32
# Longitudes that differ by more lie across the antimeridian from each other: a part spans 20 degrees at most.
ACROSS_DEG = 320.0


@dataclass(frozen=True)
class Disc:
    """A circle on the ellipsoid."""

    lat: float
    lon: float
    centre: ellipsoid.Vector
    radius_m: float

    def border_distance(self, lat: float, lon: float) -> float:
        """Metres from the point to the border; negative inside."""
        return ellipsoid.vector_distance(ellipsoid.vector(lat, lon), self.centre) - self.radius_m

    def probability(self, lat: float, lon: float, sd_m: float) -> float:
        """P(inside) for a position with this deviation per axis."""
        distance_m = ellipsoid.vector_distance(ellipsoid.vector(lat, lon), self.centre)
        return probability.within_distance(self.radius_m, distance_m, sd_m)

    def deepest(self, lat1: float, lon1: float, lat2: float, lon2: float) -> float | None:
        """Where between the first and the second point (0 to 1) the path is deepest inside; None when it misses."""
        n1, e1 = ellipsoid.offset(self.lat, self.lon, lat1, lon1)
        n2, e2 = ellipsoid.offset(self.lat, self.lon, lat2, lon2)
        dn, de = n2 - n1, e2 - e1
        length2 = dn * dn + de * de
        share = 0.0 if length2 == 0 else max(0.0, min(1.0, -(n1 * dn + e1 * de) / length2))
        return share if math.hypot(n1 + share * dn, e1 + share * de) <= self.radius_m else None


def pass_east(lon_a: Floats, lat_a: Floats, lon_b: Floats, lat_b: Floats, lat: Any, lon: Any) -> NDArray[np.bool_]:
    """Whether edges a -> b that span this latitude pass east of the point, straight in (lon, lat) (RFC 7946).

    A point is inside an area when an odd number of its edges do.
    """
    result: NDArray[np.bool_] = lon_a + (lat - lat_a) * (lon_b - lon_a) / (lat_b - lat_a) > lon
    return result


@dataclass(frozen=True, eq=False)
class Edges:
    """A polygonal area as directed edges in degrees: outer rings counter-clockwise, holes clockwise.

    Longitudes run on past 180 where the area lies across the antimeridian; questions are asked in [-180, 180].
    """

    lon_a: Floats
    lat_a: Floats
    lon_b: Floats
    lat_b: Floats

    def _near(self, lon: float) -> float:
        """The longitude as the edges count it."""
        first = float(self.lon_a[0])
        return first + ellipsoid.wrapped(lon - first) if abs(lon - first) > ACROSS_DEG else lon

    def _local(self, lat: float, lon: float) -> tuple[Floats, Floats, Floats, Floats]:
        """The edges in metres (east, north) around a point."""
        north, east = ellipsoid.metres_per_degree(lat)
        lon = self._near(lon)
        return (
            (self.lon_a - lon) * east,
            (self.lat_a - lat) * north,
            (self.lon_b - lon) * east,
            (self.lat_b - lat) * north,
        )

    def border_distance(self, lat: float, lon: float) -> float:
        """Metres from the point to the nearest border; negative inside."""
        ax, ay, bx, by = self._local(lat, lon)
        dx, dy = bx - ax, by - ay
        share = np.clip(-(ax * dx + ay * dy) / np.maximum(dx * dx + dy * dy, 1e-12), 0, 1)
        nearest = float(np.min(np.hypot(ax + share * dx, ay + share * dy)))
        return -nearest if self.contains(lat, lon) else nearest

    def contains(self, lat: float, lon: float) -> bool:
        """Whether the point is inside, edges straight in (lon, lat) (RFC 7946)."""
        lon = self._near(lon)
        spans = (self.lat_a > lat) != (self.lat_b > lat)
        edges = self.lon_a[spans], self.lat_a[spans], self.lon_b[spans], self.lat_b[spans]
        return bool(np.count_nonzero(pass_east(*edges, lat, lon)) % 2)

    def probability(self, lat: float, lon: float, sd_m: float) -> float:
        """P(inside) for a position with this deviation per axis; exact for any polygon in the local plane."""
        border_m = self.border_distance(lat, lon)
        if abs(border_m) > probability.CERTAIN_SD * sd_m:
            return 1.0 if border_m < 0 else 0.0
        ax, ay, bx, by = self._local(lat, lon)
        if abs(border_m) < 1e-6 * sd_m:
            ax, bx = ax + 1e-5 * sd_m, bx + 1e-5 * sd_m
        return probability.inside_edges(ax, ay, bx, by, sd_m)

    def deepest(self, lat1: float, lon1: float, lat2: float, lon2: float) -> float | None:
        """The middle of the longest part inside on the way between two points (0 to 1); None if the path misses."""
        lon1 = self._near(lon1)
        rx, ry = ellipsoid.wrapped(lon2 - lon1), lat2 - lat1
        sx, sy = self.lon_b - self.lon_a, self.lat_b - self.lat_a
        denominator = rx * sy - ry * sx
        ok = np.abs(denominator) > 0
        qx, qy = self.lon_a[ok] - lon1, self.lat_a[ok] - lat1
        t = (qx * sy[ok] - qy * sx[ok]) / denominator[ok]
        u = (qx * ry - qy * rx) / denominator[ok]
        cuts = np.unique(np.concatenate(([0.0, 1.0], t[(t >= 0) & (t <= 1) & (u >= 0) & (u <= 1)])))
        best, best_length = None, 0.0
        for start, end in pairwise(cuts):
            middle = float(start + end) / 2
            if end - start > best_length and self.contains(lat1 + middle * ry, lon1 + middle * rx):
                best, best_length = middle, float(end - start)
        return best


Ground = Disc | Edges


@dataclass(frozen=True)
class PreparedZone:
    """A zone with its buffer and a bounding circle (lat, lon, reach_m covers zone and buffer)."""

    zone: Zone
    core: Ground
    buffer: Ground | None
    centre: ellipsoid.Vector
    lat: float
    lon: float
    reach_m: float


def _edges(polygons: tuple[tuple[Ring, ...], ...]) -> Edges:
    starts: list[tuple[float, float]] = []
    ends: list[tuple[float, float]] = []
    for rings in polygons:
        for number, ring in enumerate(rings):
            counter_clockwise = shapely.is_ccw(shapely.LinearRing(ring))
            points = ring if counter_clockwise == (number == 0) else ring[::-1]
            starts += points[:-1]
            ends += points[1:]
    a, b = np.array(starts, dtype=np.float64), np.array(ends, dtype=np.float64)
    return Edges(a[:, 0].copy(), a[:, 1].copy(), b[:, 0].copy(), b[:, 1].copy())


def _ring(line: Any) -> Ring:
    return tuple((x, y) for x, y in line.coords)


def _buffered(area: Area, lat: float, lon: float, buffer_m: float) -> tuple[tuple[Ring, ...], ...]:
    """The area widened by buffer_m, worked out in the plane around (lat, lon)."""
    north, east = ellipsoid.metres_per_degree(lat)
    shape = shapely.MultiPolygon([(rings[0], rings[1:]) for rings in area.polygons])
    plane = shapely.transform(shape, lambda c: (c - [lon, lat]) * [east, north])
    wide = shapely.buffer(plane, buffer_m, quad_segs=BUFFER_SEGMENTS)
    back = shapely.transform(wide, lambda c: c / [east, north] + [lon, lat])
    parts = back.geoms if isinstance(back, shapely.MultiPolygon) else [back]
    return tuple((_ring(p.exterior), *(_ring(r) for r in p.interiors)) for p in parts)


def buffer_rings(area: Area, buffer_m: float) -> list[Ring]:
    """The outlines of the area widened by buffer_m, (lon, lat) in degrees."""
    return [ring for polygon in _buffered(area, *_middle(area), buffer_m) for ring in polygon]


def _joined(area: Area) -> Area:
    """The area with all its parts on one side: what RFC 7946 splits at the antimeridian runs on past 180 again."""
    first = area.polygons[0][0][0][0]
    parts = []
    for rings in area.polygons:
        apart = first - rings[0][0][0]
        turn = math.copysign(360.0, apart) if abs(apart) > ACROSS_DEG else 0.0
        parts.append(tuple(tuple((lon + turn, lat) for lon, lat in ring) for ring in rings) if turn else rings)
    return Area(tuple(parts))


def _middle(shape: Shape) -> tuple[float, float]:
    if isinstance(shape, Circle):
        return shape.lat, shape.lon
    points = [point for rings in shape.polygons for point in rings[0]]
    lons, lats = [p[0] for p in points], [p[1] for p in points]
    return (min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2


def prepare(zone: Zone) -> PreparedZone:
    """The zone ready for questions; costs microseconds for a circle, milliseconds for a detailed polygon."""
    shape = zone.shape if isinstance(zone.shape, Circle) else _joined(zone.shape)
    lat, lon = _middle(shape)
    centre = ellipsoid.vector(lat, lon)
    if isinstance(shape, Circle):
        radius_m = shape.radius_m
        wide = Disc(lat, lon, centre, radius_m + zone.buffer_m) if zone.buffer_m > 0 else None
        return PreparedZone(zone, Disc(lat, lon, centre, radius_m), wide, centre, lat, lon, radius_m + zone.buffer_m)
    edges = _edges(shape.polygons)
    buffer = _edges(_buffered(shape, lat, lon, zone.buffer_m)) if zone.buffer_m > 0 else None
    corners = ellipsoid.vectors(edges.lat_a, edges.lon_a)
    reach_m = float(np.max(ellipsoid.vector_distances(corners, np.array(centre).reshape(3, 1))))
    return PreparedZone(zone, edges, buffer, centre, lat, lon, reach_m + zone.buffer_m * 1.01)
