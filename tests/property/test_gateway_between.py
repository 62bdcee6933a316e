"""Two persons between their fixes: closed forms, samples of the same errors, and how far real tracks leave the line."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gateway.geofence import between, ellipsoid, motion, tracks
from gateway.geofence.motion import Observation
from gateway.geofence.rules import STANDARD
from gateway.geofence.tracks import Track
from tests.support.contact_orders import MONDAY_NOON_MS, at
from waakzaam.benches import _approaches

NOON = MONDAY_NOON_MS


def track(rows: list[Observation]) -> Track:
    found = Track(rows[0].device_id, resting=False)
    for row in rows:
        found, outcome = tracks.take(found, row, STANDARD)
        assert outcome == "accepted", outcome
    return found


def always(_time_ms: int) -> bool:
    return True


@pytest.mark.parametrize("aside_m", [0.0, 100.0, 250.0, -400.0])
def test_two_straight_ways_are_as_far_apart_at_the_moment_named_as_geometry_says(aside_m: float) -> None:
    """He goes east at 20 m/s, she south at 10: d2 = (20 u - X)2 + (10 u)2, nearest at u = X / 25 s with X / sqrt(5)."""
    his = track([at("m", s, 0, 20 * s - 600) for s in (-60, 0, 60, 120)])
    hers = track([at("p", s, 300 - 10 * s, aside_m) for s in (-90, -30, 30, 90)])
    met = between.met(hers, his, (NOON - 30_000, NOON + 90_000), (300.0, 600.0), STANDARD, always)
    assert met is not None
    u = (met.time_ms - NOON) / 1000 - 30
    assert met.distance_m == pytest.approx(math.hypot(20 * u - aside_m, 10 * u), abs=5)
    assert abs(u - aside_m / 25) <= 15
    nearest_m = abs(aside_m) / math.sqrt(5)
    assert nearest_m - 5 <= met.distance_m <= nearest_m + 90
    assert met.p_known == met.p_ever >= 0.8


def test_what_lies_after_the_others_last_fix_is_not_called_known() -> None:
    his = track([at("m", s, 0, 20 * s - 600) for s in (-60, 0, 60)])
    hers = track([at("p", s, 300 - 10 * s) for s in (-120, -60, 0)])
    met = between.met(his, hers, (NOON, NOON + 60_000), (100.0, 600.0), STANDARD, always)
    assert met is not None
    assert met.p_known == 0.0
    assert met.p_ever > 0.1


def test_the_chance_of_any_meeting_is_that_of_samples_with_the_same_errors() -> None:
    seed = 4
    rng = np.random.default_rng(seed)
    for _ in range(40):
        count = int(rng.integers(1, 9))
        way = rng.normal(0, 400, 2)[:, None] + np.cumsum(rng.normal(0, 120, (2, count)), axis=1)
        sd_m, limit_m = rng.uniform(10, 200, count), float(rng.choice([200, 500]))
        errors = rng.normal(0, 1, (2, 20_000))
        inside = np.zeros(errors.shape[1], dtype=bool)
        for k in range(count):
            inside |= np.hypot(way[0, k] + sd_m[k] * errors[0], way[1, k] + sd_m[k] * errors[1]) <= limit_m
        got = between._within_with_each_error(way[0], way[1], sd_m, limit_m).any(axis=0).mean()
        assert got == pytest.approx(inside.mean(), abs=0.03), f"seed {seed}"


def test_moments_that_do_not_count_are_left_out() -> None:
    his = track([at("m", s, 0, 20 * s - 600) for s in (-60, 0, 60)])
    hers = track([at("p", s, 300 - 10 * s) for s in (-90, -30, 30, 90)])
    met = between.met(his, hers, (NOON, NOON + 60_000), (100.0, 2_000.0), STANDARD, lambda t: t < NOON + 10_000)
    assert met is not None
    assert met.time_ms < NOON + 10_000
    assert between.met(his, hers, (NOON, NOON + 60_000), (100.0, 2_000.0), STANDARD, lambda _: False) is None


def test_across_the_antimeridian_and_at_68_north_the_distance_is_the_same() -> None:
    def shifted(one: Observation, lat: float, lon: float) -> Observation:
        north, east = (one.lat or 0.0) - 50.8466, (one.lon or 0.0) - 4.3517
        squeeze = math.cos(math.radians(50.8466)) / math.cos(math.radians(lat))
        return one._replace(lat=lat + north, lon=(lon + east * squeeze + 180) % 360 - 180)

    rows = (
        [at("m", s, 0, 20 * s - 600) for s in (-60, 0, 60)],
        [at("p", s, 300 - 10 * s, 200) for s in (-90, -30, 30, 90)],
    )
    distances = []
    for lat, lon in ((50.8466, 4.3517), (68.0, 25.0), (50.8466, 179.9999), (-50.8466, -179.9999)):
        his, hers = (track([shifted(row, lat, lon) for row in person]) for person in rows)
        met = between.met(his, hers, (NOON, NOON + 60_000), (300.0, 600.0), STANDARD, always)
        assert met is not None
        distances.append(met.distance_m)
    assert distances == pytest.approx([distances[0]] * 4, rel=0.01)


def test_a_far_pair_costs_no_look_at_all() -> None:
    his, hers = track([at("m", s, 0) for s in (0, 60)]), track([at("p", s, 9_000) for s in (-30, 30, 90)])
    looked: list[int] = []

    def look(time_ms: int) -> bool:
        looked.append(time_ms)
        return True

    assert between.met(his, hers, (NOON, NOON + 60_000), (300.0, 600.0), STANDARD, look) is None
    assert looked == []


@pytest.mark.parametrize("gap_s", [15, 30, 60])
def test_real_tracks_leave_the_curve_through_their_fixes_by_no_more_than_stated(gap_s: int) -> None:
    """Deviation in the middle of a gap over what is stated: its root mean square per axis stays below 1.2."""
    ratios = []
    for name in _approaches.TRACKS:
        seconds, east, north = _approaches._track(name)
        lat, lon = _approaches.plane_degrees(east, north, 50.85, 4.35)
        for start in range(0, len(seconds) - 4 * gap_s, 7 * gap_s):
            points = [
                tracks.Point(1000 * k, float(lat[k]), float(lon[k])) for k in range(start, start + 4 * gap_s, gap_s)
            ]
            legs = [between._Leg(points, i) for i in range(3)]
            at_lat, at_lon = legs[1].at(0.5)
            k = start + gap_s + gap_s // 2
            away_m = float(_approaches.geodesic_m(lat[k], lon[k], np.array(at_lat), np.array(at_lon)))
            stated = tracks.bridge_sd_m(max(leg.pace_m_s for leg in legs), gap_s, 0.5, STANDARD)
            ratios.append(away_m / stated)
    assert len(ratios) > 30
    assert math.sqrt(float(np.mean(np.square(ratios))) / 2) < 1.2
    assert float(np.quantile(ratios, 0.99)) < 3.5


def test_the_fixes_around_a_moment_are_those_written_down() -> None:
    hers = track([at("p", s, 300 - 10 * s) for s in (-90, -30, 30, 90)])
    around = between.fixes_around(hers, NOON + 50_000)
    assert [(one.time_ms - NOON) // 1000 for one in around] == [30, 90]
    assert {one.source for one in around} == {"tracker"}
    assert [(one.time_ms - NOON) // 1000 for one in between.fixes_around(hers, NOON + 95_000)] == [90]
    often = track([at("p", s, 3 * s) for s in range(0, 120, 5)])
    old = between.fixes_around(often, NOON + 22_000)
    assert [(one.time_ms - NOON) // 1000 for one in old] == [20, 25]
    assert {one.source for one in old} == {"motion_filter"}
    assert motion.start(old[0], STANDARD).lat == old[0].lat


@pytest.mark.parametrize("lat", [0.0, 50.8, -69.0])
def test_what_is_surely_apart_by_the_ends_of_both_ways_is_apart_all_along(
    lat: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = 6
    rng = np.random.default_rng(seed)
    asked = []
    for _ in range(250):
        pair, far_m, pace_m_s = [], rng.uniform(200, 2_000), 10 ** rng.uniform(-1, 1.3)
        begin_m = np.array([[0.0, 0.0], rng.normal(0, far_m, 2)])
        for device, start_m in zip("mp", begin_m, strict=True):
            times_s = np.cumsum(rng.uniform(2, 90, int(rng.integers(1, 6)))) - 60
            steps_m = np.diff(times_s, prepend=times_s[0])[:, None] * rng.normal(0, pace_m_s, (len(times_s), 2))
            rows = []
            for t_s, (north, east) in zip(times_s, start_m + np.cumsum(steps_m, axis=0), strict=True):
                place = ellipsoid.moved(lat, 179.999, north, east)
                rows.append(Observation(device, NOON + round(1000 * t_s), *place, rng.uniform(3, 30), None, None, ""))
            found = Track(device, resting=False)
            for row in rows:
                found, _ = tracks.take(found, row, STANDARD)
            pair.append(found)
        here = pair[0].here
        assert here is not None
        span_ms = (here.time_ms - int(rng.integers(3_000, 120_000)), here.time_ms)
        asked.append((pair[0], pair[1], span_ms, (far_m / 2, far_m), STANDARD, always))
    settled = []
    for moved, other, span_ms, limits_m, rules, _ in asked:
        points = [tracks.known_points(one, *span_ms) for one in (moved, other)]
        known = [(one, p, between._length_m(p)) for one, p in zip((moved, other), points, strict=True)]
        settled.append(between._surely_apart(known[0], known[1], span_ms, limits_m[1], rules))
    monkeypatch.setattr(between, "_surely_apart", lambda *_: False)
    monkeypatch.setattr(between, "_apart_m", lambda *_: 0.0)  # nor does the quick look at both ends say no
    for sure, one in zip(settled, asked, strict=True):
        assert not sure or between.met(*one) is None, f"seed {seed}"
    assert 20 < sum(settled) < len(asked)
