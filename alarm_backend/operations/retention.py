"""What is kept for how long, what is removed for a person, and what is handed out about one.

The audit chain is evidence and carries pseudonyms only: it stays. Positions and closed alarms go after the days that
the rules or the order itself say (`retention_rules`); identities go when a person is erased.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select

from alarm_backend.audit.service import AuditService
from alarm_backend.clocks import Clocks
from alarm_backend.errors import Refused
from alarm_backend.operations.retention_rules import Rules, of_order
from alarm_backend.orders import repository as orders
from alarm_backend.people import repository as identities
from alarm_backend.stock.service import day_of
from alarm_backend.store.database import Database
from alarm_backend.store.register_tables import feedback
from alarm_backend.store.tables import (
    alarms,
    events,
    field_tests,
    handovers,
    instruction_log,
    login_tokens,
    positions,
    rejections,
    sessions,
    transitions,
)
from alarm_backend.time_text import to_ms

DAY_MS = 86_400_000


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

    def apply(self, actor: str, *, dry_run: bool, rules: Rules | None = None) -> Removal:
        """Remove what is past its time, or only count it. A real run is written into the audit chain.

        Raises InvalidRequest when an order's own rules cannot be read; then nothing is removed.
        """
        general = rules or Rules()
        outcome = Removal(dry_run)
        with self._database.writing() as connection:
            own = {
                row["order_id"]: found
                for row in orders.current(connection)
                if (found := of_order(general, row["document"])) is not None
            }
            for order_id, found in own.items():
                self._of_orders(connection, outcome, found, [order_id], f" of {order_id}")
            self._of_orders(connection, outcome, general, list(own), "", others=True)
            self._without_order(connection, outcome, general)
            if not dry_run:
                self._audit.append(connection, actor, "retention.apply", "platform:retention", outcome.removed)
        return outcome

    def _of_orders(
        self,
        connection: Connection,
        outcome: Removal,
        rules: Rules,
        order_ids: list[str],
        whose: str,
        *,
        others: bool = False,
    ) -> None:
        """Positions and closed alarms of these orders, or of all others; an alarm goes with its history."""
        now_ms = self._clocks.now_ms()

        def of(table: Table) -> ColumnElement[bool]:
            return table.c.order_id.not_in(order_ids) if others else table.c.order_id.in_(order_ids)

        if (days := rules.data.get("positions")) is not None:
            past = of(positions) & (positions.c.fix_ms < now_ms - days * DAY_MS)
            self._remove(connection, outcome, f"positions{whose}", positions, past)
        for kind, days in rules.alarm_days().items():
            past = of(alarms) & (alarms.c.kind == kind) & (alarms.c.state == "resolved")
            past &= alarms.c.resolved_ms < self._clocks.wall_ms() - days * DAY_MS
            gone = select(alarms.c.alarm_id).where(past)
            for table in (transitions, instruction_log, handovers):
                if not outcome.dry_run:
                    connection.execute(delete(table).where(table.c.alarm_id.in_(gone)))
            self._remove(connection, outcome, f"alarms {kind}{whose}", alarms, past)

    def _without_order(self, connection: Connection, outcome: Removal, rules: Rules) -> None:
        """What belongs to no order."""
        wall_ms = self._clocks.wall_ms()
        newest = select(func.max(events.c.event_id)).scalar_subquery()
        past: dict[str, tuple[Table, Callable[[int], ColumnElement[bool]]]] = {
            # The newest event stays, so that numbers are never used twice.
            "events": (events, lambda before: (events.c.stored_ms < before) & (events.c.event_id < newest)),
            "rejections": (rejections, lambda before: rejections.c.stored_ms < before),
            "field_tests": (field_tests, lambda before: field_tests.c.stored_ms < before),
            "feedback": (feedback, lambda before: feedback.c.day < day_of(before)),
        }
        for name, (table, when) in past.items():
            if (days := rules.data.get(name)) is not None:
                self._remove(connection, outcome, name.replace("_", " "), table, when(wall_ms - days * DAY_MS))
        self._remove(connection, outcome, "sessions", sessions, sessions.c.expires_ms < wall_ms)
        self._remove(connection, outcome, "sign-in links", login_tokens, login_tokens.c.expires_ms < wall_ms)

    @staticmethod
    def _remove(connection: Connection, outcome: Removal, what: str, table: Table, past: ColumnElement[bool]) -> None:
        count = int(connection.execute(select(func.count()).select_from(table).where(past)).scalar_one())
        if count and not outcome.dry_run:
            connection.execute(delete(table).where(past))
        outcome.removed[what] = count

    def erase(self, person_id: str, actor: str, *, dry_run: bool) -> Removal:
        """Remove who a pseudonym is and where that person was, or only count it.

        Raises Refused while an alarm of this person is open or an order names him that has not ended: an operator
        would be left without a name to call and a place to send the police to.
        """
        outcome = Removal(dry_run)
        with self._database.writing() as connection:
            if needed := self._needed_by(connection, person_id):
                raise Refused("erase", "needed", "person_needed", person=person_id, by=", ".join(needed))
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

    def _needed_by(self, connection: Connection, person_id: str) -> list[str]:
        """The open alarms of this person, then the orders with him that have not ended."""
        about = (alarms.c.monitored == person_id) | (alarms.c.protected == person_id)
        query = select(alarms.c.alarm_id).where(about, alarms.c.state != "resolved").order_by(alarms.c.alarm_id)
        needed = [str(alarm_id) for alarm_id in connection.execute(query).scalars()]
        for row in orders.current(connection):
            told = row["document"]
            people = {party["person_id"] for party in (told["monitored"], *told.get("protected", []))}
            if person_id in people and not row["withdrawn"] and to_ms(told["valid_until"]) > self._clocks.now_ms():
                needed.append(row["order_id"])
        return needed

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
