"""Maintenance windows over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from alarm_backend.access import MaintenanceReader, ServicesOf, SupervisorUser
from alarm_backend.maintenance.schemas import WindowEnd, WindowIn, WindowView

router = APIRouter(prefix="/api/v1/maintenance-windows", tags=["maintenance"])
WindowId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


@router.get("")
def windows(
    services: ServicesOf, _user: MaintenanceReader, past_hours: Annotated[int, Query(ge=0, le=24 * 365)] = 24
) -> list[WindowView]:
    """Windows to come, running, and those that ended in the last hours."""
    return services.maintenance.listed(past_hours)


@router.post("", status_code=201)
def plan(body: WindowIn, services: ServicesOf, user: SupervisorUser) -> WindowView:
    """Plan maintenance. One that may silence anything of high risk covers nothing before a second supervisor agrees."""
    return services.maintenance.plan(body, user)


@router.post("/{window_id}/approve")
def approve(window_id: WindowId, services: ServicesOf, user: SupervisorUser) -> WindowView:
    """The second supervisor agrees."""
    return services.maintenance.approve(window_id, user)


@router.post("/{window_id}/end")
def end(window_id: WindowId, body: WindowEnd, services: ServicesOf, user: SupervisorUser) -> WindowView:
    """End it now, or cancel it before it begins: what stood aside is back at once."""
    return services.maintenance.end(window_id, body, user)
