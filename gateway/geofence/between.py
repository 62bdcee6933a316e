"""Two persons between their fixes, judged after the fact: each way is known once a fix lies on either side of it.

What one fix alone could not show, because the other person's last fix was old, the other's next fix shows: both ways
are then laid between their known points and every common time is looked at (docs/adr/0155).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gateway.geofence import ellipsoid, motion
from gateway.geofence.motion import Observation
from gateway.geofence.probability import within_distances
from gateway.geofence.rules import Rules
from gateway.geofence.tracks import Point, Track, bridge_sd_m, known_points

Floats = NDArray[np.float64]
# Looks between two known moments: with both ways straight a quarter of a gap of 60 s misses no stay of 30 s.
PARTS = 4
SPAN_MIN_MS = 3_000
# Errors as a spiral of points of equal weight under the circular Gaussian: a step of the count is 1/POINTS.
POINTS = 128
_RADIUS = np.sqrt(-2 * np.log(1 - (np.arange(POINTS) + 0.5) / POINTS))
_TURN = np.arange(POINTS) * (math.pi * (3 - math.sqrt(5)))
ERRORS = np.stack((_RADIUS * np.cos(_TURN), _RADIUS * np.sin(_TURN)))


# Where lengths in degrees and over the ground differ by less than this share, for a bound that is quick to say no.
PLANE_SLACK = 0.01
PLAIN_LAT_DEG, PLAIN_WAY_M, PLAIN_APART_M = 70.0, 5_000.0, 100_000.0
CURVED = 1 + 8 / 27
_Known = tuple[Track, list[Point], float]


class Meeting(NamedTuple):
    """How near two persons came within a span: metres and deviation at the moment where the limit is most probable.

    `p_ever`: probability that they were within the limit at any time of the span; `p_known` the same over the times at
    which both had a fix on either side, which nothing will show better; `p_far`: within the wider limit at the most
    probable moment for it. `mine`, `theirs`: the (lat, lon) of both at that moment.
    """

    time_ms: int
    distance_m: float
    sd_m: float
    p_ever: float
    p_known: float
    p_far: float
    mine: tuple[float, float]
    theirs: tuple[float, float]


class _Way(NamedTuple):
    """One person's way at some times: degrees, deviation per axis in metres."""

    lat: Floats
    lon: Floats
    sd_m: Floats


def since_ms(moved: Track, other: Track, rules: Rules) -> int | None:
    """From when on the last fix of this track tells its way; None when nothing before it is to be looked at.

    That is the fix before, also where a run of doubted fixes lay between and turned out true; for the first fix of all,
    the other's last ones before it, which nobody could judge then.
    """
    here, before = moved.here, moved.before
    if here is None or len(moved.recent) < 2:
        if here is None:
            return None
        from_ms = here.time_ms - round(1000 * rules.bridge_gap_max_s)
        return min(
            (p.time_ms for p in known_points(other, from_ms, here.time_ms) if p.time_ms >= from_ms), default=None
        )
    if before is None:
        return None
    accepted = moved.recent[-2]
    if accepted.lat is None or accepted.lon is None or accepted.time_ms >= before.time_ms:
        return before.time_ms
    way_m = ellipsoid.distance(accepted.lat, accepted.lon, before.lat, before.lon)
    gone = way_m <= rules.speed_max_m_s * (before.time_ms - accepted.time_ms) / 1000.0
    return accepted.time_ms if gone else before.time_ms


