"""Figures on simulated weeks: nuisance of all kinds, and breaches under the cover of silence."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from gateway.batch_partition import BatchPartition
from gateway.contract.transitions import Transition
from gateway.geofence.resting import Batch
from waakzaam.benches import _lives
from waakzaam.benches.report import Figure, at_least, at_most

PART_ORDERS = 100
# Alarms of a visit: on the way there (silence, pre-alert), inside, and on the way back.
VISIT_SPAN_MS = 3_600_000
# Half of the days of a person hold one dead spot (lift, cellar, tunnel, train) of this mean length (ASSUMED): the
# trackers store and forward, so only what lasts beyond two and a half reports is silence at all.
DEAD_SPOT_MEAN_S = 180.0
DEAD_SPOTS_LONGER_S = (600.0, 1800.0)
# Whose tracker is silent while the monitored person goes to her home: by turns his, hers, both.
COVERS = ("his", "hers", "both")
SILENCE = ("contact_loss", "gnss_loss")
COVER_S = 5_400.0
NEAR_M = 5_000.0


class Plan(NamedTuple):
    """How trackers report in a simulation, and whether every order has a visit under cover on each day."""

    interval_s: float
    dead_spot_mean_s: float
    covered: bool = False


class Made(NamedTuple):
    """A breach put in: who, how it was covered, when he set out, was first and was last inside (Unix ms)."""

    order_id: str
    cover: str
    set_out_ms: int
    first_ms: int
    last_ms: int


class Week(NamedTuple):
    """What a part of the week's orders told: alarms raised, breaches put in, fixes taken in."""

    raised: list[Transition]
    visits: list[Made]
    fixes: int


