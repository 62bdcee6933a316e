"""Watches the sources: silence raises an alarm, the first sign of life after it clears that alarm."""

from __future__ import annotations

from sqlalchemy import Connection, RowMapping

from alarm_backend.alarms.intake import PLATFORM, SYSTEM
from alarm_backend.alarms.service import AlarmService
from alarm_backend.clocks import Clocks
from alarm_backend.event_stream.schemas import StatusEvent
from alarm_backend.event_stream.service import EventStreamService
from alarm_backend.heartbeats import repository
from alarm_backend.heartbeats.schemas import HeartbeatIn, HeartbeatView
from alarm_backend.store.database import Database
from alarm_backend.time_text import to_ms, to_text


class HeartbeatService:
    """Freshness of everything that feeds the backend."""

    def __init__(
        self, database: Database, clocks: Clocks, events: EventStreamService, alarms: AlarmService, silence_ms: int
    ) -> None:
        self._database = database
        self._clocks = clocks
        self._events = events
        self._alarms = alarms
        self._silence_ms = silence_ms

    def receive(self, incoming: HeartbeatIn) -> int:
        """Store a heartbeat; returns when. A source that was silent is told back."""
        stored_ms = self._clocks.wall_ms()
        with self._database.writing() as connection:
            before = repository.of_source(connection, incoming.source)
            row = {
                "source": incoming.source,
                "time_ms": to_ms(incoming.time.isoformat()),
                "stored_ms": stored_ms,
                "journal_seq": incoming.journal_seq,
                "outbox_depth": incoming.outbox_depth,
                "quarantined": incoming.quarantined,
                "silent_alarm_id": None,
            }
            repository.put(connection, row)
            if before is not None and before["silent_alarm_id"] is not None:
                self._raise_or_clear(connection, before, before["silent_alarm_id"], "cleared")
                self._tell(connection, "back", row, stored_ms)
            else:
                self._tell(connection, "heartbeat", row, stored_ms)
        return stored_ms

    def look(self) -> list[str]:
        """Raise an alarm for every source that is silent for too long and has none yet; their names."""
        now_ms = self._clocks.wall_ms()
        with self._database.reading() as connection:
            if not self._overdue(connection, now_ms):
                return []
        with self._database.writing() as connection:
            overdue = self._overdue(connection, now_ms)
            for row in overdue:
                alarm_id = f"silent-{row['source']}-{row['stored_ms']}"[:80]
                self._raise_or_clear(connection, row, alarm_id, "raised")
                repository.mark(connection, row["source"], alarm_id)
                self._tell(connection, "silent", dict(row), now_ms)
        return [row["source"] for row in overdue]

    def freshness(self) -> list[HeartbeatView]:
        """Every source with the age of its last heartbeat."""
        now_ms = self._clocks.wall_ms()
        with self._database.reading() as connection:
            rows = repository.all_sources(connection)
        return [
            HeartbeatView(
                age_ms=max(0, now_ms - row["stored_ms"]),
                silent=row["silent_alarm_id"] is not None or now_ms - row["stored_ms"] > self._silence_ms,
                **{name: value for name, value in row.items() if name != "silent_alarm_id"},
            )
            for row in rows
        ]

    def _overdue(self, connection: Connection, now_ms: int) -> list[RowMapping]:
        return [
            row
            for row in repository.all_sources(connection)
            if row["silent_alarm_id"] is None and now_ms - row["stored_ms"] > self._silence_ms
        ]

    def _raise_or_clear(self, connection: Connection, row: RowMapping, alarm_id: str, transition: str) -> None:
        now_ms = self._clocks.now_ms()
        silent_s = (self._clocks.wall_ms() - row["stored_ms"]) / 1000
        self._alarms.ingest_into(
            connection,
            {
                "idempotency_key": f"{alarm_id}:{transition}",
                "time": to_text(now_ms),
                "alarm_id": alarm_id,
                "order_id": PLATFORM,
                "kind": "gateway_silent",
                "transition": transition,
                "level": "critical",
                "reason": "source_silent" if transition == "raised" else "source_back",
                "evidence": {"source": row["source"], "silent_s": round(silent_s)},
            },
            SYSTEM,
        )

    def _tell(self, connection: Connection, what: str, row: dict[str, object], stored_ms: int) -> None:
        detail = {name: row[name] for name in ("time_ms", "journal_seq", "outbox_depth", "quarantined")}
        told = StatusEvent(what=what, source=str(row["source"]), detail=detail, stored_ms=stored_ms)
        self._events.append(connection, "status", told)
