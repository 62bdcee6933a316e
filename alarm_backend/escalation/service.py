"""Flood mode, and the auditor: a second look at every deadline that does not trust the first."""

from __future__ import annotations

from collections.abc import Callable

from alarm_backend.alarms import repository as alarms_repository
from alarm_backend.alarms.intake import PLATFORM, SYSTEM
from alarm_backend.alarms.service import AlarmService
from alarm_backend.alarms.writing import FLOOD
from alarm_backend.audit.service import AuditService
from alarm_backend.clocks import Clocks
from alarm_backend.escalation import flood
from alarm_backend.event_stream.schemas import StatusEvent
from alarm_backend.event_stream.service import EventStreamService
from alarm_backend.store import platform_state
from alarm_backend.store.database import Database
from alarm_backend.time_text import to_text

GRACE_MS = 15_000
"""A call that is this much late counts as not made: the watch looks every second. ASSUMED."""
STOPPED = "escalation_stopped"
LISTED_MAX = 20


class EscalationService:
    """Watches the watchers."""

    def __init__(
        self,
        *,
        database: Database,
        clocks: Clocks,
        audit: AuditService,
        events: EventStreamService,
        alarms: AlarmService,
    ) -> None:
        self._database = database
        self._clocks = clocks
        self._audit = audit
        self._events = events
        self._alarms = alarms

    def look_for_flood(self) -> bool:
        """Enter or leave flood mode; whether there is a flood."""
        now_ms = self._clocks.wall_ms()
        with self._database.reading() as connection:
            before = platform_state.get(connection, FLOOD) is not None
            count = alarms_repository.new_since(connection, now_ms - flood.WINDOW_MS)
        after = flood.flooded(before, count)
        if after != before:
            with self._database.writing() as connection:
                if after:
                    platform_state.put(connection, FLOOD, {"new_alarms": count}, now_ms)
                else:
                    platform_state.drop(connection, FLOOD)
                detail = {"active": after, "new_alarms": count, "window_ms": flood.WINDOW_MS}
                self._audit.append(connection, SYSTEM, "flood", "platform:flood", detail)
                told = StatusEvent(what="flood", source=SYSTEM, detail=detail, stored_ms=now_ms)
                self._events.append(connection, "status", told)
        return after

    def check(self, others_alive: Callable[[int], str] = lambda _now_ms: "") -> list[str]:
        """Everything that should have been escalated and was not; raises or clears the platform's own alarm.

        `others_alive(now)` returns what is wrong with the process that escalates, or "".
        """
        now_ms = self._clocks.wall_ms()
        with self._database.reading() as connection:
            neglected = alarms_repository.neglected(connection, now_ms - GRACE_MS)
            known = platform_state.get(connection, STOPPED)
        wrong = [f"{len(neglected)} unanswered alarms were not passed on"] if neglected else []
        other = others_alive(now_ms)
        if other:
            wrong.append(other)
        if bool(wrong) == (known is not None):
            return wrong
        with self._database.writing() as connection:
            if wrong:
                alarm_id = f"escalation-stopped-{now_ms}"
                platform_state.put(connection, STOPPED, {"alarm_id": alarm_id}, now_ms)
            else:
                assert known is not None
                alarm_id = known["alarm_id"]
                platform_state.drop(connection, STOPPED)
            transition = "raised" if wrong else "cleared"
            self._alarms.ingest_into(
                connection,
                {
                    "idempotency_key": f"{alarm_id}:{transition}",
                    "time": to_text(self._clocks.now_ms()),
                    "alarm_id": alarm_id,
                    "order_id": PLATFORM,
                    "kind": STOPPED,
                    "transition": transition,
                    "level": "critical",
                    "reason": "not_passed_on" if neglected else "nobody_escalates" if wrong else "deadlines_watched",
                    "evidence": {"neglected": neglected[:LISTED_MAX], **({"fault": other} if other else {})},
                },
                SYSTEM,
            )
        return wrong
