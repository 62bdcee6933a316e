"""Silence as a growing disc: a silent tracker alarms when its wearer could have come too near, not by a fixed time."""

from __future__ import annotations

from typing import NamedTuple

from gateway.geofence import ellipsoid, motion
from gateway.geofence.alarms import Key
from gateway.geofence.case import MONITORED, Draft, State
from gateway.geofence.rules import Rules
from gateway.geofence.tracks import Track, fix_ms


def _pair_distances(case_of: State | Draft, person: str) -> list[float]:
    """Metres between the monitored person and this protected person (all of them for ""), from the last fixes."""
    case = case_of.case
    monitored_device = case.device_of.get(MONITORED)
    monitored = None if monitored_device is None else case_of.tracks[monitored_device].here
    if monitored is None:
        return []
    distances = []
    for device, other in case.person_of.items():
        there = case_of.tracks[device].here
        if other == MONITORED or (person not in (MONITORED, other)) or there is None:
            continue
        if f"pair:{other}" in case_of.active:
            distances.append(ellipsoid.distance(monitored.lat, monitored.lon, there.lat, there.lon))
    return distances


def clearance_m(source: State | Draft, track: Track) -> tuple[float | None, float | None]:
    """How far this tracker's wearer is from a breach, and from the protected person; None where nothing is in reach.

    Zones count for the monitored person only, and only those in force.
    """
    case = source.case
    person = case.person_of[track.device_id]
    distances = _pair_distances(source, person)
    here = track.here
    slack: list[float] = []
    if distances and case.order.proximity is not None:
        slack.append(min(distances) - case.order.proximity.alert_distance_m)
    if person == MONITORED and here is not None:
        at = ellipsoid.vector(here.lat, here.lon)
        for prepared in case.zones:
            if f"zone:{prepared.zone.zone_id}" not in source.active:
                continue
            if slack and ellipsoid.chord_m(at, prepared.centre) - prepared.reach_m >= min(slack):
                continue  # Even in a straight line its border is not the nearest.
            distance_m = ellipsoid.vector_distance(at, prepared.centre)
            near = distance_m < prepared.reach_m + 10_000
            slack.append(prepared.core.border_distance(here.lat, here.lon) if near else distance_m - prepared.reach_m)
    if not slack or here is None:
        return None, min(distances, default=None)
    return max(0.0, min(slack) - 2 * motion.position_sd_m(here, case.rules)), min(distances, default=None)


def is_vague(source: State | Draft, track: Track) -> bool:
    """Whether this tracker's position is too uncertain to decide by: near a rule that it could not show a breach of.

    Such a fix raises what it does raise; but it ends nothing, and the disc of silence goes on growing.
    """
    case = source.case
    if track.here is None or motion.position_sd_m(track.here, case.rules) <= case.sharp_sd_m:
        return False
    slack_m, _ = clearance_m(source, track)
    if slack_m is None:  # Nothing is known to be in reach; of a pair the other may be anywhere.
        person = case.person_of[track.device_id]
        return any(name.startswith("pair:") and person in (MONITORED, name[5:]) for name in source.active)
    return slack_m == 0


def reach_speed_m_s(source: State | Draft, track: Track) -> float:
    """How fast the disc grows: a monitored person may hurry, a protected one has no reason to."""
    rules = source.case.rules
    monitored = source.case.person_of[track.device_id] == MONITORED
    return rules.reach_speed_m_s if monitored else rules.protected_reach_speed_m_s


class Pace(NamedTuple):
    """How somebody may be on the way: a hurrying monitored person, a protected one, on the move already, at rest.

    `resting` is only ever said of a protected person: she walks about for an hour before she sets out for anywhere.
    It counts for what lies farther than she gets by that; nearer, she may set out at once.
    """

    monitored: bool
    travelling: bool
    resting: bool


