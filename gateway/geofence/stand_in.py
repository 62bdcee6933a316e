"""Stands in for the decision core on an order whose decision failed: a defect of ours must not swallow an alarm.

It needs nothing of the core's state. What trackers report about themselves becomes an alarm at once; positions are put
to a plain test, wide by what both trackers say of their accuracy; and the order is told as not judged. What it raises
is kept among the order's alarms, so that the core, once it works again, repeats nothing and ends what is over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import shapely

from gateway.contract import schedules
from gateway.contract.orders import Order, Zone
from gateway.contract.shapes import Circle
from gateway.contract.transitions import NOT_JUDGED, Transition, alarm_id_of
from gateway.geofence import ellipsoid
from gateway.geofence.alarms import Alarm, Key
from gateway.geofence.case import MONITORED, fix_document, incident_id_of
from gateway.geofence.conditions import REPORTED
from gateway.geofence.motion import Observation
from gateway.geofence.rules import ENGINE, STANDARD

# How wide the plain test is: a fix lies within twice its 68 % radius nearly always (95 % of a circular Gaussian 1.6).
RADII = 2.0


class StoodIn(NamedTuple):
    """The order's alarms and last fixes, what is to be told, and why the plain test failed ("" if it did not)."""

    alarms: dict[Key, Alarm]
    raw: dict[str, Observation]
    effects: list[Transition]
    plain_test_fault: str


class _Telling:
    """Collects what is to be told about one order at one instant."""

    def __init__(
        self,
        order: Order,
        alarms: Mapping[Key, Alarm],
        raw: Mapping[str, Observation],
        now_ms: int,
        incident_id: str,
        times_ms: Sequence[int],
    ) -> None:
        self.order = order
        self.times_ms = times_ms
        self.incident_id = incident_id
        self.alarms = dict(alarms)
        self.raw = raw
        self.now_ms = now_ms
        self.effects: list[Transition] = []

    def tell(self, key: Key, level: str, reason: str, distance_m: float | None, numbers: dict[str, Any]) -> None:
        """Raises an alarm, or notes that a standing one was seen again."""
        known = self.alarms.get(key)
        if known is not None:
            self.alarms[key] = known._replace(seen_ms=self.now_ms, low_since_ms=None)
            return
        order = self.order
        alarm_id = alarm_id_of(
            order.order_id,
            key.kind,
            monitored=order.monitored.person_id,
            protected=key.protected,
            zone_id=key.zone_id,
            raised_ms=self.now_ms,
        )
        self.alarms[key] = Alarm(alarm_id, self.now_ms, level, self.now_ms)
        evidence = {
            "engine": ENGINE,
            "rules_changed": {},
            "order_version": order.version,
            "incident_id": self.incident_id,
            "fixes": [fix_document(self.raw[device]) for device in order.devices() if device in self.raw],
            "numbers": {**numbers, "stand_in": True},
        }
        self.effects.append(
            Transition(
                time_ms=self.now_ms,
                alarm_id=alarm_id,
                order_id=order.order_id,
                kind=key.kind,
                transition="raised",
                level=level,
                monitored=order.monitored.person_id,
                protected=key.protected,
                zone_id=key.zone_id,
                distance_m=None if distance_m is None else round(distance_m, 3),
                probability=None,
                reason=reason,
                evidence=evidence,
            )
        )


def stand_in(
    order: Order,
    alarms: Mapping[Key, Alarm],
    raw: Mapping[str, Observation],
    observations: Sequence[Observation],
    fault: str,
    now_ms: int,
    *,
    incident_id: str | None = None,
) -> StoodIn:
    """What is told of an order that could not be judged at `now_ms`; `raw` holds each tracker's last fix before.

    A rule counts when it was in force at the time of one of the observations, or is now; outside the order's validity
    nothing is told, as the core would.
    """
    positions = dict(raw)
    for one in observations:
        if one.lat is not None and one.lon is not None:
            before = positions.get(one.device_id)
            if before is None or before.time_ms <= one.time_ms:
                positions[one.device_id] = one
    times_ms = [t for t in (now_ms, *(one.time_ms for one in observations)) if _is_valid(order, t)]
    incident_id = incident_id or incident_id_of(order.order_id, now_ms)
    telling = _Telling(order, alarms, positions, now_ms, incident_id, times_ms)
    if not times_ms:
        return StoodIn(telling.alarms, positions, [], "")
    person_of = {party.device_id: party.person_id for party in order.protected}
    person_of[order.monitored.device_id] = MONITORED
    for person in dict.fromkeys(person_of.get(one.device_id, MONITORED) for one in observations) or (MONITORED,):
        telling.tell(Key(NOT_JUDGED, person, ""), "critical", NOT_JUDGED, None, {"fault": fault[:200]})
    _report(telling, observations, person_of)
    try:
        _test_pairs(telling)
        _test_zones(telling)
    except Exception as error:
        return StoodIn(telling.alarms, positions, telling.effects, f"{type(error).__name__}: {error}")
    return StoodIn(telling.alarms, positions, telling.effects, "")


