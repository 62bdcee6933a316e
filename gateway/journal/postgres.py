"""The gateway's journal in PostgreSQL: one partition of it, held by lease.

Every transaction ends by touching the lease under the token it was taken with. A worker that was paused past its lease
finds another token there, and nothing of its transaction is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import psycopg
from psycopg import errors

from gateway.errors import GatewayError
from gateway.journal.port import Arrival, Batch, Message, Pending, Signs, StateRow, StoreAway, Stored

SCHEMA_VERSION = 2
SCHEMA_LOCK = 7_240_100
QUARANTINE_ROWS_MAX = 10_000
PAYLOAD_BYTES_MAX = 2_048
FORGET_ROWS_MAX = 20_000
CONNECT_TIMEOUT_S = 5
ALARMED = '%"alarms":[[%'  # as `states.freeze` writes it
TABLES = """
CREATE SCHEMA IF NOT EXISTS gateway;
CREATE TABLE gateway.settings (name text PRIMARY KEY, value bigint NOT NULL);
CREATE TABLE gateway.worker (name text PRIMARY KEY, seen timestamptz NOT NULL);
CREATE TABLE gateway.lease (partition int PRIMARY KEY, owner text, token bigint NOT NULL DEFAULT 0,
    until timestamptz NOT NULL DEFAULT '-infinity', stream_epoch text NOT NULL DEFAULT '',
    stream_seq bigint NOT NULL DEFAULT 0, checkpoint_seq bigint NOT NULL DEFAULT 0,
    quarantined bigint NOT NULL DEFAULT 0);
CREATE TABLE gateway.inbox (seq bigserial, partition int NOT NULL, batch bigint NOT NULL, now_ms bigint NOT NULL,
    received_wall_ms bigint NOT NULL, device_id text NOT NULL, boot_id bigint NOT NULL, msg_seq bigint NOT NULL,
    source text NOT NULL, body bytea NOT NULL, PRIMARY KEY (partition, seq),
    UNIQUE (partition, device_id, boot_id, msg_seq));
CREATE TABLE gateway.outbox (id bigserial PRIMARY KEY, partition int NOT NULL, idempotency_key text NOT NULL UNIQUE,
    document text NOT NULL, fix_received_ms bigint, sent boolean NOT NULL DEFAULT false);
CREATE INDEX outbox_unsent ON gateway.outbox (partition, id) WHERE NOT sent;
CREATE TABLE gateway.states (partition int NOT NULL, order_id text NOT NULL, deadline_ms bigint,
    document text NOT NULL, order_version bigint NOT NULL DEFAULT 0, seq bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (partition, order_id));
CREATE TABLE gateway.quarantine (id bigserial, partition int NOT NULL, time_ms bigint NOT NULL, topic text NOT NULL,
    payload bytea NOT NULL, fault text NOT NULL, PRIMARY KEY (partition, id));
"""
# A state of version 1 names no order version: such an order is judged anew by the order as it is now.
FROM_VERSION_1 = """
ALTER TABLE gateway.states ADD COLUMN order_version bigint NOT NULL DEFAULT 0,
    ADD COLUMN seq bigint NOT NULL DEFAULT 0;
