"""Online backup of the database to one file, and restore into an empty one, with the audit chain checked each time."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from pathlib import Path

from sqlalchemy.engine import make_url

from alarm_backend.errors import AlarmBackendError
from alarm_backend.store.database import Database

TIMEOUT_S = 3600


class BackupFailed(AlarmBackendError):
    """The backup or restore was not done; nothing half-written is left."""

    def __init__(self, where: str, reason: str) -> None:
        self.where = where
        super().__init__("backup_failed", where=where, reason=reason)
        self.reason = reason


def backup(database: Database, target: Path, programs: Path | None = None) -> int:
    """Write a consistent copy while the backend runs; its size in bytes. Raises BackupFailed.

    SQLite: an ordinary database file. PostgreSQL: pg_dump's custom format (`programs` = folder of pg_dump).
    """
    if target.exists():
        raise BackupFailed(str(target), "is there already")
    partial = target.with_name(target.name + ".partial")
    try:
        if database.dialect == "sqlite":
            with sqlite3.connect(_sqlite_path(database)) as source, sqlite3.connect(partial) as sink:
                source.backup(sink)
            source.close()
            sink.close()
        else:
            _program(programs, "pg_dump", "--format=custom", f"--file={partial}", _libpq(database))
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(target)
    except (sqlite3.Error, OSError) as error:
        raise BackupFailed(str(target), str(error)) from error
    finally:
        partial.unlink(missing_ok=True)
    return target.stat().st_size


def restore(database: Database, source: Path, programs: Path | None = None) -> None:
    """Bring a backup into an empty database. Raises BackupFailed."""
    if not source.is_file():
        raise BackupFailed(str(source), "no such file")
    if database.dialect == "sqlite":
        path = Path(_sqlite_path(database))
        if path.exists() and path.stat().st_size > 0:
            raise BackupFailed(str(path), "is not empty: restore into a new file")
        partial = path.with_name(path.name + ".partial")
        try:
            with sqlite3.connect(f"file:{source}?mode=ro", uri=True) as kept, sqlite3.connect(partial) as sink:
                if kept.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                    raise BackupFailed(str(source), "the backup is damaged")
                kept.backup(sink)
            kept.close()
            sink.close()
            partial.replace(path)
        except (sqlite3.Error, OSError) as error:
            raise BackupFailed(str(source), str(error)) from error
        finally:
            partial.unlink(missing_ok=True)
        return
    _program(
        programs, "pg_restore", "--exit-on-error", "--single-transaction", f"--dbname={_libpq(database)}", str(source)
    )


def _sqlite_path(database: Database) -> str:
    path = make_url(database.url).database
    assert path is not None
    return path


def _libpq(database: Database) -> str:
    return make_url(database.url).set(drivername="postgresql").render_as_string(hide_password=False)


def _program(folder: Path | None, name: str, *arguments: str) -> None:
    command = str(folder / name) if folder else name
    try:
        done = subprocess.run([command, *arguments], capture_output=True, text=True, check=False, timeout=TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackupFailed(name, str(error)) from error
    if done.returncode != 0:
        raise BackupFailed(name, (done.stderr.strip().splitlines() or ["failed"])[-1])
