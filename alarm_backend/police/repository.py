"""Messages to the police in the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, update

from alarm_backend.store.tables import handovers


def add(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(handovers).values(**row))


def get(connection: Connection, identifier: str) -> RowMapping | None:
    return connection.execute(select(handovers).where(handovers.c.identifier == identifier)).mappings().one_or_none()


def of_alarm(connection: Connection, alarm_id: str) -> list[RowMapping]:
    """The messages about an alarm, oldest first."""
    query = (
        select(handovers)
        .where(handovers.c.alarm_id == alarm_id)
        .order_by(handovers.c.created_ms, handovers.c.identifier)
    )
    return list(connection.execute(query).mappings())


def newest(connection: Connection, limit: int) -> list[RowMapping]:
    query = select(handovers).order_by(handovers.c.created_ms.desc()).limit(limit)
    return list(connection.execute(query).mappings())


def undelivered(connection: Connection, states: tuple[str, ...], limit: int) -> list[RowMapping]:
    """Messages in these states, newest first."""
    query = select(handovers).where(handovers.c.state.in_(states)).order_by(handovers.c.created_ms.desc()).limit(limit)
    return list(connection.execute(query).mappings())


def due(connection: Connection, now_ms: int, limit: int) -> list[RowMapping]:
    """Messages without a receipt whose next attempt is due, oldest first; no Cancel before what it cancels."""
    other = handovers.alias()
    cancelled = select(other.c.identifier).where(
        other.c.alarm_id == handovers.c.alarm_id, other.c.state != "receipted", other.c.msg_type != "Cancel"
    )
    query = (
        select(handovers)
        .where(handovers.c.state != "receipted", handovers.c.next_try_ms <= now_ms)
        .where((handovers.c.msg_type != "Cancel") | ~cancelled.exists())
        .order_by(
            handovers.c.next_try_ms, handovers.c.created_ms, func.length(handovers.c.identifier), handovers.c.identifier
        )
        .limit(limit)
    )
    return list(connection.execute(query).mappings())


def hurry(connection: Connection, alarm_id: str, now_ms: int) -> None:
    """What has no receipt yet about an alarm is tried again by now: before what is told next."""
    waiting = (
        (handovers.c.alarm_id == alarm_id) & (handovers.c.state != "receipted") & (handovers.c.next_try_ms > now_ms)
    )
    connection.execute(update(handovers).where(waiting).values(next_try_ms=now_ms))


def change(connection: Connection, identifier: str, values: dict[str, Any]) -> None:
    connection.execute(update(handovers).where(handovers.c.identifier == identifier).values(**values))


def counts(connection: Connection) -> dict[str, int]:
    rows = connection.execute(select(handovers.c.state, func.count()).group_by(handovers.c.state))
    return {row[0]: int(row[1]) for row in rows}
