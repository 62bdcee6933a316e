"""What the demo measured, as one document."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from waakzaam.demo.watcher import Sighting


def quantile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of them do not exceed (nearest rank); None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(values: Sequence[float]) -> dict[str, float | int | None]:
    """Count, median and 99th percentile, in the unit of the values."""
    return {"count": len(values), "median": quantile(values, 0.5), "p99": quantile(values, 0.99)}


def raised_alarms(sightings: Sequence[Sighting]) -> list[Sighting]:
    """The first sighting of each alarm's raising."""
    seen: set[str] = set()
    raised = []
    for sighting in sightings:
        if sighting.name == "alarm" and sighting.payload["transition"] == "raised":
            alarm_id = sighting.payload["alarm"]["alarm_id"]
            if alarm_id not in seen:
                seen.add(alarm_id)
                raised.append(sighting)
    return raised


def alarm_figures(sightings: Sequence[Sighting]) -> dict[str, Any]:
    """Alarms by kind, and seconds on the real clock from the deciding fix's arrival to stored and to the console."""
    raised = raised_alarms(sightings)
    timed = [s for s in raised if s.payload.get("fix_received_ms")]
    stored = [(s.payload["stored_ms"] - s.payload["fix_received_ms"]) / 1000 for s in timed]
    shown = [(s.seen_ms - s.payload["fix_received_ms"]) / 1000 for s in timed]
    return {
        "alarms_by_kind": dict(sorted(Counter(s.payload["alarm"]["kind"] for s in raised).items())),
        "seconds_from_fix_to_stored": spread(stored),
        "seconds_from_fix_to_console": spread(shown),
    }


def receiver_to_console(sightings: Sequence[Sighting], fed_ms: dict[str, dict[int, int]]) -> dict[str, Any]:
    """Seconds on the real clock from a receiver saying a position to that position in the console's event stream.

    `fed_ms` holds per device when (real clock) the receiver said the fix of which time (Unix ms).
    """
    seconds = []
    for sighting in sightings:
        if sighting.name == "position":
            said_ms = fed_ms.get(sighting.payload["device_id"], {}).get(sighting.payload["fix_ms"])
            if said_ms is not None:
                seconds.append((sighting.seen_ms - said_ms) / 1000)
    return spread(seconds)
