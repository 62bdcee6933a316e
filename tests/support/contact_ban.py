"""One contact ban in Brussels and two people who walk towards each other: facts for the console's tests."""

from __future__ import annotations

import math
from typing import Any

from tests.support.browser import rfc3339

ORDER_ID = "VL-2026-0001"
HOME = (4.3517, 50.8466)


def order(order_id: str = ORDER_ID, monitored: str = "M1", protected: str = "P1") -> dict[str, Any]:
    """An order document with one zone and the usual distances."""
    return {
        "order_id": order_id,
        "version": 1,
        "mandate_kind": "sentence_execution",
        "timezone": "Europe/Brussels",
        "valid_from": "2020-01-01T00:00:00Z",
        "valid_until": "2040-01-01T00:00:00Z",
        "monitored": {"person_id": monitored, "device_id": f"trk-{monitored.lower()}"},
        "protected": [{"person_id": protected, "device_id": f"trk-{protected.lower()}"}],
        "proximity": {"alert_distance_m": 1000, "prealert_distance_m": 2000},
        "zones": [
            {
                "zone_id": "home",
                "shape": {"type": "Circle", "center": list(HOME), "radius_m": 300},
                "buffer_m": 200,
            }
        ],
    }


def approach(
    now_ms: int,
    minutes: int = 40,
    step_s: int = 30,
    order_id: str = ORDER_ID,
    monitored: str = "M1",
    protected: str = "P1",
) -> list[dict[str, Any]]:
    """Positions of both over the last minutes: she shops around home, he comes from the north-west and slows down."""
    positions = []
    steps = minutes * 60 // step_s
    for i in range(steps + 1):
        share = i / steps
        ms = now_ms - round((1 - share) * minutes * 60_000)
        wander = share * 9
        lon = HOME[0] + 0.0035 * math.sin(wander) + 0.001
        lat = HOME[1] + 0.0018 * math.cos(wander * 0.7) + 0.0006 * math.sin(wander * 3)
        shared = {"order_id": order_id, "fix_time": rfc3339(ms)}
        positions.append(
            {
                **shared,
                "device_id": f"trk-{protected.lower()}",
                "person_id": protected,
                "role": "protected",
                "lat": lat,
                "lon": lon,
                "horizontal_accuracy_m": 9.0,
                "speed_m_s": 1.1,
                "course_deg": math.degrees(wander) % 360,
            }
        )
        eased = share**0.6
        positions.append(
            {
                **shared,
                "device_id": f"trk-{monitored.lower()}",
                "person_id": monitored,
                "role": "monitored",
                "lat": HOME[1] + 0.047 - 0.0445 * eased + 0.0035 * math.sin(share * 7),
                "lon": HOME[0] - 0.075 + 0.0705 * eased + 0.004 * math.sin(share * 5),
                "horizontal_accuracy_m": 24.0,
                "speed_m_s": 2.6,
                "course_deg": 128.0,
            }
        )
    return positions
