"""What a command or a test run has started does not outlive it, however it was ended."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from waakzaam.rigs.postgres import ServerAway, running

STARTED_WITHIN_S = 120
GONE_WITHIN_S = 30
# A test run's part: a server of its own, then nothing but waiting.
POSTGRES_USER = """
import signal
from waakzaam.rigs.postgres import running
with running() as server:
    print(server._child.pid, server._folder, flush=True)
    signal.pause()
"""
DEMO_PART = """
import pathlib, signal, sys
from waakzaam.demo.processes import Processes, free_port, listening
port = free_port()
folder = pathlib.Path(sys.argv[1])
broker = ["broker", "--kind", "embedded", "--port", str(port), "--data", str(folder / "broker")]
process = Processes(folder, {}).start("broker", broker, lambda: listening("127.0.0.1", port))
print(process._child.pid, flush=True)
signal.pause()
"""


def started(script: str, *arguments: str) -> tuple[subprocess.Popen[str], list[str]]:
    """A process that runs it, and the words of its first line."""
    run = subprocess.Popen([sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    words = run.stdout.readline().split()
    run.stdout.close()
    return run, words


def children(pid: int) -> list[int]:
    """The processes that this one has started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def gone(pidfd: int) -> bool:
    """Whether the process ends in time."""
    return bool(select.select([pidfd], [], [], GONE_WITHIN_S)[0])


def test_a_demo_that_is_asked_to_end_ends_what_it_started(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "waakzaam", "demo", "--headless", "--data", str(tmp_path / "demo")]
    demo = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + STARTED_WITHIN_S
        while not (tmp_path / "demo" / "broker.log").exists() or not children(demo.pid):
            assert demo.poll() is None
            assert time.monotonic() < deadline
            select.select([], [], [], 0.02)
        pidfds = [os.pidfd_open(pid) for pid in children(demo.pid)]
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(GONE_WITHIN_S) == 130
        assert all(gone(pidfd) for pidfd in pidfds)
    finally:
        demo.kill()
        demo.wait()


def test_what_the_demo_started_ends_when_the_demo_is_killed(tmp_path: Path) -> None:
    run, (pid,) = started(DEMO_PART, str(tmp_path))
    broker = os.pidfd_open(int(pid))
    run.kill()
    run.wait()
    assert gone(broker)


@pytest.mark.needs("postgres")
def test_a_test_run_that_is_killed_leaves_no_database_server() -> None:
    run, (pid, folder) = started(POSTGRES_USER)
    server = os.pidfd_open(int(pid))
    run.kill()
    run.wait()
    assert gone(server)
    subprocess.run(["rm", "-r", folder], check=True)


@pytest.mark.needs("postgres")
def test_a_database_server_that_ends_by_itself_is_told_with_its_log() -> None:
    rig = running()
    server = rig.__enter__()
    pidfd = os.pidfd_open(server.pid)
    os.kill(server.pid, signal.SIGQUIT)
    assert gone(pidfd)
    with pytest.raises(ServerAway, match=r"(?s)does not answer.*received immediate shutdown request"):
        server.execute("SELECT 1")
    with pytest.raises(ServerAway, match=r"(?s)ended by itself.*received immediate shutdown request"):
        rig.__exit__(None, None, None)
