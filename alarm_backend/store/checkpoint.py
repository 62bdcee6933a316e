"""Moves what SQLite's log holds into the database file, beside the writers instead of inside one of their commits.

Left to itself SQLite does this in the commit that makes the log 1,000 pages long: that commit, and the alarm in it,
waits for two more writes to the disk. Durability is the same either way: a commit is on the disk, in the log, before it
returns.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from pathlib import Path

LATE_S = 0.5
"""How long after a commit its pages are moved; meanwhile the commits gather. ASSUMED."""
LOG_BYTES_MAX = 64 * 1024 * 1024
"""A log this long is emptied while writers wait: under a load that never pauses it would grow for ever otherwise."""
PAGES_MAX = 50_000
"""SQLite's own limit, as the safety net should this thread die (200 MB of log)."""

log = logging.getLogger(__name__)


class Checkpointer:
    """One thread on one SQLite file; starts with the first commit, ends with `close`."""

    def __init__(self, path: Path, writer: threading.Lock) -> None:
        self._path = path
        self._writer = writer
        self._committed = threading.Event()
        self._ending = threading.Event()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def committed(self) -> None:
        """There is something to move."""
        self._committed.set()
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """End the thread; what is still in the log stays there, and is read from there."""
        self._ending.set()
        self._committed.set()
        if self._thread is not None:
            self._thread.join(10)

    def _run(self) -> None:
        while True:
            self._committed.wait()
            if self._ending.wait(LATE_S):
                return
            self._committed.clear()
            try:
                self._move()
            except sqlite3.Error as error:  # a full disk: commits say so themselves; try again after the next
                log.warning("the log of the database could not be moved: %s", error)

    def _move(self) -> None:
        connection = sqlite3.connect(self._path, timeout=1)
        try:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            log_file = self._path.with_name(self._path.name + "-wal")
            if log_file.exists() and log_file.stat().st_size > LOG_BYTES_MAX:
                with self._writer:
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            connection.close()
