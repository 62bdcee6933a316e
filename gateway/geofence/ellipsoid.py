"""Distances on the WGS 84 ellipsoid from straight chords, for one pair or for arrays.

A chord through the ellipsoid is exact; the geodesic is longer by c^3/(24 R^2), 8 mm at 20 km, where R is the radius of
curvature along the line. Nothing special happens at the poles or at the antimeridian (docs/adr/0020).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SEMI_MAJOR_M = 6_378_137.0
FLATTENING = 1 / 298.257223563
RADIAN = math.radians(1)
ECC2 = FLATTENING * (2 - FLATTENING)
RADIUS_MIN_M = SEMI_MAJOR_M * (1 - ECC2)  # of the meridian at the equator


class Vector(NamedTuple):
    """A point on the ellipsoid in earth-centred coordinates, metres."""

    x: float
    y: float
    z: float


@lru_cache(maxsize=8192)
def vector(lat: float, lon: float) -> Vector:
    """Earth-centred coordinates of (lat, lon) in degrees at height 0."""
    phi, lam = math.radians(lat), math.radians(lon)
    sin_phi, cos_phi = math.sin(phi), math.cos(phi)
    n = SEMI_MAJOR_M / math.sqrt(1 - ECC2 * sin_phi * sin_phi)
    return Vector(n * cos_phi * math.cos(lam), n * cos_phi * math.sin(lam), n * (1 - ECC2) * sin_phi)


@lru_cache(maxsize=8192)
def metres_per_degree(lat: float) -> tuple[float, float]:
    """Metres per degree (northward, eastward) at this latitude in degrees: the radii of curvature M and N."""
    phi = lat * RADIAN
    sin_phi = math.sin(phi)
    w2 = 1 - ECC2 * sin_phi * sin_phi
    n = SEMI_MAJOR_M / math.sqrt(w2)
    return RADIAN * n * (1 - ECC2) / w2, RADIAN * n * math.cos(phi)


def vector_distance(a: Vector, b: Vector) -> float:
    """Metres along the ellipsoid between two earth-centred points; error below 1 mm to 100 km, 5 cm to 500 km."""
    dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
    chord = math.sqrt(dx * dx + dy * dy + dz * dz)
    if chord < 1.0:
        return chord
    sin_mid = (a.z + b.z) / (2 * SEMI_MAJOR_M * (1 - ECC2))
    sin2_mid = sin_mid * sin_mid
    if sin2_mid > 1:
        sin2_mid = 1.0
    # Euler's formula: the radius of curvature along the line, from its middle latitude and its rise.
    w2 = 1 - ECC2 * sin2_mid
    n = SEMI_MAJOR_M / math.sqrt(w2)
    cos2_mid = 1 - sin2_mid
    north2 = (dz * dz) / (chord * chord * (cos2_mid if cos2_mid > 1e-12 else 1e-12))
    if north2 > 1:
        north2 = 1.0
    radius = 1 / (north2 * w2 / (n * (1 - ECC2)) + (1 - north2) / n)
    share = chord / (2 * radius)
    return 2 * radius * math.asin(share if share < 1 else 1.0)


def chord_m(a: Vector, b: Vector) -> float:
    """Metres in a straight line between two earth-centred points: never more than `vector_distance`."""
    dx, dy, dz = a.x - b.x, a.y - b.y, a.z - b.z
    return math.sqrt(dx * dx + dy * dy + dz * dz)


def distance(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Metres along the ellipsoid between two points in degrees (see vector_distance)."""
    return vector_distance(vector(lat1, lon1), vector(lat2, lon2))


def vectors(lat: Floats, lon: Floats) -> Floats:
    """Earth-centred coordinates of arrays of degrees: shape (3, n), metres."""
    phi, lam = np.radians(lat), np.radians(lon)
    sin_phi, cos_phi = np.sin(phi), np.cos(phi)
    n = SEMI_MAJOR_M / np.sqrt(1 - ECC2 * sin_phi * sin_phi)
    flat = n * cos_phi
    return np.stack((flat * np.cos(lam), flat * np.sin(lam), n * (1 - ECC2) * sin_phi))


def vector_distances(a: Floats, b: Floats) -> Floats:
    """Metres between earth-centred points, shapes (3, ...) each: `vector_distance` for arrays."""
    dx, dy, dz = a[0] - b[0], a[1] - b[1], a[2] - b[2]
    chord2 = dx * dx + dy * dy + dz * dz
    sin_mid = (a[2] + b[2]) * (0.5 / (SEMI_MAJOR_M * (1 - ECC2)))
    sin2_mid = np.minimum(1.0, sin_mid * sin_mid)
    w2 = 1 - ECC2 * sin2_mid
    n = SEMI_MAJOR_M / np.sqrt(w2)
    north2 = np.minimum(1.0, dz * dz / np.maximum(chord2 * np.maximum(1 - sin2_mid, 1e-12), 1e-12))
    radius = n / (north2 * (w2 / (1 - ECC2)) + (1 - north2))
    result: Floats = 2 * radius * np.arcsin(np.minimum(1.0, np.sqrt(chord2) / (2 * radius)))
    return result


def moved(lat: float, lon: float, north_m: float, east_m: float) -> tuple[float, float]:
    """The point in degrees that lies this many metres north and east; for steps of some kilometres."""
    north_per_deg, _ = metres_per_degree(lat)
    lat2 = max(-90.0, min(90.0, lat + north_m / north_per_deg))
    _, east_per_deg = metres_per_degree((lat + lat2) / 2)
    return lat2, wrapped(lon + east_m / max(east_per_deg, 1e-3))


def wrapped(lon: float) -> float:
    """A longitude or difference of longitudes in [-180, 180]."""
    return lon if -180 <= lon <= 180 else (lon + 180) % 360 - 180


def offset(lat1: float, lon1: float, lat2: float, lon2: float) -> tuple[float, float]:
    """Metres (north, east) from the first point to the second, in the plane at their middle latitude."""
    north_per_deg, east_per_deg = metres_per_degree((lat1 + lat2) / 2)
    return (lat2 - lat1) * north_per_deg, wrapped(lon2 - lon1) * east_per_deg