def pace_of(source: State | Draft, track: Track) -> Pace:
    """The pace at which this tracker's wearer can be going since it fell silent.

    A protected person counts as resting when she sat still, and the monitored person is heard and so cannot come
    unseen: that she sets out unawares for where he is, in the very hour, is no reason to alarm each dead spot.
    """
    case, rules = source.case, source.case.rules
    monitored = case.person_of[track.device_id] == MONITORED
    travelling = track.usual_m_s >= rules.travelling_m_s
    device = case.device_of.get(MONITORED)
    silent_ms = None if device is None else overdue_at_ms(source.tracks[device], rules)
    heard = silent_ms is not None and source.now_ms < silent_ms
    return Pace(monitored, travelling, heard and not monitored and not travelling)


def travel_ms(way_m: float, pace: Pace, rules: Rules) -> int:
    """The least time for this way in a straight line: to set out, streets at both ends, faster between them.

    way_m >= 0; who stands in the breach already (0) needs none. A monitored person may hurry, a protected one has no
    reason to.
    """
    if way_m <= 0:
        return 0
    walked_m = rules.rest_walk_m_s * rules.protected_rest_ms / 1000
    if pace.resting and way_m > walked_m:
        return rules.protected_rest_ms + travel_ms(way_m - walked_m, pace._replace(resting=False), rules)
    streets_m = min(way_m, rules.street_m * (1 if pace.travelling else 2))
    speed_m_s = rules.reach_speed_m_s if pace.monitored else rules.protected_reach_speed_m_s
    slow_m_s = rules.street_speed_m_s if pace.monitored else rules.protected_street_speed_m_s
    start_ms = 0 if pace.travelling else rules.reach_start_ms
    return start_ms + round(1000 * (streets_m / slow_m_s + (way_m - streets_m) / speed_m_s))


def covered_m(span_ms: float, pace: Pace, rules: Rules) -> float:
    """How far in a straight line somebody who does not rest may have come in this time: the inverse of `travel_ms`."""
    left_s = max(0.0, span_ms - (0 if pace.travelling else rules.reach_start_ms)) / 1000
    speed_m_s = rules.reach_speed_m_s if pace.monitored else rules.protected_reach_speed_m_s
    slow_m_s = rules.street_speed_m_s if pace.monitored else rules.protected_street_speed_m_s
    streets_m = rules.street_m * (1 if pace.travelling else 2)
    streets_s = streets_m / slow_m_s
    return slow_m_s * left_s if left_s <= streets_s else streets_m + speed_m_s * (left_s - streets_s)


def overdue_at_ms(track: Track, rules: Rules) -> int | None:
    """From when on this tracker's last fix is overdue; None when it never gave one."""
    seen_ms = fix_ms(track)
    if seen_ms is None:
        return None
    return seen_ms + round(max(rules.overdue_min_ms, rules.overdue_intervals * track.interval_ms))


def _met_ms(source: State | Draft, track: Track, latest_ms: int) -> int:
    """When both may have met, for the pairs of which the other is silent as well: each then has a disc that grows."""
    case, rules = source.case, source.case.rules
    person = case.person_of[track.device_id]
    if case.order.proximity is None or track.here is None:
        return latest_ms
    for device, other in case.person_of.items():
        pair = f"pair:{person or other}"
        if device == track.device_id or MONITORED not in (person, other) or pair not in source.active:
            continue
        there = source.tracks[device]
        silent_ms = overdue_at_ms(there, rules)
        if there.here is None or silent_ms is None or source.now_ms < silent_ms:
            continue
        distance_m = ellipsoid.distance(track.here.lat, track.here.lon, there.here.lat, there.here.lon)
        slack_m = distance_m - case.order.proximity.alert_distance_m
        low_ms, high_ms = max(fix_ms(track) or 0, fix_ms(there) or 0), latest_ms
        while high_ms - low_ms > 500:
            middle_ms = (low_ms + high_ms) // 2
            reached_m = sum(
                covered_m(middle_ms - (fix_ms(one) or middle_ms), pace_of(source, one), rules) for one in (track, there)
            )
            low_ms, high_ms = (low_ms, middle_ms) if reached_m >= slack_m else (middle_ms, high_ms)
        latest_ms = high_ms
    return latest_ms


