"""A gateway of one's own for tests and benchmarks: its files, its processes, and how far its workers have come."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

STOP_TIMEOUT_S = 20.0


def write_files(folder: Path, orders: Mapping[str, Any], keys: Mapping[str, bytes], token: str) -> None:
    """Orders, keys and token as a gateway reads them."""
    folder.mkdir(parents=True, exist_ok=True)
    write_orders(folder, orders)
    text = {"schema": "waakzaam.keys/1", "keys": {device: key.hex() for device, key in keys.items()}}
    path = folder / "keys.json"
    path.write_text(json.dumps(text), encoding="utf-8")
    path.chmod(0o600)
    (folder / "token").write_text(token + "\n", encoding="utf-8")


def write_orders(folder: Path, orders: Mapping[str, Any]) -> None:
    """The orders, in one go also for a gateway that reads them at this moment."""
    part = folder / "orders.part"
    part.write_text(json.dumps(orders), encoding="utf-8")
    part.replace(folder / "orders.json")


def command(folder: Path, backend_url: str, *more: str, data: str = "data") -> list[str]:
    """`waakzaam gateway` on the files of the folder."""
    return [
        *(sys.executable, "-m", "waakzaam", "gateway", *more),
        *("--orders", str(folder / "orders.json"), "--keys", str(folder / "keys.json")),
        *("--token-file", str(folder / "token"), "--data", str(folder / data), "--backend", backend_url),
    ]


@contextmanager
def running(
    program: list[str], log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The program until the end of the block; what it says goes to `log`."""
    process = started(program, log, environment)
    try:
        yield process
    finally:
        end(process)


def started(program: list[str], log: Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """The program with `environment` added to this one's; `end` it."""
    with log.open("ab") as file:
        return subprocess.Popen(program, stdout=file, stderr=file, env={**os.environ, **(environment or {})})


def end(process: subprocess.Popen[bytes]) -> None:
    """Asks it to end, also when it is paused; kills it when it does not."""
    if process.poll() is None:
        process.send_signal(signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Partitioned:
    """A gateway of many workers on a NATS and a PostgreSQL that run, with the files in `folder`."""

    def __init__(self, folder: Path, nats_url: str, database: str, backend_url: str, partitions: int) -> None:
        self.folder, self.nats_url, self.backend_url, self.partitions = folder, nats_url, backend_url, partitions
        self.database = database.replace("+psycopg", "")

    def command(self, role: str, name: str, *more: str) -> list[str]:
        """An intake or a worker of this name."""
        shared = "--nats", self.nats_url, "--partitions", str(self.partitions)
        return command(self.folder, self.backend_url, "--role", role, "--source", name, *shared, *more, data=name)

    def start(self, role: str, name: str, *more: str, clock: str = "") -> subprocess.Popen[bytes]:
        environment = {"WAAKZAAM_GATEWAY_STORE": self.database, **({"WAAKZAAM_CLOCK": clock} if clock else {})}
        return started(self.command(role, name, *more), self.log(name), environment)

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def said(self, name: str) -> str:
        return self.log(name).read_text(encoding="utf-8")

    def ask(self, query: str) -> Any:
        with psycopg.connect(self.database, autocommit=True) as db:
            row = db.execute(query.encode()).fetchone()
        return None if row is None else row[0]

    def _count(self, query: str) -> int:
        """0 while there are no tables yet."""
        try:
            return int(self.ask(query))
        except psycopg.Error:
            return 0

    def journalled(self) -> int:
        """Messages that are in the journal."""
        return self._count("SELECT count(*) FROM gateway.inbox")

    def held_by(self, name: str) -> int:
        """Partitions that this worker has."""
        return self._count(f"SELECT count(*) FROM gateway.lease WHERE owner = '{name}'")

    def unsent(self) -> int:
        """Transitions that are not with the backend yet."""
        return self._count("SELECT count(*) FROM gateway.outbox WHERE NOT sent")
