"""A NATS server with JetStream of one's own for tests and benchmarks, ended by its process id."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from waakzaam import lifeline, machine

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 10.0


class Server:
    """A running server; `url` is where it listens, also after `restart`."""

    def __init__(self, folder: Path) -> None:
        program = machine.find_nats()
        if program is None:
            raise FileNotFoundError("no nats-server: install nats-server")
        with socket.socket() as spare:
            spare.bind(("127.0.0.1", 0))
            self.port = int(spare.getsockname()[1])
        self.url = f"nats://127.0.0.1:{self.port}"
        self._command = [str(program), "-js", "-sd", str(folder), "-a", "127.0.0.1", "-p", str(self.port)]
        self._start()

    def _start(self) -> None:
        self._child = subprocess.Popen(
            lifeline.tied(self._command, signal.SIGKILL),  # a test run that is interrupted leaves no server
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=0.5).close()
                return
            except OSError:
                if self._child.poll() is not None or time.monotonic() > deadline:
                    raise
                self._child_pause()

    @staticmethod
    def _child_pause() -> None:
        time.sleep(0.02)

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._child.pid

    def restart(self) -> None:
        """Kills it and starts it on the same store."""
        self.stop()
        self._start()

    def stop(self) -> None:
        self._child.kill()
        self._child.wait(STOP_TIMEOUT_S)


@contextmanager
def running() -> Iterator[Server]:
    """A server for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="waakzaam-nats-"))
    server = Server(folder)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
