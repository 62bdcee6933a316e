"""The payloads of `GET /events`, by event name. Every payload has `stored_ms` (real clock, Unix ms).

| event | payload | sent when |
| --- | --- | --- |
| `alarm` | AlarmEvent | an alarm is raised, changes, or somebody acts on it |
| `position` | PositionEvent | a fix arrives |
| `status` | StatusEvent | see its `what` |
| `field_test` | FieldTestEvent | a field-test record is stored |
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from alarm_backend.alarms.schemas import AlarmView


class AlarmEvent(BaseModel):
    """The alarm as it is now, and the step that brought it there."""

    alarm: AlarmView
    transition: str
    actor: str
    sound: bool
    """True when an operator must hear it: raised, worse, or an acknowledgement that ran out."""
    fix_received_ms: int | None = None
    traceparent: str | None = None
    """The trace that what the operator does next belongs to; goes back in the header of the same name."""
    stored_ms: int


class PositionEvent(BaseModel):
    """One position of one party of one order."""

    device_id: str
    order_id: str
    person_id: str
    role: Literal["monitored", "protected"]
    fix_ms: int
    lat: float
    lon: float
    horizontal_accuracy_m: float | None
    speed_m_s: float | None
    course_deg: float | None
    stored_ms: int


class StatusEvent(BaseModel):
    """Health of the platform.

    `what`: heartbeat, silent, back, rejected (an item that cannot be used), orders (changed), resync (the stream could
    not resume without loss: reload everything), flood (`active`), handover (`identifier`, `state`), maintenance
    (`running`: what is being worked on now).
    """

    what: str
    source: str
    detail: dict[str, Any]
    stored_ms: int


class FieldTestEvent(BaseModel):
    """A drink test: verdict, and whether its signature holds (verified, unknown_key, bad)."""

    record_id: str
    device_id: str
    time_ms: int
    verdict: str
    reason: str
    drink_declared: str | None
    signature_state: str
    flags: list[str]
    stored_ms: int
