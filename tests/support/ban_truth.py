"""Walks with a truth of their own: Karney's geodesic, shapely, the wall clock of the schedule; nothing of the gateway.

Two persons go between places at walking to driving pace. Positions are known each `STEP_S` seconds; the rows are what
trackers would have written down: rare, noisy, doubled and out of order. `judge` takes transitions as the documents that
`waakzaam replay` prints and says what does not agree with the truth.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from geographiclib.geodesic import Geodesic

STEP_S = 2
LENGTH_S = 3_600
BREACH_MIN_S = 30
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Around midnight, around both changes of the clock, and at noon.
BEGINS = ("2026-03-29T00:30:00+00:00", "2026-10-25T00:20:00+00:00", "2026-03-02T22:50:00+00:00", "2026-06-05T12:00:00Z")


class World(NamedTuple):
    """One case. `inside_m`: signed metres to each limit at every step, negative inside, only while it is in force."""

    order: dict[str, Any]
    rows: list[str]
    begin_s: float
    inside_m: dict[str, np.ndarray]
    fix_times_s: dict[str, np.ndarray]
    sd_m: float
    interval_s: float


def _walk(rng: np.random.Generator, places: np.ndarray) -> np.ndarray:
    """Metres (east, north) at each step: rest at a place, or go to another at 1.4 to 14 m/s."""
    at, path = places[0], []
    while len(path) * STEP_S <= LENGTH_S:
        if rng.random() < 0.4:
            path += [at] * int(rng.uniform(60, 600) / STEP_S)
            continue
        goal = places[rng.integers(len(places))] + rng.normal(0, 60, 2)
        steps = max(1, int(math.hypot(*(goal - at)) / rng.choice([1.4, 5, 14]) / STEP_S))
        path += [at + (goal - at) * k / steps for k in range(1, steps + 1)]
        at = goal
    return np.array(path[: LENGTH_S // STEP_S])


def _degrees(lat0: float, lon0: float, path: np.ndarray) -> np.ndarray:
    found = [Geodesic.WGS84.Direct(lat0, lon0, math.degrees(math.atan2(e, n)), math.hypot(e, n)) for e, n in path]
    return np.array([(one["lat2"], one["lon2"]) for one in found])


def _apart(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.array([Geodesic.WGS84.Inverse(*p, *q)["s12"] for p, q in zip(a, b, strict=True)])


def _to_border(shape: dict[str, Any], path: np.ndarray) -> np.ndarray:
    """Signed metres to a polygon's border in the plane at its latitude; edges straight in (lon, lat)."""
    lat = float(path[0, 0])
    east = Geodesic.WGS84.Inverse(lat, 0, lat, 0.001)["s12"] * 1000
    north = Geodesic.WGS84.Inverse(lat - 0.0005, 0, lat + 0.0005, 0)["s12"] * 1000
    plane = shapely.transform(shapely.from_geojson(json.dumps(shape)), lambda c: c * [east, north])
    points = shapely.points(path[:, 1] * east, path[:, 0] * north)
    return np.where(shapely.contains(plane, points), -1, 1) * shapely.distance(plane.boundary, points)


def _on_the_wall(schedule: list[dict[str, Any]], zone: ZoneInfo, unix_s: float) -> bool:
    """Whether a local clock on the wall shows a time within the schedule."""
    here = datetime.fromtimestamp(unix_s, UTC).astimezone(zone)
    clock, today, yesterday = here.strftime("%H:%M:%S"), DAYS[here.weekday()], DAYS[here.weekday() - 1]
    for window in schedule:
        start, until = window["from"] + ":00", window["until"] + ":00"
        if start < until:
            if today in window["days"] and start <= clock < until:
                return True
        elif (today in window["days"] and clock >= start) or (yesterday in window["days"] and clock < until):
            return True
    return not schedule


