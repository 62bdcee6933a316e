"""The gateway's journal in SQLite: messages in, transitions out, states, and what was set aside.

One transaction takes in a batch of messages together with everything decided on it, so that after a crash either both
are there or neither is, and the broker still holds the messages.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from gateway.errors import FileUnreadable
from gateway.journal.port import Arrival, Batch, Message, Pending, Signs, StateRow, Stored

SCHEMA_VERSION = 2
QUARANTINE_ROWS_MAX = 10_000
PAYLOAD_BYTES_MAX = 2_048
FORGET_ROWS_MAX = 20_000
ALARMED = """LIKE '%"alarms":[[%'"""  # as `states.freeze` writes it
TABLES = """
CREATE TABLE inbox (seq INTEGER PRIMARY KEY AUTOINCREMENT, batch INTEGER NOT NULL, now_ms INTEGER NOT NULL,
    received_wall_ms INTEGER NOT NULL, device_id TEXT NOT NULL, boot_id INTEGER NOT NULL, msg_seq INTEGER NOT NULL,
    source TEXT NOT NULL, body BLOB NOT NULL, UNIQUE (device_id, boot_id, msg_seq));
CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, idempotency_key TEXT NOT NULL UNIQUE, document TEXT NOT NULL,
    fix_received_ms INTEGER, sent INTEGER NOT NULL DEFAULT 0);
