"""How fast alarms were answered, against EN 50518, and the rest of what a shift hands over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from alarm_backend.alarms.schemas import AlarmView

FAST_MS, SLOW_MS = 30_000, 60_000
FAST_SHARE, SLOW_SHARE = 0.80, 0.985
"""EN 50518: 80 % within 30 s, 98.5 % within 60 s (to be verified against the standard, as DOMAIN says)."""


@dataclass(frozen=True)
class Answers:
    """Times from stored to acknowledged, on the real clock."""

    count: int
    unanswered: int
    median_ms: int | None
    share_fast: float | None
    share_slow: float | None

    @property
    def met(self) -> bool | None:
        """Whether both targets were met; None when nothing was answered."""
        if self.share_fast is None or self.share_slow is None:
            return None
        return self.share_fast >= FAST_SHARE and self.share_slow >= SLOW_SHARE


@dataclass(frozen=True)
class Shift:
    """What a shift hands over to the next."""

    alarms: Sequence[AlarmView]
    open_alarms: Sequence[AlarmView]
    answers: Answers
    causes: list[tuple[str, int]]
    kinds: list[tuple[str, int]]
    operators: list[tuple[str, int]]


def answer_ms(alarm: AlarmView) -> int | None:
    """How long this alarm waited for its acknowledgement; None when nobody has acknowledged it."""
    return None if alarm.acknowledged_ms is None else max(0, alarm.acknowledged_ms - alarm.stored_ms)


def answers(alarms: Sequence[AlarmView]) -> Answers:
    """Response times; an alarm that nobody answered counts as not answered in time, never as absent."""
    waited = sorted(ms for alarm in alarms if (ms := answer_ms(alarm)) is not None)
    total = len(alarms)
    if not total:
        return Answers(0, 0, None, None, None)
    return Answers(
        count=total,
        unanswered=total - len(waited),
        median_ms=waited[len(waited) // 2] if waited else None,
        share_fast=sum(ms <= FAST_MS for ms in waited) / total,
        share_slow=sum(ms <= SLOW_MS for ms in waited) / total,
    )


def shift(alarms: Sequence[AlarmView], open_alarms: Sequence[AlarmView]) -> Shift:
    """The report of a shift over the alarms raised in it and those that are open now."""
    return Shift(
        alarms=alarms,
        open_alarms=open_alarms,
        answers=answers(alarms),
        causes=Counter(alarm.cause for alarm in alarms if alarm.cause and alarm.state == "resolved").most_common(),
        kinds=Counter(alarm.kind for alarm in alarms).most_common(),
        operators=Counter(alarm.acknowledged_by for alarm in alarms if alarm.acknowledged_by).most_common(),
    )
