"""The board's USB port as the user sees it: a pseudo-terminal, or a TCP socket (`socket://` of pyserial)."""

from __future__ import annotations

import os
import selectors
import socket
import tty
from collections.abc import Callable

# A USB-serial bridge with nobody listening throws bytes away instead of stopping the board.
PATIENCE_S = 0.25


class Port:
    """A byte stream to the user. `readable` are the descriptors to wait on; `read` takes what the user sent."""

    name = ""

    def read(self, fd: int) -> bytes:
        raise OSError("no such port")

    def write(self, data: bytes) -> None:
        """Give bytes to the user; never blocks for longer than PATIENCE_S."""

    def readable(self) -> tuple[int, ...]:
        return ()

    def close(self) -> None:
        """Give everything back."""


def _write_patiently(fd: int, data: bytes, patience_s: float) -> int:
    """Write; wait at most that long for room. Returns how many bytes were taken."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
            continue
        except BlockingIOError:
            pass
        with selectors.DefaultSelector() as selector:
            selector.register(fd, selectors.EVENT_WRITE)
            if not selector.select(patience_s):
                break
    return len(data) - len(view)


class PtyPort(Port):
    """A pseudo-terminal; `name` is the device path."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.name = os.ttyname(self._slave)
        self._listened = True

    def readable(self) -> tuple[int, ...]:
        return (self._master,)

    def read(self, fd: int) -> bytes:
        try:
            return os.read(fd, 4096)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> None:
        # Once nobody listened, do not wait again until somebody reads: the board would crawl.
        taken = _write_patiently(self._master, data, PATIENCE_S if self._listened else 0)
        self._listened = taken == len(data)

    def close(self) -> None:
        os.close(self._master)
        os.close(self._slave)


class SocketPort(Port):
    """A TCP port for one user at a time; `name` is the socket:// address."""

    def __init__(self, port: int = 0, host: str = "127.0.0.1") -> None:
        self._listener = socket.create_server((host, port))
        self._listener.setblocking(False)
        self._user: socket.socket | None = None
        self.port = self._listener.getsockname()[1]
        self.name = f"socket://{host}:{self.port}"

    def readable(self) -> tuple[int, ...]:
        user = (self._user.fileno(),) if self._user is not None else ()
        return (self._listener.fileno(), *user)

    def read(self, fd: int) -> bytes:
        if fd == self._listener.fileno():
            user, _ = self._listener.accept()
            user.setblocking(False)
            user.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._leave()
            self._user = user
            return b""
        if self._user is None:
            return b""
        try:
            data = self._user.recv(4096)
            # The client's small writes wait for our acknowledgements (Nagle); 40 ms each makes a copy crawl.
            self._user.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        except BlockingIOError:
            return b""
        except ConnectionError:
            data = b""
        if not data:
            self._leave()
        return data

    def write(self, data: bytes) -> None:
        if self._user is None:
            return
        try:
            if _write_patiently(self._user.fileno(), data, PATIENCE_S) < len(data):
                self._leave()
        except ConnectionError:
            self._leave()

    def _leave(self) -> None:
        if self._user is not None:
            self._user.close()
            self._user = None

    def close(self) -> None:
        self._leave()
        self._listener.close()


def open_port(kind: str | None, number: int = 0) -> Port:
    """`pty`, `socket` or None (no port: the console is only kept)."""
    kinds: dict[str | None, Callable[[], Port]] = {None: Port, "pty": PtyPort, "socket": lambda: SocketPort(number)}
    return kinds[kind]()
