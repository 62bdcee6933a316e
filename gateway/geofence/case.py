"""One order made ready for decisions, the state that decisions leave behind, and the draft a step works on."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.contract import schedules
from gateway.contract.orders import AgreedException, Order, Zone
from gateway.contract.transitions import Transition, alarm_id_of, time_text
from gateway.geofence.alarms import Alarm, Change, Key, severity
from gateway.geofence.areas import PreparedZone, prepare
from gateway.geofence.contacts import contacts
from gateway.geofence.motion import Observation
from gateway.geofence.rules import ENGINE, STANDARD, Rules
from gateway.geofence.swapped import Place, places_of
from gateway.geofence.tracks import Track

MONITORED = ""
AGREED = "agreed:"
# Under this key `State.closed` holds the span of the order's last incident: since when, and until when it was active.
INCIDENT = Key("incident", "", "")
# An alarm joins the incident of its order while one stands, or stood so long ago. ASSUMED, as in the backend.
INCIDENT_GAP_MS = 30 * 60_000


@dataclass(frozen=True, eq=False)
class Case:
    """An order with its zones prepared. `person_of` maps a device to a protected person's id, "" for the monitored.

    `places` holds the agreed exceptions that are bound to a place, with that place. `sharp_sd_m`: with a deviation per
    axis above this a position could not show a breach of every rule even in the midst of it. `known`: where it applies.
    """

    order: Order
    rules: Rules
    zones: tuple[PreparedZone, ...]
    person_of: dict[str, str]
    device_of: dict[str, str]
    places: tuple[tuple[AgreedException, PreparedZone], ...] = ()
    sharp_sd_m: float = math.inf
    known: tuple[Place, ...] = ()


def case_of(order: Order, rules: Rules = STANDARD) -> Case:
    """Prepares an order."""
    person_of = {p.device_id: p.person_id for p in order.protected if p.device_id is not None}
    if order.monitored.device_id is not None:
        person_of[order.monitored.device_id] = MONITORED
    device_of = {person: device for device, person in person_of.items()}
    places = tuple(
        (exception, prepare(Zone(exception.exception_id, exception.place, 0.0, ())))
        for exception in order.exceptions
        if exception.place is not None
    )
    zones, known = tuple(prepare(zone) for zone in order.zones), places_of(order)
    return Case(order, rules, zones, person_of, device_of, places, _sharp_sd_m(order, zones, rules), known)


def _sharp_sd_m(order: Order, zones: tuple[PreparedZone, ...], rules: Rules) -> float:
    """The deviation with which the middle of the smallest rule is a breach with probability `p_raise`.

    A circular normal deviation s lies within r of its middle with 1 - exp(-r^2 / (2 s^2)); a pair's is of both fixes.
    """
    radii_m = [prepared.reach_m for prepared in zones]
    if order.proximity is not None:
        radii_m.append(order.proximity.alert_distance_m / math.sqrt(2))
    return min(radii_m, default=math.inf) / math.sqrt(-2 * math.log1p(-rules.p_raise))


@dataclass(frozen=True)
class State:
    """All that is remembered of one order.

    `active` names the rules in force, `boundary_ms` is when that changes next; `closed` holds each alarm's last span,
    `deadline_ms` is when time alone next has something to decide.
    """

    case: Case
    now_ms: int
    started_ms: int
    tracks: dict[str, Track]
    alarms: dict[Key, Alarm]
    pending: frozenset[Key]
    active: frozenset[str]
    boundary_ms: int | None
    closed: dict[Key, tuple[int, int]]
    deadline_ms: int | None


def begin(case: Case, now_ms: int) -> State:
    """The state before anything was seen; nothing is active until the first step."""
    interval_ms = case.rules.interval_assumed_ms
    tracks = {device: Track(device, interval_ms=interval_ms) for device in case.person_of}
    return State(case, now_ms, now_ms, tracks, {}, frozenset(), frozenset(), now_ms, {}, now_ms)


def reordered(state: State, case: Case, now_ms: int) -> State:
    """The state carried over to a new version of the order: tracks and alarms stay, the rules in force are redone."""
    tracks = {device: state.tracks.get(device, Track(device)) for device in case.person_of}
    return replace(
        state, case=case, now_ms=now_ms, tracks=tracks, active=frozenset(), boundary_ms=now_ms, deadline_ms=now_ms
    )


def rebuilt(state: State, case: Case, now_ms: int) -> tuple[State, list[Observation]]:
    """A state begun anew with the alarms and what each tracker said last, and the fixes to take in again."""
    kept = {
        device: Track(
            device,
            contact_ms=track.contact_ms,
            raw=track.raw,
            interval_ms=track.interval_ms,
            lost_ms=track.lost_ms,
            strap_open_ms=track.strap_open_ms,
        )
        for device, track in state.tracks.items()
    }
    fixes = [observation for track in state.tracks.values() for observation in track.recent]
    fresh = begin(case, now_ms)
    return replace(
        fresh, tracks={**fresh.tracks, **kept}, alarms=state.alarms, closed=state.closed, started_ms=state.started_ms
    ), fixes


def ended(state: State, now_ms: int) -> Case:
    """The case of this state with its order's validity ended now."""
    order = state.case.order
    until_ms = min(order.valid_until_ms, now_ms)
    return replace(
        state.case, order=order._replace(valid_from_ms=min(order.valid_from_ms, until_ms), valid_until_ms=until_ms)
    )


