"""A self-contained page: tracks, zones, uncertainty discs and alarms on a time slider. Needs no network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from gateway.contract.orders import Order
from gateway.contract.reading import unix_ms_of
from gateway.contract.shapes import Circle
from gateway.contract.transitions import Transition
from gateway.geofence.areas import buffer_rings
from gateway.geofence.case import case_of
from gateway.geofence.ellipsoid import wrapped
from gateway.geofence.motion import Observation
from gateway.geofence.probability import R68_PER_SD
from gateway.geofence.rules import STANDARD
from gateway.geofence.silence import Pace, covered_m, travel_ms
from gateway.geofence.swapped import Place, looks_swapped, places_of
from gateway.replay.run import in_time_order

TEMPLATE = Path(__file__).with_name("map_page.html")
Box = tuple[float, float, float, float]


class Trimmings(NamedTuple):
    """What the caller adds: texts by language, municipalities as a base layer.

    Of a what-if: the orders as they are now, and what changes (word of the texts, now, then) in metres or as a count.
    """

    words: Mapping[str, Mapping[str, str]] = {}
    base: Sequence[Mapping[str, Any]] = ()
    present: Sequence[Order] = ()
    changes: Sequence[tuple[str, float, float]] = ()


def _zones(order: Order) -> list[dict[str, Any]]:
    zones: list[dict[str, Any]] = []
    for zone in order.zones:
        name = {"order": order.order_id, "zone": zone.zone_id}
        if isinstance(zone.shape, Circle):
            circle = zone.shape
            for radius_m, kind in ((circle.radius_m, "zone"), (circle.radius_m + zone.buffer_m, "buffer")):
                if kind == "zone" or zone.buffer_m > 0:
                    zones.append({**name, "kind": kind, "lat": circle.lat, "lon": circle.lon, "radius_m": radius_m})
            continue
        rings = [ring for polygon in zone.shape.polygons for ring in polygon]
        zones.append({**name, "kind": "zone", "rings": rings})
        if zone.buffer_m > 0:
            zones.append({**name, "kind": "buffer", "rings": buffer_rings(zone.shape, zone.buffer_m)})
    return zones


def _zones_that_change(present: Sequence[Order], proposed: Sequence[Order]) -> list[dict[str, Any]]:
    """The zones and buffers of the present orders that the proposal draws otherwise."""
    kept = [zone for order in proposed for zone in _zones(order)]
    return [zone for order in present for zone in _zones(order) if zone not in kept]


def reach_of(monitored: bool) -> list[list[float]]:
    """How far a silent person may be: corners (milliseconds since the last fix, metres); beyond them straight on.

    As the engine counts for somebody who was on the way already. Of one at rest it expects less: the disc is then
    larger than what it judges by, never smaller.
    """
    pace = Pace(monitored, travelling=True, resting=False)
    out_of_the_streets_ms = travel_ms(STANDARD.street_m, pace, STANDARD)
    corners_ms = (0, out_of_the_streets_ms, STANDARD.silence_max_ms + out_of_the_streets_ms)
    return [[at_ms, covered_m(at_ms, pace, STANDARD)] for at_ms in corners_ms]


def _placed(orders: Sequence[Order], observations: Sequence[Observation]) -> Iterator[tuple[Observation, float, float]]:
    """What has a position that the core takes for one, with that position."""
    known: dict[str, list[tuple[Place, ...]]] = {}
    for order in orders:
        for device in order.devices():
            known.setdefault(device, []).append(places_of(order))
    for row in observations:
        if row.lat is not None and row.lon is not None:
            lat, lon = row.lat, row.lon
            if not any(looks_swapped(places, lat, lon) for places in known.get(row.device_id, ())):
                yield row, lat, lon


def _tracks(orders: Sequence[Order], observations: Sequence[Observation]) -> list[dict[str, Any]]:
    """Each tracker's fixes: time, place, accuracy; of one too vague to decide by also the number of the last sharp one.

    Vague is told by the fix alone. The core lets a vague one count far from everything: there, too, the disc of silence
    is larger than what it judges by.
    """
    roles: dict[str, dict[str, Any]] = {}
    sharp_m: dict[str, float] = {}
    for order in orders:
        order_m = case_of(order).sharp_sd_m * R68_PER_SD
        sharp_m |= {device: min(order_m, sharp_m.get(device, order_m)) for device in order.devices()}
        for party in (order.monitored, *order.protected):
            if party.device_id is not None:
                monitored = party is order.monitored
                alert_m = order.proximity.alert_distance_m if order.proximity and not monitored else None
                role = "monitored" if monitored else "protected"
                about = {"person": party.person_id, "role": role, "alert_m": alert_m, "reach": reach_of(monitored)}
                roles.setdefault(party.device_id, about)
    tracks: dict[str, list[list[float]]] = {device: [] for device in roles}
    last_sharp = dict.fromkeys(roles, -1)
    for row, lat, lon in _placed(orders, in_time_order(observations)):
        if row.device_id in tracks:
            fixes = tracks[row.device_id]
            accuracy_m = STANDARD.accuracy_missing_m if row.accuracy_m is None else row.accuracy_m
            vague = accuracy_m > sharp_m[row.device_id]
            last_sharp[row.device_id] = last_sharp[row.device_id] if vague else len(fixes)
            fixes.append([row.time_ms, lat, lon, accuracy_m, *([last_sharp[row.device_id]] if vague else [])])
    return [{"device": device, **roles[device], "fixes": fixes} for device, fixes in tracks.items() if fixes]


def box_of(orders: Sequence[Order], observations: Sequence[Observation]) -> Box:
    """What the page shows: west, south, east, north in degrees; east may pass 180 where it crosses the antimeridian."""
    points = [(lon, lat) for _, lat, lon in _placed(orders, observations)]
    for order in orders:
        for zone in order.zones:
            shape = zone.shape
            if isinstance(shape, Circle):
                points.append((shape.lon, shape.lat))
            else:
                points += [point for rings in shape.polygons for point in rings[0]]
    if not points:
        return 2.5, 49.5, 6.4, 51.5
    first = points[0][0]
    lons = [first + wrapped(lon - first) for lon, _ in points]
    lats = [lat for _, lat in points]
    return min(lons), min(lats), max(lons), max(lats)


def _alarm(t: Transition) -> dict[str, Any]:
    at = next((fix for fix in t.evidence.get("fixes", ()) if fix["lat"] is not None), None)
    return {
        "t": t.time_ms,
        "id": t.alarm_id,
        "order": t.order_id,
        "kind": t.kind,
        "what": t.transition,
        "level": t.level,
        "reason": t.reason,
        "distance_m": t.distance_m,
        "p": t.probability,
        "zone": t.zone_id or None,
        "protected": t.protected or None,
        "between": [
            [unix_ms_of(place["time"]), place["lat"], place["lon"], place["device_id"]]
            for place in t.evidence.get("places_between", ())
        ],
        "lat": None if at is None else at["lat"],
        "lon": None if at is None else at["lon"],
    }


def render(
    orders: Sequence[Order],
    observations: Sequence[Observation],
    transitions: Sequence[Transition],
    trimmings: Trimmings | None = None,
) -> str:
    """The page as text; nothing in the data can break out of it."""
    extra = trimmings or Trimmings()
    west, south, east, north = box_of(orders, observations)
    data = {
        "words": extra.words,
        "base": extra.base,
        "timezone": orders[0].timezone if orders else "UTC",
        "lat0": (south + north) / 2,
        "lon0": (west + east) / 2,
        "reach": {"after_ms": STANDARD.overdue_min_ms},
        "orders": [order.order_id for order in orders],
        "tracks": _tracks(orders, observations),
        "zones": [
            *({**zone, "kind": "present"} for zone in _zones_that_change(extra.present, orders)),
            *(zone for order in orders for zone in _zones(order)),
        ],
        "changes": extra.changes,
        "alert_now_m": {
            party.device_id: order.proximity.alert_distance_m
            for order in extra.present
            for party in order.protected
            if order.proximity is not None
        },
        "alarms": [_alarm(t) for t in transitions],
    }
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True).replace("<", "\\u003c")
    return TEMPLATE.read_text(encoding="utf-8").replace("/*DATA*/null", text)
