"""Judges positions against the rules in force: pairs of persons, fixed zones and their buffers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from gateway.contract.transitions import time_text
from gateway.geofence import between, ellipsoid, motion, pairs
from gateway.geofence.alarms import Evidence, Key, consider
from gateway.geofence.areas import Ground, PreparedZone
from gateway.geofence.case import MONITORED, Draft, agreed_at, fix_document, place_document, rounded, rules_in_force
from gateway.geofence.motion import Estimate
from gateway.geofence.tracks import Point, Track, bridge_sd_m, estimate_at, fix_ms


def _is_fresh(draft: Draft, track: Track) -> bool:
    """Whether the last fix is recent and sharp enough to end an alarm."""
    seen_ms = fix_ms(track)
    limit_ms = max(draft.rules.overdue_min_ms, draft.rules.overdue_intervals * track.interval_ms)
    sure = seen_ms is not None and track.doubt is None and track.sharp_ms is None
    return sure and draft.now_ms - (seen_ms or 0) <= limit_ms


def _is_alone(draft: Draft, track: Track) -> bool:
    """Whether the last fix must be judged by itself, because the next may come after the breach."""
    here, before = track.here, track.before
    gap_ms = track.interval_ms if here is None or before is None else here.time_ms - before.time_ms
    return max(gap_ms, track.interval_ms) >= draft.rules.single_fix_interval_ms


def _rests_here(draft: Draft, name: str, monitored: Track, kinds: tuple[str, ...], at_ms: int) -> bool:
    """Whether an agreed exception lets this rule rest because the monitored person is at its place; ends alarms."""
    here = monitored.here
    if here is None or not draft.case.places:
        return False
    at = (here.lat, here.lon, motion.position_sd_m(here, draft.rules))
    exception_id = agreed_at(draft.case, name, at, at_ms)
    if exception_id is None:
        return False
    what = name.partition(":")[2]
    for kind in kinds:
        key = Key(kind, MONITORED, what) if name.startswith("zone:") else Key(kind, what, "")
        draft.pending.discard(key)
        draft.clear(key, "agreed_exception", {"exception_id": exception_id})
    return True


def _judged_at(draft: Draft, name: str, moved: Track, cause: str) -> tuple[str, int] | None:
    """Why, and for which moment, a rule is judged after a fix; None when it was not in force then.

    That is the moment of the fix. A rule that has begun since is judged by where its wearer is by now, unless the fix
    is too old to say: what silence means is judged elsewhere.
    """
    if moved.here is None:
        return None
    at_ms = min(draft.now_ms, moved.here.time_ms)
    if not cause and name in draft.in_force_at(at_ms):
        return "", at_ms
    if name in draft.active and (cause or _is_fresh(draft, moved)):
        return cause or "already_inside", draft.now_ms
    return None


def judge_pair(draft: Draft, person: str, moved: Track, cause: str = "") -> None:
    """Judges the monitored person against one protected person after `moved` brought a new fix."""
    monitored, protected = draft.track_of(MONITORED), draft.track_of(person)
    proximity = draft.case.order.proximity
    name, rules = f"pair:{person}", draft.rules
    judged_at = _judged_at(draft, name, moved, cause)
    if monitored is None or protected is None or proximity is None or judged_at is None:
        return
    cause, at_ms = judged_at
    if _rests_here(draft, name, monitored, ("proximity_alert", "proximity_prealert"), at_ms):
        return
    over = name not in draft.active
    view = pairs.look(monitored, protected, proximity, at_ms, rules)
    if view is None:
        return
    p_alert, p_prealert, distance_m, reason = view.p_alert, view.p_prealert, view.distance_m, cause or "distance"
    numbers: dict[str, Any] = {
        "sd_m": round(view.sd_m, 3),
        "closing_m_s": round(view.closing_m_s, 3),
        "contact_low_s": rounded(view.contact_low_s, 1),
        "contact_high_s": rounded(view.contact_high_s, 1),
        "fix_age_s": [
            rounded(None if (t := fix_ms(track)) is None else (at_ms - t) / 1000) for track in (monitored, protected)
        ],
    }
    around: dict[str, list[dict[str, Any]]] = {}
    last_look = False
    if p_alert < rules.p_raise:
        other = protected if moved is monitored else monitored
        met = meeting(draft, person, moved, other, far=p_prealert < rules.p_raise)
        if met is not None:
            last_look = met.p_known >= rules.p_last_look
            if last_look or met.p_ever >= rules.p_raise or met.p_far > p_prealert:
                distance_m, reason = met.distance_m, "crossed_between_fixes"
                numbers |= meeting_numbers(met, at_ms)
                around = meeting_around(met, moved, other, (monitored, protected))
            p_alert, p_prealert = max(p_alert, met.p_ever), max(p_prealert, met.p_far)
    fresh = _is_fresh(draft, monitored) and _is_fresh(draft, protected)
    alone = bool(cause) or over or _is_alone(draft, moved)
    alert, prealert = Key("proximity_alert", person, ""), Key("proximity_prealert", person, "")
    if over and draft.has_told(alert, at_ms):
        return
    change = consider(
        draft.alarms.get(alert),
        alert in draft.pending,
        Evidence(p_alert, view.p_critical, "high", "critical", fresh, alone, last_look),
        draft.now_ms,
        rules,
    )
    if change.word:
        numbers = {**numbers, "approach": pairs.who_approached(monitored, protected, rules)}
    why = "moved_apart" if change.word == "cleared" else reason
    draft.apply(alert, change, distance_m=distance_m, probability=p_alert, reason=why, numbers=numbers, around=around)
    soon = _contact_is_near(draft, view, monitored, protected)
    if (alert in draft.alarms and prealert not in draft.alarms) or (over and draft.has_told(prealert, at_ms)):
        draft.pending.discard(prealert)
        return
    change = consider(
        draft.alarms.get(prealert),
        prealert in draft.pending,
        Evidence(max(p_prealert, rules.p_level if soon else 0.0), 0.0, "warning", "warning", fresh, alone),
        draft.now_ms,
        rules,
    )
    if change.word == "raised" and "approach" not in numbers:
        numbers = {**numbers, "approach": pairs.who_approached(monitored, protected, rules)}
    if soon and p_prealert < rules.p_raise:
        reason = "time_to_contact"
    if change.word == "cleared":
        reason = "moved_apart"
    draft.apply(
        prealert,
        change,
        distance_m=distance_m,
        probability=p_prealert,
        reason=reason,
        numbers=numbers,
        around=around,
    )


def meeting(
    draft: Draft, person: str, moved: Track, other: Track, span_ms: tuple[int, int] | None = None, *, far: bool = False
) -> between.Meeting | None:
    """How near both came within a span (else while `moved` went to its last fix), while the rule was in force.

    What an alarm that has ended told already is not told again. `far`: the pre-alert distance matters as well.
    """
    proximity, from_ms = draft.case.order.proximity, between.since_ms(moved, other, draft.rules)
    if span_ms is None and from_ms is not None and moved.here is not None:
        span_ms = from_ms, moved.here.time_ms
    if span_ms is None or proximity is None:
        return None
    key, name = Key("proximity_alert", person, ""), f"pair:{person}"
    raised_ms, cleared_ms = (0, 0) if key in draft.alarms else draft.closed.get(key, (0, 0))
    monitored = moved if draft.case.person_of[moved.device_id] == MONITORED else other

    def counts(time_ms: int) -> bool:
        if raised_ms - draft.rules.clear_hold_ms <= time_ms <= cleared_ms:
            return False
        if name not in rules_in_force(draft.case, time_ms):
            return False
        then = estimate_at(monitored, time_ms, draft.rules) if draft.case.places else None
        at = None if then is None else (then.lat, then.lon, motion.position_sd_m(then, draft.rules))
        return at is None or agreed_at(draft.case, name, at, time_ms) is None

    alert_m = proximity.alert_distance_m
    limits_m = (alert_m, proximity.prealert_distance_m if far else alert_m)
    return between.met(moved, other, span_ms, limits_m, draft.rules, counts)


def meeting_numbers(met: between.Meeting, at_ms: int) -> dict[str, Any]:
    """The moment between fixes that decided, for the evidence."""
    return {
        "closest_at": time_text(met.time_ms),
        "closest_ms_ago": at_ms - met.time_ms,
        "closest_sd_m": round(met.sd_m, 3),
        "p_between_fixes_of_both": round(met.p_known, 6),
    }


def meeting_around(
    met: between.Meeting, moved: Track, other: Track, tracks: Sequence[Track]
) -> dict[str, list[dict[str, Any]]]:
    """Of a moment between fixes: the fixes of these tracks on either side of it, and where both were."""
    return {
        "fixes_around": [fix_document(fix) for track in tracks for fix in between.fixes_around(track, met.time_ms)],
        "places_between": [
            place_document(moved.device_id, met.time_ms, met.mine),
            place_document(other.device_id, met.time_ms, met.theirs),
        ],
    }


def _contact_is_near(draft: Draft, view: pairs.Look, monitored: Track, protected: Track) -> bool:
    """Whether even the slow bound of the closing speed reaches the alert distance within the horizon."""
    rules = draft.rules
    seen = [t for track in (monitored, protected) if (t := fix_ms(track)) is not None]
    if view.contact_high_s is None or len(seen) < 2:
        return False
    recent = view.time_ms - min(seen) <= rules.contact_velocity_age_ms
    return recent and view.contact_high_s * 1000 <= rules.contact_horizon_ms


def judge_zones(draft: Draft, moved: Track, cause: str = "", only: frozenset[str] | None = None) -> None:
    """Judges the monitored person against every zone in force (or those named) after a fix or a change of rules."""
    if moved.here is None:
        return
    for prepared in draft.case.zones:
        name = f"zone:{prepared.zone.zone_id}"
        judged_at = None if only is not None and name not in only else _judged_at(draft, name, moved, cause)
        if judged_at is None:
            continue
        why, at_ms = judged_at
        if not _rests_here(draft, name, moved, ("zone_entry", "zone_buffer"), at_ms):
            _judge_zone(draft, prepared, moved, why)


class Crossing(NamedTuple):
    """A way between two fixes through a zone: probability, share of the way, Unix ms and (lat, lon) where deepest."""

    p: float
    share: float
    time_ms: int
    place: tuple[float, float]


def crossing(
    draft: Draft,
    ground: Ground,
    zone_id: str,
    way: tuple[Point | Estimate, Point | Estimate],
    speed_m_s: float,
    sd_m: float,
) -> Crossing | None:
    """The crossing, when the line between two known places runs through the ground while the rule was in force.

    `speed_m_s`: the tracker's own speed, `sd_m`: the deviation of either place.
    """
    a, b = way
    share = ground.deepest(a.lat, a.lon, b.lat, b.lon)
    if share is None:
        return None
    moment_ms = round(a.time_ms + share * (b.time_ms - a.time_ms))
    if f"zone:{zone_id}" not in rules_in_force(draft.case, moment_ms):
        return None
    lat, lon = a.lat + share * (b.lat - a.lat), ellipsoid.wrapped(a.lon + share * ellipsoid.wrapped(b.lon - a.lon))
    gap_s = (b.time_ms - a.time_ms) / 1000.0
    pace_m_s = ellipsoid.distance(a.lat, a.lon, b.lat, b.lon) / gap_s
    sd = math.hypot(sd_m, bridge_sd_m(max(speed_m_s, pace_m_s), gap_s, share, draft.rules))
    return Crossing(ground.probability(lat, lon, sd), share, moment_ms, (lat, lon))


def _crossed(draft: Draft, ground: Ground, prepared: PreparedZone, moved: Track, border_m: float) -> Crossing | None:
    """The crossing between the last two fixes."""
    a, b = moved.before, moved.here
    if a is None or b is None or b.time_ms <= a.time_ms:
        return None
    if border_m <= 0 or ellipsoid.distance(a.lat, a.lon, b.lat, b.lon) < border_m:
        return None
    sd_m = motion.position_sd_m(b, draft.rules)
    return crossing(draft, ground, prepared.zone.zone_id, (a, b), b.speed_m_s(), sd_m)


def _judge_zone(draft: Draft, prepared: PreparedZone, moved: Track, cause: str) -> None:
    rules = draft.rules
    entry, buffer = (
        Key("zone_entry", MONITORED, prepared.zone.zone_id),
        Key("zone_buffer", MONITORED, prepared.zone.zone_id),
    )
    here = moved.here if not cause else estimate_at(moved, draft.now_ms, rules)
    if here is None or moved.here is None:
        return
    centre_m = ellipsoid.vector_distance(ellipsoid.vector(here.lat, here.lon), prepared.centre)
    sd = motion.position_sd_m(here, rules)
    length_m = (
        0.0 if moved.before is None else ellipsoid.distance(moved.before.lat, moved.before.lon, here.lat, here.lon)
    )
    known = entry in draft.alarms or buffer in draft.alarms or entry in draft.pending or buffer in draft.pending
    if centre_m - prepared.reach_m > length_m + 8 * sd and not known:
        return
    over = f"zone:{prepared.zone.zone_id}" not in draft.active
    fresh, alone = _is_fresh(draft, moved) and not cause, bool(cause) or over or _is_alone(draft, moved)
    for key, ground, base in ((entry, prepared.core, "high"), (buffer, prepared.buffer, "warning")):
        if over and draft.has_told(key, moved.here.time_ms):
            continue
        if ground is None or (key is buffer and entry in draft.alarms and buffer not in draft.alarms):
            draft.pending.discard(key)
            continue
        border_m = ground.border_distance(here.lat, here.lon)
        p, reason = ground.probability(here.lat, here.lon, sd), cause or "inside"
        if cause and border_m <= 0:  # A rule begins, and by the motion he is still there: the last fix makes it sure.
            last = moved.here
            p = max(p, ground.probability(last.lat, last.lon, motion.position_sd_m(last, rules)))
        numbers: dict[str, Any] = {"sd_m": round(sd, 3), "border_m": round(border_m, 3)}
        around: dict[str, list[dict[str, Any]]] = {}
        if p < rules.p_raise and not cause:
            crossed = _crossed(draft, ground, prepared, moved, border_m)
            if crossed is not None and crossed.p > p:
                p, reason = crossed.p, "crossed_between_fixes"
                numbers["crossed_share"] = round(crossed.share, 4)
                around = {"places_between": [place_document(moved.device_id, crossed.time_ms, crossed.place)]}
        change = consider(
            draft.alarms.get(key), key in draft.pending, Evidence(p, 0.0, base, base, fresh, alone), draft.now_ms, rules
        )
        if change.word == "cleared":
            reason = "left"
        draft.apply(
            key,
            change,
            distance_m=max(0.0, border_m),
            probability=p,
            reason=reason,
            numbers=numbers,
            around=around,
        )
