"""What can be done with alarms: take them in from the gateway, list them, act on them.

Every change writes the alarm, its history, its audit line and its event in one transaction.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, RowMapping

from alarm_backend.alarms import lifecycle, repository
from alarm_backend.alarms.lifecycle import Event, Policy, Standing, Step
from alarm_backend.alarms.risk import risk, severity
from alarm_backend.alarms.schemas import AlarmDetail, AlarmView, Queue, Result, TransitionIn, TransitionView
from alarm_backend.audit.service import AuditService
from alarm_backend.auth.schemas import User
from alarm_backend.clocks import Clocks
from alarm_backend.errors import NotFound
from alarm_backend.event_stream.schemas import AlarmEvent
from alarm_backend.event_stream.service import EventStreamService
from alarm_backend.rejections.service import RejectionService, body_sha256
from alarm_backend.store.database import Database
from alarm_backend.time_text import to_ms

QUEUE_MAX = 1000
GATEWAY = "gateway"
SYSTEM = "system"


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
        self._rejections = rejections
        self.policy = policy or Policy()

    # ---- reads -------------------------------------------------------------------------------------------------

    def queue(self) -> Queue:
        """The open alarms by risk, the worst first, and the event number to go on from."""
        last = self._events.last_event_id()  # before the read: what happens between is sent again, never missed
        with self._database.reading() as connection:
            rows = repository.open_by_risk(connection, QUEUE_MAX)
        return Queue(alarms=[view(row) for row in rows], last_event_id=last, now_ms=self._clocks.now_ms())

    def detail(self, alarm_id: str) -> AlarmDetail:
        """One alarm with its transitions and audit lines. Raises NotFound."""
        with self._database.reading() as connection:
            row = repository.get(connection, alarm_id)
            steps = repository.history(connection, alarm_id)
        if row is None:
            raise NotFound("alarm", alarm_id)
        possible = [name for name in lifecycle.OPERATOR_EVENTS if (row["state"], name) in lifecycle.TABLE]
        return AlarmDetail(
            alarm=view(row),
            transitions=[transition_view(step) for step in steps],
            audit=self._audit.of_subject(f"alarm:{alarm_id}"),
            possible=possible,
        )

    def search(self, **criteria: Any) -> list[AlarmView]:
        """Alarms of all times; criteria as in `repository.search`."""
        with self._database.reading() as connection:
            return [view(row) for row in repository.search(connection, **criteria)]

    # ---- the gateway's side --------------------------------------------------------------------------------------

    def ingest(self, documents: list[dict[str, Any]], source: str = GATEWAY) -> list[Result]:
        """Store a batch; each item for itself. Returns one result per item, after all of them are durable."""
        with self._database.writing() as connection:
            return [self.ingest_into(connection, document, source) for document in documents]

    def ingest_into(self, connection: Connection, document: dict[str, Any], source: str) -> Result:
        """Store one transition in the caller's writing transaction."""
        try:
            incoming = TransitionIn.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            return self._rejections.keep(connection, source, document, f"{where}: {first['msg']}")
        stored_ms = self._clocks.wall_ms()
        time_ms = to_ms(incoming.time.isoformat())
        before = repository.get(connection, incoming.alarm_id)
        already_ms = repository.transition_stored_ms(connection, incoming.idempotency_key)
        if already_ms is not None:
            return Result(idempotency_key=incoming.idempotency_key, status="duplicate", stored_ms=already_ms)
        of_severity = severity(incoming.kind, incoming.level)
        event = Event(incoming.transition, source, severity=of_severity)
        late = False
        if before is None:
            step = Step(lifecycle.born(of_severity))
            if event.name == "cleared":  # its raising was lost on the way: it is shown all the same
                step = lifecycle.step(step.standing, event, time_ms, self.policy)
            step = replace(step, effects=("sound",), changed=True)
        else:
            newest_ms = repository.newest_time_ms(connection, incoming.alarm_id, source)
            late = newest_ms is not None and time_ms < newest_ms
            standing = repository.standing_of(before)
            # What arrives late is history: it must not undo what is known since, but it is kept.
            step = Step(standing, changed=False) if late else lifecycle.step(standing, event, time_ms, self.policy)
        repository.add_transition(
            connection,
            {
                "idempotency_key": incoming.idempotency_key,
                "alarm_id": incoming.alarm_id,
                "time_ms": time_ms,
                "transition": incoming.transition,
                "level": incoming.level,
                "actor": source,
                "state_before": None if before is None else before["state"],
                "state_after": step.standing.state,
                "reason": incoming.reason,
                "body": incoming.model_dump(mode="json"),
                "fix_received_ms": incoming.fix_received_ms,
                "stored_ms": stored_ms,
            },
        )
        facts = {
            "order_id": incoming.order_id,
            "kind": incoming.kind,
            "level": incoming.level,
            "monitored": incoming.monitored,
            "protected": incoming.protected,
            "zone_id": incoming.zone_id,
            "distance_m": incoming.distance_m,
            "probability": incoming.probability,
            "reason": incoming.reason,
            "updated_ms": time_ms,
        }
        if before is None:
            row = {
                "alarm_id": incoming.alarm_id,
                "raised_ms": time_ms,
                "stored_ms": stored_ms,
                **facts,
                **self._columns(step, facts, time_ms, stored_ms),
            }
            repository.add(connection, row)
        elif not late:
            repository.change(
                connection, incoming.alarm_id, {**facts, **self._columns(step, facts, time_ms, stored_ms)}
            )
        self._audit.append(
            connection,
            source,
            f"alarm.{incoming.transition}",
            f"alarm:{incoming.alarm_id}",
            {
                "idempotency_key": incoming.idempotency_key,
                "level": incoming.level,
                "late": late,
                "state": step.standing.state,
                "body_sha256": body_sha256(document),
            },
        )
        self._tell(
            connection,
            incoming.alarm_id,
            incoming.transition,
            source,
            sound="sound" in step.effects,
            fix_received_ms=incoming.fix_received_ms,
        )
        return Result(idempotency_key=incoming.idempotency_key, status="stored", stored_ms=stored_ms)

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

    def _act(self, alarm_id: str, user: User, event: Event, note: str) -> AlarmView:
        with self._database.writing() as connection:
            row = repository.get(connection, alarm_id)
            if row is None:
                raise NotFound("alarm", alarm_id)
            self._apply(connection, row, event, note)
            after = repository.get(connection, alarm_id)
        assert after is not None
        return view(after)

    def _apply(self, connection: Connection, row: RowMapping, event: Event, note: str) -> None:
        wall_ms, now_ms = self._clocks.wall_ms(), self._clocks.now_ms()
        step = lifecycle.step(repository.standing_of(row), event, wall_ms, self.policy)
        if not step.changed:
            return
        values = self._columns(step, dict(row), now_ms, wall_ms)
        if event.name == "acknowledge" or (event.name == "take" and row["acknowledged_by"] is None):
            values["acknowledged_ms"] = wall_ms
        if step.standing.state == "resolved":
            values |= {"resolved_by": event.actor, "resolved_ms": wall_ms}
        if note:
            values["note"] = note
        repository.change(connection, row["alarm_id"], values)
        detail = {"from": row["state"], "to": step.standing.state, "note": note, "cause": step.standing.cause}
        repository.add_transition(
            connection,
            {
                "idempotency_key": f"{row['alarm_id']}:{event.name}:{event.actor}:{row['changed_ms']}:{wall_ms}",
                "alarm_id": row["alarm_id"],
                "time_ms": now_ms,
                "transition": event.name,
                "level": row["level"],
                "actor": event.actor,
                "state_before": row["state"],
                "state_after": step.standing.state,
                "reason": note,
                "body": detail,
                "fix_received_ms": None,
                "stored_ms": wall_ms,
            },
        )
        self._audit.append(connection, event.actor, f"alarm.{event.name}", f"alarm:{row['alarm_id']}", detail)
        self._tell(connection, row["alarm_id"], event.name, event.actor, sound="sound" in step.effects)

    # ---- shared -----------------------------------------------------------------------------------------------

    @staticmethod
    def _columns(step: Step, facts: dict[str, Any], time_ms: int, wall_ms: int) -> dict[str, Any]:
        """The columns that follow from a standing and the facts it stands on."""
        standing: Standing = step.standing
        values = vars(standing) | {
            "risk": risk(standing.severity, standing.condition, facts["probability"], facts["distance_m"]),
            "changed_ms": wall_ms,
        }
        if standing.state == "raised":
            values |= {"acknowledged_ms": None, "resolved_by": None, "resolved_ms": None}
        cleared_before = facts.get("cleared_ms")
        values["cleared_ms"] = (cleared_before or time_ms) if standing.condition == "cleared" else None
        return values

    def _tell(
        self,
        connection: Connection,
        alarm_id: str,
        transition: str,
        actor: str,
        *,
        sound: bool,
        fix_received_ms: int | None = None,
    ) -> None:
        row = repository.get(connection, alarm_id)
        assert row is not None
        told = AlarmEvent(
            alarm=view(row),
            transition=transition,
            actor=actor,
            sound=sound,
            fix_received_ms=fix_received_ms,
            stored_ms=self._clocks.wall_ms(),
        )
        self._events.append(connection, "alarm", told)


def view(row: RowMapping) -> AlarmView:
    return AlarmView.model_validate(dict(row))


def transition_view(row: RowMapping) -> TransitionView:
    return TransitionView(
        evidence=row["body"].get("evidence"), **{k: v for k, v in row.items() if k not in {"body", "idempotency_key"}}
    )
