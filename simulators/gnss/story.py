"""A contact-ban story made of two recorded tracks: approach, breach, a forbidden zone, and away again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from simulators.gnss.tracks import Track, read_gpx

GHENT_LAT_DEG, GHENT_LON_DEG = 51.0543, 3.7250
ALERT_DISTANCE_M = 1000
PREALERT_DISTANCE_M = 2000
MONITORED_DEVICE = "trk-m1"
PROTECTED_DEVICE = "trk-p1"


@dataclass(frozen=True)
class StoryEvent:
    """Something that a person does at `t_s` of the story: panic, strap_cut or power_off."""

    t_s: float
    device_id: str
    kind: str


@dataclass(frozen=True)
class Story:
    """Two tracks on one time axis (0 = start of the story), what happens, and the order that applies."""

    monitored: Track
    protected: Track
    events: tuple[StoryEvent, ...]
    orders: dict[str, Any]
    duration_s: float


def _rfc3339(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat().replace("+00:00", "Z")


def orders_document(start_ms: int, zone_lat_deg: float, zone_lon_deg: float) -> dict[str, Any]:
    """The contact ban of the story in the fixed order format, valid from yesterday for half a year."""
    day = int(timedelta(days=1).total_seconds() * 1000)
    return {
        "schema": "waakzaam.orders/1",
        "orders": [
            {
                "order_id": "VL-2026-0001",
                "version": 1,
                "mandate_kind": "sentence_execution",
                "timezone": "Europe/Brussels",
                "valid_from": _rfc3339(start_ms - day),
                "valid_until": _rfc3339(start_ms + 180 * day),
                "monitored": {"person_id": "M1", "device_id": MONITORED_DEVICE},
                "protected": [{"person_id": "P1", "device_id": PROTECTED_DEVICE}],
                "proximity": {"alert_distance_m": ALERT_DISTANCE_M, "prealert_distance_m": PREALERT_DISTANCE_M},
                "zones": [
                    {
                        "zone_id": "home",
                        "shape": {"type": "Circle", "center": [zone_lon_deg, zone_lat_deg], "radius_m": 300},
                        "buffer_m": 200,
                    }
                ],
            }
        ],
    }


def contact_story(tracks: Path, start_ms: int) -> Story:
    """The demo's story: a real drive passes a real walk in Ghent.

    The drive starts more than 2.2 km from the walker, comes within the alert distance, crosses the zone around her home
    and ends more than 3 km away; there his tracker goes silent, and she walks on while what he could reach grows.
    A test computes these distances with an independent geodesic.
    Raises TrackUnreadable when a track is missing or damaged.
    """
    drive = read_gpx(tracks / "car_city.gpx").between(140.0, 640.0)
    walk = read_gpx(tracks / "commute_liverpool_1s.gpx").between(1080.0, 1720.0)
    protected = walk.moved(220.0, GHENT_LAT_DEG, GHENT_LON_DEG)
    # The drive at 225 s is laid 450 m east of the walker's place at 220 s.
    monitored = drive.moved(225.0, GHENT_LAT_DEG, GHENT_LON_DEG + 450.0 / 70_000.0)
    zone = monitored.at(210.0)
    events = (
        StoryEvent(240.0, PROTECTED_DEVICE, "panic"),
        StoryEvent(420.0, MONITORED_DEVICE, "strap_cut"),
        StoryEvent(450.0, MONITORED_DEVICE, "power_off"),
    )
    return Story(
        monitored,
        protected,
        events,
        orders_document(start_ms, zone.lat_deg + 120.0 / 111_200.0, zone.lon_deg),
        protected.duration_s,
    )
