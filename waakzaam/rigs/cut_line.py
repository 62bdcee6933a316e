"""A network line between two processes that can be cut, frozen and mended, and that counts what it carried."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator

CHUNK = 65536


class Line:
    """A TCP relay on a free port. `received_bytes` counts what the browser got, headers included."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._cut = False
        self._flowing = threading.Event()
        self._flowing.set()
        self.received_bytes = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Close every connection and refuse new ones."""
        self._cut = True
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def freeze(self) -> None:
        """Keep the connections and carry nothing: the worst kind of break, because nobody is told."""
        self._flowing.clear()

    def mend(self) -> None:
        """Carry again."""
        self._cut = False
        self._flowing.set()

    def close(self) -> None:
        self._flowing.set()
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if self._cut:
                near.close()
                continue
            try:
                far = socket.create_connection(("127.0.0.1", self._target_port), timeout=5)
            except OSError:
                near.close()
                continue
            pair = (near, far)
            with self._lock:
                self._pairs.add(pair)
            threading.Thread(target=self._carry, args=(pair,), daemon=True).start()

    def _carry(self, pair: tuple[socket.socket, socket.socket]) -> None:
        near, far = pair
        try:
            while True:
                ready, _, _ = select.select(pair, [], [])
                self._flowing.wait()
                for end in ready:
                    data = end.recv(CHUNK)
                    if not data:
                        return
                    (far if end is near else near).sendall(data)
                    if end is far:
                        self.received_bytes += len(data)
        except OSError:
            return
        finally:
            with self._lock:
                self._pairs.discard(pair)
            near.close()
            far.close()


@contextlib.contextmanager
def line_to(port: int) -> Iterator[Line]:
    """A line to a local port."""
    line = Line(port)
    try:
        yield line
    finally:
        line.close()
