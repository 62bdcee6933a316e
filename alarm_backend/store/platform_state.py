"""Small facts about the platform itself that must outlive a restart: flood, stopped escalation."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, select

from alarm_backend.store.database import upsert
from alarm_backend.store.tables import platform_state


def get(connection: Connection, name: str) -> dict[str, Any] | None:
    body: dict[str, Any] | None = connection.execute(
        select(platform_state.c.body).where(platform_state.c.name == name)
    ).scalar_one_or_none()
    return body


def put(connection: Connection, name: str, body: dict[str, Any], changed_ms: int) -> None:
    upsert(connection, platform_state, {"name": name, "body": body, "changed_ms": changed_ms}, ("name",))


def drop(connection: Connection, name: str) -> None:
    connection.execute(delete(platform_state).where(platform_state.c.name == name))
