"""The real backend on a free port and a real Chromium before it, for the console's tests."""

from __future__ import annotations

import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from playwright.sync_api import Browser, Page, expect

from alarm_backend.app import create_app
from alarm_backend.services import Services
from alarm_backend.settings import Settings
from alarm_backend.store.database import Database
from alarm_backend.store.migrate import upgrade

TOKEN = "token-of-the-gateway-in-this-test"
PASSWORD = "long-enough-for-a-test"
START_TIMEOUT_S = 20
MAP_TIMEOUT_MS = 60_000
"""The map is drawn by software here, and two cores may have a whole test run to do beside it."""


def wall_ms() -> int:
    return time.time_ns() // 1_000_000


def rfc3339(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def wait_for(condition: Callable[[], bool], what: str, timeout_s: float = START_TIMEOUT_S) -> None:
    """Return when the condition holds; fail after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {timeout_s:g} s")
        threading.Event().wait(0.02)


@dataclass
class Backend:
    """A running backend, and the gateway's side of its API."""

    port: int
    services: Services
    sent: int = 0
    gateway: httpx.Client = field(
        default_factory=lambda: httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=10)
    )

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def send(self, method: str, path: str, document: dict[str, Any]) -> dict[str, Any]:
        """A call of the gateway; fails on anything but success."""
        answer = self.gateway.request(method, self.address + path, json=document)
        assert answer.status_code < 300, answer.text
        return dict(answer.json())

    def put_order(self, document: dict[str, Any]) -> None:
        self.send("PUT", "/api/v1/orders", {"schema": "waakzaam.orders/1", "orders": [document]})

    def transition(self, alarm_id: str = "alarm-1", kind: str = "proximity_alert", **facts: Any) -> dict[str, Any]:
        """One transition as the gateway would send it; what is not said is filled in."""
        self.sent += 1
        return {
            "idempotency_key": f"key-{self.sent}",
            "fix_received_ms": wall_ms(),
            "time": rfc3339(wall_ms()),
            "alarm_id": alarm_id,
            "order_id": "VL-2026-0001",
            "kind": kind,
            "transition": "raised",
            "level": "critical",
            "monitored": "M1",
            "protected": "P1",
            "zone_id": None,
            "distance_m": 640.0,
            "probability": 0.97,
            "reason": "distance",
            "evidence": {
                "engine": "geofence/1",
                "order_version": 1,
                "numbers": {"sd_m": 8.2, "closing_m_s": 2.1, "contact_low_s": 190.0, "approach": {"who": "monitored"}},
            },
            **facts,
        }

    def raise_alarm(self, alarm_id: str = "alarm-1", kind: str = "proximity_alert", **facts: Any) -> None:
        """Post one transition."""
        self.post([self.transition(alarm_id, kind, **facts)])

    def post(self, transitions: list[dict[str, Any]]) -> None:
        """Post transitions in one batch; each must be stored."""
        answer = self.send("POST", "/api/v1/transitions", {"transitions": transitions})
        assert all(result["status"] == "stored" for result in answer["results"]), answer

    def report_positions(self, positions: list[dict[str, Any]]) -> None:
        answer = self.send("POST", "/api/v1/positions", {"positions": positions})
        assert all(result["status"] in {"stored", "duplicate"} for result in answer["results"]), answer

    def beat(self) -> None:
        beat = {
            "source": "gateway-1",
            "time": rfc3339(wall_ms()),
            "journal_seq": 1,
            "outbox_depth": 0,
            "quarantined": 0,
        }
        self.send("POST", "/api/v1/heartbeats", beat)

    def add_person(
        self, username: str, role: Any = "operator", full_name: str = "An Peeters", password: str | None = None
    ) -> None:
        self.services.auth.add_user(username, full_name, role, password, actor="test")


@cache
def _migrated() -> bytes:
    """A SQLite file with every migration done: made once a process."""
    with tempfile.TemporaryDirectory(prefix="waakzaam-template-") as folder:
        path = Path(folder) / "template.db"
        database = Database(f"sqlite:///{path}")
        upgrade(database)
        database.close()
        return path.read_bytes()


@contextmanager
def running_backend(folder: Path, now_ms: Callable[[], int] = wall_ms, port: int = 0) -> Iterator[Backend]:
    """The whole backend on SQLite in `folder`, served by uvicorn in a thread."""
    path = folder / "waakzaam.db"
    if not path.exists():
        path.write_bytes(_migrated())
    settings = Settings(
        database_url=f"sqlite:///{path}",
        data_folder=folder,
        gateway_token=TOKEN,
        event_ping_ms=2_000,
        accept_unsigned_orders=True,
    )
    app = create_app(settings, now_ms)
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", lifespan="on", timeout_graceful_shutdown=2, ws="none")
    )
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    wait_for(lambda: server.started or not thread.is_alive(), "backend started")
    assert thread.is_alive(), "the backend ended at start"
    backend = Backend(listener.getsockname()[1], app.state.services)
    try:
        yield backend
    finally:
        backend.gateway.close()
        app.state.services.events.end()
        server.should_exit = True
        thread.join(10)
        listener.close()


def signed_in(
    browser: Browser,
    backend: Backend,
    username: str = "an",
    size: tuple[int, int] = (1440, 900),
    address: str = "",
    password: str | None = None,
    **context: Any,
) -> Page:
    """A page of a fresh browser context in which this person is signed in; errors of the page are collected.

    By a link, or with a password in the form: that costs the page of the form and two hashes.
    """
    options = {"viewport": {"width": size[0], "height": size[1]}, "locale": "nl-BE", **context}
    page = browser.new_context(**options).new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.wrong = wrong  # type: ignore[attr-defined]
    console = address or backend.address
    if password is None:
        page.goto(f"{console}/sign-in/{backend.services.auth.new_login_link(username, 'test')}")
        return page
    page.goto(console + "/login")
    page.fill("#username", username)
    page.fill("#password", password)
    page.click("main button.main")
    return page


def wait_for_map(page: Page) -> None:
    """Return when the map is drawn; fails at once when the browser libraries are not set up."""
    root = page.locator("main")
    assert root.get_attribute("data-base-layer"), "no browser libraries: run python -m alarm_backend.console.vendor"
    expect(page.locator("[data-map-ready]")).to_be_attached(timeout=MAP_TIMEOUT_MS)
