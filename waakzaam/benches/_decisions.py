"""Figures on decisions: approaches on perturbed real tracks, flip-flop along a border."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np

from gateway.contract.orders import Order, Party, Zone
from gateway.contract.shapes import Circle
from gateway.contract.transitions import Transition
from gateway.geofence.motion import Observation
from gateway.replay.run import replay
from waakzaam.benches import _approaches
from waakzaam.benches.report import Figure, at_most

CLEARED_SOON_S = 60
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
