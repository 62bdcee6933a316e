"""Feedback over HTTP: anybody may give it, nobody gets a single answer back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from alarm_backend.access import IndicatorReader, ServicesOf
from alarm_backend.feedback.schemas import FeedbackIn, FeedbackReport, FeedbackStored
from alarm_backend.stock.service import checked_day

router = APIRouter(prefix="/api/v1/feedback", tags=["feedback"])
DayOf = Annotated[str, Query(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]


@router.post("", status_code=201)
def give(body: FeedbackIn, request: Request, services: ServicesOf) -> FeedbackStored:
    """Keep an answer; no account is needed and none is noted."""
    services.feedback.take(body, request.client.host if request.client else "")
    return FeedbackStored(stored=True)


@router.get("")
def report(services: ServicesOf, _user: IndicatorReader, from_day: DayOf, until_day: DayOf) -> FeedbackReport:
    """Figures of a period per venue; small numbers are withheld."""
    return services.feedback.report(checked_day("from_day", from_day), checked_day("until_day", until_day))
