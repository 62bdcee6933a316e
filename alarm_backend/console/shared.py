"""What several consoles ask for at one moment, made once."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from fastapi import Request, Response

SHARED_S = 0.25
"""Consoles that hear of an alarm ask about it a quarter of a second later, all at once: one answer serves them.

No longer than they wait (`GATHER_MS` in console.js): an answer that was made before a console heard of the alarm could
lack a position that its stream had passed already.
"""

Made = TypeVar("Made")


class Shared(Generic[Made]):
    """What was made in the last moment, by what it answers.

    One at a time: ten threads that make the same thing at once take turns with the thread that takes alarms in.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: dict[Hashable, tuple[float, Made]] = {}

    def of(self, asked: Hashable, make: Callable[[], Made]) -> Made:
        """That of a moment ago, or a new one that those who ask meanwhile wait for."""
        with self._lock:
            now_s = time.monotonic()
            self._made = {key: kept for key, kept in self._made.items() if now_s - kept[0] < SHARED_S}
            if asked not in self._made:
                self._made[asked] = (now_s, make())
            return self._made[asked][1]


@dataclass(frozen=True)
class Packed:
    """An answer, written and packed once for all who ask."""

    plain: bytes
    gzipped: bytes

    @classmethod
    def of(cls, plain: bytes) -> Packed:
        """Packed; only what repeats nothing the caller sent may be: a secret beside chosen text leaks (BREACH)."""
        return cls(plain, gzip.compress(plain, 6, mtime=0))

    def answer(self, request: Request, media_type: str, headers: dict[str, str]) -> Response:
        """As this browser takes it."""
        headers = headers | {"Vary": "Accept-Encoding"}
        if "gzip" in request.headers.get("accept-encoding", ""):
            return Response(self.gzipped, headers=headers | {"Content-Encoding": "gzip"}, media_type=media_type)
        return Response(self.plain, headers=headers, media_type=media_type)
