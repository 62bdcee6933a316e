"""Probability that a position with Gaussian uncertainty lies within a distance or inside an area.

The uncertainty is circular: one standard deviation per axis, in metres. For two persons it is the root of the sum of
both variances: their difference is what is uncertain.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

# Beyond so many standard deviations the probability is 0 or 1 for every decision here (< 1e-14).
CERTAIN_SD = 8.0
# From this ratio of distance to deviation the radial error is normal to better than 2e-5 (tests/property).
NORMAL_RATIO = 60.0
# 68 % of a circular Gaussian lie within this many deviations per axis: sqrt(-2 ln 0.32).
R68_PER_SD = math.sqrt(-2 * math.log(0.32))


def within_distance(limit_m: float, distance_m: float, sd_m: float) -> float:
    """P(true distance <= limit) for a measured distance and a deviation per axis: the Rice distribution.

    Equal to the non-central chi-square distribution with 2 degrees of freedom at (limit/sd)^2 with non-centrality
    (distance/sd)^2; for far points the normal approximation of its radius.
    """
    if sd_m <= 0:
        return 1.0 if distance_m <= limit_m else 0.0
    z = (limit_m - distance_m) / sd_m
    if z < -CERTAIN_SD:
        return 0.0
    if z > CERTAIN_SD:
        return 1.0
    if distance_m > NORMAL_RATIO * sd_m:
        return 0.5 * math.erfc(-(z - 0.5 * sd_m / distance_m) * math.sqrt(0.5))
    return float(special.chndtr((limit_m / sd_m) ** 2, 2.0, (distance_m / sd_m) ** 2))


def within_distances(limit_m: Floats, distance_m: Floats, sd_m: Floats) -> Floats:
    """`within_distance` for arrays."""
    sd = np.maximum(sd_m, 1e-6)
    z = (limit_m - distance_m) / sd
    far = distance_m > NORMAL_RATIO * sd
    result: Floats = special.ndtr(z - 0.5 * sd / np.maximum(distance_m, 1e-6))
    near = ~far & (np.abs(z) <= CERTAIN_SD)
    if near.any():
        limits = np.broadcast_to(limit_m, result.shape)[near]
        result[near] = special.chndtr((limits / sd[near]) ** 2, 2.0, (distance_m[near] / sd[near]) ** 2)
    result[z < -CERTAIN_SD] = 0.0
    result[z > CERTAIN_SD] = 1.0
    return result


def inside_edges(ax: Floats, ay: Floats, bx: Floats, by: Floats, sd_m: float) -> float:
    """P(inside) of a polygon for a Gaussian at the origin; edges a -> b in metres, holes wound the other way.

    The mass over the triangle (origin, a, b) is an angle minus two of Owen's T functions; summed over all edges, with
    sign, it is the mass over the area (Owen, Ann. Math. Statist. 27, 1956). Exact for any shape.
    """
    cross = ax * by - ay * bx
    dx, dy = bx - ax, by - ay
    length = np.hypot(dx, dy)
    keep = (length > 0) & (np.abs(cross) > 1e-9 * np.maximum(length, 1.0))
    cross, dx, dy, length = cross[keep], dx[keep], dy[keep], length[keep]
    height = np.abs(cross) / length
    along_a = (ax[keep] * dx + ay[keep] * dy) / length
    along_b = along_a + length
    angle = np.arctan2(along_b, height) - np.arctan2(along_a, height)
    h = height / sd_m
    owen = special.owens_t(h, along_b / height) - special.owens_t(h, along_a / height)
    mass = float(np.sum(np.sign(cross) * (angle / (2 * math.pi) - owen)))
    return min(1.0, max(0.0, mass))
