"""Heartbeats on the way in and out."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, Field

from alarm_backend.alarms.schemas import Name

Count = Annotated[int, Field(ge=0, le=2**53)]


class HeartbeatIn(BaseModel):
    """A sign of life. `time` is the sender's process clock."""

    source: Name
    time: AwareDatetime
    journal_seq: Count = 0
    outbox_depth: Count = 0
    quarantined: Count = 0


class HeartbeatView(BaseModel):
    """How fresh a source is. `age_ms` is on the real clock; `silent` when it was overdue at the last look."""

    source: str
    time_ms: int
    stored_ms: int
    age_ms: int
    journal_seq: int
    outbox_depth: int
    quarantined: int
    silent: bool


class HeartbeatStored(BaseModel):
    """Answer to a heartbeat."""

    stored_ms: int
