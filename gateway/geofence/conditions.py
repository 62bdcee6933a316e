"""What a tracker reports about itself: panic, tamper, interference, battery, a tracker that stays behind."""

from __future__ import annotations

from gateway.contract.transitions import NOT_JUDGED
from gateway.geofence.alarms import Key
from gateway.geofence.case import MONITORED, Draft, State
from gateway.geofence.motion import Observation
from gateway.geofence.rules import Rules
from gateway.geofence.silence import overdue_at_ms
from gateway.geofence.tracks import Track

# Event -> level on the monitored person's tracker, on a protected person's.
REPORTED = {
    "panic": ("high", "critical"),
    "strap_cut": ("critical", "high"),
    "case_opened": ("high", "warning"),
    "jamming": ("high", "high"),
    "spoofing": ("high", "high"),
    "battery_low": ("info", "info"),
    "battery_critical": ("warning", "warning"),
}


def _quiet_ms(kind: str, rules: Rules) -> int | None:
    """After how long without a repeat a condition counts as over; None when something must end it."""
    return {
        "panic": rules.panic_quiet_ms,
        "case_opened": rules.case_quiet_ms,
        "jamming": rules.interference_quiet_ms,
        "spoofing": rules.interference_quiet_ms,
        "battery_low": rules.battery_quiet_ms,
        "battery_critical": rules.battery_quiet_ms,
    }.get(kind)


def happen(draft: Draft, person: str, event: Observation) -> None:
    """Takes in one reported event of the tracker of this person ("" = the monitored one)."""
    track = draft.tracks[event.device_id]
    if event.event == "strap_cut" and track.strap_open_ms is None:
        draft.tracks[event.device_id] = track._replace(strap_open_ms=event.time_ms)
    elif event.event == "strap_restored":
        if event.time_ms < (track.strap_open_ms or 0):
            return  # An older message that came later: the strap was cut after it.
        draft.tracks[event.device_id] = track._replace(strap_open_ms=None)
        draft.clear(Key("strap_cut", person, ""), "strap_restored")
    elif event.event == "gnss_lost" and track.lost_ms is None:
        draft.tracks[event.device_id] = track._replace(lost_ms=event.time_ms)
    elif event.event == "gnss_back":
        draft.tracks[event.device_id] = track._replace(lost_ms=None)
        draft.clear(Key("gnss_loss", person, ""), "gnss_back")
    if "order" not in draft.active | draft.in_force_at(event.time_ms):
        return
    numbers = {"event_time_ms": event.time_ms, "event_age_s": (draft.now_ms - event.time_ms) / 1000}
    if event.event == "power_off":
        draft.raise_now(Key("contact_loss", person, ""), "high", "power_off", None, numbers)
    elif event.event in REPORTED:
        level = REPORTED[event.event][0 if person == MONITORED else 1]
        draft.raise_now(Key(event.event, person, ""), level, "reported_by_tracker", None, numbers)


def order_begins(draft: Draft, before: frozenset[str]) -> None:
    """A strap that was open when the order came into force is an alarm then."""
    if "order" in before:
        return
    for device, track in draft.tracks.items():
        person = draft.case.person_of[device]
        if track.strap_open_ms is not None:
            level = REPORTED["strap_cut"][0 if person == MONITORED else 1]
            numbers = {"event_time_ms": track.strap_open_ms}
            draft.raise_now(Key("strap_cut", person, ""), level, "open_when_order_began", None, numbers)


def judged(draft: Draft, person: str) -> None:
    """A message of this person's tracker could be judged: the fault of ours that stood is over, once that lasts."""
    key = Key(NOT_JUDGED, person, "")
    alarm = draft.alarms.get(key)
    if alarm is not None and draft.now_ms >= alarm.seen_ms + draft.rules.clear_hold_ms:
        draft.clear(key, "judged_again")


def _left_behind_ms(track: Track, rules: Rules) -> int | None:
    """When standing still will mean that the tracker lies somewhere without its wearer.

    A silent tracker is not known to stand still; what silence means is judged elsewhere.
    """
    if track.here is None:
        return None
    after_ms: int | None = track.still_since_ms + rules.left_behind_still_ms
    if after_ms is not None and after_ms > (overdue_at_ms(track, rules) or 0):
        after_ms = None
    if track.strap_open_ms is not None:
        since_ms = max(track.still_since_ms, track.strap_open_ms)
        cut_ms = since_ms + rules.left_behind_strap_ms
        after_ms = cut_ms if after_ms is None else min(after_ms, cut_ms)
    return after_ms


def moved(draft: Draft, track: Track) -> None:
    """A tracker that moves again was not left behind."""
    person = draft.case.person_of[track.device_id]
    due_ms = _left_behind_ms(track, draft.rules)
    if due_ms is None or draft.now_ms < due_ms:
        draft.clear(Key("device_left_behind", person, ""), "moved")


def watch(draft: Draft) -> None:
    """Ends conditions that have been quiet long enough and notices a tracker left behind."""
    for key in sorted(draft.alarms):
        quiet_ms = _quiet_ms(key.kind, draft.rules)
        if quiet_ms is not None and draft.now_ms >= draft.alarms[key].seen_ms + quiet_ms:
            draft.clear(key, "no_longer_reported")
    monitored = draft.track_of(MONITORED)
    if monitored is None or "order" not in draft.active:
        return
    due_ms = _left_behind_ms(monitored, draft.rules)
    key = Key("device_left_behind", MONITORED, "")
    if due_ms is not None and draft.now_ms >= due_ms and key not in draft.alarms:
        cut = monitored.strap_open_ms is not None
        numbers = {"still_s": (draft.now_ms - monitored.still_since_ms) / 1000}
        draft.raise_now(key, "high" if cut else "warning", "still_without_strap" if cut else "still", None, numbers)


def next_ms(state: State | Draft) -> list[int]:
    """The instants at which time alone changes a condition."""
    instants = []
    for key, alarm in state.alarms.items():
        quiet_ms = _quiet_ms(key.kind, state.case.rules)
        if quiet_ms is not None:
            instants.append(alarm.seen_ms + quiet_ms)
    device = state.case.device_of.get(MONITORED)
    if device is not None and "order" in state.active and Key("device_left_behind", MONITORED, "") not in state.alarms:
        due_ms = _left_behind_ms(state.tracks[device], state.case.rules)
        if due_ms is not None:
            instants.append(due_ms)
    return instants
