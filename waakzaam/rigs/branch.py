"""What would come of it: an action in a copy of this process, after which nothing has happened here."""

from __future__ import annotations

import os
import pickle
import resource
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

Came = TypeVar("Came")
BRANCH_CPU_S = 120  # no test of a bracelet takes a tenth of it: more is a hang


class BranchFailed(Exception):
    """The copy ended without an answer; its text says why."""


class Copy(Generic[Came]):
    """`act()` at work in a copy of this process, which the kernel ends when it has computed for `cpu_s` seconds."""

    def __init__(self, act: Callable[[], Came], cpu_s: int) -> None:
        self.pipe, writing = os.pipe()
        self._child = os.fork()
        if self._child == 0:
            _answer(writing, act, cpu_s)
        os.close(writing)

    def came(self) -> Came:
        """What it returned, once it is over; BranchFailed when it returned nothing."""
        with os.fdopen(self.pipe, "rb") as pipe:
            answer = pipe.read()
        _, status = os.waitpid(self._child, 0)
        if not answer:
            raise BranchFailed(f"it ended without a word, {_how(status)}")
        done, came = pickle.loads(answer)
        if not done:
            raise BranchFailed(came)
        answered: Came = came
        return answered

    def end(self) -> None:
        """End it now, whatever it is at."""
        os.kill(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)
        os.close(self.pipe)


@dataclass(frozen=True)
class Task:
    """A piece of work for a process of its own; after `limit_s` it is ended."""

    name: str
    act: Callable[[], Any]
    limit_s: float


@dataclass(frozen=True)
class Ended:
    """What a task returned, or why it did not."""

    task: Task
    came: Any = None
    failed: str = ""


def in_processes(tasks: Sequence[Task], processes: int) -> Iterator[Ended]:
    """Every task, so many at a time and begun in this order, as each ends: none can take another with it or last."""
    waiting = list(tasks)
    running: dict[int, tuple[Task, Copy[Any], float]] = {}
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or running:
                while waiting and len(running) < processes:
                    task = waiting.pop(0)
                    copy = Copy(task.act, int(task.limit_s))
                    running[copy.pipe] = (task, copy, time.monotonic() + task.limit_s)
                    selector.register(copy.pipe, selectors.EVENT_READ)
                left_s = min(until for _, _, until in running.values()) - time.monotonic()
                for key, _ in selector.select(max(0.0, left_s)):
                    selector.unregister(key.fd)
                    task, copy, _ = running.pop(key.fd)
                    yield _ended(task, copy)
                for pipe in [pipe for pipe, (_, _, until) in running.items() if until <= time.monotonic()]:
                    selector.unregister(pipe)
                    task, copy, _ = running.pop(pipe)
                    copy.end()
                    yield Ended(task, failed=f"not over after {task.limit_s:g} s")
        finally:
            for _, copy, _ in running.values():
                copy.end()


def _ended(task: Task, copy: Copy[Any]) -> Ended:
    try:
        return Ended(task, copy.came())
    except BranchFailed as error:
        return Ended(task, failed=str(error) or "failed without a reason")


def in_a_branch(folder: Path, act: Callable[[], Came]) -> Came:
    """What `act()` returns, played in a copy of this process; the files of `folder` are as before when it is over.

    Files of `folder` that are open meanwhile would share their position with the copy's: have none.
    """
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    try:
        return Copy(act, BRANCH_CPU_S).came()
    finally:
        for path in [path for path in folder.rglob("*") if path.is_file()]:
            if path not in kept:
                path.unlink()
        for path, held in kept.items():
            path.write_bytes(held)


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"by signal {signal.Signals(os.WTERMSIG(status)).name}"
    return f"with status {os.WEXITSTATUS(status)}"


def _answer(writing: int, act: Callable[[], Came], cpu_s: int) -> NoReturn:
    """In the copy: never returns, whatever happens, so that nothing of the process before is done twice."""
    try:
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, most))
        try:
            answer = pickle.dumps((True, act()))
        except BaseException as error:
            answer = pickle.dumps((False, f"{type(error).__name__}: {error}"))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(answer)
    finally:
        os._exit(0)