UPDATE gateway.settings SET value = 2 WHERE name = 'version';
"""
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, errors.InternalError)


class LeaseLost(GatewayError):
    """Another worker has taken over this partition; nothing of the transaction was kept."""

    def __init__(self, partition: int, token: int) -> None:
        self.partition = partition
        self.token = token
        super().__init__(f"partition {partition}: the lease with token {token} is no longer ours")


@contextmanager
def faults() -> Iterator[None]:
    """Says StoreAway for whatever may pass when it is tried again."""
    try:
        yield
    except AWAY as error:
        said = str(error).strip() or type(error).__name__
        raise StoreAway(f"PostgreSQL: {said.splitlines()[0]}") from error


def connect(url: str, pause_max_ms: int) -> psycopg.Connection[Any]:
    """A connection whose session ends when it leaves a transaction lying for `pause_max_ms`; raises StoreAway.

    So a worker that is stopped in the middle of a transaction does not hold its locks for longer than its lease.
    """
    with faults():
        db = psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S)
        db.execute(
            "SET synchronous_commit = on"
        )  # what is confirmed to the stream must be on disk, whatever the default
        db.execute(f"SET idle_in_transaction_session_timeout = {int(pause_max_ms)}")
        db.execute(f"SET lock_timeout = {2 * int(pause_max_ms)}")
        return db


def flushes(db: psycopg.Connection[Any]) -> bool:
    """Whether the server writes through to its disk; without that a power cut loses what was confirmed."""
    with faults():
        row = db.execute("SHOW fsync").fetchone()
    return row is not None and row[0] == "on"


def prepare(db: psycopg.Connection[Any], partitions: int) -> int:
    """Makes the tables on first use and returns the number of partitions they are for, which never changes."""
    with faults(), db.transaction():
        db.execute("SELECT pg_advisory_xact_lock(%s)", (SCHEMA_LOCK,))
        row = db.execute("SELECT to_regclass('gateway.settings')").fetchone()
        if row is None or row[0] is None:
            db.execute(TABLES.encode())
            db.execute("INSERT INTO gateway.lease (partition) SELECT generate_series(0, %s)", (partitions - 1,))
            for name, value in (("version", SCHEMA_VERSION), ("partitions", partitions)):
                db.execute("INSERT INTO gateway.settings VALUES (%s, %s)", (name, value))
        found = _settings(db)
        if found.get("version") == 1:
            db.execute(FROM_VERSION_1.encode())
            found = _settings(db)
    if found.get("version") != SCHEMA_VERSION:
        raise GatewayError(f"the journal has version {found.get('version')}, this program knows {SCHEMA_VERSION}")
    return found["partitions"]


def _settings(db: psycopg.Connection[Any]) -> dict[str, int]:
    return {name: int(value) for name, value in db.execute("SELECT name, value FROM gateway.settings").fetchall()}


class PostgresJournal:
    """The journal of one partition under one lease. Not thread-safe: its worker owns the connection."""

    def __init__(self, db: psycopg.Connection[Any], partition: int, token: int) -> None:
        self.partition, self.token = partition, token
        self.stream_seq = 0
        self._db = db

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything written inside becomes durable together with `stream_seq`; raises LeaseLost or StoreAway."""
        with faults(), self._db.transaction():
            yield
            held = self._db.execute(
                "UPDATE gateway.lease SET stream_seq = greatest(stream_seq, %s) WHERE partition = %s AND token = %s",
                (self.stream_seq, self.partition, self.token),
            )
            if held.rowcount != 1:
                raise LeaseLost(self.partition, self.token)

    def _one(self, query: str, *values: Any) -> Any:
        with faults():
            row = self._db.execute(query.encode(), values).fetchone()
        return None if row is None else row[0]

    # ---- messages ---------------------------------------------------------------------------------------------------
    def take_in(self, arrivals: Sequence[Arrival]) -> list[bool]:
        if not arrivals:
            return []
        columns = [list(column) for column in zip(*((*a.message, a.batch, a.now_ms) for a in arrivals), strict=True)]
        rows = self._db.execute(
            "INSERT INTO gateway.inbox (partition, device_id, boot_id, msg_seq, source, received_wall_ms, body, batch,"
            " now_ms) SELECT %s, d, b, m, s, r, y, t, n FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::text[],"
            " %s::bigint[], %s::bytea[], %s::bigint[], %s::bigint[]) WITH ORDINALITY AS u (d, b, m, s, r, y, t, n, k)"
            " ORDER BY k ON CONFLICT (partition, device_id, boot_id, msg_seq) DO NOTHING"
            " RETURNING device_id, boot_id, msg_seq",
            (self.partition, *columns),
        ).fetchall()
        left = set(rows)
        fresh = []
        for arrival in arrivals:
            identity = arrival.message[:3]
            fresh.append(identity in left)
            left.discard(identity)
        return fresh

    def since(self, seq: int) -> Iterator[Batch]:
        with faults():
            rows = self._db.execute(
                "SELECT batch, now_ms, seq, device_id, boot_id, msg_seq, source, received_wall_ms, body"
                " FROM gateway.inbox WHERE partition = %s AND seq > %s ORDER BY seq",
                (self.partition, seq),
            ).fetchall()
        for _, together in groupby(rows, key=lambda row: (row[0], row[1])):
            found = list(together)
            batch, now_ms, last = found[-1][:3]
            yield Batch(batch, now_ms, last, [Message(*row[3:]) for row in found])

    def last_seq(self) -> int:
        return int(self._one("SELECT max(seq) FROM gateway.inbox WHERE partition = %s", self.partition) or 0)

    def last_batch(self) -> int:
        query = "SELECT batch FROM gateway.inbox WHERE partition = %s ORDER BY seq DESC LIMIT 1"
        return int(self._one(query, self.partition) or 0)

    def forget_before(self, wall_ms: int) -> None:
        self._db.execute(
            "DELETE FROM gateway.inbox WHERE partition = %s AND received_wall_ms < %s AND seq IN (SELECT seq FROM"
            " gateway.inbox WHERE partition = %s AND seq <= %s ORDER BY seq LIMIT %s)",
            (self.partition, wall_ms, self.partition, self.checkpoint_seq(), FORGET_ROWS_MAX),
        )
        self._db.execute(
            "DELETE FROM gateway.outbox WHERE partition = %s AND sent AND id <= (SELECT max(id) FROM (SELECT id,"
            " fix_received_ms FROM gateway.outbox WHERE partition = %s ORDER BY id LIMIT %s) AS oldest"
            " WHERE fix_received_ms < %s)",
            (self.partition, self.partition, FORGET_ROWS_MAX, wall_ms),
        )

    def set_aside(self, time_ms: int, topic: str, payload: bytes, fault: str) -> None:
        self._db.execute(
            "INSERT INTO gateway.quarantine (partition, time_ms, topic, payload, fault) VALUES (%s, %s, %s, %s, %s)",
            (self.partition, time_ms, _storable(topic), payload[:PAYLOAD_BYTES_MAX], _storable(fault)),
        )
        self._db.execute(
            "UPDATE gateway.lease SET quarantined = quarantined + 1 WHERE partition = %s", (self.partition,)
        )
        self._db.execute(
            "DELETE FROM gateway.quarantine WHERE partition = %s AND id < (SELECT id FROM gateway.quarantine"
            " WHERE partition = %s ORDER BY id DESC OFFSET %s LIMIT 1)",
            (self.partition, self.partition, QUARANTINE_ROWS_MAX - 1),
        )

    # ---- transitions and states -------------------------------------------------------------------------------------
    def put_out(self, idempotency_key: str, document: str, fix_received_ms: int | None) -> bool:
        done = self._db.execute(
            "INSERT INTO gateway.outbox (partition, idempotency_key, document, fix_received_ms) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (idempotency_key) DO NOTHING",
            (self.partition, idempotency_key, document, fix_received_ms),
        )
        return done.rowcount == 1

    def save_states(self, rows: Iterable[StateRow], gone: Iterable[str], seq: int, covers_seq: int) -> None:
        columns = [list(column) for column in zip(*rows, strict=True)]
        if columns:
            self._db.execute(
                "INSERT INTO gateway.states (partition, order_id, deadline_ms, document, order_version, seq)"
                " SELECT %s, o, m, d, v, %s FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::bigint[])"
                " AS u (o, m, d, v) ON CONFLICT (partition, order_id) DO UPDATE SET"
                " deadline_ms = excluded.deadline_ms, document = excluded.document,"
                " order_version = excluded.order_version, seq = excluded.seq",
                (self.partition, seq, *columns),
            )
        self._db.execute(
            "DELETE FROM gateway.states WHERE partition = %s AND order_id = ANY(%s)", (self.partition, list(gone))
        )
        self._db.execute(
            "UPDATE gateway.lease SET checkpoint_seq = %s WHERE partition = %s", (covers_seq, self.partition)
        )

    def stored(self) -> dict[str, Stored]:
        query = "SELECT order_id, deadline_ms, order_version, seq FROM gateway.states WHERE partition = %s"
        with faults():
            rows = self._db.execute(query, (self.partition,)).fetchall()
        return {row[0]: Stored(*row[1:]) for row in rows}

    def state_of(self, order_id: str) -> str:
        query = "SELECT document FROM gateway.states WHERE partition = %s AND order_id = %s"
        return str(self._one(query, self.partition, order_id))

    def alarmed(self) -> list[str]:
        query = "SELECT order_id FROM gateway.states WHERE partition = %s AND document LIKE %s"
        with faults():
            return [str(row[0]) for row in self._db.execute(query, (self.partition, ALARMED)).fetchall()]

    def checkpoint_seq(self) -> int:
        return int(self._one("SELECT checkpoint_seq FROM gateway.lease WHERE partition = %s", self.partition))


