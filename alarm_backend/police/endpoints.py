"""Hand-over to the police over HTTP."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from alarm_backend.access import OperatorUser, ServicesOf
from alarm_backend.operations.tracing import traced_act
from alarm_backend.police.schemas import HandoverIn, HandoverView

router = APIRouter(prefix="/api/v1", tags=["police"], dependencies=[Depends(traced_act)])


@router.post("/alarms/{alarm_id}/police", status_code=202)
def hand_over(alarm_id: str, services: ServicesOf, user: OperatorUser, body: HandoverIn | None = None) -> HandoverView:
    """Hand an alarm over to the police; the message is kept and delivered until its receipt is there."""
    return services.police.hand_over(alarm_id, body or HandoverIn(), user)


@router.get("/alarms/{alarm_id}/police")
def of_alarm(alarm_id: str, services: ServicesOf, _user: OperatorUser) -> list[HandoverView]:
    """The messages about an alarm and what became of them."""
    services.alarms.get(alarm_id)
    return services.police.of_alarm(alarm_id)


@router.get("/police")
def newest(services: ServicesOf, _user: OperatorUser) -> list[HandoverView]:
    """The newest messages of all alarms."""
    return services.police.newest()