def deadlines_ms(source: State | Draft, track: Track, started_ms: int) -> tuple[str, int, int | None]:
    """What silence of this tracker would mean, when it becomes an alarm, and when the higher level is due."""
    rules = source.case.rules
    order = source.case.order
    seen_ms = fix_ms(track)
    if track.contact_ms is None:
        return "contact_loss", max(started_ms, order.valid_from_ms) + rules.never_reported_ms, None
    overdue_ms = round(max(rules.overdue_min_ms, rules.overdue_intervals * track.interval_ms))
    if seen_ms is None:
        blind_ms = track.contact_ms if track.lost_ms is None else track.lost_ms
        return "gnss_loss", max(blind_ms, order.valid_from_ms) + rules.never_reported_ms, None
    slack_m, person_m = clearance_m(source, track)
    reach_ms = rules.silence_max_ms
    pace = pace_of(source, track)
    if slack_m is not None:
        reach_ms = min(reach_ms, travel_ms(slack_m, pace, rules))
        reach_ms = _met_ms(source, track, seen_ms + reach_ms) - seen_ms
    high_ms = None
    if person_m is not None:
        high_ms = seen_ms + travel_ms(person_m, pace, rules)
    silent = ("contact_loss", max(track.contact_ms + overdue_ms, seen_ms + reach_ms))
    # Messages come but no positions: the same disc, from the last fix, once fixes are overdue.
    lost_ms = seen_ms if track.lost_ms is None else track.lost_ms
    blind_from_ms = max(lost_ms + overdue_ms, seen_ms + reach_ms)
    if track.contact_ms > seen_ms + rules.overdue_min_ms or track.lost_ms is not None:
        kind, at_ms = ("gnss_loss", blind_from_ms) if blind_from_ms <= silent[1] else silent
    else:
        kind, at_ms = silent
    return kind, at_ms, None if high_ms is None else max(high_ms, at_ms)


def watch(draft: Draft) -> None:
    """Raises and escalates what silence means by now."""
    if "order" not in draft.active:
        return
    for device, track in draft.tracks.items():
        person = draft.case.person_of[device]
        kind, at_ms, high_ms = deadlines_ms(draft, track, draft.started_ms)
        key = Key(kind, person, "")
        standing = [k for k in (Key("contact_loss", person, ""), Key("gnss_loss", person, "")) if k in draft.alarms]
        if draft.now_ms < at_ms:
            continue
        slack_m, person_m = clearance_m(draft, track)
        seen_ms = fix_ms(track)
        numbers = {
            "clearance_m": None if slack_m is None else round(slack_m, 1),
            "reach_speed_m_s": reach_speed_m_s(draft, track),
            "resting": pace_of(draft, track).resting,
            "silent_s": None if track.contact_ms is None else (draft.now_ms - track.contact_ms) / 1000,
            "fix_age_s": None if seen_ms is None else (draft.now_ms - seen_ms) / 1000,
        }
        level = "high" if high_ms is not None and draft.now_ms >= high_ms else "warning"
        if not standing:
            reason = "never_reported" if seen_ms is None else "could_have_reached"
            draft.raise_now(key, level, reason, person_m, numbers)
        else:
            draft.escalate(standing[0], level, "could_have_reached_person", person_m, numbers)


def next_ms(state: State | Draft) -> list[int]:
    """The instants at which silence would have something to tell."""
    instants: list[int] = []
    if "order" not in state.active:
        return instants
    for device, track in state.tracks.items():
        person = state.case.person_of[device]
        standing = [k for k in (Key("contact_loss", person, ""), Key("gnss_loss", person, "")) if k in state.alarms]
        silent_ms = overdue_at_ms(track, state.case.rules)
        if not standing and silent_ms is not None and silent_ms > state.now_ms:
            instants.append(silent_ms)  # From then on the other's silence weighs more.
            if track.lost_ms is None and (track.contact_ms or 0) >= (fix_ms(track) or 0):
                continue  # Who is not overdue yet has nothing to tell before that.
        _, at_ms, high_ms = deadlines_ms(state, track, state.started_ms)
        if not standing:
            instants.append(at_ms)
        elif state.alarms[standing[0]].level != "high" and high_ms is not None:
            instants.append(high_ms)
    return instants
