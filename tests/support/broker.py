"""Real brokers for tests: each on its own port, in a process of its own, ended by its id."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

START_TIMEOUT_S = 90.0


@dataclass(frozen=True)
class BrokerAddress:
    """Where a broker listens."""

    host: str
    port: int


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for_port(host: str, port: int, process: subprocess.Popen[bytes] | None = None) -> None:
    """Return when something listens there; fail when the process ends or the time is over."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            with socket.create_connection((host, port), timeout=0.5):
                return
        except OSError:
            ended = process is not None and process.poll() is not None
            if ended or time.monotonic() > deadline:
                pytest.fail(f"nothing listens on {host}:{port}")
            time.sleep(0.02)


@contextmanager
def running_broker(kind: str, folder: Path, port: int | None = None) -> Iterator[BrokerAddress]:
    """`waakzaam broker` in a process of its own; kind is `embedded` or `mosquitto`."""
    address = BrokerAddress("127.0.0.1", port or free_port())
    command = [sys.executable, "-m", "waakzaam", "broker", "--kind", kind, "--port", str(address.port)]
    process = subprocess.Popen([*command, "--data", str(folder)], stderr=subprocess.DEVNULL)
    try:
        wait_for_port(address.host, address.port, process)
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def embedded_broker(tmp_path: Path) -> Iterator[BrokerAddress]:
    """The embedded broker on a free port."""
    with running_broker("embedded", tmp_path / "broker") as address:
        yield address


@pytest.fixture
def mosquitto_broker(tmp_path: Path) -> Iterator[BrokerAddress]:
    """Mosquitto on a free port (mark the test with needs("mosquitto"))."""
    with running_broker("mosquitto", tmp_path / "broker") as address:
        yield address
