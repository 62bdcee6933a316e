"""Rejected items in the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from alarm_backend.store.database import insert_new
from alarm_backend.store.tables import rejections


def add(connection: Connection, row: dict[str, Any]) -> bool:
    """Keep what was rejected; False when the same body is kept already."""
    return insert_new(connection, rejections, row)


def newest(connection: Connection, limit: int) -> list[RowMapping]:
    query = select(rejections).order_by(rejections.c.rejection_id.desc()).limit(limit)
    return list(connection.execute(query).mappings())


def count(connection: Connection) -> int:
    return int(connection.execute(select(func.count()).select_from(rejections)).scalar_one())
