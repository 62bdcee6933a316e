"""Venues, lots and movements on the way in and out."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints

Item = Literal["bracelet", "strip"]
What = Literal["distributed", "returned", "discarded"]
VenueKind = Literal["venue", "event"]
Day = Annotated[str, StringConstraints(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
VenueCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{1,39}$")]
LotId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f]+$")]
Pieces = Annotated[int, Field(ge=1, le=1_000_000)]


class VenueIn(BaseModel):
    """A place or an event where bracelets are handed out. The code is what records and feedback carry."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\x00-\x1f]+$")]
    kind: VenueKind
    municipality: Line
    from_day: Day | None = None
    until_day: Day | None = None


class VenueView(VenueIn):
    """A venue under its code."""

    venue_code: str


class LotIn(BaseModel):
    """A delivery of bracelets or strips. Strips have an expiry; days are Belgian days."""

    item: Item
    received: Pieces
    expires_day: Day | None = None


class RecallIn(BaseModel):
    """Why a lot must not be used any more."""

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^\x00]+$")]


class MoveIn(BaseModel):
    """So many pieces of a lot went to a venue, came back, or were thrown away there."""

    lot_id: LotId
    venue_code: VenueCode
    what: What
    number: Pieces
    day: Day


class MoveView(MoveIn):
    """A movement; `move_id` is its sender's, so that sending it twice counts once."""

    move_id: str
    actor: str
    stored_ms: int


class LotView(BaseModel):
    """A lot: `in_stock` still here, `outstanding` out there. `usable` unless expired or recalled."""

    lot_id: str
    item: Item
    received: int
    expires_day: str | None
    recalled_ms: int | None
    recall_reason: str | None
    in_stock: int
    outstanding: int
    usable: bool
    where: dict[str, int]
    """Venue code → pieces of this lot that are out there."""


class VenueStock(BaseModel):
    """What was handed out at a venue in a period, by item; returns counted apart."""

    venue_code: str
    name: str
    kind: VenueKind
    municipality: str
    distributed: dict[str, int]
    returned: dict[str, int]
    first_day: str | None
    last_day: str | None
