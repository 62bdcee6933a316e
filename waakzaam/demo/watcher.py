"""Listens to the console's event stream as a browser would, and notes when each alarm became visible."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

RECONNECT_S = 0.2


@dataclass(frozen=True)
class ServerEvent:
    """One server-sent event (WHATWG HTML, section 9.2)."""

    id: str
    name: str
    data: str


def parse_events(lines: Iterable[str]) -> Iterator[ServerEvent]:
    """Events of a `text/event-stream` body, given its lines without their ends."""
    last_id, name, data = "", "message", list[str]()
    for line in lines:
        if not line:
            if data:
                yield ServerEvent(last_id, name, "\n".join(data))
            name, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "id":
            last_id = value
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)


@dataclass(frozen=True)
class Sighting:
    """An event as it reached the console: its payload and the real clock (Unix ms) at that moment."""

    name: str
    payload: dict[str, Any]
    seen_ms: int


class Watcher:
    """A signed-in event-stream client in a thread; reconnects from the last event it saw."""

    def __init__(self, url: str, cookies: httpx.Cookies) -> None:
        self._url = url
        self._cookies = cookies
        self._ended = threading.Event()
        self._lock = threading.Condition()
        self._sightings: list[Sighting] = []
        self._last_id = ""
        self.reconnects = 0
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()

    def sightings(self, name: str = "") -> list[Sighting]:
        """What was seen so far, of one event name or of all."""
        with self._lock:
            return [sighting for sighting in self._sightings if name in ("", sighting.name)]

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._listen()
            except httpx.HTTPError:
                self.reconnects += 1
                self._ended.wait(RECONNECT_S)

    def _listen(self) -> None:
        headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": self._last_id} if self._last_id else {})
        timeout = httpx.Timeout(10.0, read=20.0)
        with httpx.stream("GET", self._url, headers=headers, cookies=self._cookies, timeout=timeout) as response:
            response.raise_for_status()
            for event in parse_events(response.iter_lines()):
                seen_ms = time.time_ns() // 1_000_000
                self._last_id = event.id or self._last_id
                with self._lock:
                    self._sightings.append(Sighting(event.name, json.loads(event.data), seen_ms))
                    self._lock.notify_all()
                if self._ended.is_set():
                    return
