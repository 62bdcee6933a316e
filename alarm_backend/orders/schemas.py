"""Orders as they come in (`waakzaam.orders/1`) and as the console shows them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from alarm_backend.alarms.schemas import Name


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
    withdrawn: bool = False
    """Signed off as ended before its time; the gateway no longer judges it."""
    signed: bool
    """Whether two people drafted and signed it here; False for one that was read in."""
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


class OrdersFeed(BaseModel):
    """What the gateway must enforce: every current order, and by name the ones that were withdrawn.

    With `since` only what changed after that revision; what is not named is as it was. Without it every order: one that
    is in neither list was never meant to end, and the gateway keeps it and says so.
    """

    model_config = ConfigDict(populate_by_name=True)

    schema_: Annotated[str, Field(alias="schema")]
    orders: list[dict[str, Any]]
    withdrawn: list[str]
    revision: str
    since: str | None = None


class Receipt(BaseModel):
    """The gateway judges this version of this order now; None when it no longer judges the order."""

    order_id: Name
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None
    active_ms: Annotated[int, Field(ge=0, le=2**53)]


class ReceiptsIn(BaseModel):
    """A batch; may be repeated."""

    source: Name
    receipts: Annotated[list[Receipt], Field(max_length=2000)]


class ReceiptsStored(BaseModel):
    """Answer to receipts."""

    stored_ms: int


class ActiveAt(BaseModel):
    """What one gateway said last about an order."""

    source: str
    version: int | None
    stored_ms: int


class VersionView(BaseModel):
    """One version: who drafted and signed it (None: imported), what it changed, where it is active."""

    version: int
    is_current: bool
    withdrawn: bool
    sha256: str
    stored_ms: int
    drafted_by: list[str] | None
    signed_by: str | None
    reason: str
    changes: list[dict[str, Any]]
    active_at: list[ActiveAt]
