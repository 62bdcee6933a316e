"""Bounds on distances straight from degrees, for arrays: no sine, no root, and never on the wrong side.

Nearly every question is whether something lies far away; a bound that is right to a few parts in a thousand answers
it. What it leaves open is worked out on the ellipsoid. `lat` in [-90, 90] and `lon` in [-180, 180], degrees.

Lower bound: a meridian is nowhere more curved than at the equator, so its chord over an angle d is at least
2 M sin(d / 2), M = a (1 - e^2); a parallel's radius is at least a cos(lat). For d <= CAP_DEG, sin x >= SINE_SHARE x.
Upper bound: the way on which latitude and longitude go evenly, no radius above a / sqrt(1 - e^2).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gateway.geofence import ellipsoid
from gateway.geofence.ellipsoid import ECC2, RADIAN, RADIUS_MIN_M, SEMI_MAJOR_M

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
CAP_DEG = 3.0  # what lies farther apart counts as this far
SHORT_DEG = 0.25  # the same where most questions are about less
SINE_SHARE = 1 - math.radians(CAP_DEG / 2) ** 2 / 6
NORTH_LOW = (SINE_SHARE * RADIAN * RADIUS_MIN_M) ** 2
EAST_LOW = (SINE_SHARE * RADIAN * SEMI_MAJOR_M) ** 2
HIGH = (RADIAN * SEMI_MAJOR_M) ** 2 / (1 - ECC2)
COSINE_SLACK = 1e-3  # the series below is short by less
_C2, _C4, _C6 = RADIAN**2 / 2, RADIAN**4 / 24, RADIAN**6 / 720


def cosines(lat: Floats) -> Floats:
    """Cosines of degrees, by at most COSINE_SLACK too small (0.00002 at 52 degrees) and never below 0."""
    square = lat * lat
    series = square * _C6
    np.subtract(_C4, series, out=series)
    series *= square
    np.subtract(_C2, series, out=series)
    series *= square
    np.subtract(1.0, series, out=series)
    result: Floats = np.maximum(series, 0.0, out=series)
    return result


def least2_m2(lat: Floats, lon: Floats, cosine: Floats, lat2: Floats, lon2: Floats) -> Floats:
    """The square of a distance that (lat2, lon2) is at least away, in a straight line; `cosine`: `cosines(lat)`."""
    north, east = _apart(lat, lon, lat2, lon2)
    np.minimum(north, CAP_DEG, out=north)
    np.minimum(east, CAP_DEG, out=east)
    other = north * -RADIAN
    other += cosine
    np.maximum(other, 0.0, out=other)
    other *= cosine
    east *= east
    east *= other
    east *= EAST_LOW
    north *= north
    north *= NORTH_LOW
    north += east
    return north


def most2_m2(lat: Floats, lon: Floats, cosine: Floats, lat2: Floats, lon2: Floats) -> Floats:
    """The square of a distance that (lat2, lon2) is at most away over the ground; `cosine`: `cosines(lat)`."""
    north, east = _apart(lat, lon, lat2, lon2)
    scale = north * RADIAN
    scale += cosine
    scale += COSINE_SLACK
    east *= scale
    east *= east
    north *= north
    north += east
    north *= HIGH
    return north


def east_shares(cosine: Floats) -> Floats:
    """Squared: how long an eastward degree is at least, of a northward one, within SHORT_DEG of these latitudes."""
    share = cosine - SHORT_DEG * RADIAN
    np.maximum(share, 0.0, out=share)
    share *= cosine
    share *= EAST_LOW / NORTH_LOW
    return share


def reached(here: tuple[Floats, Floats, Floats], share: Floats, there: tuple[Floats, Floats], far_m: Floats) -> Ints:
    """Which places may lie less than far_m apart; the others surely do not. What is NaN is among them.

    `here` and `there` as for `within`; `share`: `east_shares` of the same cosines, so that one place is compared with
    many at little cost. To 27 km this is as good as `least2_m2` but for 0.4 % at 52 degrees; beyond, that is asked.
    """
    north, east = here[0] - there[0], here[1] - there[1]
    north *= north
    east *= east
    if not east.max(initial=0.0) <= 180**2:
        np.minimum(east, (360 - np.sqrt(east)) ** 2, out=east)
    np.minimum(north, SHORT_DEG**2, out=north)
    np.minimum(east, SHORT_DEG**2, out=east)
    east *= share
    north += east
    limit = np.maximum(far_m, 0.0)
    limit *= 1 / math.sqrt(NORTH_LOW)
    limit *= limit
    near = np.flatnonzero(~(north >= limit))
    if not limit[near].max(initial=0.0) <= SHORT_DEG**2:
        least2 = least2_m2(*(a[near] for a in (*here, *there)))
        near = near[~(least2 >= far_m[near] * far_m[near])]
    return near


def within(here: tuple[Floats, Floats, Floats], there: tuple[Floats, Floats], limit_m: Floats) -> NDArray[np.bool_]:
    """Whether places are at most limit_m apart over the ground: `vector_distances <= limit_m`, sooner.

    `here`: latitude, longitude and `cosines` of the latitude; `there`: latitude and longitude.
    """
    limit2_m2 = limit_m * limit_m
    result: NDArray[np.bool_] = most2_m2(*here, *there) <= limit2_m2
    left = np.flatnonzero(~result)
    if len(left):  # Of those that stand still nearly none: the other bound is for what the first leaves open.
        least2 = least2_m2(*(a[left] for a in (*here, *there)))
        left = left[least2 <= limit2_m2[left]]
    if len(left):
        a, b = (ellipsoid.vectors(lat[left], lon[left]) for lat, lon in (here[:2], there))
        result[left] = ellipsoid.vector_distances(a, b) <= limit_m[left]
    return result


def _apart(lat: Floats, lon: Floats, lat2: Floats, lon2: Floats) -> tuple[Floats, Floats]:
    """Degrees apart, northward and eastward, both >= 0."""
    north, east = lat - lat2, lon - lon2
    np.abs(north, out=north)
    np.abs(east, out=east)
    if not east.max(initial=0.0) <= 180:  # also when one of them is NaN
        np.minimum(east, 360 - east, out=east)
    return north, east
