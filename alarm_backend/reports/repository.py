"""What the reports read from the database."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping, func, select

from alarm_backend.store.tables import alarms, transitions


def closed(connection: Connection, from_ms: int, until_ms: int) -> list[RowMapping]:
    """Steps by which alarms were closed, and the ones that asked a second person, with the alarm's facts."""
    query = (
        select(
            transitions.c.alarm_id,
            transitions.c.transition,
            transitions.c.actor,
            transitions.c.stored_ms.label("closed_ms"),
            alarms.c.kind,
            alarms.c.severity,
            alarms.c.stored_ms,
        )
        .join(alarms, alarms.c.alarm_id == transitions.c.alarm_id)
        .where(
            transitions.c.transition.in_(("resolve", "confirm_close")),
            transitions.c.stored_ms >= from_ms,
            transitions.c.stored_ms < until_ms,
        )
        .order_by(transitions.c.transition_id)
    )
    return list(connection.execute(query).mappings())


def new_by_kind(connection: Connection, from_ms: int, until_ms: int) -> dict[str, int]:
    query = (
        select(alarms.c.kind, func.count())
        .where(alarms.c.stored_ms >= from_ms, alarms.c.stored_ms < until_ms)
        .group_by(alarms.c.kind)
    )
    return {row[0]: int(row[1]) for row in connection.execute(query)}


def closed_by_cause(connection: Connection, from_ms: int, until_ms: int) -> dict[str, int]:
    query = (
        select(alarms.c.cause, func.count())
        .where(alarms.c.state == "resolved", alarms.c.resolved_ms >= from_ms, alarms.c.resolved_ms < until_ms)
        .group_by(alarms.c.cause)
    )
    return {str(row[0]): int(row[1]) for row in connection.execute(query)}


def answer_times_ms(connection: Connection, from_ms: int, until_ms: int) -> list[int]:
    """Milliseconds from stored to the first answer of every alarm that came in in the span and was answered."""
    first = (
        select(transitions.c.alarm_id, func.min(transitions.c.stored_ms).label("answered_ms"))
        .where(transitions.c.transition.in_(("acknowledge", "take")))
        .group_by(transitions.c.alarm_id)
        .subquery()
    )
    query = (
        select(first.c.answered_ms - alarms.c.stored_ms)
        .join(alarms, alarms.c.alarm_id == first.c.alarm_id)
        .where(alarms.c.stored_ms >= from_ms, alarms.c.stored_ms < until_ms)
    )
    return [int(value) for value in connection.execute(query).scalars()]
