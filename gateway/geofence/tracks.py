"""What is known of one tracker, and how a fix changes it: accepted, doubted, late or a repeat."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from gateway.geofence import ellipsoid, motion
from gateway.geofence.motion import Estimate, Observation
from gateway.geofence.rules import Rules

RECENT_MAX = 4
HISTORY_MAX = 48
HISTORY_SPACING_MS = 4_000
NOISE_LEARNING = 0.05
NOISE_MAX = 9.0
USUAL_MEMORY_S = 600.0
USUAL_GAP_MIN_S = 5.0
INTERVAL_LEARNING = 0.3
# For so long a track at rest remembers its way there: fixes of it may still come (ASSUMED).
LATE_MAX_MS = 10 * 60_000


class Point(NamedTuple):
    """A place the tracker was, for looking back."""

    time_ms: int
    lat: float
    lon: float


class Doubt(NamedTuple):
    """A run of fixes that does not follow from the track: a multipath jump, or the track was wrong."""

    first_ms: int
    first: Estimate
    estimate: Estimate
    observation: Observation
    fixes: int
    word: str


class Track(NamedTuple):
    """One tracker within one order. `here` is the last estimate, `before` the one before it; None when never fixed.

    At rest `history` is what was known when the track lay down, for fixes that come late; nothing on time looks at it.
    """

    device_id: str
    contact_ms: int | None = None
    here: Estimate | None = None
    before: Estimate | None = None
    raw: Observation | None = None
    recent: tuple[Observation, ...] = ()
    history: tuple[Point, ...] = ()
    interval_ms: float = 60_000.0
    noise: float = 1.0
    usual_m_s: float = 0.0
    doubt: Doubt | None = None
    still_lat: float = 0.0
    still_lon: float = 0.0
    still_since_ms: int = 0
    lost_ms: int | None = None
    strap_open_ms: int | None = None
    resting: bool = True
    sharp_ms: int | None = None


def fix_ms(track: Track) -> int | None:
    """Time of the last accepted fix that was sharp enough to decide anything by; None when there was none.

    `Track.sharp_ms` is that time while vaguer fixes come, else None.
    """
    return None if track.here is None else track.here.time_ms if track.sharp_ms is None else track.sharp_ms


def _noted(track: Track, observation: Observation, here: Estimate, before: Estimate | None, rules: Rules) -> Track:
    """The track after an accepted fix: history, learned interval and the place where it stands still."""
    history = track.history
    if not history or observation.time_ms - history[-1].time_ms >= HISTORY_SPACING_MS:
        history = (*history[-(HISTORY_MAX - 1) :], Point(here.time_ms, here.lat, here.lon))
    interval_ms, usual_m_s = track.interval_ms, track.usual_m_s
    if track.here is not None:
        gap_s = (here.time_ms - track.here.time_ms) / 1000.0
        if gap_s > 0:
            way_m = ellipsoid.distance(track.here.lat, track.here.lon, here.lat, here.lon) - 2 * here.fix_sd_m
            usual_m_s = max(way_m / max(gap_s, USUAL_GAP_MIN_S), usual_m_s * math.exp(-gap_s / USUAL_MEMORY_S))
        gap_ms = min(float(observation.time_ms - track.here.time_ms), 4 * interval_ms)
        interval_ms += (1.0 if len(track.recent) == 1 else INTERVAL_LEARNING) * (gap_ms - interval_ms)
    still = (track.still_lat, track.still_lon, track.still_since_ms)
    radius_m = rules.still_radius_m + 2 * here.fix_sd_m
    if track.here is None or ellipsoid.distance(still[0], still[1], here.lat, here.lon) > radius_m:
        still = (here.lat, here.lon, here.time_ms)
    return track._replace(
        here=here,
        before=before,
        raw=observation,
        recent=(*track.recent[-(RECENT_MAX - 1) :], observation),
        history=history,
        interval_ms=interval_ms,
        usual_m_s=usual_m_s,
        doubt=None,
        still_lat=still[0],
        still_lon=still[1],
        still_since_ms=still[2],
        lost_ms=None,
        sharp_ms=None,
    )


def rest(track: Track, observation: Observation, rules: Rules) -> Track:
    """Takes a fix far from everything: nothing is filtered, only the last fixes are kept for waking up."""
    noted = _noted(track, observation, motion.start(observation, rules), None, rules)
    way = track.history
    return noted._replace(
        resting=True, history=way if way and observation.time_ms - way[-1].time_ms <= LATE_MAX_MS else ()
    )


def quiet_margin_m(pace_m_s: float, rules: Rules) -> float:
    """How far beyond everything persons who close in at most at this pace can be left at rest."""
    return min(rules.quiet_margin_m, rules.quiet_margin_still_m + pace_m_s * rules.contact_horizon_ms / 1000)


def woken(track: Track, rules: Rules) -> Track:
    """The track with its filter run over the last fixes, as if it had never rested."""
    if not track.resting or not track.recent:
        return track._replace(resting=False)
    here = motion.start(track.recent[0], rules)
    before = None
    for observation in track.recent[1:]:
        before = here
        if motion.judge(here, observation, rules, track.noise).word == "fits":
            here = motion.update(here, observation, rules, track.noise)
        else:
            here = motion.start(observation, rules)
    points = tuple(
        Point(one.time_ms, one.lat, one.lon) for one in track.recent if one.lat is not None and one.lon is not None
    )
    return track._replace(here=here, before=before, resting=False, history=points)


def take(track: Track, observation: Observation, rules: Rules) -> tuple[Track, str]:
    """The track after a fix, and what became of it: "accepted", "confirmed" (an earlier doubt was right), "doubted"."""
    here = track.here
    if here is None:
        return _noted(track, observation, motion.start(observation, rules), None, rules), "accepted"
    verdict = motion.judge(here, observation, rules, track.noise, track.usual_m_s)
    if verdict.word == "fits":
        noise = track.noise
        if observation.time_ms - here.time_ms <= rules.single_fix_interval_ms:
            noise = min(NOISE_MAX, max(1.0, noise * (1 + NOISE_LEARNING * (min(verdict.nis, 20.0) / 2 - 1))))
        after = motion.update(here, observation, rules, noise)
        return _noted(track, observation, after, here, rules)._replace(noise=noise), "accepted"
    return _doubted(track, observation, verdict.word, rules)


def _doubted(track: Track, observation: Observation, word: str, rules: Rules) -> tuple[Track, str]:
    doubt = track.doubt
    fresh = motion.start(observation, rules)
    if doubt is None:
        return track._replace(doubt=Doubt(fresh.time_ms, fresh, fresh, observation, 1, word)), "doubted"
    span_ms = observation.time_ms - doubt.first_ms
    if motion.judge(doubt.estimate, observation, rules, track.noise).word == "impossible":
        if span_ms >= rules.jump_timeout_ms:  # Nothing fits for long: the newest is better than an old belief.
            return _noted(track, observation, fresh, None, rules), "confirmed"
        return track._replace(doubt=Doubt(doubt.first_ms, fresh, fresh, observation, 1, word)), "doubted"
    run = doubt._replace(
        estimate=motion.update(doubt.estimate, observation, rules, track.noise),
        observation=observation,
        fixes=doubt.fixes + 1,
        word="surprising" if "surprising" in (word, doubt.word) else word,
    )
    possible = run.word == "surprising" and run.fixes >= 2
    if possible or (run.fixes >= rules.jump_confirm_fixes and span_ms >= rules.jump_confirm_ms):
        return _noted(track, observation, run.estimate, run.first, rules), "confirmed"
    return track._replace(doubt=run), "doubted"


def doubt_deadline_ms(track: Track, rules: Rules) -> int | None:
    """When a doubted fix is believed because nothing came to contradict it."""
    if track.doubt is None:
        return None
    # Whatever the tracker's pace, the next fix must have its chance to contradict: a single jump is not a journey.
    least_ms = rules.single_fix_interval_ms if track.doubt.word == "surprising" else rules.jump_timeout_ms
    wait_ms = round(min(max(2.5 * track.interval_ms, least_ms), 90_000.0))
    return track.doubt.estimate.time_ms + wait_ms


def believe(track: Track, rules: Rules) -> Track:
    """The track with its doubted run taken for true."""
    if track.doubt is None:
        return track
    return _noted(track, track.doubt.observation, track.doubt.estimate, track.doubt.first, rules)


def estimate_at(track: Track, time_ms: int, rules: Rules) -> Estimate | None:
    """Where the tracker was, is or may be at a time: between two known points on the line, else predicted."""
    here = track.here
    if here is None:
        return None
    if time_ms >= here.time_ms:
        return motion.predict(here, time_ms, rules)
    later = Point(here.time_ms, here.lat, here.lon)
    before = track.before
    known = [] if before is None else [Point(before.time_ms, before.lat, before.lon)]
    for point in (*known, *(() if track.resting else reversed(track.history))):
        if point.time_ms <= time_ms < later.time_ms:
            return _between(here, point, later, time_ms, rules)
        if point.time_ms < later.time_ms:
            later = point
    return motion.predict(here._replace(time_ms=later.time_ms, lat=later.lat, lon=later.lon), time_ms, rules)


def _between(here: Estimate, a: Point, b: Point, time_ms: int, rules: Rules) -> Estimate:
    share = (time_ms - a.time_ms) / (b.time_ms - a.time_ms)
    lat = a.lat + share * (b.lat - a.lat)
    lon = ellipsoid.wrapped(a.lon + share * ellipsoid.wrapped(b.lon - a.lon))
    gap_s = (b.time_ms - a.time_ms) / 1000.0
    pace = max(here.speed_m_s(), ellipsoid.distance(a.lat, a.lon, b.lat, b.lon) / gap_s)
    sd = bridge_sd_m(pace, gap_s, share, rules)
    return here._replace(time_ms=time_ms, lat=lat, lon=lon, pp=here.pp + sd * sd)


def bridge_sd_m(pace_m_s: float, gap_s: float, share: float, rules: Rules) -> float:
    """How far the way between two fixes may lie from the straight line: nothing at the ends, most in the middle.

    `pace_m_s`: the faster of the pace along the line and of the tracker's own speed. Real tracks deviate by 0.3 to
    1.1 of this (tests/property/test_gateway_between.py).
    """
    wander = rules.wander_base_m_s + rules.wander_share * pace_m_s
    return wander * min(gap_s, rules.bridge_gap_max_s) * share * (1 - share)


def known_points(track: Track, from_ms: int, until_ms: int) -> list[Point]:
    """The track's points in time order within a span, with the last two before it and the first after it."""
    here = track.here
    if here is None:
        return []
    found: list[Point] = []
    for point in _backwards(track, here):
        if point.time_ms >= until_ms:
            found = [point]
            continue
        found.append(point)
        if len(found) > 1 and found[-2].time_ms <= from_ms:
            break
    found.reverse()
    return found


