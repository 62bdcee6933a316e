"""The log of work instructions in the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from alarm_backend.store.tables import instruction_log


def add(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(instruction_log).values(**row))


def of_alarm(connection: Connection, alarm_id: str) -> list[RowMapping]:
    query = select(instruction_log).where(instruction_log.c.alarm_id == alarm_id).order_by(instruction_log.c.entry_id)
    return list(connection.execute(query).mappings())
