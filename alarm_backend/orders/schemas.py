"""Orders as they come in (`waakzaam.orders/1`) and as the console shows them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class PartyView(BaseModel):
    """A person of an order, by pseudonym, and the tracker that person carries."""

    person_id: str
    device_id: str | None


class OrderView(BaseModel):
    """The current version of an order. `zones` is a GeoJSON FeatureCollection; `document` the order as it was sent."""

    order_id: str
    version: int
    mandate_kind: str
    timezone: str
    valid_from_ms: int
    valid_until_ms: int
    in_force: bool
    monitored: PartyView
    protected: list[PartyView]
    alert_distance_m: float | None
    prealert_distance_m: float | None
    zones: dict[str, Any]
    document: dict[str, Any]
    stored_ms: int


class OrdersStored(BaseModel):
    """What a PUT did: which orders are new or of a newer version, and which were known."""

    stored: list[str]
    unchanged: list[str]
    stored_ms: int
