"""How a signed order reaches the gateway, and how the backend learns that the gateway judges it.

The gateway asks for the orders again and again; the answer is 304 until something changed. A version counts as active
only when a gateway has said so, never because it was sent.
"""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from alarm_backend.audit.service import AuditService
from alarm_backend.clocks import Clocks
from alarm_backend.drafts import repository as drafts
from alarm_backend.event_stream.schemas import StatusEvent
from alarm_backend.event_stream.service import EventStreamService
from alarm_backend.orders import repository
from alarm_backend.orders.schemas import ActiveAt, OrdersFeed, ReceiptsIn
from alarm_backend.store import platform_state
from alarm_backend.store.database import Database, upsert
from alarm_backend.store.register_tables import order_changes, order_receipts
from gateway.contract import orders as contract

MARK = "orders_revision"
NEVER = "none"
CHANGES_KEPT = 1000
"""Revisions that a gateway may lag behind before it is sent everything again. ASSUMED: days of signing off."""


def changed(connection: Connection, stored_ms: int, order_ids: list[str]) -> None:
    """Mark that these orders are no longer what they were.

    A new name each time, so that a restored copy is seen: a revision that only the future of the copy had is unknown.
    """
    revision = uuid.uuid4().hex
    platform_state.put(connection, MARK, {"revision": revision}, stored_ms)
    row = {"revision": revision, "order_ids": order_ids, "stored_ms": stored_ms}
    connection.execute(insert(order_changes).values(**row))
    newest = select(func.max(order_changes.c.number)).scalar_subquery()
    connection.execute(delete(order_changes).where(order_changes.c.number <= newest - CHANGES_KEPT))


def changed_since(connection: Connection, revision: str) -> set[str] | None:
    """The orders that changed after a revision; None when that is not known, which means: maybe every one."""
    query = select(order_changes.c.number).where(order_changes.c.revision == revision)
    number = connection.execute(query).scalar_one_or_none()
    if number is None:
        return None
    later = connection.execute(select(order_changes.c.order_ids).where(order_changes.c.number > number)).scalars()
    return {order_id for order_ids in later for order_id in order_ids}


def active_at(connection: Connection, order_id: str) -> list[ActiveAt]:
    """What each gateway said last about an order."""
    query = select(order_receipts).where(order_receipts.c.order_id == order_id).order_by(order_receipts.c.source)
    return [
        ActiveAt(**{name: row[name] for name in ActiveAt.model_fields}) for row in connection.execute(query).mappings()
    ]


def all_active(connection: Connection) -> dict[str, list[ActiveAt]]:
    """The same for every order that a gateway ever spoke of."""
    found: dict[str, list[ActiveAt]] = {}
    for row in connection.execute(select(order_receipts).order_by(order_receipts.c.source)).mappings():
        view = ActiveAt(**{name: row[name] for name in ActiveAt.model_fields})
        found.setdefault(row["order_id"], []).append(view)
    return found


class DeliveryService:
    """The gateway's side of the orders."""

    def __init__(self, database: Database, clocks: Clocks, audit: AuditService, events: EventStreamService) -> None:
        self._database = database
        self._clocks = clocks
        self._audit = audit
        self._events = events

    def revision(self) -> str:
        """Changes whenever the orders do."""
        with self._database.reading() as connection:
            return str((platform_state.get(connection, MARK) or {}).get("revision", NEVER))

    def feed(self, since: str | None = None) -> OrdersFeed:
        """The current orders and the withdrawn ones, from one look at the database.

        Only those that changed since a revision, when that one is known; else every one, and `since` is None.
        """
        with self._database.reading() as connection:
            revision = str((platform_state.get(connection, MARK) or {}).get("revision", NEVER))
            among = None if since is None else changed_since(connection, since)
            rows = repository.current(connection, among)
        return OrdersFeed(
            schema_=contract.SCHEMA,
            orders=[row["document"] for row in rows if not row["withdrawn"]],
            withdrawn=[row["order_id"] for row in rows if row["withdrawn"]],
            revision=revision,
            since=None if among is None else since,
        )

    def judged(self) -> dict[str, set[int | None]]:
        """The versions of each order that gateways judge; an order that none ever spoke of is not there."""
        with self._database.reading() as connection:
            return {order_id: {at.version for at in said} for order_id, said in all_active(connection).items()}

    def receive(self, sent: ReceiptsIn) -> int:
        """Keep what a gateway says it judges; what is new about a signed order is written into the audit chain."""
        stored_ms = self._clocks.wall_ms()
        with self._database.writing() as connection:
            told: list[dict[str, Any]] = []
            for receipt in sent.receipts:
                known = {row.source: row.version for row in active_at(connection, receipt.order_id)}
                if sent.source in known and known[sent.source] == receipt.version:
                    continue
                row = {"source": sent.source, **receipt.model_dump(), "stored_ms": stored_ms}
                upsert(connection, order_receipts, row, ("source", "order_id"))
                told.append({"order_id": receipt.order_id, "version": receipt.version})
                signed = drafts.signatures(connection, receipt.order_id)
                if signed:
                    detail = {"version": receipt.version, "active_ms": receipt.active_ms}
                    self._audit.append(connection, sent.source, "order.active", f"order:{receipt.order_id}", detail)
            if told:
                what = StatusEvent(
                    what="orders_active", source=sent.source, detail={"orders": told[:50]}, stored_ms=stored_ms
                )
                self._events.append(connection, "status", what)
        return stored_ms
