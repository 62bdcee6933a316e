"""A board's console: what it said, kept in bounds, waiting for a word in it; and what is typed to it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

from simulators.virtual_board.events import BoardTimeout

KEPT_BYTES = 1 << 20
TYPED_BYTES_MAX = 4096


class Typed:
    """Bytes on their way to the interpreter's terminal; safe to add to from any thread."""

    def __init__(self) -> None:
        self._waiting = b""
        self._lock = threading.Lock()

    def add(self, data: bytes) -> None:
        """Type more."""
        with self._lock:
            self._waiting += data

    def full(self) -> bool:
        """Whether whoever types should wait."""
        return len(self._waiting) >= TYPED_BYTES_MAX

    def lose(self) -> None:
        """Nobody listens: what was typed is gone."""
        with self._lock:
            self._waiting = b""

    def give(self, terminal: int) -> None:
        """Write what the terminal takes."""
        with self._lock:
            if not self._waiting:
                return
            try:
                taken = os.write(terminal, self._waiting)
            except BlockingIOError:
                taken = 0
            except OSError:  # the interpreter has just ended: what was typed to it is gone, as on a board
                taken = len(self._waiting)
            self._waiting = self._waiting[taken:]


class Console:
    """The console's text so far; safe to read from any thread."""

    def __init__(self, on_output: Callable[[bytes], None] | None = None) -> None:
        self._kept = bytearray()
        self._forgotten = 0
        self._changed = threading.Condition()
        self._on_output = on_output

    def add(self, data: bytes) -> None:
        """Note what the board said."""
        with self._changed:
            self._kept += data
            surplus = len(self._kept) - KEPT_BYTES
            if surplus > 0:
                del self._kept[:surplus]
                self._forgotten += surplus
            self._changed.notify_all()
        if self._on_output is not None:
            self._on_output(data)

    def mark(self) -> int:
        """The present end, for `wait` and `text` to start from."""
        with self._changed:
            return self._forgotten + len(self._kept)

    def text(self, since: int = 0) -> str:
        """What was said since a mark."""
        with self._changed:
            return bytes(self._kept[max(0, since - self._forgotten) :]).decode("utf-8", "replace")

    def lines(self, since: int = 0) -> list[str]:
        """The whole lines since a mark."""
        return self.text(since).replace("\r\n", "\n").split("\n")[:-1]

    def wait(self, word: str, timeout_s: float = 10, since: int = 0) -> str:
        """Return the text since a mark once it holds the word; raise BoardTimeout after that time."""
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                text = bytes(self._kept[max(0, since - self._forgotten) :]).decode("utf-8", "replace")
                if word in text:
                    return text
                left = deadline - time.monotonic()
                if left <= 0:
                    raise BoardTimeout(f"{word!r} on the console", timeout_s, text)
                self._changed.wait(left)
