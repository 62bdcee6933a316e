"""What SQLite's log holds moves into the database file by itself, and the log stays bounded."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from alarm_backend.store import checkpoint
from alarm_backend.store.database import Database
from tests.support.backend import until


def _rows_without_the_log(path: Path, copy: Path) -> int:
    """What somebody reads who has the database file only."""
    shutil.copy(path, copy)
    with sqlite3.connect(f"file:{copy}?immutable=1", uri=True) as alone:
        try:
            return int(alone.execute("SELECT count(*) FROM t").fetchone()[0])
        except sqlite3.DatabaseError:
            return 0


def test_commits_reach_the_database_file_without_a_writer_doing_it(tmp_path: Path) -> None:
    path = tmp_path / "b.db"
    database = Database(f"sqlite:///{path}")
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE t (x)"))
    for number in range(20):
        with database.writing() as connection:
            connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": number})
    until(lambda: _rows_without_the_log(path, tmp_path / "copy.db") == 20, "the pages moved")
    database.close()


def test_a_log_that_grew_too_long_is_emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "LOG_BYTES_MAX", 10_000)
    path = tmp_path / "b.db"
    database = Database(f"sqlite:///{path}")
    with database.writing() as connection:
        connection.execute(text("CREATE TABLE t (x)"))
        connection.execute(text("INSERT INTO t VALUES (:x)"), {"x": "y" * 100_000})
    until(lambda: path.with_name("b.db-wal").stat().st_size == 0, "the log emptied")
    database.close()
