"""Pairs of people who must stay apart, and where each of them is at any moment: closed forms of time and seed."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from simulators.gnss.tracks import metres_per_degree

ALERT_DISTANCE_M = 1_000
PREALERT_DISTANCE_M = 2_000
REGION = (50.75, 51.25, 3.0, 5.0)  # Flanders: lat from, lat to, lon from, lon to
WALK_M_S = 1.4
APPROACH_FROM_M = 2_600.0
APPROACH_TO_M = 300.0
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Place:
    """Where somebody is: WGS 84 degrees, m/s, degrees clockwise from north."""

    lat_deg: float
    lon_deg: float
    speed_m_s: float
    course_deg: float


@dataclass(frozen=True)
class Pair:
    """One order: a protected person near home, a monitored person some kilometres away or approaching her."""

    number: int
    home_lat_deg: float
    home_lon_deg: float
    bearing_deg: float
    distance_m: float
    approaches: bool
    approach_s: float  # from the start to the closest point
    phase: float

    @property
    def protected_id(self) -> str:
        return f"trk-p{self.number:05d}"

    @property
    def monitored_id(self) -> str:
        return f"trk-m{self.number:05d}"

    def protected(self, t_s: float) -> Place:
        """She walks a circle of 150 m around her home."""
        return self._around(0.0, 0.0, 150.0, t_s)

    def apart_m(self, t_s: float) -> float:
        """Distance of the monitored person's own circle from her home."""
        if not self.approaches:
            return self.distance_m
        share = min(abs(t_s - self.approach_s) / self.approach_s, 1.0)
        return APPROACH_TO_M + (APPROACH_FROM_M - APPROACH_TO_M) * share

    def monitored(self, t_s: float) -> Place:
        """He walks a circle of 60 m whose centre approaches her home and leaves again, or stays away."""
        angle = math.radians(self.bearing_deg)
        apart_m = self.apart_m(t_s)
        return self._around(apart_m * math.cos(angle), apart_m * math.sin(angle), 60.0, t_s)

    def _around(self, north_m: float, east_m: float, radius_m: float, t_s: float) -> Place:
        turn = self.phase + WALK_M_S * t_s / radius_m
        per_north_m, per_east_m = metres_per_degree(self.home_lat_deg)
        return Place(
            self.home_lat_deg + (north_m + radius_m * math.cos(turn)) / per_north_m,
            self.home_lon_deg + (east_m + radius_m * math.sin(turn)) / per_east_m,
            WALK_M_S,
            math.degrees(turn + math.pi / 2) % 360.0,
        )


def pairs(count: int, seed: int, approaching: int, duration_s: float) -> list[Pair]:
    """`count` pairs of which the first `approaching` breach their distance in the middle of the run."""
    random_ = random.Random(seed)
    made = []
    for number in range(count):
        made.append(
            Pair(
                number,
                random_.uniform(REGION[0], REGION[1]),
                random_.uniform(REGION[2], REGION[3]),
                random_.uniform(0, 360),
                random_.uniform(6_000, 40_000),
                number < approaching,
                duration_s * random_.uniform(0.45, 0.55),
                random_.uniform(0, 2 * math.pi),
            )
        )
    return made


def _rfc3339(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat().replace("+00:00", "Z")


def orders_document(made: list[Pair], start_ms: int) -> dict[str, Any]:
    """The orders of these pairs (`waakzaam.orders/1`), valid around the run."""
    return {
        "schema": "waakzaam.orders/1",
        "orders": [
            {
                "order_id": f"FLEET-{pair.number:05d}",
                "version": 1,
                "mandate_kind": "sentence_execution",
                "timezone": "Europe/Brussels",
                "valid_from": _rfc3339(start_ms - DAY_MS),
                "valid_until": _rfc3339(start_ms + 180 * DAY_MS),
                "monitored": {"person_id": f"M{pair.number:05d}", "device_id": pair.monitored_id},
                "protected": [{"person_id": f"P{pair.number:05d}", "device_id": pair.protected_id}],
                "proximity": {"alert_distance_m": ALERT_DISTANCE_M, "prealert_distance_m": PREALERT_DISTANCE_M},
                "zones": [],
            }
            for pair in made
        ],
    }
