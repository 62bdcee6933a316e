"""Reports on the way out."""

from __future__ import annotations

from pydantic import BaseModel

from alarm_backend.alarms.schemas import AlarmView
from alarm_backend.maintenance.schemas import WindowView


class AnomalyView(BaseModel):
    """Something about the closing of alarms that a supervisor should look at."""

    rule: str
    who: str
    at_ms: int
    says: str
    alarm_ids: list[str]


class ShiftReport(BaseModel):
    """What happened in a span and what the next shift takes over. Answer times in seconds, None without answers."""

    from_ms: int
    until_ms: int
    new_by_kind: dict[str, int]
    closed_by_cause: dict[str, int]
    answered: int
    answered_within_30_s: float | None
    answered_within_60_s: float | None
    answer_median_s: float | None
    open: list[AlarmView]
    shelved: list[AlarmView]
    police_without_receipt: list[str]
    rejected_items: int
    maintenance: list[WindowView]
    """What was worked on in the span, is now, or is planned."""


"""EN 50518 asks for 80 % of answers within 30 s and 98.5 % within 60 s (to be verified against the standard)."""
