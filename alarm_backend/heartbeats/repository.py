"""The last heartbeat of each source."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, select, update

from alarm_backend.store.database import upsert
from alarm_backend.store.tables import heartbeats


def put(connection: Connection, row: dict[str, Any]) -> None:
    upsert(connection, heartbeats, row, ("source",))


def all_sources(connection: Connection) -> list[RowMapping]:
    return list(connection.execute(select(heartbeats).order_by(heartbeats.c.source)).mappings())


def of_source(connection: Connection, source: str) -> RowMapping | None:
    return connection.execute(select(heartbeats).where(heartbeats.c.source == source)).mappings().one_or_none()


def mark(connection: Connection, source: str, silent_alarm_id: str | None) -> None:
    connection.execute(update(heartbeats).where(heartbeats.c.source == source).values(silent_alarm_id=silent_alarm_id))
