"""The audit chain in the database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, insert, select

from alarm_backend.audit import chain
from alarm_backend.store.database import upsert
from alarm_backend.store.tables import audit, audit_head

CHAIN = 1


def head(connection: Connection) -> tuple[int, str]:
    """(number of lines, hash of the last one)."""
    row = connection.execute(
        select(audit_head.c.seq, audit_head.c.sha256).where(audit_head.c.chain == CHAIN)
    ).one_or_none()
    return (0, chain.START_SHA256) if row is None else (int(row.seq), str(row.sha256))


def append(
    connection: Connection,
    *,
    time_ms: int,
    stored_ms: int,
    actor: str,
    action: str,
    subject: str,
    detail: dict[str, Any],
) -> chain.Line:
    """Add a line. Must run inside a writing transaction: writers are serialised, so the chain cannot fork."""
    seq, previous = head(connection)
    line = chain.seal(
        seq + 1,
        time_ms=time_ms,
        stored_ms=stored_ms,
        actor=actor,
        action=action,
        subject=subject,
        detail=chain.canonical(detail),
        previous_sha256=previous,
    )
    connection.execute(insert(audit).values(**vars(line)))
    upsert(connection, audit_head, {"chain": CHAIN, "seq": line.seq, "sha256": line.sha256}, ("chain",))
    return line


def lines(connection: Connection, *, subject: str | None = None, after_seq: int = 0) -> Iterator[chain.Line]:
    """Lines in the order of the table's key, of one subject or of all."""
    query = select(audit).where(audit.c.seq > after_seq).order_by(audit.c.seq)
    if subject is not None:
        query = query.where(audit.c.subject == subject)
    for row in connection.execution_options(yield_per=1000).execute(query):
        yield chain.Line(**row._mapping)


def newest(connection: Connection, limit: int) -> list[chain.Line]:
    """The last lines, newest first."""
    rows = connection.execute(select(audit).order_by(audit.c.seq.desc()).limit(limit))
    return [chain.Line(**row._mapping) for row in rows]
