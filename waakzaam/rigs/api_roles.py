"""The whole API, called as every role with whatever its description allows, and with whatever it forbids.

A place is made with data that not everybody may see: each planted word belongs to a class, and a class to the roles
that may see it. Every answer, page or document, is searched for every planted word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.python.asgi import shutdown_lifespans
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from alarm_backend import console
from alarm_backend.app import create_app
from alarm_backend.auth.schemas import ROLES
from alarm_backend.people.schemas import Identity
from alarm_backend.settings import Settings
from alarm_backend.store import migrate

GATEWAY, NOBODY = "gateway", "nobody"
EVERY_CALLER = (*ROLES, GATEWAY, NOBODY)
STARTS_MS = 1_780_000_000_000
TOKEN = "planted-gateway-token-0123456789abcdef"
CONTRACT = [
    status_code_conformance,
    response_schema_conformance,
    content_type_conformance,
    response_headers_conformance,
]
OPERATORS = frozenset({"operator", "supervisor"})

SEEN_BY: dict[str, tuple[tuple[str, ...], frozenset[str]]] = {
    "identity": (("Plantyn-Verborgen", "0470 55 66 77", "Moretus-Geheim", "0470 88 99 00"), OPERATORS),
    "position": (("50.81234", "4.31234", "50.82345", "4.32345"), OPERATORS),
    "zone of an order": (("50.83456", "4.33456"), OPERATORS | {"case_manager", GATEWAY}),
    "words of an operator": (("planted-note-of-an-operator",), OPERATORS),
    "numbers of a decision": (("planted-evidence",), OPERATORS),
    "secret": ((TOKEN, "$argon2id$", "planted-password-123"), frozenset()),
}
"""Class of data: the planted words, and the roles that may see them."""
OPEN_TO_ANYBODY = frozenset(
    {
        "/health",
        "/ready",
        "/openapi.json",
        "/login",
        "/wearer",
        "/console/preferences",
        "/experience",
        "/api/v1/feedback",
    }
)
IDENTITIES = {
    "alarm_id": "planted-alarm",
    "order_id": "VL-2026-0001",
    "person_id": "P1",
    "device_id": "trk-m1",
    "record_id": "planted-record",
    "incident_id": "i-planted-alarm",
}


class TurningClock:
    """A clock that goes on by itself, a little at each look, so that nothing depends on this machine."""

    def __init__(self) -> None:
        self.ms = STARTS_MS

    def __call__(self) -> int:
        self.ms += 1
        return self.ms


@dataclass
class Findings:
    """What was found wrong, as one line each."""

    calls: int = 0
    server_errors: list[str] = field(default_factory=list)
    contract_violations: list[str] = field(default_factory=list)
    leaks: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    """Classes of planted data that were met by somebody who may: proof that the search can find them."""

    def add(self, other: Findings) -> None:
        self.calls += other.calls
        self.server_errors += other.server_errors
        self.contract_violations += other.contract_violations
        self.leaks += other.leaks
        self.seen |= other.seen

    def search(self, role: str, where: str, text: str, sent: str = "") -> None:
        """Look for planted data in an answer; what the caller sent itself is no leak."""
        for what, (words, roles) in SEEN_BY.items():
            if any(word in text and word not in sent for word in words):
                if role in roles:
                    self.seen.add(what)
                else:
                    self.leaks.append(f"{where}: {what}")


class Place:
    """A backend with planted data, and callers of every role."""

    def __init__(self, database_url: str, folder: Path) -> None:
        settings = Settings(
            database_url=database_url,
            data_folder=folder,
            gateway_token=TOKEN,
            identity_key=b"planted-identity-key-32-bytes-ok",
            accept_unsigned_orders=True,
            rate_limits=False,
        )
        clock = TurningClock()
        self.app = create_app(settings, clock, clock)
        self.services = self.app.state.services
        migrate.upgrade(self.services.database)
        self.gateway = TestClient(self.app, headers={"Authorization": f"Bearer {TOKEN}"})
        self.clients: dict[str, TestClient] = {}
        for role in ROLES:
            self.services.auth.add_user(role, role.title(), role, "planted-password-123", "rig")
        self._plant()
        self.description = schemathesis.openapi.from_asgi("/openapi.json", self.app)

    def _plant(self) -> None:
        at = datetime.fromtimestamp(STARTS_MS / 1000, UTC).isoformat(timespec="milliseconds")
        zone = {"zone_id": "home", "shape": {"type": "Circle", "center": [4.33456, 50.83456], "radius_m": 300}}
        order = {
            "order_id": "VL-2026-0001",
            "version": 1,
            "mandate_kind": "sentence_execution",
            "timezone": "Europe/Brussels",
            "valid_from": "2026-01-01T00:00:00Z",
            "valid_until": "2027-01-01T00:00:00Z",
            "monitored": {"person_id": "M1", "device_id": "trk-m1"},
            "protected": [{"person_id": "P1", "device_id": "trk-p1"}],
            "proximity": {"alert_distance_m": 1000, "prealert_distance_m": 2000},
            "zones": [{**zone, "buffer_m": 200}],
        }
        position = {"order_id": "VL-2026-0001", "fix_time": at, "horizontal_accuracy_m": 8.0}
        parties = (("M1", "trk-m1", "monitored", 50.81234, 4.31234), ("P1", "trk-p1", "protected", 50.82345, 4.32345))
        alarm = {
            "idempotency_key": "planted-alarm:raised",
            "time": at,
            "alarm_id": "planted-alarm",
            "order_id": "VL-2026-0001",
            "kind": "proximity_alert",
            "transition": "raised",
            "level": "critical",
            "monitored": "M1",
            "protected": "P1",
            "distance_m": 640.0,
            "probability": 0.93,
            "reason": "within 1000 m",
            "evidence": {"engine": "planted-evidence", "fixes": [[50.81234, 4.31234, 8.0]]},
        }
        for method, path, body in (
            ("PUT", "/api/v1/orders", {"schema": "waakzaam.orders/1", "orders": [order]}),
            (
                "POST",
                "/api/v1/positions",
                {
                    "positions": [
                        position | {"person_id": person, "device_id": device, "role": role, "lat": lat, "lon": lon}
                        for person, device, role, lat, lon in parties
                    ]
                },
            ),
            ("POST", "/api/v1/transitions", {"transitions": [alarm]}),
        ):
            self.gateway.request(method, path, json=body).raise_for_status()
        for person, name, phone in (
            ("M1", "Plantyn-Verborgen", "0470 55 66 77"),
            ("P1", "Moretus-Geheim", "0470 88 99 00"),
        ):
            self.services.people.put(person, Identity(full_name=name, phone=phone), "rig")
        note = {"note": "planted-note-of-an-operator"}
        self.as_role("operator").post("/api/v1/alarms/planted-alarm/acknowledge", json=note).raise_for_status()

    def as_role(self, role: str) -> TestClient:
        """A client of this role, signed in again when its session has ended."""
        if role == GATEWAY:
            return self.gateway
        if role == NOBODY:
            return TestClient(self.app, follow_redirects=False)
        client = self.clients.get(role)
        if client is None or client.get("/api/v1/session").status_code != 200:
            client = TestClient(self.app, follow_redirects=False)
            client.get(f"/sign-in/{self.services.auth.new_login_link(role, 'rig')}")
            client.headers["X-CSRF-Token"] = client.get("/api/v1/session").json()["csrf"]
            self.clients[role] = client
        return client

    def close(self) -> None:
        """End what runs: schemathesis keeps an application's lifespan, and with it the watch, to the process's end."""
        shutdown_lifespans()
        self.services.database.close()


@contextmanager
def place(database_url: str, folder: Path) -> Iterator[Place]:
    made = Place(database_url, folder)
    try:
        yield made
    finally:
        made.close()


def _call_operation(there: Place, role: str, operation: Any, seed: int, examples: int) -> Findings:
    found = Findings()
    modes = st.sampled_from([GenerationMode.POSITIVE, GenerationMode.POSITIVE, GenerationMode.NEGATIVE])

    def one(case: Any, aimed: bool) -> None:
        if aimed:  # random identities meet nothing: aim at what is there
            case.path_parameters = {
                name: IDENTITIES.get(name, value) for name, value in (case.path_parameters or {}).items()
            }
        client = there.as_role(role)
        answer = case.call(headers=dict(client.headers) | dict(case.headers or {}), cookies=dict(client.cookies))
        found.calls += 1
        where = f"{role}: {operation.label} -> {answer.status_code}"
        if answer.status_code >= 500:
            found.server_errors.append(f"{where}: {answer.text[:200]}")
            return
        found.search(role, where, answer.text, str(case.body) + str(case.path_parameters) + str(case.query))
        if role == NOBODY and answer.status_code < 300 and operation.path not in OPEN_TO_ANYBODY:
            found.leaks.append(f"{where}: answered to nobody")
        try:
            case.validate_response(answer, checks=[not_a_server_error, *CONTRACT])
        except FailureGroup as failures:
            found.contract_violations += [f"{where}: {failure}"[:400] for failure in failures.exceptions]

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(st.data())
    def run(data: Any) -> None:
        mode = data.draw(modes)
        one(data.draw(operation.as_strategy(generation_mode=mode)), data.draw(st.booleans()))

    run()
    return found


def call_everything(there: Place, role: str, seed: int, examples: int) -> Findings:
    """Every operation of the description as this role."""
    found = Findings()
    for result in there.description.get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]  # an operation that cannot be read fails the run
        if operation.path != "/events":  # never ends; its rights are checked with the pages
            found.add(_call_operation(there, role, operation, seed, examples))
    return found


def open_every_page(there: Place, role: str) -> Findings:
    """Every address that the console has, and the event stream's door, as this role."""
    found = Findings()
    client = there.as_role(role)
    addresses = ["/openapi.json"]
    for route in _routes(console.router):
        if "GET" in route.methods:
            addresses.append(re.sub(r"{(\w+)(:\w+)?}", lambda m: IDENTITIES.get(m[1], "x"), route.path))
    for address in addresses:
        answer = client.get(address)
        found.calls += 1
        where = f"{role}: GET {address} -> {answer.status_code}"
        if answer.status_code >= 500:
            found.server_errors.append(f"{where}: {answer.text[:200]}")
        found.search(role, where, answer.text)
    if role not in OPERATORS:
        door = client.get("/events")
        if door.status_code not in {401, 403}:
            found.leaks.append(f"{role}: GET /events -> {door.status_code}")
    return found


def _routes(router: Any) -> Iterator[Any]:
    for route in router.routes:
        if hasattr(route, "methods"):
            yield route
        elif hasattr(route, "original_router"):
            yield from _routes(route.original_router)
