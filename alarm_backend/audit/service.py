"""Who did what when: written inside the transaction that does it, so that neither exists without the other."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from alarm_backend.alarms.schemas import AuditView
from alarm_backend.audit import chain, repository
from alarm_backend.clocks import Clocks
from alarm_backend.store.database import Database

AUDIT = "audit"


def view(line: chain.Line) -> AuditView:
    return AuditView(
        seq=line.seq,
        time_ms=line.time_ms,
        stored_ms=line.stored_ms,
        actor=line.actor,
        action=line.action,
        subject=line.subject,
        detail=json.loads(line.detail),
        sha256=line.sha256,
    )


@dataclass
class _Read:
    """What somebody read, waiting for its line in the chain."""

    actor: str
    action: str
    facts: list[tuple[str, dict[str, Any]]]
    """(subject, detail) of each line."""
    written: bool = False
    fault: BaseException | None = None


class AuditService:
    """Appends to, reads and verifies the audit chain."""

    def __init__(self, database: Database, clocks: Clocks) -> None:
        self._database = database
        self._clocks = clocks
        self._reads: list[_Read] = []
        self._gathering = threading.Lock()
        self._turn = threading.Lock()
        database.before_commit(self._flush)

    def append(self, connection: Connection, actor: str, action: str, subject: str, detail: dict[str, Any]) -> None:
        """Add a line to the caller's writing transaction."""
        pending: list[chain.Line] = self._database.pending.setdefault(AUDIT, [])
        seq, previous = (pending[-1].seq, pending[-1].sha256) if pending else repository.head(connection)
        pending.append(
            chain.seal(
                seq + 1,
                time_ms=self._clocks.now_ms(),
                stored_ms=self._clocks.wall_ms(),
                actor=actor,
                action=action,
                subject=subject,
                detail=chain.canonical(detail),
                previous_sha256=previous,
            )
        )

    def _flush(self, connection: Connection) -> None:
        pending = self._database.pending.get(AUDIT)
        if pending:
            repository.extend(connection, pending)

    def record(self, actor: str, action: str, subject: str, detail: dict[str, Any]) -> None:
        """Add a line in a transaction of its own."""
        with self._database.writing() as connection:
            self.append(connection, actor, action, subject, detail)

    def record_reads(self, actor: str, action: str, facts: list[tuple[str, dict[str, Any]]]) -> None:
        """Add a line for each (subject, detail) that somebody read; returns when they are durable.

        Ten consoles ask at the same moment about the same alarm: what they read is written in one transaction, so
        that the next alarm does not wait behind ten.
        """
        if not facts:
            return
        mine = _Read(actor, action, facts)
        with self._gathering:
            self._reads.append(mine)
        with self._turn:  # whoever has the turn writes for all who came meanwhile
            if not mine.written:
                with self._gathering:
                    gathered, self._reads = self._reads, []
                self._write(gathered)
        if mine.fault is not None:
            raise mine.fault

    def _write(self, gathered: list[_Read]) -> None:
        fault: BaseException | None = None
        try:
            with self._database.writing() as connection:
                for one in gathered:
                    for subject, detail in one.facts:
                        self.append(connection, one.actor, one.action, subject, detail)
        except BaseException as error:  # nobody is told that their read was logged when it was not
            fault = error
        for one in gathered:
            one.written, one.fault = True, fault

    def of_subject(self, subject: str) -> list[AuditView]:
        """Everything about one subject, oldest first."""
        with self._database.reading() as connection:
            return [view(line) for line in repository.lines(connection, subject=subject)]

    def newest(self, limit: int = 200) -> list[AuditView]:
        """The last lines, newest first."""
        with self._database.reading() as connection:
            return [view(line) for line in repository.newest(connection, limit)]

    def verify(self) -> tuple[int, list[chain.Finding]]:
        """(number of lines, everything wrong with them)."""
        with self._database.reading() as connection:
            head = repository.head(connection)
            return head[0], chain.verify(repository.lines(connection), head)
