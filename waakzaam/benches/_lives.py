"""Simulated lives of many pairs: where they live, work and go, how their trackers report, and the breaches put in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gateway.contract.orders import Order, Party, Proximity, Zone
from gateway.contract.shapes import Circle

Floats = NDArray[np.float64]
BEGIN_MS = 1_780_272_000_000  # a Monday, 00:00 UTC
DAY_S = 86_400
METRES_PER_DEG = 111_250.0


@dataclass(frozen=True)
class World:
    """Anchors of every pair in metres around (lat0, lon0): shape (orders, role, place, 2); places: home, work, town."""

    lat0: float
    lon0: float
    anchors: Floats
    alert_m: Floats
    zone_radius_m: float = 300.0
    zone_buffer_m: float = 200.0
    prefix: str = "o-"

    def order_id(self, number: int) -> str:
        return f"{self.prefix}{number}"

    def order(self, number: int) -> Order:
        """The order of one pair: proximity and three zones, the protected person's home, work and town."""
        alert_m = float(self.alert_m[number])
        zones = []
        for place, name in enumerate(("home", "work", "school")):
            east, north = self.anchors[number, 1, place]
            lat, lon = self.degrees(np.array([east]), np.array([north]))
            zones.append(Zone(name, Circle(float(lon[0]), float(lat[0]), self.zone_radius_m), self.zone_buffer_m, ()))
        return Order(
            self.order_id(number),
            1,
            "sentence_execution",
            "Europe/Brussels",
            BEGIN_MS - DAY_S * 1000,
            BEGIN_MS + 400 * DAY_S * 1000,
            Party(f"M{number}", f"m-{number}"),
            (Party(f"P{number}", f"p-{number}"),),
            Proximity(alert_m, 2 * alert_m),
            tuple(zones),
        )

    def degrees(self, east: Floats, north: Floats) -> tuple[Floats, Floats]:
        """Degrees of metres in the world's plane (spherical; the world is what it says it is)."""
        lat = self.lat0 + north / METRES_PER_DEG
        return lat, self.lon0 + east / (METRES_PER_DEG * math.cos(math.radians(self.lat0)))


def world(rng: np.random.Generator, orders: int, home_median_m: float = 15_000.0, prefix: str = "o-") -> World:
    """Pairs whose homes lie a log-normal distance apart (ASSUMED median 15 km, never below 4 alert distances)."""
    alert_m = rng.choice([500.0, 1000.0], orders)
    anchors = np.zeros((orders, 2, 3, 2))
    centre = rng.normal(0, 40_000, (orders, 2))
    apart = np.maximum(home_median_m * np.exp(rng.normal(0, 0.7, orders)), 4 * alert_m)
    angle = rng.uniform(0, 2 * math.pi, orders)
    anchors[:, 1, 0] = centre
    anchors[:, 0, 0] = centre + apart[:, None] * np.stack((np.cos(angle), np.sin(angle)), axis=1)
    for role in (0, 1):
        for place in (1, 2):
            turn, far = rng.uniform(0, 2 * math.pi, orders), rng.uniform(1_500, 9_000, orders)
            anchors[:, role, place] = anchors[:, role, 0] + far[:, None] * np.stack(
                (np.cos(turn), np.sin(turn)), axis=1
            )
    # A monitored person's own places keep clear of hers: the court saw to that (a place in a zone would be a breach).
    for place in (1, 2):
        for hers in range(3):
            gap = anchors[:, 0, place] - anchors[:, 1, hers]
            too_near = np.hypot(gap[:, 0], gap[:, 1]) < 3.5 * alert_m
            anchors[too_near, 0, place] = anchors[too_near, 0, 0]
    return World(50.9, 4.4, anchors, alert_m, prefix=prefix)


@dataclass(frozen=True)
class Life:
    """One person's day: true positions at the times of the fixes."""

    time_s: Floats
    east: Floats
    north: Floats


def day(rng: np.random.Generator, anchors: Floats, interval_s: float, visit: tuple[float, Floats] | None) -> Life:
    """A day of one person: home, work, perhaps town, home; travel at 3 to 25 m/s over a detour; still in between.

    `visit` puts in a breach: at that second of the day the person drives to that place and stays for five minutes.
    """
    stops: list[tuple[float, Floats]] = [(0.0, anchors[0])]
    if rng.random() < 0.7:
        stops.append((rng.uniform(6.5, 9) * 3600, anchors[1]))
        if rng.random() < 0.4:
            stops.append((rng.uniform(16, 17.5) * 3600, anchors[2]))
        stops.append((rng.uniform(18, 22) * 3600, anchors[0]))
    elif rng.random() < 0.6:
        stops += [(rng.uniform(10, 13) * 3600, anchors[2]), (rng.uniform(14, 20) * 3600, anchors[0])]
    if visit is not None:
        stops = [stop for stop in stops if stop[0] == 0 or abs(stop[0] - visit[0]) > 5400]
        stops += [visit, (visit[0] + 3600, anchors[0])]
        stops.sort(key=lambda stop: stop[0])
    knots_t, knots = [0.0], [stops[0][1]]
    for planned_s, goal in stops[1:]:
        start = knots[-1]
        far = float(np.hypot(*(goal - start)))
        if far < 1:
            continue
        middle = (start + goal) / 2 + rng.normal(0, 0.12 * far, 2)
        speed = float(np.clip(rng.normal(11, 4), 3, 25))
        leave_s = max(planned_s, knots_t[-1] + 60)
        knots_t += [leave_s, leave_s + 0.6 * far / speed, leave_s + 1.2 * far / speed]
        knots += [start, middle, goal]
    times = np.arange(rng.uniform(0, interval_s), DAY_S, interval_s)
    path = np.array(knots)
    return Life(times, np.interp(times, knots_t, path[:, 0]), np.interp(times, knots_t, path[:, 1]))


def reported(
    rng: np.random.Generator, life: Life, dead_spot_mean_s: float = 180.0
) -> tuple[Floats, Floats, Floats, Floats]:
    """Urban reports of a day: lasting errors of 6 m, 0.2 % multipath jumps, 1 % lost fixes, dead spots.

    Returns times, east, north and stated accuracy of what arrives.
    """
    count = len(life.time_s)
    keep = rng.random(count) > 0.01
    if rng.random() < 0.5:
        begin = rng.uniform(0, DAY_S)
        keep &= ~((life.time_s > begin) & (life.time_s < begin + rng.exponential(dead_spot_mean_s)))
    error = rng.normal(0, 6, (2, count))
    hold = math.exp(-(life.time_s[1] - life.time_s[0]) / 60)
    for i in range(1, count):
        error[:, i] = hold * error[:, i - 1] + math.sqrt(1 - hold * hold) * error[:, i]
    jumps = np.flatnonzero(rng.random(count) < 0.002)
    turn, far = rng.uniform(0, 2 * math.pi, len(jumps)), rng.uniform(100, 2500, len(jumps))
    error[:, jumps] += np.stack((far * np.cos(turn), far * np.sin(turn)))
    accuracy = np.full(count, 9.0)
    return life.time_s[keep], (life.east + error[0])[keep], (life.north + error[1])[keep], accuracy[keep]
