"""A backend for tests and benchmarks that keeps what it is sent: a real HTTP server that can be told to fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from waakzaam.clock import wall_ms

TOKEN = "test-token"


class FakeBackend:
    """What arrived, by path; `down` answers 503 to everything."""

    def __init__(self) -> None:
        self.transitions: list[dict[str, Any]] = []
        self.alarm_delays_s: list[float] = []
        """Seconds from a fix's arrival at the gateway to its alarm's here, of persons who are too near."""
        self.positions: list[dict[str, Any]] = []
        self.heartbeats: list[dict[str, Any]] = []
        self.repeats = 0
        self.unauthorised = 0
        self.down = False
        self.url = ""
        self._known: set[str] = set()

    def take(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        now_ms = wall_ms()
        if path == "/api/v1/positions":
            self.positions += document["positions"]
        elif path == "/api/v1/heartbeats":
            self.heartbeats.append(document)
        elif path == "/api/v1/transitions":
            results = []
            for one in document["transitions"]:
                repeat = one["idempotency_key"] in self._known
                self.repeats += repeat
                if not repeat:
                    self._known.add(one["idempotency_key"])
                    self.transitions.append(one)
                    if one["kind"] == "proximity_alert" and one.get("fix_received_ms") is not None:
                        self.alarm_delays_s.append((now_ms - one["fix_received_ms"]) / 1000)
                status = "duplicate" if repeat else "stored"
                results.append({"idempotency_key": one["idempotency_key"], "status": status, "stored_ms": now_ms})
            return {"results": results}
        return {}

    def told(self, kind: str, transition: str) -> list[dict[str, Any]]:
        return [one for one in self.transitions if one["kind"] == kind and one["transition"] == transition]


@contextmanager
def running_backend() -> Iterator[FakeBackend]:
    """A fake backend that listens until the end of the block."""
    backend = FakeBackend()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, answer = 200, {}
            if backend.down:
                status = 503
            elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
                backend.unauthorised += 1
                status = 401
            else:
                answer = backend.take(self.path, json.loads(body))
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Says nothing: the test reads what arrived."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    backend.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield backend
    finally:
        server.shutdown()
        server.server_close()
