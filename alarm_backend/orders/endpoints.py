"""Orders over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Path, Query, Response

from alarm_backend.access import GatewayCaller, GatewayOrUser, OrderReader, OrdersImporter, ServicesOf
from alarm_backend.orders.schemas import (
    OrdersFeed,
    OrdersStored,
    OrderView,
    ReceiptsIn,
    ReceiptsStored,
    VersionView,
)

router = APIRouter(prefix="/api/v1", tags=["orders"])
OrderId = Annotated[str, Path(max_length=80, pattern=r"^[^\x00-\x1f]+$")]


@router.put("/orders")
def put_orders(
    body: Annotated[dict[str, Any], Body(description="A `waakzaam.orders/1` document.")],
    services: ServicesOf,
    caller: OrdersImporter,
) -> OrdersStored:
    """Store the orders of a document, all or none; may be repeated. Nobody signs them: they skip four eyes, and are

    marked so wherever they are shown. For an administrator; for the gateway only where the backend was told so.
    """
    return services.orders.put(body, caller)


@router.get("/orders")
def get_orders(services: ServicesOf, _caller: GatewayOrUser) -> list[OrderView]:
    """The current version of every order."""
    return services.orders.all()


@router.get("/orders/feed", responses={304: {"description": "The orders are still the ones of `If-None-Match`"}})
def feed(
    response: Response,
    services: ServicesOf,
    _caller: GatewayCaller,
    if_none_match: Annotated[str | None, Header(max_length=200)] = None,
    since: Annotated[str | None, Query(max_length=80, pattern=r"^[0-9a-z]*$")] = None,
) -> OrdersFeed:
    """What the gateway must enforce, for the gateway. `ETag` is the revision; 304 while nothing changed.

    With `since` (a revision) only what changed after it, if the backend knows it; the answer says so in `since`.
    """
    if if_none_match is not None and if_none_match.strip('"') == services.delivery.revision():
        return Response(status_code=304)  # type: ignore[return-value]
    found = services.delivery.feed(since or None)
    response.headers["ETag"] = f'"{found.revision}"'
    return found


@router.post("/orders/receipts")
def receipts(body: ReceiptsIn, services: ServicesOf, _caller: GatewayCaller) -> ReceiptsStored:
    """The gateway says which versions it judges now; may be repeated."""
    return ReceiptsStored(stored_ms=services.delivery.receive(body))


@router.get("/orders/{order_id}/versions")
def versions(order_id: OrderId, services: ServicesOf, _user: OrderReader) -> list[VersionView]:
    """Every version of an order, newest first: who drafted and signed it, what it changed, where it is active."""
    return services.orders.versions(order_id)


@router.get("/orders/{order_id}")
def get_order(order_id: OrderId, services: ServicesOf, _user: OrderReader) -> OrderView:
    """The current version of one order."""
    return services.orders.get(order_id)
