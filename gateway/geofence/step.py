"""The decision core: one order, one observation or the passing of time, the alarm transitions that follow."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from gateway.contract.transitions import Transition
from gateway.geofence import conditions, ellipsoid, late, motion, silence
from gateway.geofence.alarms import Key
from gateway.geofence.case import (
    AGREED,
    MONITORED,
    Draft,
    State,
    concerned,
    next_boundary_ms,
    rests_for,
    rules_in_force,
)
from gateway.geofence.judging import judge_pair, judge_zones
from gateway.geofence.motion import Observation
from gateway.geofence.swapped import looks_swapped
from gateway.geofence.tracks import (
    USUAL_GAP_MIN_S,
    Track,
    believe,
    doubt_deadline_ms,
    fix_ms,
    quiet_margin_m,
    rest,
    take,
    woken,
)

# The same instant may fall due a few times over, never this often: a timer that does not go away is our fault. It is
# noticed soon, for as long as one order turns on the spot all others wait.
SAME_INSTANT_MAX = 50


class TimerStuck(RuntimeError):
    """A deadline that stays due after it was served: a fault of this core, with the order it concerns."""

    def __init__(self, order_id: str, deadline_ms: int) -> None:
        self.order_id = order_id
        self.deadline_ms = deadline_ms
        super().__init__(f"order {order_id}: the deadline {deadline_ms} is served but still due")


def step(
    state: State, event: Observation | Sequence[Observation] | None, now_ms: int
) -> tuple[State, tuple[Transition, ...]]:
    """The state and the transitions after an observation (or after time has passed, for None) at `now_ms`.

    What falls due before `now_ms` is served first, each at its own instant, so that a late call changes nothing.
    `now_ms` before the state's own time counts as that time. A foreign tracker's observation changes nothing but time.
    Several observations are taken in the order of their own times; those of one instant move first and are judged once.
    """
    effects: list[Transition] = []
    served, instant_ms = 0, None
    while state.deadline_ms is not None and state.deadline_ms <= now_ms:
        served = served + 1 if state.deadline_ms == instant_ms else 0
        instant_ms = state.deadline_ms
        if served > SAME_INSTANT_MAX:
            raise TimerStuck(state.case.order.order_id, instant_ms)
        draft = Draft(state, state.deadline_ms)
        _time_passes(draft)
        state = draft.freeze(_deadline_ms(draft))
        effects += draft.effects
    events = () if event is None else (event,) if isinstance(event, Observation) else event
    known = [one for one in events if one.device_id in state.tracks]
    if not known:
        if now_ms > state.now_ms:
            state = Draft(state, now_ms).freeze(state.deadline_ms)
        return state, tuple(effects)
    draft = Draft(state, now_ms)
    for _, together in groupby(sorted(known, key=lambda one: one.time_ms), key=lambda one: one.time_ms):
        _observe_together(draft, list(together))
    if draft.alarms:
        _end_what_rests(draft)
    effects += draft.effects
    return draft.freeze(_deadline_ms(draft)), tuple(effects)


def next_deadline_ms(state: State) -> int | None:
    """When time alone next has something to decide; the shell steps with no event at that instant."""
    return state.deadline_ms


def _deadline_ms(draft: Draft) -> int | None:
    instants = [] if draft.boundary_ms is None else [draft.boundary_ms]
    for track in draft.tracks.values():
        due_ms = doubt_deadline_ms(track, draft.rules)
        if due_ms is not None:
            instants.append(due_ms)
    instants += silence.next_ms(draft)
    instants += conditions.next_ms(draft)
    return min(instants, default=None)


def _time_passes(draft: Draft) -> None:
    """Serves whatever is due at draft.now_ms."""
    if draft.boundary_ms is not None and draft.now_ms >= draft.boundary_ms:
        _rules_change(draft)
    for device, track in list(draft.tracks.items()):
        due_ms = doubt_deadline_ms(track, draft.rules)
        if due_ms is not None and draft.now_ms >= due_ms:
            draft.tracks[device] = believe(track, draft.rules)
            if _counts(draft, track, draft.tracks[device]):
                _judge(draft, [draft.case.person_of[device]])
    silence.watch(draft)
    conditions.watch(draft)


def _rules_change(draft: Draft) -> None:
    """A schedule, an agreed exception or the order's validity begins or ends."""
    before, draft.active = draft.active, rules_in_force(draft.case, draft.now_ms)
    draft.boundary_ms = next_boundary_ms(draft.case, draft.now_ms)
    _end_what_rests(draft)
    if "order" not in draft.active:
        return
    begun = draft.active - before
    for exception, _ in draft.case.places:  # Its place no longer excuses anything: who is still there is judged anew.
        if f"{AGREED}{exception.exception_id}" in before - draft.active:
            begun |= draft.active & concerned(draft.case.order, exception)
    conditions.order_begins(draft, before)
    monitored = draft.track_of(MONITORED)
    if monitored is not None and begun:
        judge_zones(draft, monitored, "already_inside", begun)
        for person in draft.case.device_of:
            if f"pair:{person}" in begun:
                judge_pair(draft, person, monitored, "already_inside")


def _end_what_rests(draft: Draft) -> None:
    """Clears the alarms of rules that are not in force, also those that a message from before has only just raised."""
    if draft.boundary_ms is not None and draft.boundary_ms <= draft.now_ms:
        return  # What is in force is not known yet.
    if "order" not in draft.active:
        for key in sorted(draft.alarms):
            draft.clear(key, "order_not_in_force")
        draft.pending.clear()
        return
    known_zones = {f"zone:{prepared.zone.zone_id}" for prepared in draft.case.zones}
    for key in sorted(draft.alarms):
        name = f"zone:{key.zone_id}" if key.zone_id else f"pair:{key.protected}"
        if key.kind.startswith(("zone_", "proximity_")) and name not in draft.active:
            agreed = rests_for(draft.case.order, name, draft.now_ms)
            known = name in known_zones or key.protected in draft.case.device_of
            reason = "agreed_exception" if agreed else "rule_not_in_force" if known else "rule_withdrawn"
            draft.clear(key, reason, {"exception_id": agreed} if agreed else None)


