"""Raises an alarm for a signed order that no gateway says it judges: a ban that nobody watches must not look watched.

A withdrawal is watched the same way: a ban that ended must not go on being enforced.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, select

from alarm_backend.alarms import repository as alarms_repository
from alarm_backend.alarms.intake import SYSTEM
from alarm_backend.alarms.service import AlarmService
from alarm_backend.clocks import Clocks
from alarm_backend.store.database import Database
from alarm_backend.store.register_tables import order_receipts, order_signatures
from alarm_backend.store.tables import orders
from alarm_backend.time_text import to_text

KIND = "order_not_active"
AGAIN_MS = 30 * 60_000
"""An alarm that was closed while the order still is not judged comes back after this. ASSUMED."""

_SIGNED = (
    select(orders, order_signatures.c.signed_ms)
    .join(
        order_signatures,
        (order_signatures.c.order_id == orders.c.order_id) & (order_signatures.c.version == orders.c.version),
    )
    .where(orders.c.is_current)
)
_SAID = order_receipts.c.order_id == orders.c.order_id
_CONFIRMED = select(order_receipts.c.source).where(_SAID, order_receipts.c.version == orders.c.version).exists()
_STILL_JUDGED = select(order_receipts.c.source).where(_SAID, order_receipts.c.version.is_not(None)).exists()


@dataclass(frozen=True)
class Unconfirmed:
    """A signed version that is not at the gateway as it was signed."""

    alarm_id: str
    row: RowMapping

    @property
    def reason(self) -> str:
        return "withdrawal_not_confirmed" if self.row["withdrawn"] else "not_confirmed"


def unconfirmed(connection: Connection, now_ms: int, signed_before_ms: int) -> list[Unconfirmed]:
    """The signed current versions that should be judged by now and are not, and the withdrawn that still are."""
    due = order_signatures.c.signed_ms <= signed_before_ms
    missing = _SIGNED.where(due, ~orders.c.withdrawn, orders.c.valid_until_ms > now_ms, ~_CONFIRMED)
    lingering = _SIGNED.where(due, orders.c.withdrawn, orders.c.valid_until_ms > now_ms, _STILL_JUDGED)
    rows = [row for query in (missing, lingering) for row in connection.execute(query).mappings()]
    return [Unconfirmed(_alarm_id(row["order_id"], row["version"]), row) for row in rows]


def _alarm_id(order_id: str, version: int) -> str:
    return "n-" + hashlib.sha256(f"{order_id}\x00{version}".encode()).hexdigest()[:20]


class ConfirmationService:
    """Watches what the gateways say about the signed orders."""

    def __init__(self, database: Database, clocks: Clocks, alarms: AlarmService, grace_ms: int) -> None:
        self._database = database
        self._clocks = clocks
        self._alarms = alarms
        self._grace_ms = grace_ms

    def look(self) -> int:
        """Raise and clear; how many transitions that made."""
        with self._database.reading() as connection:
            if not self._due(connection):
                return 0
        with self._database.writing() as connection:
            due = self._due(connection)
            self._alarms.ingest_all_into(connection, due, SYSTEM)
        return len(due)

    def _due(self, connection: Connection) -> list[dict[str, Any]]:
        now_ms, wall_ms = self._clocks.now_ms(), self._clocks.wall_ms()
        found = unconfirmed(connection, now_ms, wall_ms - self._grace_ms)
        standing = {row["alarm_id"]: row for row in alarms_repository.active_of_kind(connection, KIND)}
        due = []
        for one in found:
            known = standing.pop(one.alarm_id, None)
            if known is None or (known["state"] == "resolved" and known["changed_ms"] <= wall_ms - AGAIN_MS):
                due.append(self._transition(one, now_ms))
        for alarm_id, row in standing.items():
            due.append(
                {
                    "idempotency_key": f"{alarm_id}:cleared:{now_ms}",
                    "time": to_text(now_ms),
                    "transition": "cleared",
                    "reason": "confirmed_by_gateway",
                    **{name: row[name] for name in ("alarm_id", "order_id", "kind", "level", "monitored", "protected")},
                }
            )
        return due

    @staticmethod
    def _transition(one: Unconfirmed, now_ms: int) -> dict[str, Any]:
        document = one.row["document"]
        protected = document.get("protected") or [{}]
        return {
            "idempotency_key": f"{one.alarm_id}:raised:{now_ms}",
            "time": to_text(now_ms),
            "alarm_id": one.alarm_id,
            "order_id": one.row["order_id"],
            "kind": KIND,
            "transition": "raised",
            # A ban that ended is watched too much, not too little.
            "level": "warning" if one.row["withdrawn"] else "critical",
            "monitored": document["monitored"]["person_id"],
            "protected": protected[0].get("person_id"),
            "reason": one.reason,
            "evidence": {"version": one.row["version"], "signed": to_text(one.row["signed_ms"])},
        }