def concerned(order: Order, exception: AgreedException) -> set[str]:
    """The names of the rules that an agreed exception lets rest."""
    whole = not exception.protected and not exception.zones
    people = [p.person_id for p in order.protected] if whole else exception.protected
    zones = [z.zone_id for z in order.zones] if whole else exception.zones
    return {f"pair:{person}" for person in people} | {f"zone:{zone}" for zone in zones}


def rests_for(order: Order, name: str, now_ms: int) -> str | None:
    """The agreed exception, bound to no place, that lets this rule rest now."""
    for exception in order.exceptions:
        running = exception.from_ms <= now_ms < exception.until_ms and exception.place is None
        if running and name in concerned(order, exception):
            return exception.exception_id
    return None


def rules_in_force(case: Case, now_ms: int) -> frozenset[str]:
    """The names of what is in force: "zone:<id>", "pair:<person>", and "order" while it is valid.

    "agreed:<id>" names an agreed exception whose time it is; one that is bound to a place lets nothing rest by itself.
    """
    order = case.order
    if not order.valid_from_ms <= now_ms < order.valid_until_ms:
        return frozenset()
    resting: set[str] = set()
    names = {"order"}
    for exception in order.exceptions:
        if exception.from_ms <= now_ms < exception.until_ms:
            names.add(f"{AGREED}{exception.exception_id}")
            if exception.place is None:
                resting |= concerned(order, exception)
    for zone in order.zones:
        if schedules.active(zone.schedule, order.timezone, now_ms):
            names.add(f"zone:{zone.zone_id}")
    if order.proximity is not None:
        names |= {f"pair:{p.person_id}" for p in order.protected if p.device_id is not None}
    return frozenset(names - resting)


def agreed_at(case: Case, name: str, at: tuple[float, float, float], now_ms: int) -> str | None:
    """The agreed exception that lets this rule rest for a monitored person at (lat, lon, deviation m), None if none."""
    for exception, place in case.places:
        running = exception.from_ms <= now_ms < exception.until_ms and name in concerned(case.order, exception)
        if running and place.core.probability(*at) >= case.rules.p_level:
            return exception.exception_id
    return None


def next_boundary_ms(case: Case, now_ms: int) -> int | None:
    """When the rules in force change next."""
    order = case.order
    edges = [order.valid_from_ms, order.valid_until_ms]
    for exception in order.exceptions:
        edges += [exception.from_ms, exception.until_ms]
    for zone in order.zones:
        change = schedules.next_change_ms(zone.schedule, order.timezone, now_ms)
        if change is not None:
            edges.append(change)
    return min((edge for edge in edges if edge > now_ms), default=None)