def _observe_together(draft: Draft, events: Sequence[Observation]) -> None:
    """Takes in what was observed at one instant: all move first, then every rule concerned is judged once."""
    moved = [person for one in events if (person := _observe(draft, one)) is not None]
    _judge(draft, moved)
    for person in dict.fromkeys(moved):
        track = draft.track_of(person)
        if track is not None:
            if track.sharp_ms is None:
                draft.clear(Key("gnss_loss", person, ""), "fix_back")
            conditions.moved(draft, track)


def _observe(draft: Draft, event: Observation) -> str | None:
    """Takes in one message: contact first, then what it reports, then where it is.

    Returns the person ("" = the monitored one) whose position is now to be judged, None when there is nothing to judge.
    """
    track = draft.tracks[event.device_id]
    person = draft.case.person_of[event.device_id]
    draft.tracks[event.device_id] = track._replace(contact_ms=max(draft.now_ms, track.contact_ms or 0))
    draft.clear(Key("contact_loss", person, ""), "contact_back")
    conditions.judged(draft, person)
    if event.event:
        conditions.happen(draft, person, event)
    track = draft.tracks[event.device_id]
    if track.here is None and track.lost_ms is None:  # Until its first fix; more messages without one change nothing.
        track = draft.tracks[event.device_id] = track._replace(lost_ms=draft.now_ms)
    if event.lat is None or event.lon is None:
        return None
    if looks_swapped(draft.case.known, event.lat, event.lon):  # Somebody is there, and nobody knows where.
        if track.lost_ms is None:
            draft.tracks[event.device_id] = track._replace(lost_ms=event.time_ms)
        return None
    if track.here is not None and event.time_ms <= track.here.time_ms:
        last = track.raw
        elsewhere = last is not None and (event.lat, event.lon) != (last.lat, last.lon)
        if event.time_ms < track.here.time_ms or elsewhere:  # Of two places at one instant both are looked at.
            late.judge(draft, person, event)
        return None
    if _is_quiet(draft, track, event):
        draft.tracks[event.device_id] = rest(track, event, draft.rules)
        return person
    taken, outcome = take(woken(track, draft.rules), event, draft.rules)
    draft.tracks[event.device_id] = taken
    return person if outcome != "doubted" and _counts(draft, track, taken) else None


def _counts(draft: Draft, before: Track, taken: Track) -> bool:
    """Whether a position that was taken in is to be judged; a vague one does not end what silence means."""
    if silence.is_vague(draft, taken):
        sharp_ms = fix_ms(before)
        if sharp_ms is None:  # The first of all says that the tracker lives, and no more.
            draft.tracks[taken.device_id] = before
            return False
        draft.tracks[taken.device_id] = taken._replace(sharp_ms=sharp_ms)
    return True


def _judge(draft: Draft, moved: Sequence[str]) -> None:
    """Judges, once each, the rules that new positions of these persons bear on."""
    monitored = draft.track_of(MONITORED)
    if monitored is not None and MONITORED in moved and not monitored.resting:
        for other in draft.case.device_of:
            if other != MONITORED:
                judge_pair(draft, other, monitored)
        judge_zones(draft, monitored)
        return
    for person in dict.fromkeys(moved):
        track = draft.track_of(person)
        if person != MONITORED and track is not None and not track.resting:
            judge_pair(draft, person, track)


def _is_quiet(draft: Draft, track: Track, event: Observation) -> bool:
    """Whether this fix lies so far from everything that nothing can follow from it, whatever the track was before."""
    if event.lat is None or event.lon is None or draft.alarms or draft.pending or track.doubt is not None:
        return False
    rules, case = draft.rules, draft.case
    here = ellipsoid.vector(event.lat, event.lon)
    moved_m = 0.0
    if track.here is not None:
        moved_m = ellipsoid.vector_distance(here, ellipsoid.vector(track.here.lat, track.here.lon))
    sd_m = motion.fix_sd_m(event, rules)
    slack_m = moved_m + 6 * sd_m
    pace_m_s = track.usual_m_s
    if track.here is not None:
        gap_s = (event.time_ms - track.here.time_ms) / 1000
        pace_m_s = max(pace_m_s, (moved_m - 2 * sd_m) / max(gap_s, USUAL_GAP_MIN_S))
    person = case.person_of[event.device_id]
    if person == MONITORED:
        for prepared in case.zones:
            if ellipsoid.chord_m(here, prepared.centre) < prepared.reach_m + slack_m + quiet_margin_m(pace_m_s, rules):
                return False
    if case.order.proximity is None:
        return True
    for device, other in case.person_of.items():
        there = draft.tracks[device].here
        if there is None or device == event.device_id or MONITORED not in (person, other):
            continue
        wander_m = rules.quiet_wander_m_s * max(0, event.time_ms - there.time_ms) / 1000 + 6 * there.fix_sd_m
        margin_m = quiet_margin_m(pace_m_s + draft.tracks[device].usual_m_s, rules)
        distance_m = ellipsoid.chord_m(here, ellipsoid.vector(there.lat, there.lon))
        if distance_m < case.order.proximity.prealert_distance_m + slack_m + margin_m + wander_m:
            return False
    return True
