"""Whether a protected person may be called about an alarm, from how near the monitored person can be by now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.contract import victim_contact
from gateway.contract.orders import Order
from gateway.geofence import ellipsoid
from gateway.geofence.alarms import severity
from gateway.geofence.rules import Rules
from gateway.geofence.tracks import Track, fix_ms

DANGER_FROM = severity("high")


def nearest_possible_m(monitored: Track | None, protected: Track | None, now_ms: int, rules: Rules) -> float | None:
    """Metres that can at least lie between both at `now_ms`, from their last fixes and how fast they could have moved.

    None while either has never been seen.
    """
    if monitored is None or protected is None or monitored.here is None or protected.here is None:
        return None
    m, p = monitored.here, protected.here
    moved_m = rules.reach_speed_m_s * max(0, now_ms - (fix_ms(monitored) or 0))
    moved_m += rules.protected_reach_speed_m_s * max(0, now_ms - (fix_ms(protected) or 0))
    return max(0.0, ellipsoid.distance(m.lat, m.lon, p.lat, p.lon) - moved_m / 1000)


def contacts(
    order: Order,
    rules: Rules,
    tracks: Mapping[str, Track],
    about: tuple[str, str, str],
    *,
    probability: float | None,
    now_ms: int,
) -> list[dict[str, Any]]:
    """One entry for each protected person concerned by an alarm: may she be called, and why.

    `about`: kind, the protected person it names ("" = all of the order), level.
    """
    kind, named, level = about
    monitored = tracks.get(order.monitored.device_id or "")
    found = []
    for party in order.protected:
        if named not in ("", party.person_id):
            continue
        possible_m = nearest_possible_m(monitored, tracks.get(party.device_id or ""), now_ms, rules)
        gate = victim_contact.gate(
            dict(order.victim_contact).get(kind),
            kind,
            distance_m=possible_m,
            probability=probability,
            prealert_distance_m=None if order.proximity is None else order.proximity.prealert_distance_m,
            unknown_is_danger=severity(level) >= DANGER_FROM,
        )
        found.append(
            {
                "person_id": party.person_id,
                "allowed": gate.allowed,
                "reason": gate.reason,
                "nearest_possible_m": None if possible_m is None else round(possible_m, 1),
            }
        )
    return found