def rounded(value: float | None, digits: int = 3) -> float | None:
    return None if value is None else round(value, digits)


def fix_document(observation: Observation) -> dict[str, Any]:
    """A fix as evidence."""
    return {
        "device_id": observation.device_id,
        "time": time_text(observation.time_ms),
        "lat": observation.lat,
        "lon": observation.lon,
        "horizontal_accuracy_m": observation.accuracy_m,
        "speed_m_s": observation.speed_m_s,
        "course_deg": observation.course_deg,
        "source": observation.source,
    }


def place_document(device_id: str, time_ms: int, place: tuple[float, float]) -> dict[str, Any]:
    """Where a person was between two fixes, as evidence."""
    lat, lon = (round(value, 7) for value in place)
    return {"device_id": device_id, "time": time_text(time_ms), "lat": lat, "lon": lon}


def with_incident(
    closed: dict[Key, tuple[int, int]], standing: bool, now_ms: int
) -> tuple[dict[Key, tuple[int, int]], int]:
    """The spans with the incident that something told at `now_ms` belongs to, and when that incident began."""
    begin_ms, active_ms = closed.get(INCIDENT, (now_ms, now_ms))
    if not standing and now_ms - active_ms > INCIDENT_GAP_MS:
        begin_ms = now_ms
    return {**closed, INCIDENT: (begin_ms, now_ms)}, begin_ms


def incident_id_of(order_id: str, begin_ms: int) -> str:
    """The identity of an incident: alarms of one order that belong together."""
    return "i-" + hashlib.sha256(f"{order_id}:{begin_ms}".encode()).hexdigest()[:20]