def met(
    moved: Track,
    other: Track,
    span_ms: tuple[int, int],
    limits_m: tuple[float, float],
    rules: Rules,
    counts: Callable[[int], bool],
) -> Meeting | None:
    """The nearest meeting within `span_ms`, which ends with the last fix of `moved` or before; None if none can matter.

    `limits_m`: the distance in question, and the wider one from which on nothing matters.

    Both go straight between known points; how far from the line is uncertain by `bridge_sd_m`. After the other's last
    fix its motion is predicted. `counts` says of a moment (Unix ms) whether it is to be looked at at all.
    """
    here, there, (from_ms, until_ms) = moved.here, other.here, span_ms
    if here is None or there is None or until_ms - from_ms < SPAN_MIN_MS:
        return None
    mine, theirs = known_points(moved, from_ms, until_ms), known_points(other, from_ms, until_ms)
    limit_m, far_m = limits_m
    mine_m, theirs_m = _length_m(mine), _length_m(theirs)
    if _surely_apart((moved, mine, mine_m), (other, theirs, theirs_m), span_ms, far_m, rules):
        return None
    knots = sorted({from_ms, until_ms} | {p.time_ms for p in (*mine, *theirs) if from_ms < p.time_ms < until_ms})
    start_m, end_m = (_apart_m(mine, theirs, there, t) for t in (knots[0], knots[-1]))
    unheard_s = max(0, until_ms - there.time_ms) / 1000.0
    pace = rules.wander_base_m_s + (1 + rules.wander_share) * there.speed_m_s() + 3 * math.sqrt(there.vv)
    reach_m = 1.5 * (mine_m + theirs_m) + unheard_s * pace
    unsure_m = rules.wander_base_m_s * (until_ms - from_ms) / 1000.0 + 4 * (here.fix_sd_m + there.fix_sd_m)
    if start_m + end_m > 2 * (reach_m + far_m + unsure_m):
        return None
    parts = np.arange(PARTS) / PARTS
    edges = np.array(knots, dtype=np.float64)
    times = np.append((edges[:-1, None] + np.diff(edges)[:, None] * parts).ravel(), edges[-1])
    a, b = _way(moved, mine, times, rules), _way(other, theirs, times, rules)
    north_per_deg, east_per_deg = ellipsoid.metres_per_degree(float(a.lat[-1] + b.lat[-1]) / 2)
    north = (a.lat - b.lat) * north_per_deg
    east = ((a.lon - b.lon + 180) % 360 - 180) * east_per_deg
    sd_m = np.hypot(a.sd_m, b.sd_m)
    distance_m = np.hypot(north, east)
    if float(np.min(distance_m - 3 * sd_m)) > far_m:
        return None
    kept = np.array([counts(round(t)) for t in times])
    if not kept.any():
        return None
    times, north, east, sd_m, distance_m = times[kept], north[kept], east[kept], sd_m[kept], distance_m[kept]
    p = within_distances(np.full(1, limit_m), distance_m, sd_m)
    p_far = float(np.max(within_distances(np.full(1, far_m), distance_m, sd_m)))
    best = int(np.lexsort((distance_m, -p))[0])
    known = times <= min(mine[-1].time_ms, theirs[-1].time_ms if theirs else -math.inf)
    known &= times >= max(mine[0].time_ms, theirs[0].time_ms if theirs else math.inf)
    within = _within_with_each_error(north, east, sd_m, limit_m)
    p_ever = max(float(p[best]), float(within.any(axis=0).mean()))
    p_known = max(float(np.max(p[known])), float(within[known].any(axis=0).mean())) if known.any() else 0.0
    mine_then, theirs_then = ((float(way.lat[kept][best]), float(way.lon[kept][best])) for way in (a, b))
    return Meeting(
        round(float(times[best])),
        float(distance_m[best]),
        float(sd_m[best]),
        p_ever,
        p_known,
        p_far,
        mine_then,
        theirs_then,
    )


def _surely_apart(mine: _Known, theirs: _Known, span_ms: tuple[int, int], far_m: float, rules: Rules) -> bool:
    """Whether no moment of the span can matter, told from the ends of both ways; False leaves it open.

    `met` looks at distances less three deviations in a plane. To PLAIN_LAT_DEG and PLAIN_WAY_M lengths in that plane
    differ from those over the ground by less than PLANE_SLACK: tan(70 degrees) * 5 km / 6,370 km = 0.2 %.
    """
    a, b = mine[1][-1], theirs[1][-1]
    if abs(a.lat) > PLAIN_LAT_DEG or abs(b.lat) > PLAIN_LAT_DEG:
        return False
    apart_m = ellipsoid.distance(a.lat, a.lon, b.lat, b.lon)
    if apart_m < far_m or apart_m > PLAIN_APART_M:
        return False
    my_way_m, my_sd_m = _widest(*mine, span_ms, rules)
    their_way_m, their_sd_m = _widest(*theirs, span_ms, rules)
    way_m = my_way_m + their_way_m
    left_m = apart_m - way_m - PLANE_SLACK * (apart_m + way_m) - 3 * math.hypot(my_sd_m, their_sd_m)
    return way_m <= PLAIN_WAY_M and left_m > far_m + 1


def _widest(
    track: Track, points: list[Point], length_m: float, span_ms: tuple[int, int], rules: Rules
) -> tuple[float, float]:
    """How far at most `_way` lies from its last known point within a span, and its largest deviation; metres.

    A curve leaves and arrives with no more than the whole length per gap, each weighing 4/27 at most.
    """
    here = track.here
    if here is None:
        raise ValueError("a way needs a fix")
    way_m, sd_m = CURVED * length_m, motion.position_sd_m(here, rules)
    if len(points) > 1:
        gaps_s = [(q.time_ms - p.time_ms) / 1000.0 for p, q in pairwise(points)]
        bridge_m = bridge_sd_m(length_m / min(gaps_s), max(gaps_s), 0.5, rules)
        sd_m = math.hypot(sd_m, bridge_m)
    outside_ms = max(span_ms[1] - points[-1].time_ms, points[0].time_ms - span_ms[0])
    if outside_ms > 0:
        then = motion.predict(here, here.time_ms + outside_ms + 1, rules)
        way_m += here.speed_m_s() * min(outside_ms, rules.velocity_memory_ms) / 1000.0
        sd_m = max(sd_m, motion.position_sd_m(then, rules))
    return way_m, sd_m


