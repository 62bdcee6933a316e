"""The audit chain in the database."""

from __future__ import annotations

from collections.abc import Iterator

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


def extend(connection: Connection, sealed: list[chain.Line]) -> None:
    """Add lines that follow the head. Writers are serialised, so the chain cannot fork."""
    connection.execute(insert(audit), [vars(line) for line in sealed])
    last = sealed[-1]
    upsert(connection, audit_head, {"chain": CHAIN, "seq": last.seq, "sha256": last.sha256}, ("chain",))


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
