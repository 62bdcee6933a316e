"""Fixtures for tests of the alarm backend: a migrated database of both kinds, a clock to turn, signed-in clients.

Use it with `pytest_plugins = ("tests.support.backend",)`.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from alarm_backend.app import create_app
from alarm_backend.clocks import Clocks
from alarm_backend.services import Services
from alarm_backend.settings import Settings
from alarm_backend.store import migrate
from alarm_backend.store.database import Database
from tests.support import postgres

TOKEN = "test-token-" + "0123456789abcdef" * 2
GATEWAY = {"Authorization": f"Bearer {TOKEN}"}
START_MS = 1_780_000_000_000
TEMPLATE = "template_waakzaam"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """One PostgreSQL server per test process, with a migrated template."""
    with postgres.running() as server:
        server.execute(f"CREATE DATABASE {TEMPLATE}")
        database = Database(server.url(TEMPLATE))
        migrate.upgrade(database)
        database.close()
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    database.close()
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgres"))])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh, migrated database: each test runs on SQLite and on PostgreSQL."""
    if request.param == "sqlite":
        path = tmp_path / "backend.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    server: postgres.Server = request.getfixturevalue("postgres_server")
    return server.fresh(TEMPLATE)


@dataclass
class Clock:
    """A clock that moves when told."""

    ms: int = START_MS

    def __call__(self) -> int:
        return self.ms

    def forward(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)


@dataclass
class Backend:
    """A backend without a network, with a clock of its own."""

    app: FastAPI
    clock: Clock
    gateway: TestClient
    settings: Settings
    clients: dict[str, TestClient] = field(default_factory=dict)

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    def clock_pair(self) -> Clocks:
        """The clocks of this backend."""
        return self.services.clocks

    def client(self, role: str = "operator", name: str | None = None) -> TestClient:
        """A browser that is signed in, with its CSRF token set."""
        name = name or role
        if name not in self.clients:
            self.services.auth.add_user(name, name.title(), role, None, "test")  # type: ignore[arg-type]
            client = TestClient(self.app)
            link = self.services.auth.new_login_link(name, "test")
            assert client.get(f"/sign-in/{link}", follow_redirects=False).status_code == 303
            client.headers["X-CSRF-Token"] = client.get("/api/v1/session").json()["csrf"]
            self.clients[name] = client
        return self.clients[name]

    def post(self, *transitions: dict[str, Any]) -> list[dict[str, Any]]:
        """The gateway posts transitions; their results."""
        answer = self.gateway.post("/api/v1/transitions", json={"transitions": list(transitions)})
        assert answer.status_code == 200, answer.text
        results: list[dict[str, Any]] = answer.json()["results"]
        return results


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings of a backend under test."""
    return Settings(database_url=database_url, data_folder=tmp_path, gateway_token=TOKEN, accept_unsigned_orders=True)


@pytest.fixture
def backend(settings: Settings, clock: Clock) -> Iterator[Backend]:
    """A backend without its background watch: the test says when deadlines are looked at."""
    app = create_app(settings, clock, clock)
    with_token = TestClient(app)
    with_token.headers.update(GATEWAY)
    try:
        yield Backend(app, clock, with_token, settings)
    finally:
        app.state.services.database.close()


def transition(alarm_id: str = "a-1", what: str = "raised", **other: Any) -> dict[str, Any]:
    """A transition as the gateway sends it."""
    document: dict[str, Any] = {
        "time": "2026-05-28T20:26:40Z",
        "alarm_id": alarm_id,
        "order_id": "VL-2026-0001",
        "kind": "proximity_alert",
        "transition": what,
        "level": "critical",
        "monitored": "M1",
        "protected": "P1",
        "zone_id": None,
        "distance_m": 640.0,
        "probability": 0.93,
        "reason": "within 1000 m",
        "evidence": {"fixes": [1, 2]},
        "fix_received_ms": START_MS - 40,
        **other,
    }
    return {"idempotency_key": f"{alarm_id}:{what}:{document['level']}:{document['time']}", **document}


ORDERS: dict[str, Any] = {
    "schema": "waakzaam.orders/1",
    "orders": [
        {
            "order_id": "VL-2026-0001",
            "version": 1,
            "mandate_kind": "sentence_execution",
            "timezone": "Europe/Brussels",
            "valid_from": "2026-01-01T00:00:00Z",
            "valid_until": "2026-07-01T00:00:00Z",
            "monitored": {"person_id": "M1", "device_id": "trk-m1"},
            "protected": [{"person_id": "P1", "device_id": "trk-p1"}],
            "proximity": {"alert_distance_m": 1000, "prealert_distance_m": 2000},
            "zones": [
                {
                    "zone_id": "home",
                    "shape": {"type": "Circle", "center": [4.3517, 50.8466], "radius_m": 300},
                    "buffer_m": 200,
                }
            ],
        }
    ],
}


@dataclass
class LiveBackend:
    """The same backend behind a real socket."""

    url: str
    app: FastAPI

    @property
    def services(self) -> Services:
        services: Services = self.app.state.services
        return services

    def signed_in(self, role: str = "operator", name: str = "live") -> httpx.Client:
        """An HTTP client with a session."""
        self.services.auth.add_user(name, name, role, None, "test")  # type: ignore[arg-type]
        client = httpx.Client(base_url=self.url, timeout=10)
        client.get(f"/sign-in/{self.services.auth.new_login_link(name, 'test')}")
        client.headers["X-CSRF-Token"] = client.get("/api/v1/session").json()["csrf"]
        return client


@contextmanager
def served(settings: Settings, port: int = 0) -> Iterator[LiveBackend]:
    """A backend served by uvicorn, on the real clock, with its watch."""
    app = create_app(settings, lambda: time.time_ns() // 1_000_000)
    config = uvicorn.Config(app, port=port, log_level="error", access_log=False, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started, "uvicorn started")
    try:
        yield LiveBackend(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", app)
    finally:
        app.state.services.events.end()
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive(), "the server did not stop"


@pytest.fixture
def live(settings: Settings) -> Iterator[LiveBackend]:
    """A backend on a free port."""
    with served(settings) as backend:
        yield backend


def until(condition: Callable[[], bool], what: str, timeout_s: float = 10.0) -> None:
    """Return when the condition holds; fail after the timeout."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s} s"
        time.sleep(0.01)
