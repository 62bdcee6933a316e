"""Upkeep: backup and restore, offline verification, retention, erasure, second factors, metrics, reports."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pyotp
import pytest
from sqlalchemy import text, update

from alarm_backend.audit import export
from alarm_backend.audit.repository import head, lines
from alarm_backend.errors import InvalidRequest, NotFound, NotSignedIn, Refused, TooManyRequests
from alarm_backend.operations import backup, retention_rules
from alarm_backend.operations.retention import RetentionService
from alarm_backend.settings import Settings
from alarm_backend.store.database import Database
from alarm_backend.store.tables import alarms
from tests.support import postgres
from tests.support.backend import GATEWAY, ORDERS, START_MS, Backend, transition
from waakzaam.cli import main
from waakzaam.rigs.postgres import programs

pytest_plugins = ("tests.support.backend",)
PASSWORD = "correct horse battery"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, identity_key=b"i" * 32)


def _story(backend: Backend) -> None:
    backend.gateway.put("/api/v1/orders", json=ORDERS)
    backend.post(transition("a-1"), transition("a-2", kind="battery_low", level="info"))
    backend.client().post("/api/v1/alarms/a-1/acknowledge")
    position = {"device_id": "trk-m1", "order_id": "VL-2026-0001", "person_id": "M1", "role": "monitored"}
    for day in ("01-01", "05-27"):
        fix = {**position, "fix_time": f"2026-{day}T00:00:00Z", "lat": 50.8, "lon": 4.3}
        backend.gateway.post("/api/v1/positions", json={"positions": [fix]})


def test_a_backup_taken_while_running_restores_to_the_same_alarms_and_a_whole_chain(
    backend: Backend, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    _story(backend)
    file = tmp_path / "backup"
    assert backup.backup(backend.services.database, file, programs()) > 0
    with pytest.raises(backup.BackupFailed):
        backup.backup(backend.services.database, file, programs())
    if backend.services.database.dialect == "sqlite":
        url = f"sqlite:///{tmp_path / 'restored.db'}"
    else:
        server: postgres.Server = request.getfixturevalue("postgres_server")
        url = server.fresh()
    restored = Database(url)
    backup.restore(restored, file, programs())
    with restored.reading() as connection:
        assert export.faults(export.document(list(lines(connection)), head(connection))) == []
        assert connection.execute(text("SELECT count(*) FROM alarms")).scalar_one() == 2
    with pytest.raises(backup.BackupFailed):
        backup.restore(restored, file, programs())
    restored.close()


def test_a_damaged_backup_is_refused(backend: Backend, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"SQLite format 3\x00" + b"\x00" * 5000)
    target = Database(f"sqlite:///{tmp_path / 'target.db'}")
    with pytest.raises(backup.BackupFailed):
        backup.restore(target, broken)
    assert not (tmp_path / "target.db").exists()


def test_an_exported_chain_is_verified_without_the_database(
    backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _story(backend)
    with backend.services.database.reading() as connection:
        document = export.document(list(lines(connection)), head(connection))
    path = tmp_path / "audit.json"

    def verify() -> int:
        path.write_text(json.dumps(document))
        monkeypatch.setattr(sys, "argv", ["waakzaam", "verify", str(path)])
        with pytest.raises(SystemExit) as ended:
            main()
        capsys.readouterr()
        return int(str(ended.value.code or 0))

    assert verify() == 0
    document["lines"][2]["actor"] = "nobody"
    assert verify() == 1
    del document["lines"][2]["actor"]
    assert verify() == 2


def test_retention_counts_first_and_then_removes_only_what_is_past_its_time(backend: Backend) -> None:
    _story(backend)
    service = RetentionService(backend.services.database, backend.clock_pair(), backend.services.audit)
    assert service.apply("test", dry_run=True).removed["positions"] == 1
    assert service.apply("test", dry_run=False).removed["positions"] == 1
    assert service.apply("test", dry_run=False).removed["positions"] == 0
    assert len(backend.services.alarms.queue().alarms) == 2
    special = json.loads(json.dumps(ORDERS))
    special["orders"][0] |= {"version": 2, "retention_days": 1}
    backend.gateway.put("/api/v1/orders", json=special)
    assert service.apply("test", dry_run=True).removed["positions of VL-2026-0001"] == 1
    assert backend.services.audit.verify()[1] == []


def test_closed_alarms_go_by_kind_with_their_history_and_open_ones_and_the_audit_chain_stay(backend: Backend) -> None:
    backend.post(*(transition(name, kind=kind) for name, kind in (("a-1", "battery_low"), ("a-2", "panic"))))
    backend.post(transition("a-3", kind="battery_low"))
    operator = backend.client()
    for name in ("a-1", "a-2"):
        operator.post(f"/api/v1/alarms/{name}/take")
        operator.post(f"/api/v1/alarms/{name}/resolve", json={"cause": "device_fault"})
        backend.client(name="other").post(f"/api/v1/alarms/{name}/confirm-close")
    backend.clock.forward(40 * 86_400)
    service = RetentionService(backend.services.database, backend.clock_pair(), backend.services.audit)
    rules = retention_rules.parse({"schema": retention_rules.SCHEMA, "days": {"alarms": {"battery_low": 30}}})
    counted = service.apply("test", dry_run=True, rules=rules)
    assert counted.removed["alarms battery_low"] == 1
    assert len(backend.services.alarms.detail("a-1").transitions) > 1, "a dry run removes nothing"
    assert service.apply("test", dry_run=False, rules=rules).removed == counted.removed
    with pytest.raises(NotFound):
        backend.services.alarms.detail("a-1")
    assert {alarm.alarm_id for alarm in backend.services.alarms.search()} == {"a-2", "a-3"}
    assert backend.services.audit.of_subject("alarm:a-1"), "what was done about it stays in the chain"
    assert backend.services.audit.verify()[1] == []


@pytest.mark.parametrize(
    ("days", "field"),
    [
        ({"alarms": {"meteor": 3}}, "days.alarms.meteor"),
        ({"audit": 3}, "days.audit"),
        ({"positions": -1}, "days.positions"),
        ({"positions": True}, "days.positions"),
        ([], "days"),
    ],
)
def test_rules_of_retention_that_cannot_be_meant_are_refused_with_their_place(days: object, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        retention_rules.parse({"schema": retention_rules.SCHEMA, "days": days})
    assert refused.value.field == field


def _all_ended(backend: Backend) -> None:
    """Every alarm closed and every order past its last day."""
    with backend.services.database.writing() as connection:
        connection.execute(update(alarms).values(state="resolved"))
    backend.clock.forward(400 * 86_400)


def test_nobody_is_erased_under_an_open_alarm_or_an_order_that_has_not_ended(backend: Backend) -> None:
    _story(backend)
    service = RetentionService(backend.services.database, backend.clock_pair(), backend.services.audit)
    for dry_run in (True, False):
        with pytest.raises(Refused, match="a-1, a-2, VL-2026-0001"):
            service.erase("M1", "test", dry_run=dry_run)
    with backend.services.database.writing() as connection:
        connection.execute(update(alarms).values(state="resolved"))
    with pytest.raises(Refused, match="by: VL-2026-0001"):
        service.erase("P1", "test", dry_run=False)
    assert len(service.export("M1", "test")["positions"]) == 2


def test_an_erased_person_has_no_name_and_no_place_any_more_but_the_evidence_stays(backend: Backend) -> None:
    _story(backend)
    backend.client("supervisor").put("/api/v1/people/M1", json={"full_name": "Jan Test"})
    service = RetentionService(backend.services.database, backend.clock_pair(), backend.services.audit)
    kept = service.export("M1", "test")
    assert len(kept["positions"]) == 2
    _all_ended(backend)
    assert service.erase("M1", "test", dry_run=True).removed == {"identities": 1, "positions": 2, "events": 2}
    service.erase("M1", "test", dry_run=False)
    assert service.export("M1", "test")["positions"] == []
    assert backend.services.people.read("M1", "test", "test") is None
    assert backend.services.alarms.detail("a-1").alarm.monitored == "M1"
    assert backend.services.audit.verify()[1] == []


def test_a_second_factor_is_asked_for_and_a_code_works_once(backend: Backend) -> None:
    auth = backend.services.auth
    auth.add_user("an", "An", "operator", PASSWORD, "test")
    address = auth.enroll_totp("an", "test")
    totp = pyotp.parse_uri(address)
    assert isinstance(totp, pyotp.TOTP)
    with pytest.raises(NotSignedIn):
        auth.sign_in("an", PASSWORD)
    code = totp.at(backend.clock.ms // 1000)
    assert auth.sign_in("an", PASSWORD, code).view.user.username == "an"
    with pytest.raises(NotSignedIn):
        auth.sign_in("an", PASSWORD, code)
    backend.clock.forward(30)
    assert auth.sign_in("an", PASSWORD, totp.at(backend.clock.ms // 1000))


def test_who_keeps_guessing_has_to_wait_even_with_the_right_password(backend: Backend) -> None:
    auth = backend.services.auth
    auth.add_user("an", "An", "operator", PASSWORD, "test")
    for _ in range(5):
        with pytest.raises(NotSignedIn):
            auth.sign_in("an", "wrong")
    with pytest.raises(TooManyRequests):
        auth.sign_in("an", PASSWORD)
    answer = backend.gateway.post("/api/v1/session", json={"username": "an", "password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    backend.clock.forward(31)
    assert auth.sign_in("an", PASSWORD)


def test_metrics_tell_how_things_stand_and_only_to_who_may_know(backend: Backend) -> None:
    _story(backend)
    said = backend.gateway.get("/metrics", headers=GATEWAY).text
    assert 'waakzaam_alarms{state="acknowledged"} 1.0' in said
    assert "waakzaam_audit_lines" in said
    assert backend.client().get("/metrics").status_code == 401


def test_a_shift_report_says_how_fast_alarms_were_answered_and_what_is_open(backend: Backend) -> None:
    backend.post(transition("a-1"), transition("a-2"))
    backend.clock.forward(20)
    backend.client().post("/api/v1/alarms/a-1/acknowledge")
    span = {"from_ms": START_MS - 1, "until_ms": START_MS + 3_600_000}
    report = backend.client().get("/api/v1/reports/shift", params=span).json()
    assert report["new_by_kind"] == {"proximity_alert": 2}
    assert (report["answered"], report["answered_within_30_s"], report["answer_median_s"]) == (1, 1.0, 20.0)
    assert {alarm["alarm_id"] for alarm in report["open"]} == {"a-1", "a-2"}


def test_bulk_closing_shows_in_the_anomaly_report_under_who_asked_for_it(backend: Backend) -> None:
    for n in range(5):
        backend.post(transition(f"a-{n}"))
    backend.clock.forward(300)
    for n in range(5):
        backend.client().post(f"/api/v1/alarms/a-{n}/take")
        backend.client().post(f"/api/v1/alarms/a-{n}/resolve", json={"cause": "device_fault"})
        backend.client(name="other").post(f"/api/v1/alarms/a-{n}/confirm-close")
    span = {"from_ms": START_MS, "until_ms": START_MS + 3_600_000}
    assert backend.client().get("/api/v1/reports/anomalies", params=span).status_code == 403
    found = backend.client("supervisor").get("/api/v1/reports/anomalies", params=span).json()
    assert [(a["rule"], a["who"], len(a["alarm_ids"])) for a in found] == [("bulk_close", "operator", 5)]
