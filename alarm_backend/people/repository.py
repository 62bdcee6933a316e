"""Sealed identities in the database."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select

from alarm_backend.store.database import upsert
from alarm_backend.store.tables import identities


def put(connection: Connection, person_id: str, sealed: str, changed_ms: int) -> None:
    upsert(connection, identities, {"person_id": person_id, "sealed": sealed, "changed_ms": changed_ms}, ("person_id",))


def sealed(connection: Connection, person_id: str) -> str | None:
    return connection.execute(
        select(identities.c.sealed).where(identities.c.person_id == person_id)
    ).scalar_one_or_none()


def drop(connection: Connection, person_id: str) -> bool:
    return connection.execute(delete(identities).where(identities.c.person_id == person_id)).rowcount > 0