def _backwards(track: Track, here: Estimate) -> Iterator[Point]:
    """All known points of a track, the latest first, each time once."""
    yield Point(here.time_ms, here.lat, here.lon)
    last_ms, before = here.time_ms, track.before
    if track.resting:  # Nothing is filtered far from everything; the last fixes are kept as they came.
        fixes = [(one.time_ms, one.lat, one.lon) for one in track.recent]
        points = [Point(t, lat, lon) for t, lat, lon in fixes if lat is not None and lon is not None]
    else:
        points = list(track.history)
    for point in reversed(points):
        if before is not None and point.time_ms <= before.time_ms < last_ms:
            last_ms = before.time_ms
            yield Point(before.time_ms, before.lat, before.lon)
        if point.time_ms < last_ms:
            last_ms = point.time_ms
            yield point
    if before is not None and before.time_ms < last_ms:
        yield Point(before.time_ms, before.lat, before.lon)


class Laid(NamedTuple):
    """A late fix in its track's way: that way with all that is known, the fix's place and those on either side."""

    track: Track
    place: Point
    before: Point | None
    after: Point | None

    def kept(self) -> Track:
        """The track as it is kept."""
        return self.track._replace(history=self.track.history[-HISTORY_MAX:])


def laid(track: Track, observation: Observation, rules: Rules) -> Laid | None:
    """An older fix laid into a track's way; None where it does not fit, or at a moment that is known already."""
    lat, lon, time_ms, awake = observation.lat, observation.lon, observation.time_ms, woken(track, rules)
    here = awake.here
    if here is None or lat is None or lon is None:
        return None
    way = awake._replace(history=tuple(sorted({*track.history, *awake.history})))
    place, points = Point(time_ms, lat, lon), known_points(way, time_ms, time_ms)
    before, after = [p for p in points if p.time_ms < time_ms], [p for p in points if p.time_ms > time_ms]
    if len(before) + len(after) < len(points):
        return None
    a, b = before[-1] if before else None, after[0] if after else None
    paces = [_pace_m_s(p, q) for p, q in ((a, place), (place, b)) if p is not None and q is not None]
    usual = (here.speed_m_s(), observation.speed_m_s or 0.0, 2 * track.usual_m_s)
    usual_m_s = max(*usual, *(2 * _pace_m_s(p, q) for p, q in pairwise(before[-2:]))) + rules.surprise_speed_m_s
    if a is not None and b is not None:
        on_line = _between(here, a, b, time_ms, rules)
        near_m = rules.gate_sd * math.sqrt(on_line.pp + motion.fix_sd_m(observation, rules) ** 2)
        away_m = ellipsoid.distance(on_line.lat, on_line.lon, lat, lon)
        # A leap shows on both sides of it; who set out or came back while nothing was heard has one side that is far.
        if away_m > near_m and (min(paces) > usual_m_s or max(paces) > rules.speed_max_m_s):
            return None
    elif max(paces, default=0.0) > rules.speed_max_m_s:
        return None
    return Laid(way._replace(history=tuple(sorted({*way.history, place}))), place, a, b)


def _pace_m_s(a: Point, b: Point) -> float:
    return ellipsoid.distance(a.lat, a.lon, b.lat, b.lon) * 1000.0 / (b.time_ms - a.time_ms)
