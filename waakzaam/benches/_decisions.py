"""Figures on decisions: approaches on perturbed real tracks, flip-flop along a border, a week of nuisance."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from gateway.batch_partition import BatchPartition
from gateway.contract.orders import Order, Party, Zone
from gateway.contract.shapes import Circle
from gateway.contract.transitions import Transition
from gateway.geofence.motion import Observation
from gateway.geofence.resting import Batch
from gateway.replay.run import replay
from waakzaam.benches import _approaches, _lives
from waakzaam.benches.report import Figure, at_least, at_most

CLEARED_SOON_S = 60
WEEK_PART_ORDERS = 100
# Alarms of a visit: on the way there (silence, pre-alert), inside, and on the way back.
VISIT_SPAN_MS = 3_600_000
# Half of the days of a person hold one dead spot (lift, cellar, tunnel, train) of this mean length (ASSUMED): the
# trackers store and forward, so only what lasts beyond two and a half reports is silence at all.
DEAD_SPOT_MEAN_S = 180.0
DEAD_SPOTS_LONGER_S = (600.0, 1800.0)
TRACKS = _approaches.TRACKS


class Approach(NamedTuple):
    """What became of one scenario: fixes late per breach, breaches missed and unseen, alarms without cause."""

    late_fixes: list[int]
    missed: int
    unseen: int
    raised: int
    without_cause: int


def _spans(transitions: list[Transition], kind: str, begin_ms: int) -> list[tuple[float, float]]:
    spans, since = [], None
    for t in transitions:
        if t.kind == kind and t.transition == "raised":
            since = (t.time_ms - begin_ms) / 1000
        elif t.kind == kind and t.transition == "cleared" and since is not None:
            spans.append((since, (t.time_ms - begin_ms) / 1000))
            since = None
    return spans if since is None else [*spans, (since, float("inf"))]


def approach(seed: int) -> Approach:
    """Runs one seeded scenario and judges it by its own truth.

    A fix can first show a breach when it is the first of either tracker within it; a breach in which no tracker gave a
    fix is unseen, not missed. An alarm has no cause when the true distance stayed above the alert distance by three
    joint deviations from a minute before to ten seconds after.
    """
    s = _approaches.scenario(seed)
    spans = _spans(list(replay([s.order], s.observations)), "proximity_alert", _approaches.BEGIN_MS)
    late, missed, unseen = [], 0, 0
    for first, last in _approaches.true_breaches(s.distance_m, s.alert_m):
        shown = s.fix_times_s[(s.fix_times_s >= first) & (s.fix_times_s <= last)]
        if not len(shown):
            unseen += 1
            continue
        told = [begin for begin, end in spans if begin <= last + 60 and end >= first]
        if not told:
            missed += 1
            continue
        behind_s = max(0.0, told[0] - shown[0])
        late.append(int(np.ceil(behind_s / s.interval_s - 1e-9)))
    without = 0
    for begin, _ in spans:
        nearest = s.distance_m[max(0, int(begin) - 60) : int(begin) + 11].min()
        without += bool(nearest > s.alert_m + 3 * 1.42 * s.noise_m)
    return Approach(late, missed, unseen, len(spans), without)


def approaches(seed: int, count: int) -> list[Figure]:
    """The 10,000 scenarios (fewer when quick)."""
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        outcomes = list(pool.map(approach, range(seed * 1_000_000, seed * 1_000_000 + count), chunksize=50))
    late = np.array([n for one in outcomes for n in one.late_fixes])
    missed, raised = sum(o.missed for o in outcomes), sum(o.raised for o in outcomes)
    without = sum(o.without_cause for o in outcomes)
    detail = {"breaches": len(late) + missed, "unseen": sum(o.unseen for o in outcomes), "alerts_raised": raised}
    return [
        at_most(f"true breaches >= 30 s not alarmed, {count} approaches", missed, 0, "", **detail),
        at_most("delay beyond the first fix within a breach, median", float(np.median(late)), 1, "fixes"),
        at_most("delay beyond the first fix within a breach, p99", float(np.percentile(late, 99)), 3, "fixes"),
        Figure("alerts without cause (> 3 deviations outside)", without / max(raised, 1), "of raised"),
    ]


def _border_walk(seed: int) -> tuple[int, int, int, int]:
    """A real track along a border with 10 m noise: (raised, cleared soon) of ours, and of point-in-circle."""
    rng = np.random.default_rng(seed)
    east, north = _approaches.real_walk(rng, 900)
    radius_m = float(rng.uniform(200, 600))
    # The circle is laid so that the track runs along its border at some point.
    k = int(rng.integers(len(east)))
    turn = rng.uniform(0, 2 * np.pi)
    centre = np.array([east[k], north[k]]) + radius_m * np.array([np.cos(turn), np.sin(turn)])
    lat, lon = _approaches.plane_degrees(east - centre[0], north - centre[1], 50.85, 4.35)
    noise_lat = np.degrees(rng.normal(0, 10, len(lat)) / _approaches.EARTH_M)
    noise_lon = np.degrees(rng.normal(0, 10, len(lon)) / _approaches.EARTH_M / np.cos(np.radians(50.85)))
    order = Order(
        "border",
        1,
        "probation",
        "Europe/Brussels",
        _approaches.BEGIN_MS - 1,
        _approaches.BEGIN_MS + 10**9,
        Party("M", "m"),
        (),
        None,
        (Zone("z", Circle(4.35, 50.85, radius_m), 0, ()),),
    )
    step = int(rng.choice([1, 5, 10]))
    rows = [
        Observation(
            "m", _approaches.BEGIN_MS + i * 1000, lat[i] + noise_lat[i], lon[i] + noise_lon[i], 15.0, None, None, ""
        )
        for i in range(0, len(lat), step)
    ]
    spans = _spans(list(replay([order], rows)), "zone_entry", _approaches.BEGIN_MS)
    ours = (len(spans), sum(end - begin < CLEARED_SOON_S for begin, end in spans))
    inside = [
        float(_approaches.geodesic_m(np.array(r.lat), np.array(r.lon), np.array(50.85), np.array(4.35))) <= radius_m
        for r in rows
    ]
    changes = [i for i in range(1, len(inside)) if inside[i] != inside[i - 1]]
    entries = [i for i in changes if inside[i]]
    soon = sum(any(0 < (j - i) * step < CLEARED_SOON_S and not inside[j] for j in changes) for i in entries)
    return (*ours, len(entries), soon)


def border(seed: int, count: int) -> list[Figure]:
    """Raised and cleared within 60 s, ours and a plain point-in-circle test on the same fixes."""
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        rows = np.array(list(pool.map(_border_walk, range(seed * 1000, seed * 1000 + count), chunksize=20)))
    raised, soon, entries, plain = rows.sum(axis=0)
    return [
        at_most(
            f"raised and cleared within 60 s, 10 m noise along a border, {count} walks",
            float(soon / max(raised, 1)),
            0.02,
            "of raised",
            raised=int(raised),
        ),
        Figure("the same by a plain point-in-circle test (peer)", float(plain / max(entries, 1)), "of entries"),
    ]


class Week(NamedTuple):
    """What a part of the week's orders told: alarms raised, breaches put in (order, Unix ms), fixes taken in."""

    raised: list[Transition]
    visits: list[tuple[str, int]]
    fixes: int


