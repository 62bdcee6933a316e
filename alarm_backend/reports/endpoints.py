"""Reports over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from alarm_backend.access import OperatorUser, ServicesOf, SupervisorUser
from alarm_backend.reports.schemas import AnomalyView, ShiftReport

router = APIRouter(prefix="/api/v1/reports", tags=["reports"])
Millis = Annotated[int, Query(ge=0, le=2**53)]


@router.get("/anomalies")
def anomalies(
    services: ServicesOf,
    _user: SupervisorUser,
    from_ms: Millis,
    until_ms: Millis,
    inspection_ms: Annotated[list[int] | None, Query(max_length=20)] = None,
) -> list[AnomalyView]:
    """Bulk closes, fast closes, pairs that always confirm each other, closes before an inspection."""
    return services.reports.anomalies(from_ms, until_ms, inspection_ms or [])


@router.get("/shift")
def shift(services: ServicesOf, _user: OperatorUser, from_ms: Millis, until_ms: Millis) -> ShiftReport:
    """The hand-over of a shift."""
    return services.reports.shift(from_ms, until_ms)
