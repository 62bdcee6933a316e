"""What can be done with alarms: take them in from the gateway, list them, act on them.

Every change writes the alarm, its history, its audit line and its event in one transaction.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping

from alarm_backend.alarms import lifecycle, repository
from alarm_backend.alarms.choices import Choice, choices
from alarm_backend.alarms.intake import SYSTEM, AlarmIntake
from alarm_backend.alarms.lifecycle import Event, Policy
from alarm_backend.alarms.schemas import AlarmDetail, AlarmView, Queue, Result
from alarm_backend.alarms.writing import FLOOD, AlarmWriter, transition_view, view
from alarm_backend.audit.service import AuditService
from alarm_backend.auth.schemas import User
from alarm_backend.clocks import Clocks
from alarm_backend.errors import found
from alarm_backend.escalation import chain
from alarm_backend.event_stream.service import EventStreamService
from alarm_backend.rejections.service import RejectionService
from alarm_backend.store import platform_state
from alarm_backend.store.database import Database

QUEUE_MAX = 1000
ESCALATED_AT_ONCE_MAX = 50
"""Unanswered alarms passed on in one transaction: in a flood, new alarms come in between. ASSUMED."""
GATEWAY = "gateway"


class AlarmService:
    """The alarms of all orders."""

    def __init__(
        self,
        *,
        database: Database,
        clocks: Clocks,
        audit: AuditService,
        events: EventStreamService,
        rejections: RejectionService,
        policy: Policy | None = None,
    ) -> None:
        self._database = database
        self._clocks = clocks
        self._audit = audit
        self._events = events
        self.policy = policy or Policy()
        self.writer = AlarmWriter(clocks, audit, events)
        self._intake = AlarmIntake(
            clocks=clocks, audit=audit, rejections=rejections, writer=self.writer, policy=self.policy
        )

    # ---- reads -------------------------------------------------------------------------------------------------

    def queue(self) -> Queue:
        """The open alarms by risk, the worst first, and the event number to go on from."""
        last = self._events.last_event_id()  # before the read: what happens between is sent again, never missed
        with self._database.reading() as connection:
            rows = repository.open_by_risk(connection, QUEUE_MAX)
            flood = platform_state.get(connection, FLOOD) is not None
        alarms = [view(row) for row in rows]
        return Queue(alarms=alarms, last_event_id=last, now_ms=self._clocks.now_ms(), flood=flood)

    def detail(self, alarm_id: str, user: User | None = None) -> AlarmDetail:
        """One alarm with its transitions and audit lines, and what this person may do about it. Raises NotFound."""
        with self._database.reading() as connection:
            row = found(repository.get(connection, alarm_id), "alarm", alarm_id)
            steps = repository.history(connection, alarm_id)
        alarm = view(row)
        offered = [choice.name for choice in self.choices(alarm, user) if not choice.refusal] if user else []
        return AlarmDetail(
            alarm=alarm,
            transitions=[transition_view(step) for step in steps],
            audit=self._audit.of_subject(f"alarm:{alarm_id}"),
            possible=offered,
        )

    def choices(self, alarm: AlarmView, user: User) -> tuple[Choice, ...]:
        """What the lifecycle lets this person do about an alarm as it stands, and what it refuses him."""
        standing = repository.standing_of(alarm.model_dump())
        return choices(standing, user.username, user.is_supervisor, self._clocks.wall_ms(), self.policy)

    def get(self, alarm_id: str) -> AlarmView:
        """One alarm as it stands. Raises NotFound."""
        with self._database.reading() as connection:
            return view(found(repository.get(connection, alarm_id), "alarm", alarm_id))

    def orders_concerned(self, among: list[str] | None = None) -> list[str]:
        """The orders that have an open alarm; all, or those among these."""
        with self._database.reading() as connection:
            return repository.orders_with_open(connection, among)

    def search(self, **criteria: Any) -> list[AlarmView]:
        """Alarms of all times; criteria as in `repository.search`."""
        with self._database.reading() as connection:
            return [view(row) for row in repository.search(connection, **criteria)]

    # ---- the gateway's side --------------------------------------------------------------------------------------

    def ingest(self, documents: list[dict[str, Any]], source: str = GATEWAY) -> list[Result]:
        """Store a batch; each item for itself. Returns one result per item, after all of them are durable."""
        with self._database.writing() as connection:
            return self.ingest_all_into(connection, documents, source)

    def ingest_into(self, connection: Connection, document: dict[str, Any], source: str) -> Result:
        """Store one transition in the caller's writing transaction."""
        return self.ingest_all_into(connection, [document], source)[0]

    def ingest_all_into(self, connection: Connection, documents: list[dict[str, Any]], source: str) -> list[Result]:
        """The same for several."""
        return self._intake.take(connection, documents, source)

    # ---- the operators' side -------------------------------------------------------------------------------------

    def acknowledge(self, alarm_id: str, user: User, note: str = "") -> AlarmView:
        """Say "seen". A repeat, or a colleague's, changes nothing."""
        return self._act(alarm_id, user, Event("acknowledge", user.username, user.is_supervisor), note)

    def take(self, alarm_id: str, user: User, note: str = "") -> AlarmView:
        """Start work on it; refused while a colleague has it, unless a supervisor takes over."""
        return self._act(alarm_id, user, Event("take", user.username, user.is_supervisor), note)

    def release(self, alarm_id: str, user: User, note: str = "") -> AlarmView:
        """Give it back to the queue."""
        return self._act(alarm_id, user, Event("release", user.username, user.is_supervisor), note)

    def resolve(self, alarm_id: str, user: User, cause: str, note: str = "") -> AlarmView:
        """Close it with a cause. A severe alarm goes to `closing` until a second person confirms."""
        return self._act(alarm_id, user, Event("resolve", user.username, user.is_supervisor, cause=cause), note)

    def confirm_close(self, alarm_id: str, user: User, note: str = "") -> AlarmView:
        """The second pair of eyes agrees."""
        return self._act(alarm_id, user, Event("confirm_close", user.username, user.is_supervisor), note)

    def refuse_close(self, alarm_id: str, user: User, note: str = "") -> AlarmView:
        """The second pair of eyes does not agree: work goes on."""
        return self._act(alarm_id, user, Event("refuse_close", user.username, user.is_supervisor), note)

    def shelve(self, alarm_id: str, user: User, minutes: int, reason: str) -> AlarmView:
        """Put it aside for a limited time, with a reason."""
        until_ms = self._clocks.wall_ms() + minutes * 60_000
        return self._act(alarm_id, user, Event("shelve", user.username, user.is_supervisor, until_ms=until_ms), reason)

    def unshelve(self, alarm_id: str, user: User, note: str = "") -> AlarmView:
        """Bring a shelved alarm back."""
        return self._act(alarm_id, user, Event("unshelve", user.username, user.is_supervisor), note)

    def expire(self) -> int:
        """Let every acknowledgement and shelving lapse whose time is over; how many."""
        now_ms = self._clocks.wall_ms()
        with self._database.reading() as connection:
            if not repository.overdue(connection, now_ms):
                return 0
        with self._database.writing() as connection:
            rows = repository.overdue(connection, now_ms)
            for row in rows:
                name = "acknowledgement_expired" if row["state"] == "acknowledged" else "shelf_expired"
                self._apply(connection, row, Event(name, SYSTEM), "")
        return len(rows)

    def note_step(
        self,
        connection: Connection,
        alarm_id: str,
        name: str,
        *,
        actor: str,
        note: str,
        detail: dict[str, Any],
        sound: bool = False,
    ) -> None:
        """Add something done about an alarm, which leaves its state alone, to its history; tell the consoles."""
        row = found(repository.get(connection, alarm_id), "alarm", alarm_id)
        self.writer.step(
            connection, row, transition=name, actor=actor, state_after=row["state"], note=note, detail=detail
        )
        self.writer.tell(connection, row, name, actor, sound=sound)

    def escalate(self) -> int:
        """Call the next one for every alarm that nobody answered in time; how many."""
        count = 0
        while passed_on := self._escalate_some():
            count += passed_on
        return count

    def _escalate_some(self) -> int:
        """Call the next one for the worst of them, a bounded number, so that what arrives meanwhile is taken in."""
        now_ms = self._clocks.wall_ms()
        with self._database.reading() as connection:
            if not repository.unanswered(connection, now_ms, 1):
                return 0
        with self._database.writing() as connection:
            rows = repository.unanswered(connection, now_ms, ESCALATED_AT_ONCE_MAX)
            for row in rows:
                level = row["escalation_level"] + 1
                due_ms = now_ms + chain.wait_ms(row["severity"], level)
                values = {"escalation_level": level, "escalation_due_ms": due_ms, "changed_ms": now_ms}
                repository.change(connection, row["alarm_id"], values)
                self.writer.step(
                    connection,
                    row,
                    transition="unanswered",
                    actor=SYSTEM,
                    state_after=row["state"],
                    note=f"calling {chain.target(level)}",
                    detail={"level": level, "target": chain.target(level), "due_ms": row["escalation_due_ms"]},
                )
                self.writer.tell(connection, dict(row) | values, "unanswered", SYSTEM, sound=True)
        return len(rows)

    def _act(self, alarm_id: str, user: User, event: Event, note: str) -> AlarmView:
        with self._database.writing() as connection:
            row = found(repository.get(connection, alarm_id), "alarm", alarm_id)
            self._apply(connection, row, event, note)
            return view(found(repository.get(connection, alarm_id), "alarm", alarm_id))

    def _apply(self, connection: Connection, row: RowMapping, event: Event, note: str) -> None:
        wall_ms, now_ms = self._clocks.wall_ms(), self._clocks.now_ms()
        step = lifecycle.step(repository.standing_of(row), event, wall_ms, self.policy)
        if not step.changed:
            return
        values = self.writer.columns(step.standing, dict(row), now_ms, wall_ms)
        if event.name == "acknowledge" or (event.name == "take" and row["acknowledged_by"] is None):
            values["acknowledged_ms"] = wall_ms
        if step.standing.state == "resolved":
            values |= {"resolved_by": event.actor, "resolved_ms": wall_ms}
        if note:
            values["note"] = note
        repository.change(connection, row["alarm_id"], values)
        state_after = step.standing.state
        detail = {"from": row["state"], "to": state_after, "note": note, "cause": step.standing.cause}
        self.writer.step(
            connection,
            row,
            transition=event.name,
            actor=event.actor,
            state_after=state_after,
            note=note,
            detail=detail,
        )
        self.writer.tell(connection, dict(row) | values, event.name, event.actor, sound="sound" in step.effects)
