"""Alarms and their transitions in the database; every query about them is here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, bindparam, func, insert, select, text, update

from alarm_backend.alarms.lifecycle import OPEN_STATES, Standing
from alarm_backend.store.tables import alarms, transitions

COLUMNS = tuple(alarms.c.keys())
STANDING_COLUMNS = (
    "state",
    "condition",
    "severity",
    "acknowledged_by",
    "taken_by",
    "closing_by",
    "cause",
    "deadline_ms",
)

# What every incoming alarm asks, made once: building a statement costs more than running it.
_ALARM = select(alarms).where(alarms.c.alarm_id == bindparam("alarm_id"))
_MANY = select(alarms).where(alarms.c.alarm_id.in_(bindparam("alarm_ids", expanding=True)))
_ADD = insert(alarms)
_CHANGE = update(alarms).where(alarms.c.alarm_id == bindparam("of_alarm_id"))
_ADD_STEPS = insert(transitions)
_STORED_MS = select(transitions.c.idempotency_key, transitions.c.stored_ms).where(
    transitions.c.idempotency_key.in_(bindparam("keys", expanding=True))
)
_NEWEST_MS = (
    select(transitions.c.alarm_id, func.max(transitions.c.time_ms))
    .where(
        transitions.c.alarm_id.in_(bindparam("alarm_ids", expanding=True)), transitions.c.actor == bindparam("actor")
    )
    .group_by(transitions.c.alarm_id)
)
_OPEN_BY_RISK = (
    select(alarms)
    .where(alarms.c.state.in_(OPEN_STATES))
    .order_by(alarms.c.risk.desc(), alarms.c.raised_ms)
    .limit(bindparam("most"))
)
_INCIDENT = """
    (SELECT alarms.incident_id FROM alarms
     WHERE alarms.order_id = {order_id} AND (alarms.state <> 'resolved' OR alarms.updated_ms >= {active_since_ms})
     ORDER BY alarms.raised_ms DESC LIMIT 1)
"""
_GOING_ON = {
    "postgresql": text(
        "SELECT asked.n, "
        + _INCIDENT.format(order_id="asked.order_id", active_since_ms="asked.active_since_ms")
        + " FROM jsonb_to_recordset(CAST(:asked AS jsonb)) AS asked(n int, order_id text, active_since_ms bigint)"
    ),
    "sqlite": text(
        "SELECT asked.value ->> 'n', "
        + _INCIDENT.format(order_id="asked.value ->> 'order_id'", active_since_ms="asked.value ->> 'active_since_ms'")
        + " FROM json_each(:asked) AS asked"
    ),
}
"""One statement for the orders of a whole batch."""


def get(connection: Connection, alarm_id: str) -> RowMapping | None:
    """One alarm's row."""
    return connection.execute(_ALARM, {"alarm_id": alarm_id}).mappings().one_or_none()


def standing_of(row: Mapping[str, Any] | RowMapping) -> Standing:
    """The part of a row (or of the fields of a view) that the lifecycle decides about."""
    return Standing(**{name: row[name] for name in STANDING_COLUMNS})


def get_many(connection: Connection, alarm_ids: list[str]) -> dict[str, dict[str, Any]]:
    """The rows of those of these alarms that are there."""
    rows = connection.execute(_MANY, {"alarm_ids": alarm_ids}).mappings()
    return {row["alarm_id"]: dict(row) for row in rows}