class Draft:
    """The working copy of a state within one step; never leaves it."""

    def __init__(self, state: State, now_ms: int) -> None:
        self.case = state.case
        self.rules = state.case.rules
        self.started_ms = state.started_ms
        self.now_ms = max(now_ms, state.now_ms)
        self.tracks = dict(state.tracks)
        self.alarms = dict(state.alarms)
        self.pending = set(state.pending)
        self.active = state.active
        self.boundary_ms = state.boundary_ms
        self.closed = dict(state.closed)
        self.effects: list[Transition] = []
        self._then: tuple[int, frozenset[str]] = (self.now_ms, self.active)

    def freeze(self, deadline_ms: int | None) -> State:
        return State(
            self.case,
            self.now_ms,
            self.started_ms,
            self.tracks,
            self.alarms,
            frozenset(self.pending),
            self.active,
            self.boundary_ms,
            self.closed,
            deadline_ms,
        )

    def track_of(self, person: str) -> Track | None:
        """The track of a protected person, or of the monitored one for ""; None when without a tracker."""
        device = self.case.device_of.get(person)
        return None if device is None else self.tracks[device]

    def in_force_at(self, time_ms: int) -> frozenset[str]:
        """The names of the rules that a position of this time is judged by: those of then, for one from the past."""
        if time_ms >= self.now_ms:
            return self.active
        if self._then[0] != time_ms:
            self._then = time_ms, rules_in_force(self.case, time_ms)
        return self._then[1]

    def has_told(self, key: Key, time_ms: int) -> bool:
        """Whether the last alarm of this key that has ended was about this time already."""
        raised_ms, cleared_ms = self.closed.get(key, (0, 0))
        return raised_ms - self.rules.clear_hold_ms <= time_ms <= cleared_ms

    def apply(
        self,
        key: Key,
        change: Change,
        *,
        distance_m: float | None,
        probability: float | None,
        reason: str,
        numbers: dict[str, Any],
        around: Mapping[str, Sequence[dict[str, Any]]] | None = None,
    ) -> None:
        """Takes over what became of an alarm, and tells it when there is something to tell.

        `around`: of a moment between fixes that decided, the fixes on either side and the places at that moment.
        """
        if change.pending:
            self.pending.add(key)
        else:
            self.pending.discard(key)
        alarm = change.alarm
        if change.word == "raised" and alarm is not None:
            order = self.case.order
            alarm = alarm._replace(
                alarm_id=alarm_id_of(
                    order.order_id,
                    key.kind,
                    monitored=order.monitored.person_id,
                    protected=key.protected,
                    zone_id=key.zone_id,
                    raised_ms=alarm.raised_ms,
                )
            )
        if alarm is not None:
            if change.word:
                self._tell(key, change.word, alarm, (distance_m, probability), reason, numbers)
                self.effects[-1].evidence.update(around or {})
            self.alarms[key] = alarm
        if change.word == "cleared" and alarm is not None:
            del self.alarms[key]
            self.closed[key] = (alarm.raised_ms, self.now_ms)

    def raise_now(self, key: Key, level: str, reason: str, distance_m: float | None, numbers: dict[str, Any]) -> None:
        """Raises an alarm on a plain fact; while it stands, notes that it was seen again and lets its level rise."""
        alarm = self.alarms.get(key)
        if alarm is None:
            change = Change("raised", Alarm("", self.now_ms, level, self.now_ms), False)
        else:
            change = Change("", alarm._replace(seen_ms=self.now_ms), False)
        self.apply(key, change, distance_m=distance_m, probability=None, reason=reason, numbers=numbers)

    def escalate(self, key: Key, level: str, reason: str, distance_m: float | None, numbers: dict[str, Any]) -> None:
        """Lets the level of a standing alarm rise; nothing when it is that high already."""
        alarm = self.alarms[key]
        if severity(level) > severity(alarm.level):
            change = Change("escalated", alarm._replace(level=level), False)
            self.apply(key, change, distance_m=distance_m, probability=None, reason=reason, numbers=numbers)

    def clear(self, key: Key, reason: str, numbers: dict[str, Any] | None = None) -> None:
        """Clears an alarm that stands; nothing when there is none."""
        alarm = self.alarms.get(key)
        if alarm is not None:
            change = Change("cleared", alarm, False)
            self.apply(key, change, distance_m=None, probability=None, reason=reason, numbers=numbers or {})

    def _tell(
        self,
        key: Key,
        word: str,
        alarm: Alarm,
        decided: tuple[float | None, float | None],
        reason: str,
        numbers: dict[str, Any],
    ) -> None:
        order = self.case.order
        self.closed, incident_ms = with_incident(self.closed, bool(self.alarms), self.now_ms)
        people = [MONITORED, key.protected] if key.protected else [MONITORED]
        tracks = [track for person in people if (track := self.track_of(person)) is not None]
        evidence: dict[str, Any] = {
            "engine": ENGINE,
            "rules_changed": self.rules.changed(),
            "order_version": order.version,
            "incident_id": incident_id_of(order.order_id, incident_ms),
            "fixes": [fix_document(track.raw) for track in tracks if track.raw is not None],
            "numbers": numbers,
            "victim_contact": contacts(
                order,
                self.rules,
                self.tracks,
                (key.kind, key.protected, alarm.level),
                probability=decided[1],
                now_ms=self.now_ms,
            ),
        }
        agreed = sorted(name.removeprefix(AGREED) for name in self.active if name.startswith(AGREED))
        if agreed:
            evidence["agreed_exceptions"] = agreed
        self.effects.append(
            Transition(
                time_ms=self.now_ms,
                alarm_id=alarm.alarm_id,
                order_id=order.order_id,
                kind=key.kind,
                transition=word,
                level=alarm.level,
                monitored=order.monitored.person_id,
                protected=key.protected,
                zone_id=key.zone_id,
                distance_m=rounded(decided[0]),
                probability=rounded(decided[1], 6),
                reason=reason,
                evidence=evidence,
            )
        )
