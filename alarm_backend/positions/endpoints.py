"""Positions over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from alarm_backend.access import GatewayCaller, OperatorUser, ServicesOf
from alarm_backend.alarms.schemas import Results
from alarm_backend.positions.schemas import PositionsIn, TrackView

router = APIRouter(prefix="/api/v1", tags=["positions"])


@router.post("/positions")
def post_positions(body: PositionsIn, services: ServicesOf, _caller: GatewayCaller) -> Results:
    """Store positions; may be repeated."""
    return Results(results=services.positions.ingest(body.positions))


@router.get("/orders/{order_id}/tracks")
def get_tracks(
    order_id: str,
    services: ServicesOf,
    user: OperatorUser,
    minutes: Annotated[int, Query(ge=1, le=24 * 60)] = 60,
) -> list[TrackView]:
    """The parties' tracks of the last minutes; the read is logged."""
    return services.positions.tracks(order_id, user, minutes * 60_000)