def _storable(text: str) -> str:
    return text.replace("\x00", "\ufffd")[:200]


class PostgresOutbox:
    """The sender's side, on a connection of its own, for the partitions that `held` names at the moment."""

    def __init__(self, url: str, held: Callable[[], list[int]], pause_max_ms: int) -> None:
        self._url, self._held, self._pause_max_ms = url, held, pause_max_ms
        self._lock = threading.Lock()
        self._db: psycopg.Connection[Any] | None = None

    def _ask(self, query: str, *values: Any) -> psycopg.Cursor[Any]:
        with self._lock, faults():
            if self._db is None or self._db.closed:
                self._db = connect(self._url, self._pause_max_ms)
            return self._db.execute(query.encode(), values)

    def unsent(self, at_most: int) -> list[Pending]:
        held = self._held()
        if not held:
            return []
        rows = self._ask(
            "SELECT id, idempotency_key, document, fix_received_ms FROM gateway.outbox"
            " WHERE partition = ANY(%s) AND NOT sent ORDER BY id LIMIT %s",
            held,
            at_most,
        ).fetchall()
        return [Pending(*row) for row in rows]

    def confirmed(self, ids: Sequence[int]) -> None:
        self._ask("UPDATE gateway.outbox SET sent = true WHERE id = ANY(%s)", list(ids))

    def signs(self) -> Signs:
        held = self._held()
        if not held:
            return Signs(0, 0, 0)
        row = self._ask(
            "SELECT (SELECT coalesce(max(seq), 0) FROM gateway.inbox WHERE partition = ANY(%s)),"
            " (SELECT count(*) FROM gateway.outbox WHERE partition = ANY(%s) AND NOT sent),"
            " (SELECT coalesce(sum(quarantined), 0) FROM gateway.lease WHERE partition = ANY(%s))",
            *(held, held, held),
        ).fetchone()
        return Signs(*(int(value) for value in row or (0, 0, 0)))

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
