"""How a change of an alarm is written: its row, its history, its audit line and its event, in one transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping

from alarm_backend.alarms import repository
from alarm_backend.alarms.lifecycle import Standing
from alarm_backend.alarms.risk import risk
from alarm_backend.alarms.schemas import AlarmView, TransitionView
from alarm_backend.audit.service import AuditService
from alarm_backend.clocks import Clocks
from alarm_backend.escalation import chain, flood
from alarm_backend.event_stream.schemas import AlarmEvent
from alarm_backend.event_stream.service import EventStreamService
from alarm_backend.store import platform_state

FLOOD = "flood"
ASIDE = 1000.0
"""Taken from the risk of an alarm that stands aside for maintenance: more than any alarm has, so it comes last."""


def view(row: RowMapping | dict[str, Any]) -> AlarmView:
    return AlarmView.model_validate(dict(row))


def transition_view(row: RowMapping) -> TransitionView:
    return TransitionView(
        evidence=row["body"].get("evidence"), **{k: v for k, v in row.items() if k not in {"body", "idempotency_key"}}
    )


class AlarmWriter:
    """Writes changes of alarms into the caller's transaction."""

    def __init__(self, clocks: Clocks, audit: AuditService, events: EventStreamService) -> None:
        self._clocks = clocks
        self._audit = audit
        self._events = events

    def columns(self, standing: Standing, facts: dict[str, Any], time_ms: int, wall_ms: int) -> dict[str, Any]:
        """The columns that follow from a standing and the facts (the row before, with what is new on top)."""
        values = vars(standing) | {
            "risk": risk(standing.severity, standing.condition, facts["probability"], facts["distance_m"]),
            "changed_ms": wall_ms,
            "escalation_level": 0,
            "escalation_due_ms": None,
        }
        if standing.state == "raised":
            stood_raised = facts.get("state") == "raised"
            values["escalation_level"], values["escalation_due_ms"] = chain.due_after_change(
                facts.get("severity", standing.severity),
                standing.severity,
                level=facts.get("escalation_level", 0) if stood_raised else 0,
                due_ms=facts.get("escalation_due_ms") if stood_raised else None,
                now_ms=wall_ms,
            )
            values |= {"acknowledged_ms": None, "resolved_by": None, "resolved_ms": None}
        until_ms = facts.get("maintenance_until_ms")
        if until_ms is not None and until_ms > wall_ms:
            values["risk"] -= ASIDE
            if values["escalation_due_ms"] is not None:  # it calls by itself once the window is over, whatever stopped
                earliest_ms = until_ms + chain.wait_ms(standing.severity, 0)
                values["escalation_due_ms"] = max(values["escalation_due_ms"], earliest_ms)
        cleared_before = facts.get("cleared_ms")
        values["cleared_ms"] = (cleared_before or time_ms) if standing.condition == "cleared" else None
        return values

    def step(
        self,
        connection: Connection,
        row: RowMapping,
        *,
        transition: str,
        actor: str,
        state_after: str,
        note: str,
        detail: dict[str, Any],
    ) -> None:
        """Add a step that is not the gateway's to the history and to the audit chain."""
        wall_ms = self._clocks.wall_ms()
        count = repository.step_count(connection, row["alarm_id"])
        repository.add_transition(
            connection,
            {
                "idempotency_key": f"{row['alarm_id']}:{count}:{transition}:{actor}",
                "alarm_id": row["alarm_id"],
                "time_ms": self._clocks.now_ms(),
                "transition": transition,
                "level": row["level"],
                "actor": actor,
                "state_before": row["state"],
                "state_after": state_after,
                "reason": note,
                "body": detail,
                "fix_received_ms": None,
                "stored_ms": wall_ms,
            },
        )
        self._audit.append(connection, actor, f"alarm.{transition}", f"alarm:{row['alarm_id']}", detail)

    def tell(
        self,
        connection: Connection,
        row: RowMapping | dict[str, Any],
        transition: str,
        actor: str,
        *,
        sound: bool,
        fix_received_ms: int | None = None,
        traceparent: str | None = None,
    ) -> None:
        """Tell the consoles how the alarm stands now (its whole row).

        In a flood upkeep makes no sound, and what stands aside for maintenance never does."""
        if row["maintenance_id"] is not None:
            sound = False
        if sound and row["severity"] <= flood.SILENT_SEVERITY_MAX:
            sound = platform_state.get(connection, FLOOD) is None
        told = AlarmEvent(
            alarm=view(row),
            transition=transition,
            actor=actor,
            sound=sound,
            fix_received_ms=fix_received_ms,
            traceparent=traceparent,
            stored_ms=self._clocks.wall_ms(),
        )
        self._events.append(connection, "alarm", told)
