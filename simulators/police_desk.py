"""A police endpoint for CAP messages that can fail in every way an endpoint does.

It takes the same secret as the backend, checks the request's signature, keeps every message once by its
idempotency key, and answers as its `behaviour` says.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

BEHAVIOURS = (
    "receipt",
    "server_error",
    "not_found",
    "too_many",
    "redirect",
    "hang_up",
    "hang_up_after_storing",
    "silent",
    "drip",
    "drip_headers",
    "captive_portal",
    "unsigned_receipt",
    "wrong_secret",
    "wrong_identifier",
    "no_number",
    "not_json",
    "huge",
)
HELD_S = 30.0


class PoliceDesk:
    """Runs on a free loopback port while the `with` block lasts; set `behaviour` at any time."""

    def __init__(self, secret: str, behaviour: str = "receipt") -> None:
        self.secret = secret
        self.behaviour = behaviour
        self.messages: dict[str, bytes] = {}
        self.requests = 0
        self.bad_signatures = 0
        self._released = threading.Event()
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                desk.answer(self)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: the messages are in `messages`."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/cap"

    def __enter__(self) -> PoliceDesk:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def _mac(self, *parts: bytes) -> str:
        return hmac.new(self.secret.encode(), b".".join(parts), hashlib.sha256).hexdigest()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Check, keep, and behave."""
        self.requests += 1
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        identifier = request.headers.get("Idempotency-Key", "")
        stamp = request.headers.get("X-Waakzaam-Timestamp", "")
        if not hmac.compare_digest(self._mac(stamp.encode(), body), request.headers.get("X-Waakzaam-Signature", "")):
            self.bad_signatures += 1
            self._send(request, 401, b"bad signature")
            return
        special: dict[str, Callable[[], None]] = {
            "server_error": lambda: self._send(request, 500, b"oops"),
            "not_found": lambda: self._send(request, 404, b""),
            "too_many": lambda: self._send(request, 429, b"", {"Retry-After": "1"}),
            "redirect": lambda: self._send(request, 302, b"", {"Location": self.url}),
            "hang_up": lambda: self._hang_up(request),
            "silent": lambda: self._silent(request),
            "drip": lambda: self._drip(request),
            "drip_headers": lambda: self._drip(request, headers_end=False),
            "captive_portal": lambda: self._send(request, 200, b"<html>Welcome</html>"),
            "huge": lambda: self._send(request, 200, b"x" * 1_000_000),
        }
        act = special.get(self.behaviour)
        if act is not None:
            act()
            return
        self.messages.setdefault(identifier, body)
        if self.behaviour == "hang_up_after_storing":
            self._hang_up(request)
            return
        self._receipt(request, identifier)

    def _receipt(self, request: BaseHTTPRequestHandler, identifier: str) -> None:
        number = hashlib.sha256(identifier.encode()).hexdigest()[:12]
        document = {"identifier": identifier, "receipt": f"PV-{number}"}
        if self.behaviour == "wrong_identifier":
            document["identifier"] = "another"
        if self.behaviour == "no_number":
            document["receipt"] = ""
        content = b"received" if self.behaviour == "not_json" else json.dumps(document).encode()
        sealed = {} if self.behaviour == "unsigned_receipt" else {"X-Waakzaam-Receipt-Signature": self._mac(content)}
        if self.behaviour == "wrong_secret":
            sealed = {"X-Waakzaam-Receipt-Signature": "0" * 64}
        self._send(request, 200, content, sealed)

    @staticmethod
    def _send(request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        try:
            request.send_response(status)
            for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
                request.send_header(name, value)
            request.end_headers()
            request.wfile.write(body)
        except OSError:
            request.close_connection = True  # the other side has left: that is its right

    @staticmethod
    def _hang_up(request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        request.connection.close()

    def _silent(self, request: BaseHTTPRequestHandler) -> None:
        self._released.wait(HELD_S)
        request.close_connection = True

    def _drip(self, request: BaseHTTPRequestHandler, *, headers_end: bool = True) -> None:
        """A byte now and then, for ever: of the body, or of a header before it."""
        try:
            request.send_response(200)
            request.send_header("Content-Length", "100000")
            if headers_end:
                request.end_headers()
            else:
                request.flush_headers()
            while not self._released.wait(0.05):
                request.wfile.write(b" ")
                request.wfile.flush()
        except OSError:
            request.close_connection = True
