"""What is kept for how long, what is removed for a person, and what is handed out about one.

Alarms, their history and the audit chain are evidence and carry pseudonyms only: they stay. Positions go after the days
that the order says (`retention_days` in its document) or the default; identities go when a person is erased.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select

from alarm_backend.audit.service import AuditService
from alarm_backend.clocks import Clocks
from alarm_backend.orders import repository as orders
from alarm_backend.people import repository as identities
from alarm_backend.store.database import Database
from alarm_backend.store.tables import alarms, events, login_tokens, positions, sessions

DAY_MS = 86_400_000
POSITIONS_DAYS = 90
"""Default for positions. ASSUMED, to be set by the controller (GDPR art. 5.1.e)."""
EVENTS_DAYS = 2
"""The event log only serves consoles that reconnect. ASSUMED."""


@dataclass
class Removal:
    """What is (or, in a dry run, would be) removed: number of rows by what."""

    dry_run: bool
    removed: dict[str, int] = field(default_factory=dict)


class RetentionService:
    """Removes what is past its time."""

    def __init__(self, database: Database, clocks: Clocks, audit: AuditService) -> None:
        self._database = database
        self._clocks = clocks
        self._audit = audit

    def apply(self, actor: str, *, dry_run: bool, positions_days: int = POSITIONS_DAYS) -> Removal:
        """Remove what is past its time, or only count it. A real run is written into the audit chain."""
        now_ms, wall_ms = self._clocks.now_ms(), self._clocks.wall_ms()
        outcome = Removal(dry_run)
        with self._database.writing() as connection:
            special = {
                row["order_id"]: int(days)
                for row in orders.current(connection)
                if isinstance(days := row["document"].get("retention_days"), int) and days >= 0
            }
            for order_id, days in special.items():
                past = (positions.c.order_id == order_id) & (positions.c.fix_ms < now_ms - days * DAY_MS)
                self._remove(connection, outcome, f"positions of {order_id}", positions, past)
            past = positions.c.fix_ms < now_ms - positions_days * DAY_MS
            self._remove(connection, outcome, "positions", positions, past & positions.c.order_id.not_in(special))
            newest = select(func.max(events.c.event_id)).scalar_subquery()
            old = (events.c.stored_ms < wall_ms - EVENTS_DAYS * DAY_MS) & (events.c.event_id < newest)
            self._remove(connection, outcome, "events", events, old)
            self._remove(connection, outcome, "sessions", sessions, sessions.c.expires_ms < wall_ms)
            self._remove(connection, outcome, "sign-in links", login_tokens, login_tokens.c.expires_ms < wall_ms)
            if not dry_run:
                self._audit.append(connection, actor, "retention.apply", "platform:retention", outcome.removed)
        return outcome

    @staticmethod
    def _remove(connection: Connection, outcome: Removal, what: str, table: Table, past: ColumnElement[bool]) -> None:
        count = int(connection.execute(select(func.count()).select_from(table).where(past)).scalar_one())
        if count and not outcome.dry_run:
            connection.execute(delete(table).where(past))
        outcome.removed[what] = count

    def erase(self, person_id: str, actor: str, *, dry_run: bool) -> Removal:
        """Remove who a pseudonym is and where that person was, or only count it."""
        outcome = Removal(dry_run)
        with self._database.writing() as connection:
            known = identities.sealed(connection, person_id) is not None
            outcome.removed["identities"] = int(known)
            self._remove(connection, outcome, "positions", positions, positions.c.person_id == person_id)
            named = (events.c.name == "position") & events.c.data.contains(
                f'"person_id":"{person_id}"', autoescape=True
            )
            self._remove(connection, outcome, "events", events, named)
            if not dry_run:
                identities.drop(connection, person_id)
                self._audit.append(connection, actor, "person.erase", f"person:{person_id}", outcome.removed)
        return outcome

    def export(self, person_id: str, actor: str) -> dict[str, Any]:
        """Everything that is kept about a person, except the identity itself, which the caller has. Logged."""
        with self._database.reading() as connection:
            about = (alarms.c.monitored == person_id) | (alarms.c.protected == person_id)
            told = [dict(row) for row in connection.execute(select(alarms).where(about)).mappings()]
            query = select(positions).where(positions.c.person_id == person_id).order_by(positions.c.fix_ms)
            where = [dict(row) for row in connection.execute(query).mappings()]
        self._audit.record(
            actor, "person.export", f"person:{person_id}", {"alarms": len(told), "positions": len(where)}
        )
        return {"schema": "waakzaam.person/1", "person_id": person_id, "alarms": told, "positions": where}
