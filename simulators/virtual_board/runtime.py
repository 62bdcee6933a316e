"""One run of the firmware's interpreter: the MicroPython VM, or CPython where no VM can be had."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
import tty
from collections.abc import Mapping
from pathlib import Path

from simulators.virtual_board.peripherals import Peripherals
from simulators.virtual_board.storage import Storage

HERE = Path(__file__).resolve().parent
REAP_TIMEOUT_S = 10


class Run:
    """A running interpreter with its terminal, link and interrupt line. Ended by `kill`, given back by `reap`."""

    def __init__(
        self,
        vm: Path | None,
        flash: Storage,
        peripherals: Peripherals,
        heap_bytes: str,
        environment: Mapping[str, str],
    ) -> None:
        self.terminal, slave = os.openpty()
        tty.setraw(slave)
        os.set_blocking(self.terminal, False)
        self.link, link_there = socket.socketpair()
        self.interrupts, interrupts_there = socket.socketpair()
        self.interrupts.setblocking(False)
        lines = {unit: line.connect() for unit, line in peripherals.uarts.items()}
        self.uart_descriptors = {ours: peripherals.uarts[unit] for unit, (_, ours) in lines.items()}
        passed = (link_there.fileno(), interrupts_there.fileno(), *(theirs for theirs, _ in lines.values()))
        told = {
            **flash.environment(),
            "VB_LINK": str(link_there.fileno()),
            "VB_EVENTS": str(interrupts_there.fileno()),
            "VB_UARTS": ",".join(f"{unit}:{theirs}" for unit, (theirs, _) in lines.items()),
            **environment,
        }
        if vm is not None:
            command = [str(vm), "-X", f"heapsize={heap_bytes}", "-c", "import vboard_boot"]
            told["MICROPYPATH"] = ".frozen"
        else:
            command = [sys.executable, "-u", str(HERE / "cpython_runtime" / "start.py")]
            told["PYTHONDONTWRITEBYTECODE"] = "1"
        try:
            self._child = subprocess.Popen(
                command,
                env=told,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                pass_fds=passed,
                start_new_session=True,
                cwd="/",
            )
        finally:
            os.close(slave)
            link_there.close()
            interrupts_there.close()
        self.pid = self._child.pid
        # Readable once the process has ended; waiting on it needs no signal handler and no polling.
        self.ended = os.pidfd_open(self.pid)

    def kill(self) -> None:
        """End the interpreter at once, as a power cut does."""
        if self._child.returncode is None:
            self._child.send_signal(signal.SIGKILL)

    def worked_s(self) -> float:
        """Processor time that the interpreter has had."""
        # The kernel's clock id of another process: its number inverted above three bits that say which clock.
        return time.clock_gettime((~self.pid << 3) | 2)

    def runnable(self) -> bool:
        """Whether the interpreter wants the processor now, and does not wait for something."""
        stat = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii", errors="replace")
        return stat.rsplit(")", 1)[1].split()[0] == "R"

    def interrupt(self, number: int) -> None:
        """Raise an interrupt in the interpreter; lost when 200 KB of them are unread, as none of those is fresh."""
        try:
            self.interrupts.send(bytes([number]))
        except (BlockingIOError, BrokenPipeError, ConnectionResetError):
            return

    def read_terminal(self) -> bytes:
        """What the interpreter printed; empty when there is nothing (more)."""
        try:
            return os.read(self.terminal, 65536)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno == errno.EIO:  # the other end is closed: the interpreter has ended
                return b""
            raise

    def reap(self) -> int:
        """Wait for the end; give everything back. Returns the exit code, negative for a signal."""
        code = self._child.wait(REAP_TIMEOUT_S)
        for end in (self.link, self.interrupts):
            end.close()
        os.close(self.terminal)
        os.close(self.ended)
        return code
