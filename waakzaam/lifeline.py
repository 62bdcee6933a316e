"""A process that ends with the one that started it, however that one ended (Linux: its parent-death signal)."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import sys
from types import FrameType

VARIABLE = "WAAKZAAM_ENDS_WITH"
_PR_SET_PDEATHSIG = 1


def tied(command: list[str], number: signal.Signals) -> list[str]:
    """The command of a program that is not ours, to get that signal when the thread that starts it is gone."""
    setpriv = shutil.which("setpriv")  # of util-linux, on every Debian
    return [setpriv, "--pdeathsig", number.name.removeprefix("SIG"), "--", *command] if setpriv else command


def hold() -> None:
    """End this process with the one named in WAAKZAAM_ENDS_WITH (a process id), when that is its parent's."""
    parent = os.environ.pop(VARIABLE, "")
    if not parent.isdigit():
        return
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != int(parent):  # gone already, before the kernel was asked
        os.kill(os.getpid(), signal.SIGTERM)


def leave_on(*numbers: signal.Signals) -> None:
    """From now on the first of these signals ends the program as Ctrl-C does: what it started is ended before."""

    def leave(number: int, frame: FrameType | None) -> None:
        for one in numbers:
            signal.signal(one, signal.SIG_IGN)  # the clearing up is not to be cut short by a second one
        raise KeyboardInterrupt

    for one in numbers:
        signal.signal(one, leave)
