"""Positions in the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, select

from alarm_backend.store.database import insert_new
from alarm_backend.store.tables import positions


def add(connection: Connection, row: dict[str, Any]) -> bool:
    """Add a position; False when this fix of this device is there already."""
    return insert_new(connection, positions, row)


def stored_ms(connection: Connection, order_id: str, device_id: str, fix_ms: int) -> int:
    """When this fix was stored."""
    query = select(positions.c.stored_ms).where(
        positions.c.order_id == order_id, positions.c.device_id == device_id, positions.c.fix_ms == fix_ms
    )
    return int(connection.execute(query).scalar_one())


def of_order(connection: Connection, order_id: str, from_ms: int, until_ms: int, limit: int) -> list[RowMapping]:
    """The newest `limit` positions of an order in [from, until], oldest first."""
    query = (
        select(positions)
        .where(positions.c.order_id == order_id, positions.c.fix_ms >= from_ms, positions.c.fix_ms <= until_ms)
        .order_by(positions.c.fix_ms.desc())
        .limit(limit)
    )
    return list(reversed(connection.execute(query).mappings().all()))


def newest_of_device(connection: Connection, order_id: str, device_id: str) -> RowMapping | None:
    query = (
        select(positions)
        .where(positions.c.order_id == order_id, positions.c.device_id == device_id)
        .order_by(positions.c.fix_ms.desc())
        .limit(1)
    )
    return connection.execute(query).mappings().one_or_none()
