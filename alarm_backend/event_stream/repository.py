"""The event log in the database: numbered in the order in which transactions become visible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from alarm_backend.store.tables import events


@dataclass(frozen=True)
class Stored:
    """One event as a console receives it."""

    event_id: int
    name: str
    data: str


def add_all(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Add events, numbered in this order."""
    connection.execute(insert(events), rows)


def after(connection: Connection, event_id: int, limit: int) -> list[Stored]:
    """The events after that number, oldest first."""
    rows = connection.execute(
        select(events.c.event_id, events.c.name, events.c.data)
        .where(events.c.event_id > event_id)
        .order_by(events.c.event_id)
        .limit(limit)
    )
    return [Stored(int(row.event_id), row.name, row.data) for row in rows]


def span(connection: Connection) -> tuple[int, int]:
    """(oldest kept number, newest number); (0, 0) when the log is empty."""
    row = connection.execute(select(func.min(events.c.event_id), func.max(events.c.event_id))).one()
    return int(row[0] or 0), int(row[1] or 0)


def prune(connection: Connection, before_ms: int) -> int:
    """Drop events stored before that time; the newest one stays, so that numbers are never used twice."""
    newest = select(func.max(events.c.event_id)).scalar_subquery()
    done = connection.execute(delete(events).where(events.c.stored_ms < before_ms, events.c.event_id < newest))
    return int(done.rowcount)
