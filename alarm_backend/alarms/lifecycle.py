"""What an alarm goes through, after ISA-18.2 / IEC 62682: one table of states and events, and the rules on top.

Two things are kept apart. `state` is what people have done about the alarm; `condition` is whether the cause still
holds (the gateway says). A cause that goes away never closes an alarm, and an operator's act never ends a cause.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from alarm_backend.errors import InvalidRequest, Refused

STATES = ("raised", "acknowledged", "in_progress", "shelved", "closing", "resolved")
OPEN_STATES = ("raised", "acknowledged", "in_progress", "shelved", "closing")
CONDITIONS = ("active", "cleared")
OPERATOR_EVENTS = (
    "acknowledge",
    "take",
    "release",
    "shelve",
    "unshelve",
    "resolve",
    "confirm_close",
    "refuse_close",
)
DEADLINE_EVENTS = ("acknowledgement_expired", "shelf_expired")
GATEWAY_EVENTS = ("raised", "escalated", "eased", "cleared")
EVENTS = OPERATOR_EVENTS + DEADLINE_EVENTS + GATEWAY_EVENTS

CAUSES = (
    "breach_confirmed",
    "contact_prevented",
    "police_intervened",
    "accidental_proximity",
    "authorised_presence",
    "device_fault",
    "position_error",
    "duplicate",
    "test",
    "returned_to_normal",
)
CAUSES_ONLY_WHEN_CLEARED = ("returned_to_normal",)

TABLE = {
    ("raised", "acknowledge"): "acknowledged",
    ("raised", "take"): "in_progress",
    ("raised", "shelve"): "shelved",
    ("raised", "raised"): "raised",
    ("raised", "escalated"): "raised",
    ("raised", "eased"): "raised",
    ("raised", "cleared"): "raised",
    ("acknowledged", "acknowledge"): "acknowledged",
    ("acknowledged", "take"): "in_progress",
    ("acknowledged", "release"): "raised",
    ("acknowledged", "shelve"): "shelved",
    ("acknowledged", "resolve"): "resolved",
    ("acknowledged", "acknowledgement_expired"): "raised",
    ("acknowledged", "raised"): "raised",
    ("acknowledged", "escalated"): "raised",
    ("acknowledged", "eased"): "acknowledged",
    ("acknowledged", "cleared"): "acknowledged",
    ("in_progress", "acknowledge"): "in_progress",
    ("in_progress", "take"): "in_progress",
    ("in_progress", "release"): "acknowledged",
    ("in_progress", "resolve"): "resolved",
    ("in_progress", "raised"): "in_progress",
    ("in_progress", "escalated"): "in_progress",
    ("in_progress", "eased"): "in_progress",
    ("in_progress", "cleared"): "in_progress",
    ("shelved", "take"): "in_progress",
    ("shelved", "unshelve"): "raised",
    ("shelved", "shelf_expired"): "raised",
    ("shelved", "raised"): "raised",
    ("shelved", "escalated"): "raised",
    ("shelved", "eased"): "shelved",
    ("shelved", "cleared"): "shelved",
    ("closing", "take"): "in_progress",
    ("closing", "confirm_close"): "resolved",
    ("closing", "refuse_close"): "in_progress",
    ("closing", "raised"): "in_progress",
    ("closing", "escalated"): "in_progress",
    ("closing", "eased"): "closing",
    ("closing", "cleared"): "closing",
    ("resolved", "raised"): "raised",
    ("resolved", "escalated"): "raised",
    ("resolved", "eased"): "resolved",
    ("resolved", "cleared"): "resolved",
}
"""(state, event) → next state. A pair that is not here is refused. `resolve` of a severe alarm goes to `closing`."""


@dataclass(frozen=True)
class Policy:
    """The limits that supervisors set. All ASSUMED until VCET names its own."""

    acknowledgement_ms: int = 300_000
    """An acknowledgement without action lapses after this (GoAlert #3378)."""
    shelf_max_ms: int = 8 * 3_600_000
    """Longest shelving: one shift."""
    four_eyes_severity: int = 4
    """From this severity a second person confirms the closing."""
    shelf_severity_max: int = 3
    """Above this severity only a supervisor may shelve."""


@dataclass(frozen=True)
class Standing:
    """Where one alarm stands. `deadline_ms` is when the acknowledgement or the shelving ends."""

    state: str
    condition: str
    severity: int
    acknowledged_by: str | None = None
    taken_by: str | None = None
    closing_by: str | None = None
    cause: str | None = None
    deadline_ms: int | None = None


@dataclass(frozen=True)
class Event:
    """Something that happens to an alarm. `severity` comes with gateway events, `cause` and `until_ms` with acts."""

    name: str
    actor: str
    supervisor: bool = False
    severity: int | None = None
    cause: str | None = None
    until_ms: int | None = None


@dataclass(frozen=True)
class Step:
    """The outcome: the new standing and what must follow (`sound`, `ask_second_person`, `closed`)."""

    standing: Standing
    effects: tuple[str, ...] = ()
    changed: bool = True


def born(severity: int) -> Standing:
    """The standing of an alarm that was just raised."""
    return Standing("raised", "active", severity)


def step(standing: Standing, event: Event, now_ms: int, policy: Policy) -> Step:
    """The next standing. Raises Refused when the act is not possible now, InvalidRequest when it lacks something."""
    if event.name not in EVENTS:
        raise InvalidRequest("event", "none_of", given=event.name, known=EVENTS)
    following = TABLE.get((standing.state, event.name))
    if following is None:
        raise _impossible(standing.state, event.name)
    if event.name in GATEWAY_EVENTS:
        return _on_gateway(standing, event, following)
    if event.name in DEADLINE_EVENTS:
        return _on_deadline(standing, event, following, now_ms)
    return _ACTS[event.name](standing, event, following, now_ms, policy)


def _impossible(state: str, name: str) -> Refused:
    if state == "resolved":
        return Refused(name, state, "closed")
    if name == "resolve" and state == "raised":
        return Refused(name, state, "acknowledge_first")
    if name == "resolve" and state == "closing":
        return Refused(name, state, "second_person_decides")
    return Refused(name, state, "possible_now", acts=[event for event in OPERATOR_EVENTS if (state, event) in TABLE])


def _on_gateway(standing: Standing, event: Event, following: str) -> Step:
    severity = standing.severity if event.severity is None else event.severity
    condition = "cleared" if event.name == "cleared" else "active"
    worse = event.name in {"raised", "escalated"}
    after = replace(standing, state=following, condition=condition, severity=severity)
    if following == "raised" and standing.state != "raised":
        after = replace(after, acknowledged_by=None, taken_by=None, closing_by=None, cause=None, deadline_ms=None)
    if standing.state == "closing" and following == "in_progress":
        after = replace(after, closing_by=None, cause=None)
    return Step(after, ("sound",) if worse else (), changed=after != standing)


def _on_deadline(standing: Standing, event: Event, following: str, now_ms: int) -> Step:
    if standing.deadline_ms is None or now_ms < standing.deadline_ms:
        raise Refused(event.name, standing.state, "deadline_not_passed")
    return Step(replace(standing, state=following, acknowledged_by=None, taken_by=None, deadline_ms=None), ("sound",))


def _acknowledge(standing: Standing, event: Event, following: str, now_ms: int, policy: Policy) -> Step:
    if following == standing.state:  # somebody has it already: a repeat changes nothing
        return Step(standing, changed=False)
    return Step(
        replace(
            standing,
            state=following,
            acknowledged_by=event.actor,
            deadline_ms=now_ms + policy.acknowledgement_ms,
        )
    )


def _take(standing: Standing, event: Event, following: str, _now_ms: int, _policy: Policy) -> Step:
    if standing.state == "in_progress" and standing.taken_by == event.actor:
        return Step(standing, changed=False)
    if standing.state == "in_progress" and standing.taken_by is not None and not event.supervisor:
        raise Refused("take", standing.state, "taken_by_other", who=standing.taken_by)
    return Step(
        replace(
            standing,
            state=following,
            acknowledged_by=standing.acknowledged_by or event.actor,
            taken_by=event.actor,
            closing_by=None,
            cause=None,
            deadline_ms=None,
        )
    )


def _release(standing: Standing, event: Event, following: str, now_ms: int, policy: Policy) -> Step:
    owner = standing.taken_by if standing.state == "in_progress" else standing.acknowledged_by
    if owner not in {event.actor, None} and not event.supervisor:
        raise Refused("release", standing.state, "held_by", who=owner)
    if following == "raised":
        return Step(replace(standing, state=following, acknowledged_by=None, deadline_ms=None), ("sound",))
    return Step(replace(standing, state=following, taken_by=None, deadline_ms=now_ms + policy.acknowledgement_ms))


def _shelve(standing: Standing, event: Event, following: str, now_ms: int, policy: Policy) -> Step:
    if event.until_ms is None or not now_ms < event.until_ms <= now_ms + policy.shelf_max_ms:
        raise InvalidRequest("until", "within_minutes", minutes=policy.shelf_max_ms // 60_000)
    if standing.severity > policy.shelf_severity_max and not event.supervisor:
        raise Refused("shelve", standing.state, "severity_needs_supervisor", severity=standing.severity)
    return Step(replace(standing, state=following, taken_by=None, deadline_ms=event.until_ms))


def _unshelve(standing: Standing, _event: Event, following: str, _now_ms: int, _policy: Policy) -> Step:
    return Step(replace(standing, state=following, acknowledged_by=None, deadline_ms=None), ("sound",))


def _resolve(standing: Standing, event: Event, following: str, _now_ms: int, policy: Policy) -> Step:
    if event.cause not in CAUSES:
        raise InvalidRequest("cause", "none_of", given=event.cause, known=CAUSES)
    if standing.condition == "active" and event.cause in CAUSES_ONLY_WHEN_CLEARED:
        raise Refused("resolve", standing.state, "cause_still_holds", cause=event.cause)
    if standing.taken_by not in {event.actor, None} and not event.supervisor:
        raise Refused("resolve", standing.state, "held_by", who=standing.taken_by)
    if standing.severity >= policy.four_eyes_severity:
        return Step(
            replace(standing, state="closing", closing_by=event.actor, cause=event.cause, deadline_ms=None),
            ("ask_second_person",),
        )
    return Step(replace(standing, state=following, cause=event.cause, deadline_ms=None), ("closed",))


def _confirm_close(standing: Standing, event: Event, following: str, _now_ms: int, _policy: Policy) -> Step:
    if standing.closing_by == event.actor:
        raise Refused("confirm_close", standing.state, "second_person_confirms")
    if standing.condition == "active" and standing.cause in CAUSES_ONLY_WHEN_CLEARED:
        raise Refused("confirm_close", standing.state, "cause_holds_again", cause=standing.cause)
    return Step(replace(standing, state=following, deadline_ms=None), ("closed",))


def _refuse_close(standing: Standing, event: Event, following: str, _now_ms: int, _policy: Policy) -> Step:
    owner = standing.taken_by or standing.closing_by or event.actor
    return Step(replace(standing, state=following, taken_by=owner, closing_by=None, cause=None))


_ACTS = {
    "acknowledge": _acknowledge,
    "take": _take,
    "release": _release,
    "shelve": _shelve,
    "unshelve": _unshelve,
    "resolve": _resolve,
    "confirm_close": _confirm_close,
    "refuse_close": _refuse_close,
}
