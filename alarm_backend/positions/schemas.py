"""Positions on the way in and out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, Field, WithJsonSchema

from alarm_backend.alarms.schemas import Name

Role = Literal["monitored", "protected"]


class PositionIn(BaseModel):
    """A fix as the gateway understood it."""

    device_id: Name
    order_id: Name
    person_id: Name
    role: Role
    fix_time: AwareDatetime
    lat: Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False)]
    lon: Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False)]
    horizontal_accuracy_m: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    speed_m_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    course_deg: Annotated[float, Field(ge=0, le=360, allow_inf_nan=False)] | None = None


AnyPosition = Annotated[dict[str, Any], WithJsonSchema(PositionIn.model_json_schema())]


class PositionsIn(BaseModel):
    """A batch; may be repeated."""

    positions: Annotated[list[AnyPosition], Field(max_length=2000)]


class PositionView(BaseModel):
    """One position; `fix_ms` is when it was measured, `stored_ms` when it arrived here."""

    device_id: str
    order_id: str
    person_id: str
    role: Role
    fix_ms: int
    lat: float
    lon: float
    horizontal_accuracy_m: float | None
    speed_m_s: float | None
    course_deg: float | None
    stored_ms: int


class TrackView(BaseModel):
    """One party's track, oldest first; the last entry is the newest position."""

    order_id: str
    person_id: str
    role: Role
    positions: list[PositionView]
