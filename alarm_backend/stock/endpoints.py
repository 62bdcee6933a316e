"""Stock over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from alarm_backend.access import IndicatorReader, ServicesOf, StockUser
from alarm_backend.stock.schemas import LotIn, LotView, MoveIn, MoveView, RecallIn, VenueIn, VenueView

router = APIRouter(prefix="/api/v1/stock", tags=["stock"])
VenueName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{1,39}$")]
LotName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
MoveName = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{7,63}$")]


@router.get("/venues")
def venues(services: ServicesOf, _user: IndicatorReader) -> list[VenueView]:
    """Every venue and event."""
    return services.stock.venues()


@router.put("/venues/{venue_code}")
def put_venue(venue_code: VenueName, body: VenueIn, services: ServicesOf, user: StockUser) -> VenueView:
    """Add a venue or an event, or change what is known of it."""
    return services.stock.put_venue(venue_code, body, user)


@router.get("/lots")
def lots(services: ServicesOf, _user: IndicatorReader) -> list[LotView]:
    """Every lot: what is left, where the rest is."""
    return services.stock.lots()


@router.put("/lots/{lot_id}")
def add_lot(lot_id: LotName, body: LotIn, services: ServicesOf, user: StockUser) -> LotView:
    """Take a delivery in; may be repeated."""
    return services.stock.add_lot(lot_id, body, user)


@router.post("/lots/{lot_id}/recall")
def recall(lot_id: LotName, body: RecallIn, services: ServicesOf, user: StockUser) -> LotView:
    """Recall a lot; the answer says where its pieces are."""
    return services.stock.recall(lot_id, body, user)


@router.get("/moves")
def moves(services: ServicesOf, _user: IndicatorReader) -> list[MoveView]:
    """The newest movements."""
    return services.stock.moves()


@router.put("/moves/{move_id}")
def move(move_id: MoveName, body: MoveIn, services: ServicesOf, user: StockUser) -> MoveView:
    """Handed out, came back, thrown away. The caller names the movement, so that a repeat counts once."""
    return services.stock.move(move_id, body, user)
