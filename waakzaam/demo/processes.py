"""Starts the demo's processes, waits until each is ready, and ends what it started."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from waakzaam import lifeline
from waakzaam.exits import BadInput

READY_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 8.0
POLL_S = 0.05


class DemoFailed(Exception):
    """A part of the demo did not start or died; says which and shows its last words."""


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nothing listens on at this moment."""
    with socket.socket() as listener:
        listener.bind((host, 0))
        return int(listener.getsockname()[1])


def require_free(host: str, port: int, option: str) -> None:
    """Raise BadInput when somebody already listens on that port."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise BadInput(
                f"{host}:{port}", f"cannot listen: {error.strerror}", f"choose another with {option}"
            ) from None


def listening(host: str, port: int) -> bool:
    """Whether a connection to that port is taken."""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Return when the condition holds; raise DemoFailed after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise DemoFailed(f"{what}: not within {timeout_s:g} s")
        time.sleep(POLL_S)


class Process:
    """One `waakzaam` command in a process of its own, its output kept in a log file."""

    def __init__(self, name: str, arguments: list[str], log: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as sink:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "waakzaam", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment, lifeline.VARIABLE: str(os.getpid())},
                start_new_session=True,
            )

    @property
    def alive(self) -> bool:
        return self._child.poll() is None

    def last_words(self, lines: int = 5) -> str:
        """The end of its log, for an error message."""
        return " | ".join(self.log.read_text(errors="replace").strip().splitlines()[-lines:])

    def wait_ready(self, ready: Callable[[], bool], timeout_s: float = READY_TIMEOUT_S) -> None:
        """Return when `ready` holds; raise DemoFailed when the process ends or the time is over."""

        def ready_or_dead() -> bool:
            if not self.alive:
                raise DemoFailed(f"{self.name} ended at start: {self.last_words()}")
            return ready()

        wait_until(ready_or_dead, timeout_s, f"{self.name} ready")

    def stop(self) -> None:
        """Ask it to end; kill it when it does not."""
        if self.alive:
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()


class Processes:
    """The demo's processes as a group: what was started last is stopped first."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self.environment = environment
        self._running: list[Process] = []

    def start(self, name: str, arguments: list[str], ready: Callable[[], bool]) -> Process:
        """Start one and wait until it is ready."""
        process = Process(name, arguments, self._folder / f"{name}.log", self.environment)
        self._running.append(process)
        process.wait_ready(ready)
        return process

    def check(self) -> None:
        """Raise DemoFailed when one has died meanwhile."""
        for process in self._running:
            if not process.alive:
                raise DemoFailed(f"{process.name} died: {process.last_words()}")

    def stop(self) -> None:
        """End all of them."""
        for process in reversed(self._running):
            process.stop()