def _is_valid(order: Order, time_ms: int) -> bool:
    return order.valid_from_ms <= time_ms < order.valid_until_ms


def _report(telling: _Telling, observations: Sequence[Observation], person_of: Mapping[str | None, str]) -> None:
    """What trackers say of themselves needs no judging."""
    for one in observations:
        person = person_of.get(one.device_id)
        if person is None or not one.event:
            continue
        numbers = {"event_time_ms": one.time_ms}
        if one.event == "power_off":
            telling.tell(Key("contact_loss", person, ""), "high", "power_off", None, numbers)
        elif one.event in REPORTED:
            level = REPORTED[one.event][0 if person == MONITORED else 1]
            telling.tell(Key(one.event, person, ""), level, "reported_by_tracker", None, numbers)


def _radius_m(one: Observation) -> float:
    return RADII * (STANDARD.accuracy_missing_m if one.accuracy_m is None else one.accuracy_m)


def _rests(order: Order, now_ms: int, *, person: str = "", zone_id: str = "") -> bool:
    """Whether an agreed exception lets this rule rest."""
    return any(
        (not exception.protected and not exception.zones)
        or (bool(person) and person in exception.protected)
        or (bool(zone_id) and zone_id in exception.zones)
        for exception in order.exceptions
        if exception.from_ms <= now_ms < exception.until_ms
    )


def _test_pairs(telling: _Telling) -> None:
    order = telling.order
    here = telling.raw.get(order.monitored.device_id or "")
    if order.proximity is None or here is None or here.lat is None or here.lon is None:
        return
    for party in order.protected:
        there = telling.raw.get(party.device_id or "")
        if there is None or there.lat is None or there.lon is None:
            continue
        distance_m = ellipsoid.distance(here.lat, here.lon, there.lat, there.lon)
        near = distance_m <= order.proximity.alert_distance_m + _radius_m(here) + _radius_m(there)
        if near and not all(_rests(order, t, person=party.person_id) for t in telling.times_ms):
            key = Key("proximity_alert", party.person_id, "")
            telling.tell(key, "high", "plain_test", distance_m, {})


def _beyond_m(zone: Zone, lat: float, lon: float) -> float:
    """Metres to the zone's border by the plainest means; 0 inside."""
    if isinstance(zone.shape, Circle):
        return max(0.0, ellipsoid.distance(lat, lon, zone.shape.lat, zone.shape.lon) - zone.shape.radius_m)
    north, east = ellipsoid.metres_per_degree(lat)
    beyond_m = []
    for rings in zone.shape.polygons:
        across = rings[0][0][0] - lon
        here = [lon + (math.copysign(360.0, across) if abs(across) > 180 else 0.0), lat]
        local = [(np.asarray(ring) - here) * [east, north] for ring in rings]
        beyond_m.append(float(shapely.distance(shapely.Polygon(local[0], local[1:]), shapely.Point(0, 0))))
    return min(beyond_m)


def _test_zones(telling: _Telling) -> None:
    order = telling.order
    here = telling.raw.get(order.monitored.device_id or "")
    if here is None or here.lat is None or here.lon is None:
        return
    for zone in order.zones:
        if not any(
            schedules.active(zone.schedule, order.timezone, t) and not _rests(order, t, zone_id=zone.zone_id)
            for t in telling.times_ms
        ):
            continue
        beyond_m = _beyond_m(zone, here.lat, here.lon)
        if beyond_m <= _radius_m(here):
            telling.tell(Key("zone_entry", MONITORED, zone.zone_id), "high", "plain_test", beyond_m, {})
