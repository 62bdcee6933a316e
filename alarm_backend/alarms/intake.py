"""Takes transitions in: each item for itself, once, durable before it is answered."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, RowMapping

from alarm_backend.alarms import lifecycle, repository
from alarm_backend.alarms.batch import Batch
from alarm_backend.alarms.lifecycle import Event, Policy, Step
from alarm_backend.alarms.risk import severity
from alarm_backend.alarms.schemas import Result, TransitionIn
from alarm_backend.alarms.writing import AlarmWriter
from alarm_backend.audit.service import AuditService
from alarm_backend.clocks import Clocks
from alarm_backend.maintenance import coverage
from alarm_backend.maintenance import repository as maintenance
from alarm_backend.operations import tracing
from alarm_backend.rejections.service import RejectionService, body_sha256
from alarm_backend.time_text import to_ms

SYSTEM = "system"
PLATFORM = "platform"
"""The `order_id` of alarms about the platform itself."""
FACTS = {
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
"""What of a transition becomes the alarm's own."""
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

    def take(self, connection: Connection, documents: list[dict[str, Any]], source: str) -> list[Result]:
        """Store transitions in the caller's writing transaction; each for itself, in this order."""
        read = [_read(document) for document in documents]
        sound = [one for one in read if isinstance(one, TransitionIn)]
        batch = Batch(
            connection,
            alarm_ids=list(dict.fromkeys(one.alarm_id for one in sound)),
            keys=list(dict.fromkeys(one.idempotency_key for one in sound)),
            source=source,
            windows=maintenance.running(connection, self._clocks.wall_ms()),
        )
        new = [one for one in sound if batch.row(one.alarm_id) is None and one.order_id != PLATFORM]
        batch.foresee_incidents([(one.order_id, _ms(one) - INCIDENT_GAP_MS) for one in new])
        results = []
        for document, incoming in zip(documents, read, strict=True):
            if isinstance(incoming, str):
                results.append(self._rejections.keep(connection, source, document, incoming))
                continue
            with tracing.span(
                "backend.intake", incoming.alarm_id, incoming.traceparent, transition=incoming.transition
            ) as traceparent:
                results.append(self._store(connection, batch, document, incoming, source, traceparent))
        batch.flush()
        return results

    def _store(
        self,
        connection: Connection,
        batch: Batch,
        document: dict[str, Any],
        incoming: TransitionIn,
        source: str,
        traceparent: str,
    ) -> Result:
        key = incoming.idempotency_key
        before = batch.row(incoming.alarm_id)
        already_ms = batch.stored_ms(key)
        if already_ms is not None:
            if before is not None:
                return Result(idempotency_key=key, status="duplicate", stored_ms=already_ms)
            # The key belongs to another alarm: what was stored first stands.
            reason = "the idempotency key was used for another alarm"
            return self._rejections.keep(connection, source, document, reason)
        stored_ms = self._clocks.wall_ms()
        time_ms = _ms(incoming)
        step, late = self._step(batch, incoming, before, time_ms)
        batch.add_step(
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
            }
        )
        facts = incoming.model_dump(include=FACTS) | {"updated_ms": time_ms}
        about = facts | {"alarm_id": incoming.alarm_id, "severity": step.standing.severity}
        facts |= covered_facts(connection, batch.windows, about, self._clocks, incoming.evidence)
        if before is None:
            columns = self._writer.columns(step.standing, facts, time_ms, stored_ms)
            row = dict.fromkeys(repository.COLUMNS) | facts | columns
            row |= {"alarm_id": incoming.alarm_id, "raised_ms": time_ms, "stored_ms": stored_ms}
            row |= {"incident_id": self._incident(batch, incoming, time_ms)}
            batch.put(row)
        else:
            row = before
            if not late:
                row = before | facts | self._writer.columns(step.standing, before | facts, time_ms, stored_ms)
                batch.put(row)
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
        self, batch: Batch, incoming: TransitionIn, before: dict[str, Any] | None, time_ms: int
    ) -> tuple[Step, bool]:
        """(what the lifecycle says, whether the transition came too late to count)."""
        of_severity = severity(incoming.kind, incoming.level)
        event = Event(incoming.transition, batch.source, severity=of_severity)
        if before is None:
            step = Step(lifecycle.born(of_severity))
            if event.name == "cleared":  # its raising was lost on the way: it is shown all the same
                step = lifecycle.step(step.standing, event, time_ms, self._policy)
            return replace(step, effects=("sound",), changed=True), False
        standing = lifecycle.Standing(**{name: before[name] for name in repository.STANDING_COLUMNS})
        newest_ms = batch.newest_ms(incoming.alarm_id)
        if newest_ms is not None and time_ms < newest_ms:
            # What arrives late is history: it must not undo what is known since, but it is kept.
            return Step(standing, changed=False), True
        return lifecycle.step(standing, event, time_ms, self._policy), False

    @staticmethod
    def _incident(batch: Batch, incoming: TransitionIn, time_ms: int) -> str:
        """The incident an alarm belongs to: that of its order if it goes on, else a new one."""
        going_on = None
        if incoming.order_id != PLATFORM:
            going_on = batch.incident_going_on(incoming.order_id, time_ms - INCIDENT_GAP_MS)
        return going_on or f"i-{incoming.alarm_id}"


def covered_facts(
    connection: Connection,
    windows: list[coverage.Window],
    alarm: RowMapping | dict[str, Any],
    clocks: Clocks,
    evidence: Any = None,
) -> dict[str, Any]:
    """The mark of the window that covers this alarm now, or none."""
    window = None
    if windows:
        subject = maintenance.subject_of(connection, alarm, clocks.now_ms(), evidence)
        window = coverage.covering(windows, subject, clocks.wall_ms())
    return {
        "maintenance_id": None if window is None else window.window_id,
        "maintenance_until_ms": None if window is None else window.ends_ms,
    }


def _ms(incoming: TransitionIn) -> int:
    return to_ms(incoming.time.isoformat())


def _read(document: dict[str, Any]) -> TransitionIn | str:
    """The transition, or what is wrong with it."""
    try:
        return TransitionIn.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where}: {first['msg']}"