def world(seed: int) -> World:
    """The case of this seed: an order with one pair and one zone, two walks, and the rows of both trackers."""
    rng = np.random.default_rng(seed)
    lat0, lon0 = float(rng.choice([50.85, 50.85, 68.0, -33.0, 0.0])), float(rng.choice([4.35, 25.0, 179.995]))
    zone_name = str(rng.choice(["Europe/Brussels", "Europe/Brussels", "America/New_York", "UTC"]))
    begin = datetime.fromisoformat(BEGINS[rng.integers(len(BEGINS))].replace("Z", "+00:00"))
    alert_m = float(rng.choice([200, 500, 1000]))
    places = rng.uniform(-3, 3, (5, 2)) * alert_m
    hers = np.tile(places[1], (LENGTH_S // STEP_S, 1)) if rng.random() < 0.4 else _walk(rng, places[::-1])
    m, p = _degrees(lat0, lon0, _walk(rng, places)), _degrees(lat0, lon0, hers)
    order: dict[str, Any] = {
        "order_id": f"truth-{seed}",
        "version": 1,
        "mandate_kind": "probation",
        "timezone": zone_name,
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "2027-01-01T00:00:00Z",
        "monitored": {"person_id": "M", "device_id": "m"},
        "protected": [{"person_id": "P", "device_id": "p"}, {"person_id": "without-tracker"}],
        "proximity": {"alert_distance_m": alert_m, "prealert_distance_m": 2 * alert_m},
        "zones": [],
    }
    inside_m = {"P": _apart(m, p) - alert_m}
    if lon0 < 179:
        corner = [_degrees(lat0, lon0, places[2] + r * _star(rng, turn))[:, ::-1] for r, turn in ((400, 1), (120, -1))]
        rings = [[[float(x), float(y)] for x, y in (*ring, ring[0])] for ring in corner]
        local = begin.astimezone(ZoneInfo(zone_name)) + timedelta(minutes=int(rng.integers(-60, 30)))
        ends = local + timedelta(minutes=int(rng.integers(20, 400)))
        window = {"days": [DAYS[local.weekday()]], "from": f"{local:%H:%M}", "until": f"{ends:%H:%M}"}
        shape = {"type": "Polygon", "coordinates": rings}
        order["zones"] = [{"zone_id": "Z", "shape": shape, "buffer_m": 100, "schedule": [window]}]
        times = begin.timestamp() + STEP_S * np.arange(len(m))
        in_force = [_on_the_wall([window], ZoneInfo(zone_name), t) for t in times]
        inside_m["Z"] = np.where(in_force, _to_border(shape, m), math.inf)
    _agree_exception(np.random.default_rng([seed, 1]), order, inside_m, begin)
    sd_m, interval_s = float(rng.choice([3, 8, 15])), float(rng.choice([10, 30, 60]))
    rows, fix_times_s = [], {}
    for device, path in (("m", m), ("p", p)):
        steps = np.arange(int(rng.integers(0, 5)), len(path), int(interval_s) // STEP_S)
        fix_times_s[device] = begin.timestamp() + STEP_S * steps
        for step in steps:
            away_m = sd_m * math.sqrt(-2 * math.log(1 - rng.random()))
            seen = Geodesic.WGS84.Direct(*path[step], rng.uniform(0, 360), away_m)
            at = (begin + timedelta(seconds=int(step) * STEP_S)).isoformat()
            accuracy = "" if sd_m > 10 else f"{1.51 * sd_m:.1f}"
            rows.append(f"{at},{device},{seen['lat2']:.7f},{(seen['lon2'] + 180) % 360 - 180:.7f},{accuracy},,,\n")
    rows += [rows[i] for i in rng.integers(0, len(rows), 10)]
    rng.shuffle(rows)
    return World(order, rows, begin.timestamp(), inside_m, fix_times_s, sd_m, interval_s)


def _agree_exception(
    rng: np.random.Generator, order: dict[str, Any], inside_m: dict[str, np.ndarray], begin: datetime
) -> None:
    """In half of the cases the parties agreed that the whole order, the pair or the zone rests for a while."""
    if rng.random() < 0.5:
        return
    start_s = float(rng.integers(0, LENGTH_S - 300))
    until_s = start_s + float(rng.integers(120, 1500))
    what = str(rng.choice(["all", *inside_m]))
    exception = {
        "exception_id": "agreed",
        "from": (begin + timedelta(seconds=start_s)).isoformat(),
        "until": (begin + timedelta(seconds=until_s)).isoformat(),
        "reason": "hand-over",
    }
    if what != "all":
        exception |= {"protected": ["P"]} if what == "P" else {"zones": ["Z"]}
    order["exceptions"] = [exception]
    seconds = STEP_S * np.arange(len(inside_m["P"]))
    for name in inside_m if what == "all" else [what]:
        inside_m[name] = np.where((seconds >= start_s) & (seconds < until_s), math.inf, inside_m[name])


def _star(rng: np.random.Generator, turn: int) -> np.ndarray:
    angles = turn * np.linspace(0, 2 * math.pi, 9, endpoint=False)
    return np.stack((np.cos(angles), np.sin(angles)), axis=1) * rng.uniform(0.8, 1.2, (9, 1))


def _spans(transitions: list[dict[str, Any]], kind: str) -> list[tuple[float, float]]:
    raised: dict[str, float] = {}
    spans = []
    for t in transitions:
        at = datetime.fromisoformat(t["time"].replace("Z", "+00:00")).timestamp()
        if t["kind"] == kind and t["transition"] == "raised":
            raised[t["alarm_id"]] = at
        elif t["kind"] == kind and t["transition"] == "cleared":
            spans.append((raised.pop(t["alarm_id"]), at))
    return spans + [(at, math.inf) for at in raised.values()]


def judge(w: World, transitions: list[dict[str, Any]]) -> list[str]:
    """What does not agree with the truth: breaches missed or late, alarms without cause, alarms that flip."""
    faults = []
    for name, inside_m in w.inside_m.items():
        kind = "proximity_alert" if name == "P" else "zone_entry"
        spans = _spans(transitions, kind)
        times = w.begin_s + STEP_S * np.arange(len(inside_m))
        sd_m = w.sd_m * (math.sqrt(2) if name == "P" else 1)
        for first, last in _breaches(inside_m):
            shown = [
                t
                for t in (np.concatenate(list(w.fix_times_s.values())) if name == "P" else w.fix_times_s["m"])
                if times[first] <= t <= times[last] and inside_m[int((t - w.begin_s) / STEP_S)] < -2 * sd_m
            ]
            # Between two fixes of a moving person nobody knows where they are: two of each must lie within.
            if len(shown) < (4 if name == "P" else 2):
                continue
            told = [begin for begin, end in spans if begin <= times[last] + w.interval_s and end >= times[first]]
            if not told:
                faults.append(f"{name}: breach from {times[first] - w.begin_s:.0f} s missed")
            elif told[0] > min(shown) + 3 * w.interval_s:
                faults.append(f"{name}: breach from {times[first] - w.begin_s:.0f} s told late")
        for begin, end in spans:
            near = (times >= begin - 1.5 * w.interval_s - 60) & (times <= begin + w.interval_s + 10)
            if inside_m[near].min() > 5 * sd_m + 2 * w.interval_s:
                faults.append(f"{name}: alarm at {begin - w.begin_s:.0f} s without cause")
            if end - begin < 60 and np.isfinite(inside_m[min(int((end - w.begin_s) / STEP_S), len(inside_m) - 1)]):
                faults.append(f"{name}: alarm at {begin - w.begin_s:.0f} s flips")
    return faults


def _breaches(inside_m: np.ndarray) -> list[tuple[int, int]]:
    """Steps [first, last] of each stay within the limit of BREACH_MIN_S or more."""
    edges = np.diff(np.concatenate(([0], (inside_m <= 0).astype(int), [0])))
    pairs = zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1, strict=True)
    return [(int(a), int(b)) for a, b in pairs if (b - a) * STEP_S >= BREACH_MIN_S]
