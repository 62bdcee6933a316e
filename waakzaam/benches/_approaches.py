"""Seeded approach scenarios on perturbed real tracks, with their own truth, for judging the decision core."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gateway.contract.orders import Order, Party, Proximity
from gateway.geofence.motion import Observation
from gateway.replay import gpx
from waakzaam import machine

Floats = NDArray[np.float64]
TRACKS = ("commute_liverpool_1s.gpx", "car_city.gpx", "hike.gpx")
BEGIN_MS = 1_780_000_000_000
EARTH_M = 6_371_008.8
BREACH_MIN_S = 30


@dataclass(frozen=True)
class Scenario:
    """Two persons on the plane around (lat, lon), true positions each second, and what their trackers said."""

    order: Order
    observations: tuple[Observation, ...]
    distance_m: Floats
    alert_m: float
    interval_s: float
    noise_m: float
    fix_times_s: Floats


@lru_cache(maxsize=4)
def _track(name: str) -> tuple[Floats, Floats, Floats]:
    """Seconds, metres east and metres north of a real track, one point a second (straight between its points)."""
    rows = gpx.read(Path(machine.ROOT) / "data/tracks" / name, "t", lambda _: None)
    t = np.array([row.time_ms for row in rows]) / 1000
    t, keep = np.unique(t - t[0], return_index=True)
    lat = np.array([row.lat for row in rows])[keep]
    lon = np.array([row.lon for row in rows])[keep]
    east = np.radians(lon - lon[0]) * EARTH_M * math.cos(math.radians(lat[0]))
    north = np.radians(lat - lat[0]) * EARTH_M
    seconds = np.arange(0, t[-1])
    return seconds, np.interp(seconds, t, east), np.interp(seconds, t, north)


def real_walk(rng: np.random.Generator, length_s: int) -> Floats:
    """A piece of a real track, turned by a random angle: shape (2, length), metres."""
    name = TRACKS[rng.integers(len(TRACKS))]
    seconds, east, north = _track(name)
    if len(seconds) <= length_s:
        begin, stop = 0, len(seconds)
    else:
        begin = int(rng.integers(len(seconds) - length_s))
        stop = begin + length_s
    angle = rng.uniform(0, 2 * math.pi)
    c, s = math.cos(angle), math.sin(angle)
    e, n = east[begin:stop], north[begin:stop]
    piece = np.stack((c * e - s * n, s * e + c * n))
    pad = length_s - piece.shape[1]
    return np.concatenate((piece, np.repeat(piece[:, -1:], pad, axis=1)), axis=1) if pad > 0 else piece


def geodesic_m(lat1: Floats, lon1: Floats, lat2: Floats, lon2: Floats) -> Floats:
    """A distance for the truth that owes nothing to the core: the plane with both radii at the middle latitude."""
    mid = np.radians((lat1 + lat2) / 2)
    e2 = 0.00669437999014
    w2 = 1 - e2 * np.sin(mid) ** 2
    m, n = 6_378_137.0 * (1 - e2) / w2**1.5, 6_378_137.0 / np.sqrt(w2)
    return np.asarray(np.hypot(np.radians(lat2 - lat1) * m, np.radians(lon2 - lon1) * n * np.cos(mid)))


def plane_degrees(east: Floats, north: Floats, lat0: float, lon0: float) -> tuple[Floats, Floats]:
    lat = lat0 + np.degrees(north / EARTH_M)
    return lat, lon0 + np.degrees(east / (EARTH_M * math.cos(math.radians(lat0))))


def _reported(
    rng: np.random.Generator,
    device: str,
    path: tuple[Floats, Floats],
    *,
    interval_s: float,
    noise_m: float,
    jumps: bool,
) -> list[Observation]:
    """What a tracker says of its path: every interval, with noise that lasts, gaps and (some) multipath jumps."""
    lat, lon = path
    times = np.arange(rng.uniform(0, interval_s), len(lat) - 1, interval_s)
    times = times[rng.random(len(times)) > 0.03]
    white = rng.normal(0, noise_m, (2, len(times)))
    if rng.random() < 0.5:  # Half of the scenarios have errors that last about a minute, as real ones do.
        keep = math.exp(-interval_s / 60)
        for i in range(1, len(times)):
            white[:, i] = keep * white[:, i - 1] + math.sqrt(1 - keep * keep) * white[:, i]
    if jumps:
        for jump in np.flatnonzero(rng.random(len(times)) < 0.005):
            angle, far = rng.uniform(0, 2 * math.pi), rng.uniform(300, 2500)
            white[:, jump] += far * math.cos(angle), far * math.sin(angle)
    la = np.interp(times, np.arange(len(lat)), lat) + np.degrees(white[1] / EARTH_M)
    lo = np.interp(times, np.arange(len(lon)), lon) + np.degrees(white[0] / EARTH_M / math.cos(math.radians(lat[0])))
    accuracy = noise_m * 1.51
    return [
        Observation(device, BEGIN_MS + round(t * 1000), float(a), float(b), accuracy, None, None, "")
        for t, a, b in zip(times, la, lo, strict=True)
    ]


def scenario(seed: int, length_s: int = 900) -> Scenario:
    """One seeded scenario: two pieces of real tracks, moved so that they come near each other at some moment."""
    rng = np.random.default_rng(seed)
    lat0, lon0 = rng.uniform(49.5, 51.5), rng.uniform(2.6, 6.3)
    alert_m = float(rng.choice([200, 300, 500, 1000]))
    noise_m = float(rng.choice([3, 5, 10, 15]))
    interval_s = float(rng.choice([5, 10, 15, 30, 60]))
    monitored = real_walk(rng, length_s)
    protected = real_walk(rng, length_s) if rng.random() < 0.7 else np.zeros((2, length_s))
    moment = int(rng.integers(length_s // 3, length_s))
    offset_m, angle = rng.uniform(0, 1.6) * alert_m, rng.uniform(0, 2 * math.pi)
    shift = monitored[:, moment] - protected[:, moment]
    protected = protected + (shift + offset_m * np.array([math.cos(angle), math.sin(angle)]))[:, None]
    m, p = plane_degrees(monitored[0], monitored[1], lat0, lon0), plane_degrees(protected[0], protected[1], lat0, lon0)
    jumps = bool(rng.random() < 0.3)
    rows = _reported(rng, "trk-m1", m, interval_s=interval_s, noise_m=noise_m, jumps=jumps)
    rows += _reported(rng, "trk-p1", p, interval_s=interval_s, noise_m=noise_m, jumps=jumps)
    order = Order(
        f"scenario-{seed}",
        1,
        "sentence_execution",
        "Europe/Brussels",
        BEGIN_MS - 86_400_000,
        BEGIN_MS + 86_400_000,
        Party("M1", "trk-m1"),
        (Party("P1", "trk-p1"),),
        Proximity(alert_m, 2 * alert_m),
        (),
    )
    fix_times = np.sort(np.array([(row.time_ms - BEGIN_MS) / 1000 for row in rows]))
    truth = geodesic_m(m[0], m[1], p[0], p[1])
    return Scenario(order, tuple(rows), truth, alert_m, interval_s, noise_m, fix_times)


def true_breaches(distance_m: Floats, alert_m: float) -> list[tuple[int, int]]:
    """Spans [first, last] in seconds during which the true distance stayed within the alert distance, 30 s or more.

    Spans less than two minutes apart count as one breach.
    """
    inside = np.concatenate(([False], distance_m <= alert_m, [False]))
    starts = np.flatnonzero(~inside[:-1] & inside[1:])
    ends = np.flatnonzero(inside[:-1] & ~inside[1:]) - 1
    spans: list[tuple[int, int]] = []
    for start, end in zip(starts, ends, strict=True):
        if spans and start - spans[-1][1] < 120:
            spans[-1] = (spans[-1][0], int(end))
        else:
            spans.append((int(start), int(end)))
    return [span for span in spans if span[1] - span[0] >= BREACH_MIN_S]