def add_all(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Add alarms that are not there yet."""
    connection.execute(_ADD, rows)


def change_all(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Replace the whole row of each of these alarms."""
    keyed = [{("of_alarm_id" if name == "alarm_id" else name): value for name, value in row.items()} for row in rows]
    connection.execute(_CHANGE, keyed)


def change(connection: Connection, alarm_id: str, values: dict[str, Any]) -> None:
    connection.execute(update(alarms).where(alarms.c.alarm_id == alarm_id).values(**values))


def add_transition(connection: Connection, row: dict[str, Any]) -> None:
    """Add a step of history."""
    add_transitions(connection, [row])


def add_transitions(connection: Connection, rows: list[dict[str, Any]]) -> None:
    """Add steps of history, in this order, whose idempotency keys are new."""
    connection.execute(_ADD_STEPS, rows)


def transitions_stored_ms(connection: Connection, keys: list[str]) -> dict[str, int]:
    """When the steps with these idempotency keys were stored; the ones that are not there are left out."""
    return {row[0]: int(row[1]) for row in connection.execute(_STORED_MS, {"keys": keys})}


def newest_times_ms(connection: Connection, alarm_ids: list[str], actor: str) -> dict[str, int]:
    """The time of the last step that this source reported, by alarm."""
    return {row[0]: int(row[1]) for row in connection.execute(_NEWEST_MS, {"alarm_ids": alarm_ids, "actor": actor})}


def history(connection: Connection, alarm_id: str) -> list[RowMapping]:
    """The steps of one alarm in the order in which they were stored."""
    query = select(transitions).where(transitions.c.alarm_id == alarm_id).order_by(transitions.c.transition_id)
    return list(connection.execute(query).mappings())


def open_by_risk(connection: Connection, limit: int) -> list[RowMapping]:
    """Alarms that are not resolved, the worst first, the older first among equals."""
    return list(connection.execute(_OPEN_BY_RISK, {"most": limit}).mappings())


def any_covered(connection: Connection) -> bool:
    """Whether any alarm carries the mark of a maintenance window."""
    query = select(alarms.c.alarm_id).where(alarms.c.maintenance_id.is_not(None), alarms.c.state.in_(OPEN_STATES))
    return connection.execute(query.limit(1)).first() is not None


def orders_with_open(connection: Connection, among: list[str] | None) -> list[str]:
    """The orders that have an open alarm; all, or those among these."""
    query = select(alarms.c.order_id).where(alarms.c.state.in_(OPEN_STATES)).distinct()
    if among is not None:
        query = query.where(alarms.c.order_id.in_(among))
    return sorted(connection.execute(query).scalars())


def open_count(connection: Connection) -> int:
    return int(
        connection.execute(select(func.count()).select_from(alarms).where(alarms.c.state.in_(OPEN_STATES))).scalar_one()
    )


def counts_by_state(connection: Connection) -> dict[str, int]:
    rows = connection.execute(select(alarms.c.state, func.count()).group_by(alarms.c.state))
    return {row[0]: int(row[1]) for row in rows}


def overdue(connection: Connection, now_ms: int) -> list[RowMapping]:
    """Open alarms whose acknowledgement or shelving has run out."""
    query = select(alarms).where(
        alarms.c.state.in_(("acknowledged", "shelved")),
        alarms.c.deadline_ms.is_not(None),
        alarms.c.deadline_ms <= now_ms,
    )
    return list(connection.execute(query).mappings())


def step_count(connection: Connection, alarm_id: str) -> int:
    query = select(func.count()).select_from(transitions).where(transitions.c.alarm_id == alarm_id)
    return int(connection.execute(query).scalar_one())


def unanswered(connection: Connection, now_ms: int, limit: int) -> list[RowMapping]:
    """Alarms that nobody answered by their deadline, the worst first."""
    query = (
        select(alarms)
        .where(alarms.c.state == "raised", alarms.c.escalation_due_ms <= now_ms)
        .order_by(alarms.c.risk.desc())
        .limit(limit)
    )
    return list(connection.execute(query).mappings())


def active_of_kind(connection: Connection, kind: str) -> list[RowMapping]:
    """Alarms of a kind whose cause still holds, whatever people did about them."""
    query = select(alarms).where(alarms.c.kind == kind, alarms.c.condition == "active")
    return list(connection.execute(query).mappings())


def neglected(connection: Connection, before_ms: int) -> list[str]:
    """Unanswered alarms whose next call is missing or should have happened before that time."""
    query = select(alarms.c.alarm_id).where(
        alarms.c.state == "raised",
        alarms.c.escalation_due_ms.is_(None) | (alarms.c.escalation_due_ms < before_ms),
    )
    return [str(alarm_id) for alarm_id in connection.execute(query).scalars()]


def incidents_going_on(connection: Connection, asked: list[tuple[str, int]]) -> list[str | None]:
    """For each (order, active since): the incident of its newest alarm that is open or was active since that time."""
    rows = [{"n": n, "order_id": order_id, "active_since_ms": since} for n, (order_id, since) in enumerate(asked)]
    found = connection.execute(_GOING_ON[connection.dialect.name], {"asked": json.dumps(rows)})
    by_number: dict[int, str | None] = {int(row[0]): row[1] for row in found}
    return [by_number[number] for number in range(len(asked))]


def new_since(connection: Connection, stored_since_ms: int) -> int:
    """Number of alarms first stored since that time; those that stand aside for maintenance are no flood."""
    query = (
        select(func.count())
        .select_from(alarms)
        .where(alarms.c.stored_ms >= stored_since_ms, alarms.c.maintenance_id.is_(None))
    )
    return int(connection.execute(query).scalar_one())


def search(
    connection: Connection,
    *,
    person: str | None = None,
    order_id: str | None = None,
    kind: str | None = None,
    state: str | None = None,
    from_ms: int | None = None,
    until_ms: int | None = None,
    limit: int = 100,
    before: tuple[int, str] | None = None,
) -> list[RowMapping]:
    """Alarms of all times that match, newest first. `before` = (raised_ms, alarm_id) of the last one already seen."""
    narrow: list[Any] = []
    if order_id is not None:
        narrow.append(alarms.c.order_id == order_id)
    if kind is not None:
        narrow.append(alarms.c.kind == kind)
    if state is not None:
        narrow.append(alarms.c.state == state)
    if from_ms is not None:
        narrow.append(alarms.c.raised_ms >= from_ms)
    if until_ms is not None:
        narrow.append(alarms.c.raised_ms < until_ms)
    if before is not None:
        narrow.append(
            (alarms.c.raised_ms < before[0]) | ((alarms.c.raised_ms == before[0]) & (alarms.c.alarm_id < before[1]))
        )

    def one(*more: Any) -> Select[Any]:
        query = select(alarms).where(*narrow, *more)
        return query.order_by(alarms.c.raised_ms.desc(), alarms.c.alarm_id.desc()).limit(limit)

    if person is None:
        return list(connection.execute(one()).mappings())
    # One query per role: each can walk its own index, where an OR over two columns would scan the whole history.
    found = [
        row
        for column in (alarms.c.monitored, alarms.c.protected)
        for row in connection.execute(one(column == person)).mappings()
    ]
    unique = {row["alarm_id"]: row for row in found}
    return sorted(unique.values(), key=lambda row: (row["raised_ms"], row["alarm_id"]), reverse=True)[:limit]
