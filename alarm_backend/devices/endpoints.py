"""Trackers over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from alarm_backend.access import CaseUser, OrderReader, ServicesOf
from alarm_backend.devices.schemas import (
    ConditionIn,
    DeviceHistory,
    DeviceIn,
    DeviceView,
    HookupIn,
    HookupView,
    UnhookIn,
)

router = APIRouter(prefix="/api/v1", tags=["devices"])
DeviceName = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{1,30}$")]
HookupId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


@router.get("/devices")
def devices(services: ServicesOf, _user: OrderReader) -> list[DeviceView]:
    """Every tracker and who wears it."""
    return services.devices.listed()


@router.get("/devices/{device_id}")
def device(device_id: DeviceName, services: ServicesOf, _user: OrderReader) -> DeviceHistory:
    """A tracker with its whole history."""
    return services.devices.history(device_id)


@router.put("/devices/{device_id}")
def register(device_id: DeviceName, body: DeviceIn, services: ServicesOf, user: CaseUser) -> DeviceView:
    """Register a tracker, or change what is known of it; may be repeated."""
    return services.devices.register(device_id, body, user)


@router.post("/devices/{device_id}/condition")
def condition(device_id: DeviceName, body: ConditionIn, services: ServicesOf, user: CaseUser) -> DeviceView:
    """Lost, defect, retired, or usable again."""
    return services.devices.set_condition(device_id, body, user)


@router.post("/hookups", status_code=201)
def hook_up(body: HookupIn, services: ServicesOf, user: CaseUser) -> HookupView:
    """Put a tracker on a person under an order in force."""
    return services.devices.hook_up(body, user)


@router.post("/hookups/{hookup_id}/unhook")
def unhook(hookup_id: HookupId, body: UnhookIn, services: ServicesOf, user: CaseUser) -> HookupView:
    """Take it off."""
    return services.devices.unhook(hookup_id, body, user)