def _part(seed: int, part: int, orders: int, days: int, plan: Plan) -> Week:
    """One part of the orders with its own world, so that parts run side by side; order ids carry the part."""
    rng = np.random.default_rng([seed, part])
    w = _lives.world(rng, orders, prefix=f"o{part}-")
    partition = BatchPartition(orders, 3, w.order, _lives.BEGIN_MS)
    raised: list[Transition] = [t for t in partition.start() if t.transition == "raised"]
    visits: list[Made] = []
    fixes = 0
    for day in range(days):
        visitors = dict.fromkeys(rng.choice(orders, max(1, orders // 100), replace=False).tolist(), "")
        if plan.covered:
            visitors = {number: COVERS[(number + day) % len(COVERS)] for number in range(orders)}
        batch, made = _day(rng, w, day, plan, visitors)
        visits += made
        fixes += len(batch.order)
        for start in range(0, len(batch.order), 5_000):
            some = batch.part(np.arange(start, min(start + 5_000, len(batch.order))))
            raised += [t for t in partition.feed(some) if t.transition == "raised"]
            raised += [t for t in partition.advance(int(some.time_ms[-1])) if t.transition == "raised"]
    return Week(raised, visits, fixes)


def week(seed: int, orders: int, days: int, plan: Plan) -> Week:
    """Some days of many orders, in parts on all processors."""
    parts = max(1, orders // PART_ORDERS)
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        waiting = [pool.submit(_part, seed, part, orders // parts, days, plan) for part in range(parts)]
        weeks = [one.result() for one in waiting]
    return Week([t for w in weeks for t in w.raised], [v for w in weeks for v in w.visits], sum(w.fixes for w in weeks))


def _day(
    rng: np.random.Generator, w: _lives.World, day: int, plan: Plan, visitors: dict[int, str]
) -> tuple[Batch, list[Made]]:
    """All reports of one day in time order, and the breaches put in.

    The truth is where the visitor is, not when he meant to leave: who is still on his way at midnight, or whom no
    report shows inside her home's zone, has not been put in. Of a covered visit no report needs to show anything.
    """
    columns: list[np.ndarray[Any, Any]] = []
    visits = []
    for number in range(len(w.alert_m)):
        visit = None
        if number in visitors:
            visit = (float(rng.uniform(3, 20) * 3600), w.anchors[number, 1, 0])
        for role in (0, 1):
            his = visit if role == 0 else None
            life = _lives.day(rng, w.anchors[number, role], plan.interval_s, his)
            t, east, north, accuracy = _lives.reported(rng, life, plan.dead_spot_mean_s)
            cover = visitors.get(number, "")
            if his is not None:
                far_m = np.hypot(life.east - his[1][0], life.north - his[1][1])
                inside = (far_m <= w.zone_radius_m) & (life.time_s >= his[0])
                inside_s = life.time_s[inside & (np.isin(life.time_s, t) | (cover != ""))]
                if len(inside_s):
                    moments_s = (his[0], *inside_s[[0, -1]])
                    at_ms = [_lives.BEGIN_MS + round((day * _lives.DAY_S + s) * 1000) for s in moments_s]
                    visits.append(Made(w.order_id(number), cover, *at_ms))
            if visit is not None and cover in ((COVERS[role]), "both"):
                heard = (t < visit[0]) | (t > visit[0] + COVER_S)
                t, east, north, accuracy = t[heard], east[heard], north[heard], accuracy[heard]
            columns.append(np.stack((np.full(len(t), number), np.full(len(t), role), t, east, north, accuracy)))
    table = np.concatenate(columns, axis=1)
    table = table[:, np.argsort(table[2], kind="stable")]
    lat, lon = w.degrees(table[3], table[4])
    time_ms = _lives.BEGIN_MS + np.round((day * _lives.DAY_S + table[2]) * 1000).astype(np.int64)
    nan = np.full(table.shape[1], np.nan)
    return Batch(table[0].astype(np.int64), table[1].astype(np.int64), time_ms, lat, lon, table[5], nan, nan), visits


def _of_visits(w: Week) -> tuple[int, set[str]]:
    """How many of the breaches put in are found by an alarm of their own kind, and the alarms that belong to them."""
    found, theirs = 0, set()
    for visit in w.visits:
        near = [
            t for t in w.raised if t.order_id == visit.order_id and abs(t.time_ms - visit.first_ms) <= VISIT_SPAN_MS
        ]
        found += any(t.kind in ("proximity_alert", "zone_entry") for t in near)
        theirs |= {t.alarm_id for t in near}
    return found, theirs


def _nuisance(w: Week, device_days: int) -> tuple[float, float, dict[str, Any]]:
    """Alarms a device a day that belong to no breach, recall of the breaches, and of what kind the alarms are."""
    found, theirs = _of_visits(w)
    others = [t for t in w.raised if t.alarm_id not in theirs]
    silent = [t for t in others if t.kind in SILENCE]
    by_role = Counter("protected" if t.protected else "monitored" for t in silent)
    near = sum((t.evidence["numbers"]["clearance_m"] or 0) < NEAR_M for t in silent)
    detail = {
        "fixes": w.fixes,
        "by_kind": dict(sorted(Counter(t.kind for t in others).items())),
        "silence": {**dict(sorted(by_role.items())), f"below {NEAR_M / 1000:g} km": near},
    }
    return len(others) / device_days, found / max(len(w.visits), 1), detail


def nuisance(seed: int, *, orders: int, days: int, interval_s: float) -> list[Figure]:
    """A simulated week: alarms per device per day of all kinds, with the recall of the breaches put in beside it.

    How long dead spots last decides most of it, and nobody publishes that: the figure is shown for longer ones too, on
    a fifth of the orders.
    """
    one = week(seed, orders, days, Plan(interval_s, DEAD_SPOT_MEAN_S))
    rate, recall, detail = _nuisance(one, 2 * orders * days)
    name = f"{days} days of {orders} orders, a report each {interval_s:g} s, dead spots of {DEAD_SPOT_MEAN_S:g} s"
    figures = [
        at_most(f"nuisance alarms per device per day, {name}", rate, 0.1, "", **detail),
        Figure("the same with the alarms of the breaches put in", len(one.raised) / (2 * orders * days), ""),
        at_least("recall of the breaches put in", recall, 1.0, "", breaches=len(one.visits)),
        Figure("Cometa, Spain (peer, from DOMAIN)", 0.38, "per device per day"),
        Figure("United States (peer, from DOMAIN)", 1.25, "per device per day"),
    ]
    few, few_days = max(orders // 5, 20), min(days, 3)
    for longer_s in DEAD_SPOTS_LONGER_S:
        other = week(seed + 1, few, few_days, Plan(interval_s, longer_s))
        rate, recall, detail = _nuisance(other, 2 * few * few_days)
        detail |= {"recall": recall, "breaches": len(other.visits)}
        name = f"the same, {few_days} days of {few} orders, if dead spots last {longer_s:g} s (no target)"
        figures.append(Figure(name, rate, "", detail=detail))
    return figures


def under_cover(seed: int, *, orders: int, interval_s: float) -> list[Figure]:
    """A day on which every monitored person visits her home while his tracker, hers or both are silent.

    Told is a visit of which any alarm of the order was raised after he set out and before he left her again.
    """
    one = week(seed + 2, orders, 1, Plan(interval_s, DEAD_SPOT_MEAN_S, covered=True))
    told, behind_s, put_in = Counter[str](), [], Counter(visit.cover for visit in one.visits)
    for visit in one.visits:
        times = [
            t.time_ms
            for t in one.raised
            if t.order_id == visit.order_id and visit.set_out_ms <= t.time_ms <= visit.last_ms
        ]
        if times:
            told[visit.cover] += 1
            behind_s.append(max(0.0, (min(times) - visit.first_ms) / 1000))
    worst = {cover: told[cover] / max(put_in[cover], 1) for cover in COVERS}
    return [
        at_least(
            f"recall of breaches under the cover of silence, {orders} orders",
            min(worst.values()),
            1.0,
            "",
            breaches=dict(put_in),
            **{f"tracker silent: {cover}": share for cover, share in worst.items()},
        ),
        Figure("alarm behind the arrival in such a breach, p99", float(np.percentile(behind_s, 99)), "s"),
    ]
