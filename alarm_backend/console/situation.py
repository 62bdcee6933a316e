"""Who is where, for the console's map: the parties of the orders with open alarms, and their last hour."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from alarm_backend.access import OperatorUser, ServicesOf
from alarm_backend.console.shared import Packed, Shared
from alarm_backend.errors import NotFound
from alarm_backend.orders.schemas import OrderView
from alarm_backend.positions.schemas import TrackView
from alarm_backend.services import Services

ORDERS_ASKED_MAX = 50
NOW_HEADER = "X-Now-Ms"
"""The backend's clock, which a shared answer does not hold."""

DECIMALS = 6
"""Of a degree: 0.11 m."""

SAID_ONCE = {"device_id", "order_id", "person_id", "role", "stored_ms"}

router = APIRouter()


@dataclass(frozen=True)
class Known:
    """What was known at one moment about some orders."""

    packed: Packed
    read: list[tuple[str, dict[str, Any]]]
    """What the audit chain keeps of each read of it."""


def order_of(services: Services, order_id: str) -> OrderView | None:
    """The order, if it is known."""
    try:
        return services.orders.get(order_id)
    except NotFound:
        return None  # an alarm about the platform itself belongs to no order, and is shown all the same


def look(services: Services, order_ids: list[str] | None) -> Known:
    """What is known now; None = of every order with an open alarm."""
    concerned = services.alarms.orders_concerned(order_ids)
    orders = [order for order in (order_of(services, name) for name in concerned) if order is not None]
    tracks, read = services.positions.latest_of([order.order_id for order in orders])
    said = {"orders": [_shown_order(order) for order in orders], "tracks": [_shown(track) for track in tracks]}
    return Known(Packed.of(json.dumps(said, separators=(",", ":")).encode()), read)


def _shown_order(order: OrderView) -> dict[str, Any]:
    """An order for the map; the browser draws a circle from its centre and radius (situation.js)."""
    shown = order.model_dump(mode="json", exclude={"document"})
    for zone in shown["zones"]["features"]:
        if "radius_m" in zone["properties"]:
            zone["geometry"] = None
    return shown


def _shown(track: TrackView) -> dict[str, Any]:
    """A track for the map: what is said once for the track is not said again, and places to a tenth of a metre."""
    shown = track.model_dump(mode="json", exclude={"positions": {"__all__": SAID_ONCE}})
    for position in shown["positions"]:
        position |= {name: round(position[name], DECIMALS) for name in ("lat", "lon")}
    return shown


@router.get("/console/situation")
def situation(
    request: Request,
    services: ServicesOf,
    user: OperatorUser,
    order_id: Annotated[list[Annotated[str, Query(max_length=80)]] | None, Query(max_length=ORDERS_ASKED_MAX)] = None,
) -> Response:
    """Who is where: of every order with an open alarm, or of those asked for among them. Each read is in the audit

    chain."""
    if order_id is None:
        known = look(services, None)
    else:
        asked = tuple(sorted(set(order_id)))
        shared: Shared[Known] = request.app.state.shared_situation
        known = shared.of(asked, lambda: look(services, list(asked)))
    services.positions.note_read(known.read, user)
    headers = {"Cache-Control": "no-store", NOW_HEADER: str(services.clocks.now_ms())}
    return known.packed.answer(request, "application/json", headers)
