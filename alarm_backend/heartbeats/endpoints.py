"""Heartbeats over HTTP."""

from __future__ import annotations

from fastapi import APIRouter

from alarm_backend.access import GatewayCaller, OperatorUser, ServicesOf
from alarm_backend.heartbeats.schemas import HeartbeatIn, HeartbeatStored, HeartbeatView

router = APIRouter(prefix="/api/v1", tags=["heartbeats"])


@router.post("/heartbeats")
def post_heartbeat(body: HeartbeatIn, services: ServicesOf, _caller: GatewayCaller) -> HeartbeatStored:
    """A sign of life."""
    return HeartbeatStored(stored_ms=services.heartbeats.receive(body))


@router.get("/heartbeats")
def get_heartbeats(services: ServicesOf, _user: OperatorUser) -> list[HeartbeatView]:
    """How fresh each source is."""
    return services.heartbeats.freshness()
