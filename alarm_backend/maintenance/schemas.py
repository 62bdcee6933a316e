"""Maintenance windows on the way in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

from alarm_backend.alarms.schemas import Name
from alarm_backend.maintenance import coverage

Reason = Annotated[str, StringConstraints(min_length=3, max_length=500, pattern=r"^[^\x00-\x1f]+$")]
Moment = Annotated[int, Field(ge=0, le=2**53)]
if TYPE_CHECKING:
    Scope = str
else:
    Scope = Literal[coverage.SCOPES]
Standing = Literal["waiting", "planned", "running", "over", "cancelled", "lapsed"]
"""waiting = for the second person; lapsed = nobody agreed in time; over = it ran and ended."""


class WindowIn(BaseModel):
    """Maintenance to plan. `target`: the tracker or the gateway's name; nothing for broker and backend.

    Times are Unix milliseconds of the real clock; without `starts_ms` it starts now."""

    scope: Scope
    target: Name | None = None
    starts_ms: Moment | None = None
    ends_ms: Moment
    reason: Reason


class WindowEnd(BaseModel):
    """Why it ends sooner, or is not wanted any more."""

    note: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f]*$")] = ""


class WindowView(BaseModel):
    """A window and how it stands now. `covered`: open alarms that stand aside because of it."""

    window_id: str
    scope: Scope
    target: str
    starts_ms: int
    ends_ms: int
    reason: str
    standing: Standing
    needs_second_person: bool
    planned_by: str
    planned_ms: int
    approved_by: str | None
    approved_ms: int | None
    began_ms: int | None
    ended_ms: int | None
    ended_by: str | None
    end_note: str
    covered: int = 0
