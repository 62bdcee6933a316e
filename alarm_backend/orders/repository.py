"""Orders in the database: every version is kept, one of each order is current."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from alarm_backend.store.register_tables import order_signatures
from alarm_backend.store.tables import orders

ASKED_MAX = 500
"""Names in one statement."""


def digest(document: dict[str, Any]) -> str:
    """SHA-256 of an order's document, whatever the order of its members."""
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()


def version(connection: Connection, order_id: str, version_number: int) -> RowMapping | None:
    query = select(orders).where(orders.c.order_id == order_id, orders.c.version == version_number)
    return connection.execute(query).mappings().one_or_none()


def current(connection: Connection, among: Collection[str] | None = None) -> list[RowMapping]:
    """The current version of every order, or of those among these."""
    query = select(orders).where(orders.c.is_current).order_by(orders.c.order_id)
    if among is None:
        return list(connection.execute(query).mappings())
    wanted = sorted(among)
    found: list[RowMapping] = []
    for begin in range(0, len(wanted), ASKED_MAX):
        some = query.where(orders.c.order_id.in_(wanted[begin : begin + ASKED_MAX]))
        found += connection.execute(some).mappings()
    return found


def current_of(connection: Connection, order_id: str) -> RowMapping | None:
    query = select(orders).where(orders.c.order_id == order_id, orders.c.is_current)
    return connection.execute(query).mappings().one_or_none()


def versions(connection: Connection, order_id: str) -> list[RowMapping]:
    """Every version of an order, newest first."""
    query = select(orders).where(orders.c.order_id == order_id).order_by(orders.c.version.desc())
    return list(connection.execute(query).mappings())


def add_current(connection: Connection, row: dict[str, Any]) -> None:
    """Add a version; it becomes the current one."""
    connection.execute(update(orders).where(orders.c.order_id == row["order_id"]).values(is_current=False))
    connection.execute(insert(orders).values(**row, is_current=True))


def signed_versions(connection: Connection) -> set[tuple[str, int]]:
    """The (order, version) that were drafted and signed off here."""
    return {
        (row[0], row[1]) for row in connection.execute(select(order_signatures.c.order_id, order_signatures.c.version))
    }
