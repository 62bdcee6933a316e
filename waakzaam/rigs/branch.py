"""What would come of it: an action in a copy of this process, after which nothing has happened here."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Came = TypeVar("Came")


class BranchFailed(Exception):
    """The copy ended without an answer; its text says why."""


def in_a_branch(folder: Path, act: Callable[[], Came]) -> Came:
    """What `act()` returns, played in a copy of this process; the files of `folder` are as before when it is over.

    Files of `folder` that are open meanwhile would share their position with the copy's: have none.
    """
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(writing, act)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        if path not in kept:
            path.unlink()
    for path, held in kept.items():
        path.write_bytes(held)
    if not answer:
        raise BranchFailed("it ended without a word")
    done, came = pickle.loads(answer)
    if not done:
        raise BranchFailed(came)
    answered: Came = came
    return answered


def _answer(writing: int, act: Callable[[], Came]) -> None:
    """In the copy: never returns, whatever happens, so that nothing of the process before is done twice."""
    try:
        try:
            answer = pickle.dumps((True, act()))
        except BaseException as error:
            answer = pickle.dumps((False, f"{type(error).__name__}: {error}"))
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(answer)
    finally:
        os._exit(0)
