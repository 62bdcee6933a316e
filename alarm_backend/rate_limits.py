"""How often anybody may ask: buckets that fill again with time, for addresses, sessions and doors that stand open.

The gateway's own token is never limited: an alarm is not turned away. Counted in this process.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from starlette.types import ASGIApp, Receive, Scope, Send

from alarm_backend.refusals import SENTENCES, filled

KEYS_MAX = 20_000
"""Buckets kept: the ones used longest ago go first, so that many addresses cannot fill the memory."""
OPEN_DOORS = (
    "/login",
    "/logout",
    "/sign-in",
    "/single-sign-on",
    "/api/v1/session",
    "/api/v1/feedback",
    "/experience",
    "/console/preferences",
)
"""What anybody may call without a session."""


@dataclass(frozen=True)
class Limit:
    """`burst` at once, and `per_s` for ever."""

    burst: float
    per_s: float


ADDRESS = Limit(2000, 400)
"""A control room behind one address: 20 consoles that all start again together. ASSUMED."""
SESSION = Limit(400, 50)
"""A console asks a few times a second; a script with somebody's session is slowed down. ASSUMED."""
OPEN = Limit(40, 1)
"""Signing in, feedback from a telephone, a wrong token: people, not machines. ASSUMED."""


class Buckets:
    """Token buckets by key; pure."""

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, float]] = {}

    def wait_s(self, key: str, limit: Limit, now_s: float) -> float:
        """Take one; 0 when there was one, else how long until there is."""
        left, at_s = self._left.pop(key, (limit.burst, now_s))
        left = min(limit.burst, left + (now_s - at_s) * limit.per_s)
        wait_s = 0.0 if left >= 1 else (1 - left) / limit.per_s
        self._left[key] = (left if wait_s else left - 1, now_s)
        if len(self._left) > KEYS_MAX:
            del self._left[next(iter(self._left))]
        return wait_s


class RateLimits:
    """ASGI middleware that answers 429 with `Retry-After` when a bucket is empty."""

    def __init__(
        self, app: ASGIApp, gateway_token: str, cookie: str, now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._app = app
        self._token = gateway_token.encode()
        self._cookie = cookie
        self._now_s = now_s
        self._buckets = Buckets()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wait_s = self._wait_s(scope) if scope["type"] == "http" else 0.0
        if not wait_s:
            await self._app(scope, receive, send)
            return
        values = {"seconds": f"{wait_s:.1f}"}
        detail = filled(SENTENCES["too_many_requests"], values)
        body = json.dumps({"detail": detail, "code": "too_many_requests", "values": values}).encode()
        headers = [(b"content-type", b"application/json"), (b"retry-after", str(int(wait_s) + 1).encode())]
        await send({"type": "http.response.start", "status": 429, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _wait_s(self, scope: Scope) -> float:
        headers = dict(scope["headers"])
        authorization = headers.get(b"authorization", b"")
        if authorization and secrets.compare_digest(authorization[-len(self._token) :], self._token):
            return 0.0
        now_s, address = self._now_s(), (scope.get("client") or ("",))[0]
        waits = [self._buckets.wait_s(f"address:{address}", ADDRESS, now_s)]
        path = scope["path"]
        if authorization or any(path == door or path.startswith(door + "/") for door in OPEN_DOORS):
            if scope["method"] != "GET" or path.startswith(("/sign-in", "/single-sign-on")) or authorization:
                waits.append(self._buckets.wait_s(f"open:{address}", OPEN, now_s))
        elif session := _session(headers.get(b"cookie", b""), self._cookie):
            waits.append(self._buckets.wait_s(f"session:{session}", SESSION, now_s))
        return max(waits)


def _session(header: bytes, name: str) -> str | None:
    """A short name of the session that the cookie is of; the token itself is not kept."""
    try:
        morsel = SimpleCookie(header.decode("latin-1")).get(name)
    except CookieError:
        return None
    return None if morsel is None else hashlib.sha256(morsel.value.encode()).hexdigest()[:16]
