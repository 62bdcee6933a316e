"""Maintenance windows in the database, and what the alarms that they may cover are about."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, insert, or_, select, update

from alarm_backend.alarms.lifecycle import OPEN_STATES
from alarm_backend.maintenance.coverage import COVERABLE, OF_A_SOURCE, Subject, Window
from alarm_backend.orders import repository as orders
from alarm_backend.store.register_tables import maintenance_windows as windows
from alarm_backend.store.tables import alarms, transitions

_RUNNING = select(windows).where(
    windows.c.state == "open", windows.c.starts_ms <= bindparam("now"), windows.c.ends_ms > bindparam("now")
)


def add(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(windows), row)


def get(connection: Connection, window_id: str) -> RowMapping | None:
    return connection.execute(select(windows).where(windows.c.window_id == window_id)).mappings().one_or_none()


def change(connection: Connection, window_id: str, values: dict[str, Any]) -> None:
    connection.execute(update(windows).where(windows.c.window_id == window_id).values(**values))


def listed(connection: Connection, ends_after_ms: int, limit: int) -> list[RowMapping]:
    """Windows that end after this time or are not over yet, the next first."""
    query = (
        select(windows)
        .where(or_(windows.c.ends_ms > ends_after_ms, windows.c.state != "over"))
        .order_by(windows.c.starts_ms, windows.c.window_id)
        .limit(limit)
    )
    return list(connection.execute(query).mappings())


def unfinished(connection: Connection) -> list[RowMapping]:
    """Windows that are not over: to come, running, or waiting for somebody to agree."""
    return list(connection.execute(select(windows).where(windows.c.state != "over")).mappings())


def running(connection: Connection, now_ms: int) -> list[Window]:
    """The windows that cover something now."""
    return [_window(row) for row in connection.execute(_RUNNING, {"now": now_ms}).mappings()]


def _window(row: RowMapping) -> Window:
    names = ("window_id", "scope", "target", "starts_ms", "ends_ms")
    return Window(**{name: row[name] for name in names}, second_person=row["approved_by"] is not None)


def may_be_covered(connection: Connection) -> list[RowMapping]:
    """Open alarms that stand aside now, or are of a kind that could."""
    query = select(alarms).where(
        alarms.c.state.in_(OPEN_STATES), or_(alarms.c.maintenance_id.is_not(None), alarms.c.kind.in_(COVERABLE))
    )
    return list(connection.execute(query).mappings())


def subject_of(
    connection: Connection, alarm: RowMapping | dict[str, Any], now_ms: int, evidence: Any = None
) -> Subject:
    """What an alarm is about; what is not known counts as at risk. `now_ms`: of the process clock, as for orders."""
    kind, severity = alarm["kind"], alarm["severity"]
    if kind in OF_A_SOURCE:
        facts = evidence or _first_evidence(connection, alarm["alarm_id"])
        source = facts.get("source") if isinstance(facts, dict) else None
        return Subject(kind, severity, source=source if isinstance(source, str) else None)
    order = orders.current_of(connection, alarm["order_id"]) if kind in COVERABLE else None
    if order is None:
        return Subject(kind, severity)
    at_risk = not order["withdrawn"] and order["valid_from_ms"] <= now_ms < order["valid_until_ms"]
    person = alarm["protected"] or alarm["monitored"]
    return Subject(kind, severity, device_id=devices_of(order["document"]).get(person), person_at_risk=at_risk)


def devices_of(document: dict[str, Any]) -> dict[str, str | None]:
    """Which tracker an order names for each of its people."""
    parties = [document["monitored"], *document["protected"]]
    return {party["person_id"]: party.get("device_id") for party in parties}


def _first_evidence(connection: Connection, alarm_id: str) -> Any:
    query = (
        select(transitions.c.body)
        .where(transitions.c.alarm_id == alarm_id)
        .order_by(transitions.c.transition_id)
        .limit(1)
    )
    body = connection.execute(query).scalar_one_or_none()
    return body.get("evidence") if isinstance(body, dict) else None
