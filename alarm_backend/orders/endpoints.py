"""Orders over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body

from alarm_backend.access import GatewayCaller, GatewayOrUser, OrderReader, ServicesOf
from alarm_backend.orders.schemas import OrdersStored, OrderView

router = APIRouter(prefix="/api/v1", tags=["orders"])


@router.put("/orders")
def put_orders(
    body: Annotated[dict[str, Any], Body(description="A `waakzaam.orders/1` document.")],
    services: ServicesOf,
    caller: GatewayCaller,
) -> OrdersStored:
    """Store the orders of a document, all or none; may be repeated."""
    return services.orders.put(body, caller)


@router.get("/orders")
def get_orders(services: ServicesOf, _caller: GatewayOrUser) -> list[OrderView]:
    """The current version of every order."""
    return services.orders.all()


@router.get("/orders/{order_id}")
def get_order(order_id: str, services: ServicesOf, _user: OrderReader) -> OrderView:
    """The current version of one order."""
    return services.orders.get(order_id)
