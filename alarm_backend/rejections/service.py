"""Keeps items that cannot be used: a rejected alarm or record is a fact that somebody must look at, not noise."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import Connection

from alarm_backend.alarms.schemas import Result
from alarm_backend.audit.service import AuditService
from alarm_backend.clocks import Clocks
from alarm_backend.event_stream.schemas import StatusEvent
from alarm_backend.event_stream.service import EventStreamService
from alarm_backend.rejections import repository
from alarm_backend.store.database import Database


def body_sha256(document: Any) -> str:
    """The hash by which a body is known in the audit chain."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


class RejectionService:
    """The rejected items of every source."""

    def __init__(self, database: Database, clocks: Clocks, audit: AuditService, events: EventStreamService) -> None:
        self._database = database
        self._clocks = clocks
        self._audit = audit
        self._events = events

    def keep(self, connection: Connection, source: str, document: Any, reason: str) -> Result:
        """Keep an item in the caller's transaction, tell the consoles, and answer for it. A repeat is kept once."""
        stored_ms = self._clocks.wall_ms()
        key = document.get("idempotency_key") if isinstance(document, dict) else None
        key = key[:200].replace("\x00", "") if isinstance(key, str) else None
        digest = body_sha256(document)
        reason = reason.replace("\x00", "")
        row = {
            "source": source,
            "body_sha256": digest,
            "idempotency_key": key,
            "reason": reason,
            "body": {"text": json.dumps(document, ensure_ascii=True)},
            "stored_ms": stored_ms,
        }
        if repository.add(connection, row):
            self._audit.append(connection, source, "item.rejected", f"rejected:{digest}", {"reason": reason})
            told = StatusEvent(
                what="rejected",
                source=source,
                detail={"idempotency_key": key, "reason": reason},
                stored_ms=stored_ms,
            )
            self._events.append(connection, "status", told)
        return Result(idempotency_key=key, status="rejected", stored_ms=stored_ms, reason=reason)

    def newest(self, limit: int = 100) -> list[dict[str, Any]]:
        """What was rejected and why, newest first."""
        with self._database.reading() as connection:
            return [dict(row) for row in repository.newest(connection, limit)]

    def count(self) -> int:
        with self._database.reading() as connection:
            return repository.count(connection)