def _week_part(seed: int, part: int, orders: int, days: int, pace: tuple[float, float]) -> Week:
    """One part of the orders with its own world, so that parts run side by side; order ids carry the part."""
    rng = np.random.default_rng([seed, part])
    w = _lives.world(rng, orders, prefix=f"o{part}-")
    partition = BatchPartition(orders, 3, w.order, _lives.BEGIN_MS)
    raised: list[Transition] = [t for t in partition.start() if t.transition == "raised"]
    visits: list[tuple[str, int]] = []
    fixes = 0
    for day in range(days):
        visitors = set(rng.choice(orders, max(1, orders // 100), replace=False).tolist())
        batch, made = _day_batch(rng, w, day, pace, visitors)
        visits += [(w.order_id(number), at_ms) for number, at_ms in made]
        fixes += len(batch.order)
        for start in range(0, len(batch.order), 5_000):
            some = batch.part(np.arange(start, min(start + 5_000, len(batch.order))))
            raised += [t for t in partition.feed(some) if t.transition == "raised"]
            raised += [t for t in partition.advance(int(some.time_ms[-1])) if t.transition == "raised"]
    return Week(raised, visits, fixes)


def _week(seed: int, orders: int, days: int, pace: tuple[float, float]) -> Week:
    """A week of many orders, in parts on all processors."""
    parts = max(1, orders // WEEK_PART_ORDERS)
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        waiting = [pool.submit(_week_part, seed, part, orders // parts, days, pace) for part in range(parts)]
        weeks = [one.result() for one in waiting]
    return Week([t for w in weeks for t in w.raised], [v for w in weeks for v in w.visits], sum(w.fixes for w in weeks))


def nuisance_week(seed: int, *, orders: int, days: int, interval_s: float) -> list[Figure]:
    """A simulated week: alarms per device per day of all kinds, with the recall of the breaches put in beside it.

    How long dead spots last decides most of it, and nobody publishes that: the figure is shown for longer ones too, on
    a fifth of the orders.
    """
    week = _week(seed, orders, days, (interval_s, DEAD_SPOT_MEAN_S))
    name = f"{days} days of {orders} orders, a report each {interval_s:g} s, dead spots of {DEAD_SPOT_MEAN_S:g} s"
    figures = _nuisance_figures(week, 2 * orders * days, name)
    few, few_days = max(orders // 5, 20), min(days, 3)
    for longer_s in DEAD_SPOTS_LONGER_S:
        other = _week(seed + 1, few, few_days, (interval_s, longer_s))
        one, _, recall = _nuisance_figures(other, 2 * few * few_days, "")[:3]
        figures.append(
            Figure(
                f"the same, {few_days} days of {few} orders, if dead spots last {longer_s:g} s (no target)",
                one.value,
                "",
                detail={**one.detail, "recall": recall.value},
            )
        )
    return figures


def _day_batch(
    rng: np.random.Generator, w: _lives.World, day: int, pace: tuple[float, float], visitors: set[int]
) -> tuple[Batch, list[tuple[int, int]]]:
    """All reports of one day in time order, and the breaches put in: (order, Unix ms of the first report from inside).

    The truth is where the visitor is, not when he meant to leave: who is still on his way at midnight, or whom no
    report shows inside her home's zone, has not been put in.
    """
    columns: list[np.ndarray[Any, Any]] = []
    visits = []
    for number in range(len(w.alert_m)):
        for role in (0, 1):
            visit = None
            if role == 0 and number in visitors:
                at_s = float(rng.uniform(3, 20) * 3600)
                visit = (at_s, w.anchors[number, 1, 0])
            life = _lives.day(rng, w.anchors[number, role], pace[0], visit)
            t, east, north, accuracy = _lives.reported(rng, life, pace[1])
            if visit is not None:
                far_m = np.hypot(life.east - visit[1][0], life.north - visit[1][1])
                inside_s = life.time_s[(far_m <= w.zone_radius_m) & (life.time_s >= visit[0]) & np.isin(life.time_s, t)]
                if len(inside_s):
                    visits.append((number, _lives.BEGIN_MS + round((day * _lives.DAY_S + inside_s[0]) * 1000)))
            columns.append(np.stack((np.full(len(t), number), np.full(len(t), role), t, east, north, accuracy)))
    table = np.concatenate(columns, axis=1)
    table = table[:, np.argsort(table[2], kind="stable")]
    lat, lon = w.degrees(table[3], table[4])
    time_ms = _lives.BEGIN_MS + np.round((day * _lives.DAY_S + table[2]) * 1000).astype(np.int64)
    nan = np.full(table.shape[1], np.nan)
    return Batch(table[0].astype(np.int64), table[1].astype(np.int64), time_ms, lat, lon, table[5], nan, nan), visits


def _nuisance_figures(week: Week, device_days: int, name: str) -> list[Figure]:
    found = 0
    by_visit: set[str] = set()
    for order_id, at_ms in week.visits:
        theirs = [t for t in week.raised if t.order_id == order_id and abs(t.time_ms - at_ms) <= VISIT_SPAN_MS]
        found += any(t.kind in ("proximity_alert", "zone_entry") for t in theirs)
        by_visit |= {t.alarm_id for t in theirs}
    others = [t for t in week.raised if t.alarm_id not in by_visit]
    kinds = dict(sorted(Counter(t.kind for t in others).items()))
    rate = len(others) / device_days
    return [
        at_most(f"nuisance alarms per device per day, {name}", rate, 0.1, "", fixes=week.fixes, by_kind=kinds),
        Figure("the same with the alarms of the breaches put in", len(week.raised) / device_days, ""),
        at_least("recall of the breaches put in", found / max(len(week.visits), 1), 1.0, "", breaches=len(week.visits)),
        Figure("Cometa, Spain (peer, from DOMAIN)", 0.38, "per device per day"),
        Figure("United States (peer, from DOMAIN)", 1.25, "per device per day"),
    ]
