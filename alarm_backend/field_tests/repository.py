"""Field-test records in the database, each under the hash of its line."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from alarm_backend.store.database import insert_new
from alarm_backend.store.tables import field_tests


def add(connection: Connection, row: dict[str, Any]) -> bool:
    """Add a record; False when this very line is there already."""
    return insert_new(connection, field_tests, row)


def get(connection: Connection, line_sha256: str) -> RowMapping | None:
    return (
        connection.execute(select(field_tests).where(field_tests.c.line_sha256 == line_sha256)).mappings().one_or_none()
    )


def same_record(connection: Connection, device_id: str, record_id: str) -> int:
    """How many lines claim to be this record."""
    query = select(func.count()).where(field_tests.c.device_id == device_id, field_tests.c.record_id == record_id)
    return int(connection.execute(query).scalar_one())


def newest(connection: Connection, limit: int) -> list[RowMapping]:
    query = select(field_tests).order_by(field_tests.c.stored_ms.desc(), field_tests.c.line_sha256).limit(limit)
    return list(connection.execute(query).mappings())


def counts(connection: Connection) -> dict[str, int]:
    """Number of records by verdict."""
    rows = connection.execute(select(field_tests.c.verdict, func.count()).group_by(field_tests.c.verdict))
    return {row[0]: int(row[1]) for row in rows}
