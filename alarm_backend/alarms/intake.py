"""Takes transitions in: each item for itself, once, durable before it is answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection

from alarm_backend.alarms import lifecycle, repository
from alarm_backend.alarms.lifecycle import Event, Policy, Step
from alarm_backend.alarms.risk import severity
from alarm_backend.alarms.schemas import Result, TransitionIn
from alarm_backend.alarms.writing import AlarmWriter
from alarm_backend.audit.service import AuditService
from alarm_backend.clocks import Clocks
from alarm_backend.operations import tracing
from alarm_backend.rejections.service import RejectionService, body_sha256
from alarm_backend.time_text import to_ms

PLATFORM = "platform"
"""The `order_id` of alarms about the platform itself."""
INCIDENT_GAP_MS = 30 * 60_000
"""An alarm joins the incident of its order while that one is open or was active this long ago. ASSUMED."""


class AlarmIntake:
    """The gateway's side of the alarms, and of the platform's own."""

    def __init__(
        self, *, clocks: Clocks, audit: AuditService, rejections: RejectionService, writer: AlarmWriter, policy: Policy
    ) -> None:
        self._clocks = clocks
        self._audit = audit
        self._rejections = rejections
        self._writer = writer
        self._policy = policy

    def take(self, connection: Connection, document: dict[str, Any], source: str) -> Result:
        """Store one transition in the caller's writing transaction."""
        try:
            incoming = TransitionIn.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            return self._rejections.keep(connection, source, document, f"{where}: {first['msg']}")
        with tracing.span(
            "backend.intake", incoming.alarm_id, incoming.traceparent, transition=incoming.transition
        ) as traceparent:
            return self._store(connection, document, incoming, source, traceparent)

    def _store(
        self,
        connection: Connection,
        document: dict[str, Any],
        incoming: TransitionIn,
        source: str,
        traceparent: str,
    ) -> Result:
        key = incoming.idempotency_key
        before = repository.get(connection, incoming.alarm_id)
        already_ms = None if before is None else repository.transition_stored_ms(connection, key)
        if already_ms is not None:
            return Result(idempotency_key=key, status="duplicate", stored_ms=already_ms)
        stored_ms = self._clocks.wall_ms()
        time_ms = to_ms(incoming.time.isoformat())
        step, late = self._step(connection, incoming, None if before is None else dict(before), time_ms, source)
        is_new = repository.add_transition(
            connection,
            {
                "idempotency_key": key,
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
        if not is_new:  # the key belongs to another alarm: what was stored first stands
            reason = "the idempotency key was used for another alarm"
            return self._rejections.keep(connection, source, document, reason)
        facts = incoming.model_dump(
            include={
                "order_id",
                "kind",
                "level",
                "monitored",
                "protected",
                "zone_id",
                "distance_m",
                "probability",
                "reason",
            }
        ) | {"updated_ms": time_ms}
        if before is None:
            columns = self._writer.columns(step.standing, facts, time_ms, stored_ms)
            row = dict.fromkeys(repository.COLUMNS) | facts | columns
            row |= {"alarm_id": incoming.alarm_id, "raised_ms": time_ms, "stored_ms": stored_ms}
            row |= {"incident_id": self._incident(connection, incoming, time_ms)}
            repository.add(connection, row)
        else:
            row = dict(before)
            if not late:
                columns = self._writer.columns(step.standing, {**row, **facts}, time_ms, stored_ms)
                repository.change(connection, incoming.alarm_id, {**facts, **columns})
                row |= facts | columns
        self._audit.append(
            connection,
            source,
            f"alarm.{incoming.transition}",
            f"alarm:{incoming.alarm_id}",
            {
                "idempotency_key": key,
                "level": incoming.level,
                "late": late,
                "state": step.standing.state,
                "body_sha256": body_sha256(document),
            },
        )
        self._writer.tell(
            connection,
            row,
            incoming.transition,
            source,
            sound="sound" in step.effects,
            fix_received_ms=incoming.fix_received_ms,
            traceparent=traceparent,
        )
        return Result(idempotency_key=key, status="stored", stored_ms=stored_ms)

    def _step(
        self,
        connection: Connection,
        incoming: TransitionIn,
        before: dict[str, Any] | None,
        time_ms: int,
        source: str,
    ) -> tuple[Step, bool]:
        """(what the lifecycle says, whether the transition came too late to count)."""
        of_severity = severity(incoming.kind, incoming.level)
        event = Event(incoming.transition, source, severity=of_severity)
        if before is None:
            step = Step(lifecycle.born(of_severity))
            if event.name == "cleared":  # its raising was lost on the way: it is shown all the same
                step = lifecycle.step(step.standing, event, time_ms, self._policy)
            return replace(step, effects=("sound",), changed=True), False
        standing = lifecycle.Standing(**{name: before[name] for name in repository.STANDING_COLUMNS})
        newest_ms = repository.newest_time_ms(connection, incoming.alarm_id, source)
        if newest_ms is not None and time_ms < newest_ms:
            # What arrives late is history: it must not undo what is known since, but it is kept.
            return Step(standing, changed=False), True
        return lifecycle.step(standing, event, time_ms, self._policy), False

    @staticmethod
    def _incident(connection: Connection, incoming: TransitionIn, time_ms: int) -> str:
        """The incident an alarm belongs to: that of its order if it goes on, else a new one."""
        going_on = None
        if incoming.order_id != PLATFORM:
            going_on = repository.incident_going_on(connection, incoming.order_id, time_ms - INCIDENT_GAP_MS)
        return going_on or f"i-{incoming.alarm_id}"
