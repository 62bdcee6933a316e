"""What one person may do about an alarm now: each act is tried on the lifecycle, whose rules are said only there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from alarm_backend.alarms.lifecycle import CAUSES, OPERATOR_EVENTS, Event, Policy, Standing, step
from alarm_backend.errors import Refused


@dataclass(frozen=True)
class Choice:
    """An act as one person may do it now: with which causes (`resolve` only), or why it is refused to him."""

    name: str
    causes: tuple[str, ...] = ()
    refusal: Refused | None = None


def choices(standing: Standing, actor: str, supervisor: bool, now_ms: int, policy: Policy) -> tuple[Choice, ...]:
    """What this person may do now and what is refused to him, in the order of OPERATOR_EVENTS.

    Asks `step`, so that what is offered is what is done. An act that would change nothing is neither.
    """
    tried = (_tried(name, standing, actor, supervisor, now_ms, policy) for name in OPERATOR_EVENTS)
    found = [choice for choice in tried if choice is not None]
    allowed = [choice.name for choice in found if choice.refusal is None]
    held = next((one.refusal for one in found if one.refusal and one.refusal.code != "possible_now"), None)
    return tuple(_for_this_person(choice, allowed, held) for choice in found)


def _for_this_person(choice: Choice, allowed: list[str], held: Refused | None) -> Choice:
    """A refusal that says what is possible instead names what is possible to him, or why nothing is."""
    if choice.refusal is None or choice.refusal.code != "possible_now":
        return choice
    possible = Refused(choice.name, choice.refusal.state, "possible_now", acts=allowed)
    return replace(choice, refusal=possible if allowed else held or choice.refusal)


def _tried(name: str, standing: Standing, actor: str, supervisor: bool, now_ms: int, policy: Policy) -> Choice | None:
    causes, changes, refusal = [], False, None
    for cause in CAUSES if name == "resolve" else ("",):
        event = Event(name, actor, supervisor, cause=cause, until_ms=now_ms + 1)
        try:
            outcome = step(standing, event, now_ms, policy)
        except Refused as error:
            refusal = refusal or error  # of the first cause: what holds for all of them is said, not what is odd of one
        else:
            changes = changes or outcome.changed
            causes.append(cause)
    if causes:
        return Choice(name, tuple(filter(None, causes))) if changes else None
    return Choice(name, refusal=refusal)
