"""Two plain questions for many fixes at once: near her, and inside which zones. What a database with geometry answers.

Bounds in degrees settle nearly all of it; what they leave open is worked out on the ellipsoid, or edge by edge.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gateway.geofence import ellipsoid

Floats = NDArray[np.float64]
Ring = tuple[tuple[float, float], ...]
BLOCK = 16_384  # so many fixes at once stay in the processor's cache
# Two points within ALERT_MAX_M of each other, one of them within NEAR_DEG of an order's own latitude up to LAT_MAX_DEG:
# a degree east between them is what it is there but for tan(70) * 0.34 degrees = 1.6 %, and 0.1 % of flattening.
SCALE_SLACK = 0.02
NEAR_DEG = 0.25
LAT_MAX_DEG = 70.0
ALERT_MAX_M = 10_000.0


class Ground:
    """Alert distance and three closed rings of each order, (lon, lat) in degrees; `rings` in order of the orders."""

    def __init__(self, alert_m: Floats, rings: list[Ring]) -> None:
        self.alert_m = alert_m
        edges = max(len(ring) for ring in rings) - 1
        points = np.array([[*ring, *[ring[-1]] * (edges + 1 - len(ring))] for ring in rings])
        low, high = points.min(axis=1), points.max(axis=1)
        middle, half = (low + high) / 2, (high - low) / 2
        # A column for each order: three middles east, three north, three half widths, three half heights, the scale of
        # degrees there, the square of the alert distance, and where the scale holds.
        boxes = [a[:, axis].reshape(-1, 3).T for a in (middle, half) for axis in (0, 1)]
        reference = boxes[1][0]
        scale = np.array([ellipsoid.metres_per_degree(float(lat)) for lat in reference]).T
        holds = (np.abs(reference) <= LAT_MAX_DEG) & (alert_m <= ALERT_MAX_M)
        self._columns = np.vstack((*boxes, scale, alert_m**2, np.where(holds, reference, np.inf)))
        lon_a, lat_a, lon_b, lat_b = points[:, :-1, 0], points[:, :-1, 1], points[:, 1:, 0], points[:, 1:, 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(lat_a == lat_b, 0.0, (lon_b - lon_a) / (lat_b - lat_a))
        self._edges = np.stack((lat_a, lat_b, lon_a - slope * lat_a, slope), axis=1)

    def answers(
        self, order: NDArray[np.int64], lat: Floats, lon: Floats, hers: tuple[Floats, Floats]
    ) -> NDArray[np.bool_]:
        """Within the alert distance of her (lat, lon), and inside each of the three zones: shape (n, 4)."""
        answers = np.zeros((len(lat), 4), dtype=bool)
        for begin in range(0, len(lat), BLOCK):
            part = slice(begin, begin + BLOCK)
            columns = self._columns.take(order[part], axis=1)
            here = lat[part], lon[part]
            answers[part, 0] = self._near(columns[12:], here, (hers[0][part], hers[1][part]), order[part])
            off = np.abs(here[1] - columns[0:3])
            inside = off <= columns[6:9]
            np.subtract(here[0], columns[3:6], out=off)
            inside &= np.abs(off, out=off) <= columns[9:12]
            zone, fix = np.nonzero(inside)
            hit = self._contains(3 * order[part][fix] + zone, here[0][fix], here[1][fix])
            answers[begin + fix[hit], 1 + zone[hit]] = True
        return answers

    def _near(
        self, columns: Floats, here: tuple[Floats, Floats], hers: tuple[Floats, Floats], order: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        north_scale, east_scale, limit, reference = columns
        east_deg = here[1] - hers[1]
        north, east = (here[0] - hers[0]) * north_scale, east_deg * east_scale
        square = north * north + east * east
        found: NDArray[np.bool_] = square < limit * (1 - SCALE_SLACK) ** 2
        open_still = (square < limit * (1 + SCALE_SLACK) ** 2) & ~found
        open_still |= np.abs(hers[0] - reference) > NEAR_DEG  # the scale does not hold there
        if len(east_deg) and max(east_deg.max(), -east_deg.min()) > 180:
            open_still |= np.abs(east_deg) > 180
        left = np.flatnonzero(open_still)
        a, b = (ellipsoid.vectors(p[0][left], p[1][left]) for p in (here, hers))
        found[left] = ellipsoid.within(a, b, self.alert_m[order[left]])
        return found

    def _contains(self, ring: NDArray[np.int64], lat: Floats, lon: Floats) -> NDArray[np.bool_]:
        """Whether each point is inside its ring, edges straight in (lon, lat) (RFC 7946): crossings to the east."""
        lat_a, lat_b, at_zero, slope = self._edges.take(ring, axis=0).transpose(1, 0, 2)
        north = lat[:, None]
        crossing = ((lat_a > north) != (lat_b > north)) & (at_zero + slope * north > lon[:, None])
        odd: NDArray[np.bool_] = np.logical_xor.reduce(crossing, axis=1)
        return odd
