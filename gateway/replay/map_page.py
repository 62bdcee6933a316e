"""A self-contained page: tracks, zones, uncertainty discs and alarms on a time slider. Needs no network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gateway.contract.orders import Order
from gateway.contract.shapes import Circle
from gateway.contract.transitions import Transition
from gateway.geofence.motion import Observation
from gateway.replay.run import in_time_order

TEMPLATE = Path(__file__).with_name("map_page.html")


def _zone(order: Order) -> list[dict[str, Any]]:
    zones: list[dict[str, Any]] = []
    for zone in order.zones:
        name = f"{order.order_id} {zone.zone_id}"
        if isinstance(zone.shape, Circle):
            circle = zone.shape
            for radius_m, kind in ((circle.radius_m, "zone"), (circle.radius_m + zone.buffer_m, "buffer")):
                zones.append({"name": name, "kind": kind, "lat": circle.lat, "lon": circle.lon, "radius_m": radius_m})
        else:
            rings = [ring for polygon in zone.shape.polygons for ring in polygon]
            zones.append({"name": name, "kind": "zone", "rings": rings})
    return zones


def render(orders: Sequence[Order], observations: Sequence[Observation], transitions: Sequence[Transition]) -> str:
    """The page as text; nothing in the data can break out of it."""
    roles: dict[str, dict[str, Any]] = {}
    for order in orders:
        for party in (order.monitored, *order.protected):
            if party.device_id is not None:
                role = "monitored" if party is order.monitored else "protected"
                alert_m = order.proximity.alert_distance_m if order.proximity and role == "protected" else None
                roles.setdefault(party.device_id, {"person": party.person_id, "role": role, "alert_m": alert_m})
    tracks: dict[str, list[list[float]]] = {device: [] for device in roles}
    for row in in_time_order(observations):
        if row.device_id in tracks and row.lat is not None and row.lon is not None:
            accuracy_m = 20.0 if row.accuracy_m is None else row.accuracy_m
            tracks[row.device_id].append([row.time_ms, row.lat, row.lon, accuracy_m])
    data = {
        "tracks": [{"device": device, **roles[device], "fixes": fixes} for device, fixes in tracks.items() if fixes],
        "zones": [zone for order in orders for zone in _zone(order)],
        "alarms": [
            {
                "t": t.time_ms,
                "id": t.alarm_id,
                "order": t.order_id,
                "kind": t.kind,
                "what": t.transition,
                "level": t.level,
                "reason": t.reason,
                "distance_m": t.distance_m,
                "p": t.probability,
            }
            for t in transitions
        ],
    }
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")
    return TEMPLATE.read_text(encoding="utf-8").replace("/*DATA*/null", text)
