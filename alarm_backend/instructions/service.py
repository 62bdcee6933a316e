"""Shows the checklist of an alarm and writes down what was done."""

from __future__ import annotations

from typing import Any

from alarm_backend.alarms.schemas import AlarmView
from alarm_backend.alarms.service import AlarmService
from alarm_backend.auth.schemas import User
from alarm_backend.clocks import Clocks
from alarm_backend.errors import InvalidRequest, NotFound, Refused
from alarm_backend.instructions import repository
from alarm_backend.instructions.plan import Facts, PlannedStep, plan
from alarm_backend.instructions.schemas import InstructionDone, InstructionView, LogEntry
from alarm_backend.orders.service import OrderService
from alarm_backend.people.service import PeopleService
from alarm_backend.store.database import Database

POLICE_PHONE = "101"
OVERRIDE_NOTE_MIN = 10


class InstructionService:
    """Work instructions of every alarm."""

    def __init__(
        self,
        *,
        database: Database,
        clocks: Clocks,
        alarms: AlarmService,
        orders: OrderService,
        people: PeopleService,
    ) -> None:
        self._database = database
        self._clocks = clocks
        self._alarms = alarms
        self._orders = orders
        self._people = people

    def of_alarm(self, alarm_id: str, user: User) -> list[InstructionView]:
        """The checklist with numbers to call; names and numbers only where the call is allowed. Raises NotFound."""
        return self.named(self.unnamed(alarm_id), alarm_id, user)

    def unnamed(self, alarm_id: str) -> list[InstructionView]:
        """The same without anybody's name and number: nothing that its reader must answer for. Raises NotFound."""
        alarm = self._alarms.get(alarm_id)
        with self._database.reading() as connection:
            log = repository.of_alarm(connection, alarm_id)
        views = []
        for step in self._plan(alarm):
            police = step.step_id == "notify_police"
            person_id = {"call_protected": alarm.protected, "call_monitored": alarm.monitored}.get(step.step_id)
            views.append(
                InstructionView(
                    step_id=step.step_id,
                    due_ms=alarm.stored_ms + 1000 * step.within_s,
                    allowed=step.allowed,
                    reason=step.reason,
                    caution=step.caution,
                    person_id=person_id,
                    full_name=None,
                    phone=POLICE_PHONE if police else None,
                    log=[LogEntry(**_entry(row)) for row in log if row["step_id"] == step.step_id],
                )
            )
        return views

    def named(self, steps: list[InstructionView], alarm_id: str, user: User) -> list[InstructionView]:
        """The steps with who is to be called, as far as that is allowed and known. Each name read is logged."""
        found = []
        for step in steps:
            identity = None
            if step.allowed and step.person_id is not None:
                identity = self._people.read(step.person_id, user.username, f"alarm:{alarm_id}")
            known = {} if identity is None else {"full_name": identity.full_name, "phone": identity.phone}
            found.append(step.model_copy(update=known))
        return found

    def log(self, alarm_id: str, step_id: str, done: InstructionDone, user: User) -> None:
        """Write down what was done. Raises NotFound, or Refused when the policy forbids it and nobody overrides it."""
        alarm = self._alarms.get(alarm_id)
        step = next((step for step in self._plan(alarm) if step.step_id == step_id), None)
        if step is None:
            raise NotFound("step", step_id)
        contacted = done.outcome in {"done", "no_answer"}
        against = contacted and not step.allowed
        if against and not (done.override and user.is_supervisor):
            raise Refused(step_id, alarm.state, "policy_forbids", reason=step.reason)
        if against and len(done.note) < OVERRIDE_NOTE_MIN:
            raise InvalidRequest("note", "say_why_overridden")
        now_ms = self._clocks.wall_ms()
        with self._database.writing() as connection:
            row = {
                "alarm_id": alarm_id,
                "step_id": step_id,
                "outcome": done.outcome,
                "actor": user.username,
                "note": done.note,
                "overridden": against,
                "stored_ms": now_ms,
            }
            repository.add(connection, row)
            detail = {name: row[name] for name in ("step_id", "outcome", "note", "overridden")}
            note = f"{done.outcome}: {done.note}" if done.note else done.outcome
            self._alarms.note_step(
                connection, alarm_id, f"step_{step_id}", actor=user.username, note=note, detail=detail
            )

    def _plan(self, alarm: AlarmView) -> tuple[PlannedStep, ...]:
        prealert_m, contact = None, {}
        try:
            order = self._orders.get(alarm.order_id)
        except NotFound:
            pass  # an alarm may be about an order we were never sent: the defaults hold
        else:
            prealert_m = order.prealert_distance_m
            given = order.document.get("victim_contact")
            contact = given if isinstance(given, dict) else {}
        return plan(Facts(alarm.kind, alarm.severity, alarm.distance_m, alarm.probability, prealert_m, contact))


def _entry(row: Any) -> dict[str, Any]:
    return {name: row[name] for name in LogEntry.model_fields}
