"""Reports over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from alarm_backend.access import IndicatorReader, OperatorUser, ServicesOf, SupervisorUser
from alarm_backend.reports.indicators import Indicators, Step, as_csv
from alarm_backend.reports.schemas import AnomalyView, ShiftReport

router = APIRouter(prefix="/api/v1/reports", tags=["reports"])
Millis = Annotated[int, Query(ge=0, le=2**53)]

DayOf = Annotated[str, Query(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]


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


@router.get("/indicators")
def indicators(
    services: ServicesOf, _user: IndicatorReader, from_day: DayOf, until_day: DayOf, step: Step = "month"
) -> Indicators:
    """The indicators of the action plan, of both measures, over a period."""
    return services.indicators.report(from_day, until_day, step)


@router.get(
    "/indicators.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def indicators_csv(
    services: ServicesOf, _user: IndicatorReader, from_day: DayOf, until_day: DayOf, step: Step = "month"
) -> Response:
    """The same figures as CSV."""
    found = services.indicators.report(from_day, until_day, step)
    name = f"waakzaam-{from_day}-{until_day}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(as_csv(found), media_type="text/csv; charset=utf-8", headers=headers)
