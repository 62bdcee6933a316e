"""Drafts and their revisions in the database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from alarm_backend.store.register_tables import order_draft_revisions, order_drafts, order_signatures

OPEN_STATES = ("draft", "submitted")


def add(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(order_drafts), row)


def get(connection: Connection, draft_id: str) -> RowMapping | None:
    query = select(order_drafts).where(order_drafts.c.draft_id == draft_id)
    return connection.execute(query).mappings().one_or_none()


def put(connection: Connection, draft_id: str, changed: dict[str, Any]) -> None:
    connection.execute(update(order_drafts).where(order_drafts.c.draft_id == draft_id).values(**changed))


def newest(connection: Connection, limit: int, order_id: str | None = None) -> list[RowMapping]:
    """Open drafts first, then the ones that were decided last."""
    query = select(order_drafts).order_by(
        order_drafts.c.state.not_in(OPEN_STATES), order_drafts.c.changed_ms.desc(), order_drafts.c.draft_id
    )
    if order_id is not None:
        query = query.where(order_drafts.c.order_id == order_id)
    return list(connection.execute(query.limit(limit)).mappings())


def open_of_order(connection: Connection, order_id: str) -> list[RowMapping]:
    query = select(order_drafts).where(order_drafts.c.order_id == order_id, order_drafts.c.state.in_(OPEN_STATES))
    return list(connection.execute(query).mappings())


def add_revision(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(order_draft_revisions), row)


def revisions(connection: Connection, draft_id: str) -> list[RowMapping]:
    """Every saved revision, oldest first."""
    query = (
        select(order_draft_revisions)
        .where(order_draft_revisions.c.draft_id == draft_id)
        .order_by(order_draft_revisions.c.revision)
    )
    return list(connection.execute(query).mappings())


def editors(connection: Connection, draft_id: str) -> list[str]:
    """Everybody who wrote any of it."""
    query = select(order_draft_revisions.c.actor).where(order_draft_revisions.c.draft_id == draft_id).distinct()
    return sorted(connection.execute(query).scalars())


def add_signature(connection: Connection, row: dict[str, Any]) -> None:
    connection.execute(insert(order_signatures), row)


def signatures(connection: Connection, order_id: str) -> dict[int, RowMapping]:
    """Who drafted and signed, by version; a version without one was imported."""
    query = select(order_signatures).where(order_signatures.c.order_id == order_id)
    return {row["version"]: row for row in connection.execute(query).mappings()}
