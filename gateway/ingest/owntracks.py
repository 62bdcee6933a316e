"""OwnTracks JSON as a second input: a phone stands in for a tracker in a pilot. Unsigned, and marked so everywhere.

Topics are `owntracks/<user>/<device>`; the tracker id is `<user>-<device>` in lower case. Fields as in the OwnTracks
booklet: `_type` location, lat, lon, acc (m), vel (km/h), cog (degrees), tst (seconds), batt (%).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Any

from gateway.geofence.motion import Observation
from gateway.ingest.decoder import AHEAD_MAX_MS, Unusable
from gateway.journal.port import Message

TOPIC_PREFIX = "owntracks/"
SOURCE = "owntracks-unsigned"
BATTERY_LOW_PERCENT, BATTERY_CRITICAL_PERCENT = 20, 8
NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,30}")


def device_id_of(topic: str) -> str:
    """The tracker id of an OwnTracks topic; raises Unusable."""
    parts = topic.split("/")
    name = "-".join(parts[1:3]).lower()
    if len(parts) != 3 or not NAME.fullmatch(name):
        raise Unusable(None, "topic: not owntracks/<user>/<device> of letters and digits")
    return name


def _number(document: dict[str, Any], name: str, low: float, high: float, device_id: str) -> float | None:
    value = document.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Unusable(device_id, f"{name}: not a number")
    if not low <= value <= high:
        raise Unusable(device_id, f"{name}: {value:g} is outside {low:g} to {high:g}")
    return float(value)


def open_message(topic: str, payload: bytes, now_ms: int, wall_ms: int) -> tuple[Message, list[Observation]]:
    """The message and what it says; raises Unusable. Identity is the device, its time and the content."""
    device_id = device_id_of(topic)
    try:
        document = json.loads(payload)
    except ValueError as error:
        raise Unusable(device_id, f"not JSON: {error}") from None
    if not isinstance(document, dict) or document.get("_type") != "location":
        raise Unusable(device_id, "_type: only location is used")
    seconds = _number(document, "tst", 1_577_836_800, 4_102_444_800, device_id)
    if seconds is None:
        raise Unusable(device_id, "tst: missing")
    if seconds * 1000 > now_ms + AHEAD_MAX_MS:
        raise Unusable(device_id, "tst: ahead of the gateway's clock")
    found = observations(device_id, document, now_ms)
    digest = int.from_bytes(hashlib.sha256(payload).digest()[:4], "big")
    return Message(device_id, round(seconds), digest, SOURCE, wall_ms, payload), found


def observations(device_id: str, document: dict[str, Any], now_ms: int) -> list[Observation]:
    """The position and the battery state of a location document; raises Unusable."""
    lat, lon = _number(document, "lat", -90, 90, device_id), _number(document, "lon", -180, 180, device_id)
    if lat is None or lon is None:
        raise Unusable(device_id, "lat: missing")
    time_ms = min(round(1000 * (_number(document, "tst", 0, 1e11, device_id) or 0)), now_ms)
    speed = _number(document, "vel", 0, 1_000, device_id)
    battery = _number(document, "batt", 0, 100, device_id)
    event = ""
    if battery is not None and battery <= BATTERY_LOW_PERCENT:
        event = "battery_critical" if battery <= BATTERY_CRITICAL_PERCENT else "battery_low"
    return [
        Observation(
            device_id,
            time_ms,
            lat,
            lon,
            _number(document, "acc", 0, 1e6, device_id),
            None if speed is None else speed / 3.6,
            _number(document, "cog", 0, 360, device_id),
            event,
            SOURCE,
        )
    ]