CREATE INDEX outbox_unsent ON outbox (id) WHERE sent = 0;
CREATE TABLE states (order_id TEXT PRIMARY KEY, deadline_ms INTEGER, document TEXT NOT NULL,
    order_version INTEGER NOT NULL DEFAULT 0, seq INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE quarantine (id INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, topic TEXT NOT NULL,
    payload BLOB NOT NULL, fault TEXT NOT NULL);
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
# A state of version 1 names no order version: such an order is judged anew by the order as it is now.
FROM_VERSION_1 = """
ALTER TABLE states ADD COLUMN order_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE states ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
"""


class Journal:
    """Owned by the worker thread for writing; the sender thread reads and marks through its own connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = self._open()
            self._prepare()
        except (sqlite3.Error, OSError) as error:
            raise FileUnreadable(
                str(path), f"cannot be used as a journal: {error}", "name a folder with --data"
            ) from None

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        return db

    def _prepare(self) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        script = {0: TABLES, 1: FROM_VERSION_1}.get(version)
        if script is not None:
            self._db.executescript(f"BEGIN; {script} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        elif version != SCHEMA_VERSION:
            raise FileUnreadable(str(self.path), f"has version {version}, this program knows {SCHEMA_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything written inside becomes durable together, or not at all."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._db.close()

    # ---- messages ---------------------------------------------------------------------------------------------------
    def take_in(self, arrivals: Sequence[Arrival]) -> list[bool]:
        """Journals messages; False for each that is a repeat. Within a transaction."""
        fresh = []
        for (device_id, boot_id, msg_seq, source, received_wall_ms, body), batch, now_ms in arrivals:
            done = self._db.execute(
                "INSERT OR IGNORE INTO inbox (batch, now_ms, received_wall_ms, device_id, boot_id, msg_seq, source,"
                " body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (batch, now_ms, received_wall_ms, device_id, boot_id, msg_seq, source, body),
            )
            fresh.append(done.rowcount == 1)
        return fresh

    def since(self, seq: int) -> Iterator[Batch]:
        """The batches journalled after `seq`, in order."""
        rows = self._db.execute(
            "SELECT batch, now_ms, seq, device_id, boot_id, msg_seq, source, received_wall_ms, body FROM inbox"
            " WHERE seq > ? ORDER BY seq",
            (seq,),
        )
        for _, together in groupby(rows, key=lambda row: row[0]):
            found = list(together)
            batch, now_ms, last = found[-1][:3]
            yield Batch(batch, now_ms, last, [Message(*row[3:]) for row in found])

    def last_seq(self) -> int:
        with self._lock:
            row = self._db.execute("SELECT max(seq) FROM inbox").fetchone()
        return int(row[0] or 0)

    def last_batch(self) -> int:
        row = self._db.execute("SELECT batch FROM inbox ORDER BY seq DESC LIMIT 1").fetchone()
        return 0 if row is None else int(row[0])

    def forget_before(self, wall_ms: int) -> None:
        """Drops messages older than this that a checkpoint covers. Within a transaction."""
        # Looks at the oldest rows only: a journal of a month has far too many to look through at each checkpoint.
        self._db.execute(
            "DELETE FROM inbox WHERE received_wall_ms < ? AND seq IN (SELECT seq FROM inbox WHERE seq <= ?"
            " ORDER BY seq LIMIT ?)",
            (wall_ms, self.meta("checkpoint_seq"), FORGET_ROWS_MAX),
        )
        self._db.execute(
            "DELETE FROM outbox WHERE sent = 1 AND id <= (SELECT max(id) FROM (SELECT id, fix_received_ms FROM outbox"
            " ORDER BY id LIMIT ?) WHERE fix_received_ms < ?)",
            (FORGET_ROWS_MAX, wall_ms),
        )

    # ---- what could not be used -------------------------------------------------------------------------------------
    def set_aside(self, time_ms: int, topic: str, payload: bytes, fault: str) -> None:
        """Keeps a message that could not be used, with its fault; the newest ones are kept, all are counted."""
        self._db.execute(
            "INSERT INTO quarantine (time_ms, topic, payload, fault) VALUES (?, ?, ?, ?)",
            (time_ms, topic[:200], payload[:PAYLOAD_BYTES_MAX], fault[:200]),
        )
        self._db.execute(
            "DELETE FROM quarantine WHERE id <= (SELECT max(id) FROM quarantine) - ?", (QUARANTINE_ROWS_MAX,)
        )

    def quarantined(self) -> int:
        """How many messages were ever set aside."""
        with self._lock:
            row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'quarantine'").fetchone()
        return 0 if row is None else int(row[0])

    # ---- transitions to send ----------------------------------------------------------------------------------------
    def put_out(self, idempotency_key: str, document: str, fix_received_ms: int | None) -> bool:
        """Adds a transition to the outbox; False when it is there already. Within a transaction."""
        done = self._db.execute(
            "INSERT OR IGNORE INTO outbox (idempotency_key, document, fix_received_ms) VALUES (?, ?, ?)",
            (idempotency_key, document, fix_received_ms),
        )
        return done.rowcount == 1

    def unsent(self, at_most: int) -> list[Pending]:
        with self._lock:
            rows = self._db.execute(
                "SELECT id, idempotency_key, document, fix_received_ms FROM outbox WHERE sent = 0 ORDER BY id LIMIT ?",
                (at_most,),
            ).fetchall()
        return [Pending(*row) for row in rows]

    def mark_sent(self, ids: Iterable[int]) -> None:
        """Within a transaction."""
        self._db.executemany("UPDATE outbox SET sent = 1 WHERE id = ?", [(i,) for i in ids])

    def outbox_depth(self) -> int:
        with self._lock:
            return int(self._db.execute("SELECT count(*) FROM outbox WHERE sent = 0").fetchone()[0])

    # ---- states -----------------------------------------------------------------------------------------------------
    def save_states(self, rows: Iterable[StateRow], gone: Iterable[str], seq: int, covers_seq: int) -> None:
        """Stores states that hold all messages up to `seq`. Within a transaction."""
        self._db.executemany(
            "INSERT OR REPLACE INTO states (order_id, deadline_ms, document, order_version, seq)"
            " VALUES (?, ?, ?, ?, ?)",
            ((*row, seq) for row in rows),
        )
        self._db.executemany("DELETE FROM states WHERE order_id = ?", [(order_id,) for order_id in gone])
        self.set_meta("checkpoint_seq", covers_seq)

    def stored(self) -> dict[str, Stored]:
        rows = self._db.execute("SELECT order_id, deadline_ms, order_version, seq FROM states")
        return {row[0]: Stored(*row[1:]) for row in rows}

    def state_of(self, order_id: str) -> str:
        row = self._db.execute("SELECT document FROM states WHERE order_id = ?", (order_id,)).fetchone()
        return str(row[0])

    def alarmed(self) -> list[str]:
        return [str(row[0]) for row in self._db.execute(f"SELECT order_id FROM states WHERE document {ALARMED}")]

    def checkpoint_seq(self) -> int:
        return self.meta("checkpoint_seq")

    def meta(self, name: str) -> int:
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return 0 if row is None else int(row[0])

    def set_meta(self, name: str, value: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


class FileOutbox:
    """The sender's side of a journal in a file. What is confirmed goes to the worker, the only one that writes."""

    def __init__(self, path: Path) -> None:
        self.stored: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._journal = Journal(path)
        self._confirmed: set[int] = set()

    def unsent(self, at_most: int) -> list[Pending]:
        rows = self._journal.unsent(at_most + len(self._confirmed))
        self._confirmed &= {row.id for row in rows}  # the others are marked by now
        return [row for row in rows if row.id not in self._confirmed][:at_most]

    def confirmed(self, ids: Sequence[int]) -> None:
        # The worker marks them, in a transaction of its own: two writers would wait for each other.
        for one in ids:
            self.stored.put(one)
        self._confirmed.update(ids)

    def mark_confirmed(self, journal: Journal) -> None:
        """On the worker's thread: marks what the backend has stored; until then a crash would only send it again."""
        ids = []
        while not self.stored.empty():
            ids.append(self.stored.get())
        if ids:
            with journal.transaction():
                journal.mark_sent(ids)

    def signs(self) -> Signs:
        return Signs(self._journal.last_seq(), self._journal.outbox_depth(), self._journal.quarantined())

    def close(self) -> None:
        self._journal.close()
