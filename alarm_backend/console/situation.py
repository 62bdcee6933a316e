"""Who is where, for the console's map: the parties of the orders with open alarms, and their last hour."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
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


@dataclass(frozen=True, eq=False)
class Known:
    """What was known at one moment about one order, as it is sent."""

    order: str
    tracks: tuple[str, ...]
    read: tuple[tuple[str, dict[str, Any]], ...]
    """What the audit chain keeps of each read of it."""


def order_of(services: Services, order_id: str) -> OrderView | None:
    """The order, if it is known."""
    try:
        return services.orders.get(order_id)
    except NotFound:
        return None  # an alarm about the platform itself belongs to no order, and is shown all the same


def look(services: Services, order_id: str) -> Known | None:
    """What is known of an order now; None when it is no order of ours."""
    order = order_of(services, order_id)
    if order is None:
        return None
    tracks, read = services.positions.latest_of([order_id])
    return Known(_written(_shown_order(order)), tuple(_written(_shown(track)) for track in tracks), tuple(read))


def _look_when_concerned(services: Services, order_id: str) -> Known | None:
    """The same, only of an order that has an open alarm."""
    return look(services, order_id) if services.alarms.orders_concerned([order_id]) else None


def _written(said: dict[str, Any]) -> str:
    return json.dumps(said, separators=(",", ":"))


def _together(known: tuple[Known, ...]) -> Packed:
    orders = ",".join(one.order for one in known)
    tracks = ",".join(track for one in known for track in one.tracks)
    return Packed.of(f'{{"orders":[{orders}],"tracks":[{tracks}]}}'.encode())


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
    # Consoles that hear of alarms one after the other do not ask for quite the same orders: each order is looked up
    # once for all of them. A page that opens has heard of nothing yet: what it is told is no older than its question.
    looked: list[Known | None]
    if order_id is None:
        looked = [look(services, name) for name in services.alarms.orders_concerned(None)]
    else:
        orders: Shared[Known | None] = request.app.state.shared_orders
        looked = [orders.of(name, partial(_look_when_concerned, services, name)) for name in sorted(set(order_id))]
    known = tuple(one for one in looked if one is not None)
    services.positions.note_read([line for one in known for line in one.read], user)
    headers = {"Cache-Control": "no-store", NOW_HEADER: str(services.clocks.now_ms())}
    written: Shared[Packed] = request.app.state.shared_situations
    return written.of(known, lambda: _together(known)).answer(request, "application/json", headers)
