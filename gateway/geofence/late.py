"""A fix older than the last one: it may show a breach that nobody saw, it never ends one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

from gateway.contract.transitions import time_text
from gateway.geofence import between, ellipsoid, motion
from gateway.geofence.alarms import Evidence, Key, consider
from gateway.geofence.case import MONITORED, Draft, agreed_at, fix_document, place_document, rules_in_force
from gateway.geofence.judging import crossing, meeting, meeting_numbers
from gateway.geofence.motion import Observation
from gateway.geofence.probability import within_distance
from gateway.geofence.tracks import Laid, Track, estimate_at, laid


class _Look(NamedTuple):
    """What a late fix says of one rule: probability of a breach, metres, and whether it was at the fix itself."""

    key: Key
    p: float
    distance_m: float
    numbers: dict[str, Any]
    at_fix: bool
    moment_ms: int
    last_look: bool = False
    other: Track | None = None
    places: tuple[dict[str, Any], ...] = ()


def judge(draft: Draft, person: str, event: Observation) -> None:
    """Judges the late fix of this person ("" = the monitored one) by what was in force at its own time."""
    if event.lat is None or event.lon is None:
        return
    looks = [*_zones(draft, event), *_at_fix(draft, event)] if person == MONITORED else _at_fix(draft, event)
    way, p_at_fix = laid(draft.tracks[event.device_id], event, draft.rules), draft.rules.p_sure
    if way is not None:
        apart_ms = [abs(event.time_ms - p.time_ms) for p in (way.before, way.after) if p is not None]
        if min(apart_ms, default=0) >= draft.rules.single_fix_interval_ms:  # As on time: no other fix may show it.
            p_at_fix = draft.rules.p_raise
        draft.tracks[event.device_id] = way.kept()
        looks += _on_the_way(draft, way, event)
        looks += _through_zones(draft, way, event) if person == MONITORED else []
    for look in looks:
        sd = motion.fix_sd_m(event, draft.rules)
        name = f"zone:{look.key.zone_id}" if look.key.zone_id else f"pair:{look.key.protected}"
        at = (event.lat, event.lon, sd)
        if look.at_fix and person == MONITORED and agreed_at(draft.case, name, at, event.time_ms) is not None:
            continue
        told = draft.has_told(look.key, look.moment_ms)
        if (look.at_fix and look.p < p_at_fix) or told or look.key in draft.alarms:
            continue
        evidence = Evidence(look.p, 0.0, "high", "high", False, True, look.last_look)
        change = consider(None, False, evidence, draft.now_ms, draft.rules)
        numbers = {
            "late_s": (draft.now_ms - event.time_ms) / 1000,
            "fix_time_ms": event.time_ms,
            **look.numbers,
        }
        around = {"fixes_around": [fix_document(event)]}
        if look.other is not None:
            around["fixes_around"] += [fix_document(fix) for fix in between.fixes_around(look.other, look.moment_ms)]
        if look.places:
            around["places_between"] = list(look.places)
        draft.apply(
            look.key,
            change,
            distance_m=look.distance_m,
            probability=look.p,
            reason="late_fix",
            numbers=numbers,
            around=around,
        )


def _zones(draft: Draft, event: Observation) -> list[_Look]:
    active = rules_in_force(draft.case, event.time_ms)
    lat, lon, sd = event.lat or 0.0, event.lon or 0.0, motion.fix_sd_m(event, draft.rules)
    return [
        _Look(
            Key("zone_entry", MONITORED, prepared.zone.zone_id),
            prepared.core.probability(lat, lon, sd),
            max(0.0, prepared.core.border_distance(lat, lon)),
            {},
            True,
            event.time_ms,
        )
        for prepared in draft.case.zones
        if f"zone:{prepared.zone.zone_id}" in active
    ]


def _partners(draft: Draft, device_id: str) -> list[tuple[str, Track]]:
    """The protected persons that a fix of this tracker is judged against, and the other one's track."""
    person = draft.case.person_of[device_id]
    return [
        (person or other, draft.tracks[device])
        for device, other in draft.case.person_of.items()
        if draft.case.order.proximity is not None and device != device_id and MONITORED in (person, other)
    ]


