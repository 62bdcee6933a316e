"""Alarms over HTTP: the gateway posts transitions, operators list and act."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from alarm_backend.access import GatewayCaller, OperatorUser, ServicesOf
from alarm_backend.alarms.schemas import (
    AlarmDetail,
    AlarmView,
    Kind,
    Note,
    Queue,
    Resolution,
    Results,
    Shelving,
    State,
    TransitionsIn,
)
from alarm_backend.operations.tracing import traced_act

router = APIRouter(prefix="/api/v1", tags=["alarms"], dependencies=[Depends(traced_act)])
Millis = Annotated[int | None, Query(ge=0, le=2**53)]


@router.post("/transitions")
def post_transitions(body: TransitionsIn, services: ServicesOf, _caller: GatewayCaller) -> Results:
    """Store alarm transitions; may be repeated. One result per item, durable when it is answered."""
    return Results(results=services.alarms.ingest(body.transitions))


@router.get("/alarms", response_model=Queue)
def get_queue(services: ServicesOf, _user: OperatorUser) -> Response:
    """The open alarms, the worst first."""
    # Made into JSON here, once: through the framework each alarm is made into a dictionary first.
    return Response(services.alarms.queue().model_dump_json(), media_type="application/json")


@router.get("/alarms/search")
def search(
    *,
    services: ServicesOf,
    _user: OperatorUser,
    person: Annotated[str | None, Query(max_length=80, pattern=r"^[^\x00]+$")] = None,
    order_id: Annotated[str | None, Query(max_length=80, pattern=r"^[^\x00]+$")] = None,
    kind: Kind | None = None,
    state: State | None = None,
    from_ms: Millis = None,
    until_ms: Millis = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[AlarmView]:
    """Alarms of all times by person, order, kind, state and time, newest first."""
    return services.alarms.search(
        person=person,
        order_id=order_id,
        kind=kind,
        state=state,
        from_ms=from_ms,
        until_ms=until_ms,
        limit=limit,
    )


@router.get("/alarms/{alarm_id}")
def get_alarm(alarm_id: str, services: ServicesOf, user: OperatorUser) -> AlarmDetail:
    """One alarm with its history, its audit lines and the acts that the caller may do."""
    return services.alarms.detail(alarm_id, user)


@router.post("/alarms/{alarm_id}/acknowledge")
def acknowledge(alarm_id: str, services: ServicesOf, user: OperatorUser, body: Note | None = None) -> AlarmView:
    """Say "seen"."""
    return services.alarms.acknowledge(alarm_id, user, body.note if body else "")


@router.post("/alarms/{alarm_id}/take")
def take(alarm_id: str, services: ServicesOf, user: OperatorUser, body: Note | None = None) -> AlarmView:
    """Start work on it."""
    return services.alarms.take(alarm_id, user, body.note if body else "")


@router.post("/alarms/{alarm_id}/release")
def release(alarm_id: str, services: ServicesOf, user: OperatorUser, body: Note | None = None) -> AlarmView:
    """Give it back."""
    return services.alarms.release(alarm_id, user, body.note if body else "")


@router.post("/alarms/{alarm_id}/resolve")
def resolve(alarm_id: str, body: Resolution, services: ServicesOf, user: OperatorUser) -> AlarmView:
    """Close it with a cause; a severe one waits for a second person."""
    return services.alarms.resolve(alarm_id, user, body.cause, body.note)


@router.post("/alarms/{alarm_id}/confirm-close")
def confirm_close(alarm_id: str, services: ServicesOf, user: OperatorUser, body: Note | None = None) -> AlarmView:
    """Agree with the closing, as the second person."""
    return services.alarms.confirm_close(alarm_id, user, body.note if body else "")


@router.post("/alarms/{alarm_id}/refuse-close")
def refuse_close(alarm_id: str, services: ServicesOf, user: OperatorUser, body: Note | None = None) -> AlarmView:
    """Do not agree with the closing."""
    return services.alarms.refuse_close(alarm_id, user, body.note if body else "")


@router.post("/alarms/{alarm_id}/shelve")
def shelve(alarm_id: str, body: Shelving, services: ServicesOf, user: OperatorUser) -> AlarmView:
    """Put it aside for some minutes, with a reason."""
    return services.alarms.shelve(alarm_id, user, body.minutes, body.reason)


@router.post("/alarms/{alarm_id}/unshelve")
def unshelve(alarm_id: str, services: ServicesOf, user: OperatorUser, body: Note | None = None) -> AlarmView:
    """Bring a shelved alarm back."""
    return services.alarms.unshelve(alarm_id, user, body.note if body else "")
