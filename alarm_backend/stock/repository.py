"""Venues, lots and movements in the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from alarm_backend.store.database import upsert
from alarm_backend.store.register_tables import stock_lots, stock_moves, venues


def put_venue(connection: Connection, row: dict[str, Any]) -> None:
    upsert(connection, venues, row, ("venue_code",))


def venue(connection: Connection, venue_code: str) -> RowMapping | None:
    return connection.execute(select(venues).where(venues.c.venue_code == venue_code)).mappings().one_or_none()


def all_venues(connection: Connection) -> list[RowMapping]:
    return list(connection.execute(select(venues).order_by(venues.c.name, venues.c.venue_code)).mappings())


def add_lot(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(stock_lots), row)


def lot(connection: Connection, lot_id: str) -> RowMapping | None:
    return connection.execute(select(stock_lots).where(stock_lots.c.lot_id == lot_id)).mappings().one_or_none()


def all_lots(connection: Connection) -> list[RowMapping]:
    return list(connection.execute(select(stock_lots).order_by(stock_lots.c.item, stock_lots.c.lot_id)).mappings())


def recall(connection: Connection, lot_id: str, recalled_ms: int, reason: str) -> None:
    changed = {"recalled_ms": recalled_ms, "recall_reason": reason}
    connection.execute(update(stock_lots).where(stock_lots.c.lot_id == lot_id).values(**changed))


def move(connection: Connection, move_id: str) -> RowMapping | None:
    return connection.execute(select(stock_moves).where(stock_moves.c.move_id == move_id)).mappings().one_or_none()


def add_move(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(stock_moves), row)


def newest_moves(connection: Connection, limit: int) -> list[RowMapping]:
    query = select(stock_moves).order_by(stock_moves.c.stored_ms.desc(), stock_moves.c.move_id).limit(limit)
    return list(connection.execute(query).mappings())


def sums(connection: Connection, lot_id: str | None = None) -> dict[tuple[str, str, str], int]:
    """(lot, venue, what) → pieces."""
    query = select(
        stock_moves.c.lot_id, stock_moves.c.venue_code, stock_moves.c.what, func.sum(stock_moves.c.number)
    ).group_by(stock_moves.c.lot_id, stock_moves.c.venue_code, stock_moves.c.what)
    if lot_id is not None:
        query = query.where(stock_moves.c.lot_id == lot_id)
    return {(row[0], row[1], row[2]): int(row[3]) for row in connection.execute(query)}


def of_period(connection: Connection, from_day: str, until_day: str) -> list[RowMapping]:
    """Movements of a period by venue, item and what, with the first and last day of each."""
    query = (
        select(
            stock_moves.c.venue_code,
            stock_lots.c.item,
            stock_moves.c.what,
            func.sum(stock_moves.c.number).label("number"),
            func.min(stock_moves.c.day).label("first_day"),
            func.max(stock_moves.c.day).label("last_day"),
        )
        .join(stock_lots, stock_lots.c.lot_id == stock_moves.c.lot_id)
        .where(stock_moves.c.day >= from_day, stock_moves.c.day <= until_day)
        .group_by(stock_moves.c.venue_code, stock_lots.c.item, stock_moves.c.what)
    )
    return list(connection.execute(query).mappings())