def _at_fix(draft: Draft, event: Observation) -> list[_Look]:
    """Both persons at the moment of the late fix, the other on its way between its own fixes."""
    looks, proximity = [], draft.case.order.proximity
    active = rules_in_force(draft.case, event.time_ms)
    sd = motion.fix_sd_m(event, draft.rules)
    for whom, track in _partners(draft, event.device_id):
        there = estimate_at(track, event.time_ms, draft.rules)
        if there is None or f"pair:{whom}" not in active or proximity is None:
            continue
        distance_m = ellipsoid.distance(event.lat or 0.0, event.lon or 0.0, there.lat, there.lon)
        joint_sd = (sd * sd + motion.position_sd_m(there, draft.rules) ** 2) ** 0.5
        p = within_distance(proximity.alert_distance_m, distance_m, joint_sd)
        places = (
            place_document(event.device_id, event.time_ms, (event.lat or 0.0, event.lon or 0.0)),
            place_document(track.device_id, event.time_ms, (there.lat, there.lon)),
        )
        key = Key("proximity_alert", whom, "")
        looks.append(_Look(key, p, distance_m, {}, True, event.time_ms, False, track, places))
    return looks


def _on_the_way(draft: Draft, way: Laid, event: Observation) -> list[_Look]:
    """The ways to the late fix and on from it, which are known better now, with each protected person."""
    looks = []
    span_ms = tuple(event.time_ms if side is None else side.time_ms for side in (way.before, way.after))
    for whom, other in _partners(draft, event.device_id):
        met = meeting(draft, whom, way.track, other, (span_ms[0], span_ms[1]))
        if met is not None:
            key, numbers = Key("proximity_alert", whom, ""), meeting_numbers(met, draft.now_ms)
            last_look = met.p_known >= draft.rules.p_last_look
            places = (
                place_document(way.track.device_id, met.time_ms, met.mine),
                place_document(other.device_id, met.time_ms, met.theirs),
            )
            looks.append(_Look(key, met.p_ever, met.distance_m, numbers, False, met.time_ms, last_look, other, places))
    return looks


def _through_zones(draft: Draft, way: Laid, event: Observation) -> list[_Look]:
    """The zones that lie on the way to the late fix, or on from it, with neither end of it inside."""
    looks, rules, sd_m = [], draft.rules, motion.fix_sd_m(event, draft.rules)
    gap_ms = max(rules.overdue_min_ms, rules.overdue_intervals * way.track.interval_ms)
    for a, b in pairwise(p for p in (way.before, way.place, way.after) if p is not None):
        # Over a long gap ahead more may wait in the tracker: what is only likely is left to that.
        p_enough = rules.p_sure if a is way.place and b.time_ms - a.time_ms > gap_ms else rules.p_raise
        length_m = ellipsoid.distance(a.lat, a.lon, b.lat, b.lon)
        for zone in draft.case.zones:
            ends = [ellipsoid.vector_distance(ellipsoid.vector(p.lat, p.lon), zone.centre) for p in (a, b)]
            if min(ends) > zone.reach_m + length_m or any(zone.core.border_distance(p.lat, p.lon) <= 0 for p in (a, b)):
                continue
            name = zone.zone.zone_id
            crossed = crossing(draft, zone.core, name, (a, b), event.speed_m_s or 0.0, sd_m)
            if crossed is None or crossed.p < p_enough:
                continue
            at = (*crossed.place, sd_m)
            if agreed_at(draft.case, f"zone:{name}", at, crossed.time_ms) is None:
                numbers = {"crossed_share": round(crossed.share, 4), "closest_at": time_text(crossed.time_ms)}
                places = (place_document(event.device_id, crossed.time_ms, crossed.place),)
                key = Key("zone_entry", MONITORED, name)
                looks.append(_Look(key, crossed.p, 0.0, numbers, False, crossed.time_ms, places=places))
    return looks
