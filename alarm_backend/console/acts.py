"""What the panel offers to whoever reads it: the acts that the lifecycle lets him do, and why it refuses the others."""

from __future__ import annotations

from dataclasses import dataclass

from alarm_backend.alarms.schemas import AlarmView
from alarm_backend.auth.schemas import User
from alarm_backend.console import catalogue, refusal_texts
from alarm_backend.services import Services

KEYS = {"acknowledge": "a", "take": "t", "resolve": "r", "shelve": "s", "confirm_close": "c"}
MAIN = {"raised": "acknowledge", "acknowledged": "take", "in_progress": "resolve", "closing": "confirm_close"}


@dataclass(frozen=True)
class Act:
    """A button of the panel."""

    name: str
    label: str
    key: str | None
    main: bool


@dataclass(frozen=True)
class Offer:
    """What one person may do about an alarm, the act to do next first."""

    acts: tuple[Act, ...]
    causes: tuple[str, ...]
    """Those that it may be closed with."""
    refused: tuple[tuple[str, str], ...]
    """Every act that is refused to him, and why."""
    held: str
    """Why he cannot do what would come next; "" = he can."""

    def has(self, name: str) -> bool:
        """Whether this act is offered."""
        return any(act.name == name for act in self.acts)


def holder(alarm: AlarmView) -> str | None:
    """Who is on it, as the queue says it."""
    by_state = {"acknowledged": alarm.acknowledged_by, "in_progress": alarm.taken_by, "closing": alarm.closing_by}
    return by_state.get(alarm.state)


def offer(services: Services, alarm: AlarmView, user: User, language: str) -> Offer:
    """What this person is offered, in his language."""
    choices = services.alarms.choices(alarm, user)
    allowed = [choice for choice in choices if choice.refusal is None]
    refused = {choice.name: refusal_texts.refused(language, choice.refusal) for choice in choices if choice.refusal}
    others = alarm.taken_by if alarm.state == "in_progress" and alarm.taken_by != user.username else None
    main = "take" if others else MAIN.get(alarm.state)
    acts = [
        Act(
            choice.name,
            catalogue.text(language, "act.take_over", name=others)
            if others and choice.name == "take"
            else catalogue.text(language, f"act.{choice.name}"),
            KEYS.get(choice.name),
            choice.name == main,
        )
        for choice in allowed
    ]
    return Offer(
        acts=tuple(sorted(acts, key=lambda act: not act.main)),
        causes=next((choice.causes for choice in allowed if choice.name == "resolve"), ()),
        refused=tuple(refused.items()),
        held=refused.get(main or "", ""),
    )