def _within_with_each_error(north: Floats, east: Floats, sd_m: Floats, limit_m: float) -> NDArray[np.bool_]:
    """Whether they are within the limit at each time (rows) with each of the errors (columns).

    One error carries the whole way, as those do that last a minute; it grows with the deviation.
    """
    at_north = north[:, None] + sd_m[:, None] * ERRORS[0]
    at_east = east[:, None] + sd_m[:, None] * ERRORS[1]
    within: NDArray[np.bool_] = at_north * at_north + at_east * at_east <= limit_m * limit_m
    return within


def _length_m(points: list[Point]) -> float:
    return sum(ellipsoid.distance(p.lat, p.lon, q.lat, q.lon) for p, q in pairwise(points))


def _apart_m(mine: list[Point], theirs: list[Point], there: motion.Estimate, time_ms: int) -> float:
    """Metres between the known points nearest in time; how far both go from them is the caller's to add."""
    a = min(mine, key=lambda p: abs(p.time_ms - time_ms))
    b = min(theirs, key=lambda p: abs(p.time_ms - time_ms), default=Point(there.time_ms, there.lat, there.lon))
    return ellipsoid.distance(a.lat, a.lon, b.lat, b.lon)


def _way(track: Track, points: list[Point], times: Floats, rules: Rules) -> _Way:
    """The way of one track: a smooth curve through its points (Catmull-Rom), outside of them by its motion."""
    here = track.here
    if here is None:
        raise ValueError("a way needs a fix")
    lat, lon, sd = [], [], []
    base_sd = motion.position_sd_m(here, rules)
    legs = [_Leg(points, i) for i in range(len(points) - 1)]
    first_ms, last_ms = (points[0].time_ms, points[-1].time_ms) if legs else (math.inf, -math.inf)
    # Who turned back within the gap left a short line behind: the pace before and after it counts as well.
    paces = [max(leg.pace_m_s for leg in legs[max(0, i - 1) : i + 2]) for i in range(len(legs))]
    i = 0
    for t in times.tolist():
        if not first_ms <= t <= last_ms:
            at_lat, at_lon, at_sd = _outside(here, points, t, rules)
        else:
            while i + 1 < len(legs) and t > points[i + 1].time_ms:
                i += 1
            share = (t - points[i].time_ms) / (points[i + 1].time_ms - points[i].time_ms)
            at_lat, at_lon = legs[i].at(share)
            at_sd = math.hypot(base_sd, bridge_sd_m(paces[i], legs[i].gap_s, share, rules))
        lat.append(at_lat)
        lon.append(at_lon)
        sd.append(at_sd)
    return _Way(np.array(lat), np.array(lon), np.array(sd))


class _Leg:
    """The way from one point to the next: leaves and arrives with the mean velocity over both neighbours."""

    def __init__(self, points: list[Point], index: int) -> None:
        p, q = points[index], points[index + 1]
        self.gap_s = (q.time_ms - p.time_ms) / 1000.0
        self.start = p
        self.pace_m_s = ellipsoid.distance(p.lat, p.lon, q.lat, q.lon) / self.gap_s
        self.step = (q.lat - p.lat, ellipsoid.wrapped(q.lon - p.lon))
        self.leaves = self._velocity(points[max(0, index - 1)], q)
        self.arrives = self._velocity(p, points[min(len(points) - 1, index + 2)])

    def _velocity(self, a: Point, b: Point) -> tuple[float, float]:
        """Degrees per gap of this leg."""
        share = 1000.0 * self.gap_s / (b.time_ms - a.time_ms)
        return (b.lat - a.lat) * share, ellipsoid.wrapped(b.lon - a.lon) * share

    def at(self, share: float) -> tuple[float, float]:
        to_end = share * share * (3 - 2 * share)
        out, back = share * (1 - share) ** 2, share * share * (share - 1)
        lat = to_end * self.step[0] + out * self.leaves[0] + back * self.arrives[0]
        lon = to_end * self.step[1] + out * self.leaves[1] + back * self.arrives[1]
        return self.start.lat + lat, ellipsoid.wrapped(self.start.lon + lon)


def _outside(here: motion.Estimate, points: list[Point], time_ms: float, rules: Rules) -> tuple[float, float, float]:
    """Where the motion filter puts a track before its first or after its last known point."""
    if points and time_ms < points[0].time_ms:
        here = here._replace(time_ms=points[0].time_ms, lat=points[0].lat, lon=points[0].lon)
    then = motion.predict(here, round(time_ms), rules)
    return then.lat, then.lon, motion.position_sd_m(then, rules)


def fixes_around(track: Track, time_ms: int) -> list[Observation]:
    """The track's last fix up to a moment and its first after it; older than those kept, it comes as filtered."""
    written = {one.time_ms: one for one in track.recent}
    points = known_points(track, time_ms, time_ms)
    found = []
    for point in points[-2:] if points and points[-1].time_ms > time_ms else points[-1:]:
        kept = written.get(point.time_ms)
        found.append(
            kept
            or Observation(track.device_id, point.time_ms, point.lat, point.lon, None, None, None, "", "motion_filter")
        )
    return found
