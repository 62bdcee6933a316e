"""What the gateway sends is stored once, in whole, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from alarm_backend.console import catalogue
from firmware.wire import record
from tests.support.backend import GATEWAY, ORDERS, START_MS, Backend, LiveBackend, transition

pytest_plugins = ("tests.support.backend",)


def test_a_transition_becomes_an_alarm_in_the_queue(backend: Backend) -> None:
    assert [result["status"] for result in backend.post(transition())] == ["stored"]
    queue = backend.client().get("/api/v1/alarms").json()
    alarm = queue["alarms"][0]
    assert (alarm["alarm_id"], alarm["state"], alarm["condition"], alarm["severity"]) == ("a-1", "raised", "active", 5)
    assert queue["last_event_id"] >= 1


def test_a_repeat_is_answered_with_the_first_time_it_was_stored(backend: Backend) -> None:
    first = backend.post(transition())[0]
    backend.clock.forward(60)
    again = backend.post(transition(), transition("a-2"), transition())
    assert [result["status"] for result in again] == ["duplicate", "stored", "duplicate"]
    assert again[0]["stored_ms"] == first["stored_ms"]
    assert len(backend.services.alarms.detail("a-1").transitions) == 1


def test_a_poison_item_is_kept_aside_and_the_ones_behind_it_are_stored(backend: Backend) -> None:
    poison = [{"nonsense": 1}, {**transition("a-9"), "kind": "meteor"}, {**transition("a-8"), "distance_m": -1}]
    results = backend.post(*poison, transition())
    assert [result["status"] for result in results] == ["rejected"] * 3 + ["stored"]
    assert all(result["reason"] for result in results[:3])
    kept = backend.services.rejections.newest()
    assert [json.loads(row["body"]["text"]) for row in reversed(kept)] == poison
    backend.post(*poison)
    assert backend.services.rejections.count() == 3


@pytest.mark.parametrize("hostile", ["\x00", "a" * 500, "", "\ud800"])
def test_hostile_text_is_rejected_and_kept(backend: Backend, hostile: str) -> None:
    body = json.dumps({"transitions": [{**transition(), "alarm_id": hostile}]})
    answer = backend.gateway.post("/api/v1/transitions", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200
    assert answer.json()["results"][0]["status"] == "rejected"
    assert backend.services.rejections.count() == 1


def test_what_arrives_late_is_history_and_undoes_nothing(backend: Backend) -> None:
    backend.post(transition(time="2026-05-28T20:00:00Z"))
    backend.post(transition(what="cleared", time="2026-05-28T20:10:00Z"))
    backend.post(transition(what="escalated", time="2026-05-28T20:05:00Z"))
    detail = backend.services.alarms.detail("a-1")
    assert detail.alarm.condition == "cleared"
    assert len(detail.transitions) == 3


def test_a_clearing_whose_raising_was_lost_still_shows_the_alarm(backend: Backend) -> None:
    backend.post(transition(what="cleared"))
    alarm = backend.services.alarms.queue().alarms[0]
    assert (alarm.state, alarm.condition) == ("raised", "cleared")


def test_severity_goes_up_and_down_with_the_gateways_level(backend: Backend) -> None:
    backend.post(transition(kind="proximity_prealert", level="warning", time="2026-05-28T20:00:00Z"))
    assert backend.services.alarms.queue().alarms[0].severity == 3
    backend.post(transition(what="escalated", kind="proximity_prealert", level="critical", time="2026-05-28T20:01:00Z"))
    assert backend.services.alarms.queue().alarms[0].severity == 5
    backend.post(transition(what="eased", kind="proximity_prealert", level="warning", time="2026-05-28T20:02:00Z"))
    assert backend.services.alarms.queue().alarms[0].severity == 3


def test_the_queue_is_ordered_by_risk(backend: Backend) -> None:
    backend.post(
        transition("far", kind="battery_low", level="info", distance_m=60_000, probability=0.0),
        transition("near", distance_m=100),
        transition("middle", kind="zone_buffer", level="warning"),
        transition("gone", "raised", distance_m=100, time="2026-05-28T20:00:00Z"),
        transition("gone", "cleared", distance_m=100, time="2026-05-28T20:01:00Z"),
    )
    order = [alarm.alarm_id for alarm in backend.services.alarms.queue().alarms]
    assert order == ["near", "gone", "middle", "far"]


def test_nothing_is_lost_or_doubled_when_many_post_the_same_at_once(live: LiveBackend) -> None:
    import httpx

    batches = [[transition(f"a-{n}-{i}") for i in range(5)] for n in range(12)] * 3

    def send(batch: list[dict[str, Any]]) -> list[str]:
        answer = httpx.post(f"{live.url}/api/v1/transitions", json={"transitions": batch}, headers=GATEWAY, timeout=20)
        assert answer.status_code == 200, answer.text
        return [result["status"] for result in answer.json()["results"]]

    with ThreadPoolExecutor(8) as pool:
        outcomes = [status for statuses in pool.map(send, batches) for status in statuses]
    assert outcomes.count("stored") == 60
    assert outcomes.count("duplicate") == 120
    assert len(live.services.alarms.queue().alarms) == 60
    assert live.services.audit.verify()[1] == []


def test_a_database_that_fails_under_a_batch_stores_none_of_it_and_says_503(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    from alarm_backend.event_stream import repository

    original = repository.add_all
    full = True

    def failing(connection: Connection, rows: list[dict[str, Any]]) -> None:
        original(connection, rows[:1])
        if full:
            raise OperationalError("INSERT", {}, Exception("disk full"))
        original(connection, rows[1:])

    monkeypatch.setattr(repository, "add_all", failing)
    body = {"transitions": [transition("a-1"), transition("a-2")]}
    assert backend.gateway.post("/api/v1/transitions", json=body).status_code == 503
    assert backend.services.alarms.queue().alarms == []
    full = False
    assert [result["status"] for result in backend.post(*body["transitions"])] == ["stored", "stored"]


def test_positions_are_stored_once_and_make_tracks(backend: Backend) -> None:
    backend.gateway.put("/api/v1/orders", json=ORDERS)
    position = {
        "device_id": "trk-m1",
        "order_id": "VL-2026-0001",
        "person_id": "M1",
        "role": "monitored",
        "fix_time": "2026-05-28T20:26:40Z",
        "lat": 50.85,
        "lon": 4.35,
        "horizontal_accuracy_m": 8.0,
        "speed_m_s": 1.2,
        "course_deg": 90.0,
    }
    body = {"positions": [position, {**position, "fix_time": "2026-05-28T20:26:50Z"}, position, {"lat": 1}]}
    results = backend.gateway.post("/api/v1/positions", json=body).json()["results"]
    assert [result["status"] for result in results] == ["stored", "stored", "duplicate", "rejected"]
    backend.clock.forward(60)
    tracks = {track["person_id"]: track for track in backend.client().get("/api/v1/orders/VL-2026-0001/tracks").json()}
    assert [p["lat"] for p in tracks["M1"]["positions"]] == [50.85, 50.85]
    assert tracks["P1"]["positions"] == []


def test_a_party_that_fell_silent_is_still_shown_where_it_was_last(backend: Backend) -> None:
    test_positions_are_stored_once_and_make_tracks(backend)
    backend.clock.forward(90 * 60)
    tracks = {track["person_id"]: track for track in backend.client().get("/api/v1/orders/VL-2026-0001/tracks").json()}
    assert len(tracks["M1"]["positions"]) == 1


def test_an_order_is_stored_by_version_and_never_changed_under_the_same_number(backend: Backend) -> None:
    put = lambda document: backend.gateway.put("/api/v1/orders", json=document)  # noqa: E731
    assert put(ORDERS).json()["stored"] == ["VL-2026-0001"]
    assert put(ORDERS).json()["unchanged"] == ["VL-2026-0001"]
    changed = json.loads(json.dumps(ORDERS))
    changed["orders"][0]["proximity"]["alert_distance_m"] = 10
    assert put(changed).status_code == 409
    changed["orders"][0]["version"] = 2
    assert put(changed).json()["stored"] == ["VL-2026-0001"]
    newest = backend.gateway.get("/api/v1/orders").json()[0]
    assert (newest["version"], newest["alert_distance_m"]) == (2, 10)
    assert newest["zones"]["features"][0]["properties"]["radius_m"] == 300
    broken = json.loads(json.dumps(ORDERS))
    broken["orders"][0]["zones"][0]["shape"]["center"] = [200, 0]
    answer = put(broken)
    assert answer.status_code == 422
    assert "orders[0].zones[0].shape.center[0]" in answer.json()["detail"]


def _keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"schema": "waakzaam.keys/1", "keys": {"brc-1": "6b" * 32}}))
    return path


def test_a_field_test_is_stored_whatever_its_signature_and_says_which_it_is(backend: Backend, tmp_path: Path) -> None:
    from alarm_backend.field_tests.signature import DeviceKeys

    backend.services.field_tests._keys = DeviceKeys(_keys(tmp_path))
    fields = {"record_id": "r1", "device_id": "brc-1", "verdict": "positive", "reason": "GHB", "time": START_MS}
    good = record.seal(fields, record.GENESIS_SHA256, b"k" * 32)
    next_one = record.seal({**fields, "record_id": "r2"}, record.sha256_of(good), b"k" * 32)
    forged = next_one.replace("positive", "negative")
    stranger = record.seal({**fields, "device_id": "brc-9", "record_id": "r3"}, "ab" * 32, b"x" * 32)
    results = backend.gateway.post(
        "/api/v1/field-tests",
        json={"records": [good, next_one, forged, "WZR1 " + stranger, good, "not a record", {"schema": "?"}]},
    ).json()["results"]
    assert [r["status"] for r in results] == ["stored"] * 4 + ["duplicate", "rejected", "rejected"]
    views = {(v["record_id"], v["verdict"]): v for v in backend.client("evaluator").get("/api/v1/field-tests").json()}
    assert views[("r1", "positive")]["signature_state"] == "verified"
    assert views[("r1", "positive")]["flags"] == []
    assert views[("r2", "positive")]["flags"] == []
    assert views[("r2", "negative")]["signature_state"] == "bad"
    assert "record_id_repeated" in views[("r2", "negative")]["flags"]
    assert views[("r3", "positive")]["signature_state"] == "unknown_key"
    assert "chain_gap" in views[("r3", "positive")]["flags"]


def test_a_gateway_that_falls_silent_is_an_alarm_that_clears_when_it_is_back(backend: Backend) -> None:
    beat = {
        "source": "gateway-1",
        "time": "2026-05-28T20:26:40Z",
        "journal_seq": 1,
        "outbox_depth": 0,
        "quarantined": 0,
    }
    backend.gateway.post("/api/v1/heartbeats", json=beat)
    backend.clock.forward(29)
    assert backend.services.heartbeats.look() == []
    backend.clock.forward(2)
    assert backend.services.heartbeats.look() == ["gateway-1"]
    assert backend.services.heartbeats.look() == []
    alarm = backend.services.alarms.queue().alarms[0]
    assert (alarm.kind, alarm.severity, alarm.condition) == ("gateway_silent", 5, "active")
    assert (alarm.reason, backend.services.alarms.detail(alarm.alarm_id).transitions[0].evidence) == (
        "source_silent",
        {"source": "gateway-1", "silent_s": 31},
    )
    for language, said in (("nl", "geen teken van leven"), ("en", "no sign of life"), ("fr", "plus signe de vie")):
        assert said in catalogue.word(language, "why", alarm.reason)
    assert backend.services.heartbeats.freshness()[0].silent
    backend.gateway.post("/api/v1/heartbeats", json=beat)
    alarm = backend.services.alarms.queue().alarms[0]
    assert (alarm.state, alarm.condition) == ("raised", "cleared")
    assert not backend.services.heartbeats.freshness()[0].silent
