"""One database, SQLite or PostgreSQL, with readers in parallel and writers one after the other.

Writers are serialised on purpose: the event log's numbers and the audit chain must grow in the order in which
transactions become visible, or a console that resumes at event n could miss an event n - 1 that commits later.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from alarm_backend.errors import StoreUnavailable
from alarm_backend.store.checkpoint import PAGES_MAX, Checkpointer

WRITER_LOCK = 0x57414B5A
"""PostgreSQL advisory lock that every writing transaction takes first."""
BUSY_TIMEOUT_MS = 15_000
WRITING = "waakzaam_writing"


def shown(url: str) -> str:
    """The URL without its password."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url


def open_engine(url: str) -> Engine:
    """An engine for a SQLite or PostgreSQL URL. Raises StoreUnavailable when the URL cannot be used."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "postgresql" and parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
            raise StoreUnavailable(shown(url), "only sqlite and postgresql are supported")
        if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
            raise StoreUnavailable(shown(url), "alarms are not kept in memory: name a file")
        engine = create_engine(parsed, pool_size=20, max_overflow=30, pool_timeout=15, pool_pre_ping=False)
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreUnavailable(shown(url), f"not a database URL: {error}") from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _sqlite_connect)
        event.listen(engine, "begin", _sqlite_begin)
    else:
        event.listen(engine, "begin", _postgresql_begin)
        # Many rows in one statement: by default each row is a message of its own to the server.
        engine.dialect.use_insertmanyvalues_wo_returning = True
    return engine


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own implicit BEGIN would make every reader a late writer
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # an acknowledged alarm survives a power cut
    cursor.execute(f"PRAGMA wal_autocheckpoint={PAGES_MAX}")  # done beside the writers: see checkpoint
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _sqlite_begin(connection: Connection) -> None:
    writing = connection.get_execution_options().get(WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _postgresql_begin(connection: Connection) -> None:
    if connection.get_execution_options().get(WRITING):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER_LOCK})")


class Database:
    """Transactions on one database; tells listeners after each commit of a writing transaction."""

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)
        self.url = url
        self._writer = threading.Lock()  # fair among this process's threads; the database does it across processes
        path = self.engine.url.database
        self._checkpointer = Checkpointer(Path(path), self._writer) if path and self.dialect == "sqlite" else None
        self._listeners: list[Callable[[], None]] = []
        self._flushers: list[Callable[[Connection], None]] = []
        self.pending: dict[str, list[Any]] = {}
        """What the writing transaction under way has gathered to write at its end; only its thread may touch it."""

    @property
    def dialect(self) -> str:
        return self.engine.dialect.name

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Call `listener` (from any thread) after every committed writing transaction."""
        self._listeners.append(listener)

    def before_commit(self, flusher: Callable[[Connection], None]) -> None:
        """Call `flusher` at the end of every writing transaction, inside it."""
        self._flushers.append(flusher)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that may write; commits at the end, rolls back on an exception."""
        with self._writer, self.engine.connect().execution_options(**{WRITING: True}) as connection, connection.begin():
            self.pending = {}
            yield connection
            for flusher in self._flushers:
                flusher(connection)
        if self._checkpointer is not None:
            self._checkpointer.committed()
        for listener in self._listeners:
            listener()

    def check(self) -> None:
        """Raise StoreUnavailable when the database does not answer."""
        try:
            with self.reading() as connection:
                connection.execute(text("SELECT 1"))
        except DBAPIError as error:
            raise StoreUnavailable(shown(self.url), str(error.orig).strip().splitlines()[0]) from error

    def close(self) -> None:
        if self._checkpointer is not None:
            self._checkpointer.close()
        self.engine.dispose()


def insert_new(connection: Connection, table: Table, row: dict[str, Any]) -> bool:
    """Insert a row unless its key is there already; True when it was new."""
    done = connection.execute(_insert_new(table, connection.dialect.name), row)
    return done.first() is not None  # row counts of inserts are not reported by every driver


@cache
def _insert_new(table: Table, dialect: str) -> Any:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    return insert(table).on_conflict_do_nothing().returning(next(iter(table.primary_key.columns)))


def upsert(connection: Connection, table: Table, row: dict[str, Any], key: tuple[str, ...]) -> None:
    """Insert a row or replace the one with the same key."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    changed = {name: value for name, value in row.items() if name not in key}
    connection.execute(insert(table).values(**row).on_conflict_do_update(index_elements=list(key), set_=changed))
