"""Plans maintenance windows, begins and ends them by the clock, and marks the alarms that they cover."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, RowMapping

from alarm_backend.alarms import repository as alarms
from alarm_backend.alarms.intake import SYSTEM, covered_facts
from alarm_backend.alarms.writing import AlarmWriter
from alarm_backend.audit.service import AuditService
from alarm_backend.auth.schemas import User
from alarm_backend.clocks import Clocks
from alarm_backend.devices import repository as devices
from alarm_backend.errors import InvalidRequest, NotFound, Refused, found
from alarm_backend.event_stream.schemas import StatusEvent
from alarm_backend.event_stream.service import EventStreamService
from alarm_backend.heartbeats import repository as heartbeats
from alarm_backend.maintenance import coverage, repository
from alarm_backend.maintenance.schemas import Standing, WindowEnd, WindowIn, WindowView
from alarm_backend.orders import repository as orders
from alarm_backend.store.database import Database

HOUR_MS = 3_600_000
HIGH_RISK_MAX_MS = 4 * HOUR_MS
"""Longest window for what alarms depend on: half a shift. ASSUMED."""
WORN_MAX_MS = 24 * HOUR_MS
"""Longest window for a tracker that an order in force names. ASSUMED."""
SHELF_MAX_MS = 30 * 24 * HOUR_MS
AHEAD_MAX_MS = 90 * 24 * HOUR_MS
BACK_MS = 5 * 60_000
"""How far back a start may lie: the time that a form takes to fill in. Nothing is excused afterwards."""
LISTED_MAX = 500


class MaintenanceService:
    """The register of maintenance windows."""

    def __init__(
        self,
        *,
        database: Database,
        clocks: Clocks,
        audit: AuditService,
        events: EventStreamService,
        writer: AlarmWriter,
    ) -> None:
        self._database = database
        self._clocks = clocks
        self._audit = audit
        self._events = events
        self._writer = writer

    # ---- people ------------------------------------------------------------------------------------------------
    def plan(self, wanted: WindowIn, user: User) -> WindowView:
        """Write maintenance down. Raises InvalidRequest or NotFound with the field."""
        now_ms = self._clocks.wall_ms()
        starts_ms = now_ms if wanted.starts_ms is None else wanted.starts_ms
        with self._database.writing() as connection:
            target, high_risk, most_ms = self._checked_target(connection, wanted)
            if not now_ms - BACK_MS <= starts_ms <= now_ms + AHEAD_MAX_MS:
                raise InvalidRequest("starts_ms", "within_days_ahead", days=AHEAD_MAX_MS // (24 * HOUR_MS))
            if not max(starts_ms, now_ms) < wanted.ends_ms <= starts_ms + most_ms:
                raise InvalidRequest("ends_ms", "within_hours_of_start", hours=most_ms // HOUR_MS)
            row: dict[str, Any] = {
                "window_id": uuid.uuid4().hex,
                "scope": wanted.scope,
                "target": target,
                "starts_ms": starts_ms,
                "ends_ms": wanted.ends_ms,
                "reason": wanted.reason,
                "state": "waiting" if high_risk else "open",
                "needs_second_person": high_risk,
                "planned_by": user.username,
                "planned_ms": now_ms,
                "end_note": "",
            }
            repository.add(connection, row)
            facts = {name: row[name] for name in ("scope", "target", "starts_ms", "ends_ms", "reason")}
            self._note(connection, user.username, "plan", row["window_id"], facts)
        return self._after(row["window_id"])

    def approve(self, window_id: str, user: User) -> WindowView:
        """The second person agrees. Raises NotFound or Refused."""
        with self._database.writing() as connection:
            row = self._get(connection, window_id)
            if row["state"] != "waiting" or self._clocks.wall_ms() >= row["ends_ms"]:
                raise Refused("approve", self._standing(row), "waits_for_nobody")
            if row["planned_by"] == user.username:
                raise Refused("approve", "waiting", "second_person_agrees")
            changed = {"state": "open", "approved_by": user.username, "approved_ms": self._clocks.wall_ms()}
            repository.change(connection, window_id, changed)
            self._note(connection, user.username, "approve", window_id, {})
        return self._after(window_id)

    def end(self, window_id: str, wanted: WindowEnd, user: User) -> WindowView:
        """End or cancel it. Raises NotFound or Refused."""
        with self._database.writing() as connection:
            row = self._get(connection, window_id)
            if row["state"] == "over" or self._clocks.wall_ms() >= row["ends_ms"]:
                raise Refused("end", self._standing(row), "over")
            self._finish(connection, row, user.username, wanted.note)
        return self._after(window_id)

    def listed(self, past_hours: int = 24) -> list[WindowView]:
        """Windows to come and running, and those that ended in the last hours."""
        return self.listed_since(self._clocks.wall_ms() - past_hours * HOUR_MS)

    def listed_since(self, ends_after_ms: int) -> list[WindowView]:
        """Windows to come and running, and those that ended after this time, the next first."""
        with self._database.reading() as connection:
            rows = repository.listed(connection, ends_after_ms, LISTED_MAX)
            covered = [row["maintenance_id"] for row in repository.may_be_covered(connection)]
        return [self._view(row, covered.count(row["window_id"])) for row in rows]

    def running(self) -> list[coverage.Window]:
        """What is being worked on now: for the line that every page of the console has."""
        with self._database.reading() as connection:
            return repository.running(connection, self._clocks.wall_ms())

    # ---- the clock ---------------------------------------------------------------------------------------------
    def look(self) -> int:
        """Begin and end windows that are due, and mark alarms as the windows of now say; how many changed."""
        with self._database.reading() as connection:
            if not self._due(connection) and not self._changes(connection):
                return 0
        with self._database.writing() as connection:
            due = self._due(connection)
            for row in due:
                if self._clocks.wall_ms() >= row["ends_ms"]:
                    self._finish(connection, row, SYSTEM, "")
                else:
                    repository.change(connection, row["window_id"], {"began_ms": self._clocks.wall_ms()})
                    self._note(connection, SYSTEM, "begin", row["window_id"], {"ends_ms": row["ends_ms"]})
            changes = self._changes(connection)
            for row, facts in changes:
                self._mark(connection, row, facts)
            if due:
                self._tell(connection)
        return len(due) + len(changes)

    def _due(self, connection: Connection) -> list[RowMapping]:
        now_ms = self._clocks.wall_ms()
        return [
            row
            for row in repository.unfinished(connection)
            if now_ms >= row["ends_ms"]
            or (row["state"] == "open" and row["began_ms"] is None and now_ms >= row["starts_ms"])
        ]

    def _changes(self, connection: Connection) -> list[tuple[RowMapping, dict[str, Any]]]:
        """The open alarms whose mark is not what the windows of now say, each with its new mark."""
        running = repository.running(connection, self._clocks.wall_ms())
        if not running and not alarms.any_covered(connection):
            return []
        wanted = [
            (row, covered_facts(connection, running, row, self._clocks))
            for row in repository.may_be_covered(connection)
        ]
        return [(row, facts) for row, facts in wanted if any(row[name] != value for name, value in facts.items())]

    def _mark(self, connection: Connection, row: RowMapping, facts: dict[str, Any]) -> None:
        covered = facts["maintenance_id"] is not None
        # Back among the others it is called out as if it had just come: nobody was asked to answer it before.
        now = {**row, **facts} | ({} if covered else {"escalation_due_ms": None, "escalation_level": 0})
        values = facts | self._writer.columns(
            alarms.standing_of(row), now, self._clocks.now_ms(), self._clocks.wall_ms()
        )
        kept = {name: row[name] for name in ("acknowledged_ms", "resolved_by", "resolved_ms")}
        alarms.change(connection, row["alarm_id"], values | kept)
        what = "maintenance_began" if covered else "maintenance_ended"
        self._writer.step(
            connection, row, transition=what, actor=SYSTEM, state_after=row["state"], note="", detail=dict(facts)
        )
        sound = not covered and row["state"] == "raised"
        self._writer.tell(connection, dict(row) | values, what, SYSTEM, sound=sound)

    # ---- parts -------------------------------------------------------------------------------------------------
    def _checked_target(self, connection: Connection, wanted: WindowIn) -> tuple[str, bool, int]:
        """(what is worked on, whether its silence is of high risk, how long it may be)."""
        target = wanted.target or ""
        if wanted.scope in {"broker", "backend"}:
            if target:
                raise InvalidRequest("target", "names_nothing_else", scope=wanted.scope)
            return "", True, HIGH_RISK_MAX_MS
        if not target:
            raise InvalidRequest("target", "say_which", scope=wanted.scope)
        if wanted.scope == "gateway":
            if heartbeats.of_source(connection, target) is None:
                raise NotFound("gateway", target)
            return target, True, HIGH_RISK_MAX_MS
        worn = devices.active_of_device(connection, target) is not None
        named = self._orders_naming(connection, target)
        if devices.get(connection, target) is None and not named:
            raise NotFound("tracker", target)
        in_force = any(self._in_force(order) for order in named)
        return target, worn or in_force, WORN_MAX_MS if worn or in_force else SHELF_MAX_MS

    @staticmethod
    def _orders_naming(connection: Connection, device_id: str) -> list[RowMapping]:
        return [
            row for row in orders.current(connection) if device_id in repository.devices_of(row["document"]).values()
        ]

    def _in_force(self, order: RowMapping) -> bool:
        """Also an order that comes into force later: the window may still be open then."""
        return not order["withdrawn"] and self._clocks.now_ms() < order["valid_until_ms"]

    def _finish(self, connection: Connection, row: RowMapping, actor: str, note: str) -> None:
        changed = {"state": "over", "ended_ms": self._clocks.wall_ms(), "ended_by": actor, "end_note": note}
        repository.change(connection, row["window_id"], changed)
        self._note(connection, actor, "end", row["window_id"], {"began_ms": row["began_ms"], "note": note})

    def _after(self, window_id: str) -> WindowView:
        """What a person did is done at once, not at the next look."""
        self.look()
        with self._database.writing() as connection:
            self._tell(connection)
            return self._view(self._get(connection, window_id), 0)

    @staticmethod
    def _get(connection: Connection, window_id: str) -> RowMapping:
        return found(repository.get(connection, window_id), "maintenance window", window_id)

    def _note(self, connection: Connection, actor: str, act: str, window_id: str, detail: dict[str, Any]) -> None:
        self._audit.append(connection, actor, f"maintenance.{act}", f"maintenance:{window_id}", detail)

    def _tell(self, connection: Connection) -> None:
        """Tell every console what is being worked on now."""
        now_ms = self._clocks.wall_ms()
        running = [
            {"scope": window.scope, "target": window.target, "ends_ms": window.ends_ms}
            for window in repository.running(connection, now_ms)
        ]
        told = StatusEvent(what="maintenance", source=SYSTEM, detail={"running": running}, stored_ms=now_ms)
        self._events.append(connection, "status", told)

    def _view(self, row: RowMapping, covered: int) -> WindowView:
        facts = {name: row[name] for name in WindowView.model_fields if name in row}
        return WindowView(**facts, standing=self._standing(row), covered=covered)

    def _standing(self, row: RowMapping) -> Standing:
        now_ms = self._clocks.wall_ms()
        if row["state"] == "over" or now_ms >= row["ends_ms"]:
            if row["needs_second_person"] and row["approved_by"] is None:
                return "cancelled" if row["ended_by"] not in {None, SYSTEM} else "lapsed"
            return "over" if row["began_ms"] is not None else "cancelled"
        if row["state"] == "waiting":
            return "waiting"
        return "running" if now_ms >= row["starts_ms"] else "planned"
