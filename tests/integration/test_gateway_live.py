"""The gateway as it runs: a real broker, signed messages, a backend over HTTP, crashes and outages."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware.wire import messages, topics
from tests.support.broker import BrokerAddress, running_broker
from tests.support.tracker_messages import (
    Trackers,
    fix_body,
    gateway_command,
    order_document,
    running_gateway,
    sealed,
    start_gateway,
    wait_connected,
    write_settings,
)
from tests.support.waiting import wait_until
from waakzaam.rigs.fake_backend import FakeBackend, running_backend


@pytest.fixture
def backend() -> Iterator[FakeBackend]:
    with running_backend() as running:
        yield running


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerAddress]:
    with running_broker("embedded", tmp_path / "broker") as address:
        yield address


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[BrokerAddress]:
    with running_broker("mosquitto", tmp_path / "mosquitto") as address:
        yield address


@pytest.fixture
def trackers(broker: BrokerAddress) -> Iterator[Trackers]:
    publishing = Trackers(broker)
    yield publishing
    publishing.close()


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_an_approach_over_a_real_broker_becomes_an_alarm_with_positions_and_a_heartbeat(
    tmp_path: Path, broker: BrokerAddress, backend: FakeBackend, trackers: Trackers
) -> None:
    with running_gateway(tmp_path / "g", broker, backend) as process:
        start = now_ms() - 60_000
        trackers.fix("trk-p1", 1, start, 0)
        for i, north in enumerate((1600, 900, 300)):
            trackers.fix("trk-m1", i + 1, start + 1_000 + i * 20_000, north)
        wait_until(lambda: bool(backend.told("proximity_alert", "raised")), "proximity_alert")
        wait_until(lambda: len(backend.positions) == 4, "positions")
        wait_until(lambda: bool(backend.heartbeats), "a heartbeat")
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    alarm = backend.told("proximity_alert", "raised")[0]
    assert alarm["monitored"] == "M1"
    assert alarm["protected"] == "P1"
    assert abs(alarm["distance_m"] - 300) < 30
    assert 0 <= now_ms() - alarm["fix_received_ms"] < 60_000
    assert {p["role"] for p in backend.positions} == {"monitored", "protected"}


def test_poison_is_set_aside_and_counted_and_blocks_nothing(
    tmp_path: Path, broker: BrokerAddress, backend: FakeBackend, trackers: Trackers
) -> None:
    with running_gateway(tmp_path / "g", broker, backend):
        start = now_ms() - 30_000
        good = sealed("trk-p1", fix_body(1, start, 0))
        poison = [
            ("wz/1/up/trk-m1", b""),
            ("wz/1/up/trk-m1", b"\xff" * 400),
            ("wz/1/up/trk-m1", good),  # another device's signature
            ("wz/1/up/trk-m1", good[:-1] + bytes([good[-1] ^ 1])),
            ("wz/1/up/nobody-1", good),
            ("wz/1/up/BAD", good),
            (topics.up("trk-m1"), sealed("trk-m1", fix_body(9, now_ms() + 3_600_000, 0))),
        ]
        for topic, payload in poison:
            trackers.publish(topic, payload)
        trackers.publish("wz/1/up/trk-p1", good)
        trackers.fix("trk-m1", 1, start + 1_000, 100)
        wait_until(lambda: bool(backend.told("proximity_alert", "raised")), "the alarm behind the poison")
        wait_until(lambda: backend.heartbeats[-1]["quarantined"] == len(poison), "the count of poison", 15)
    with sqlite3.connect(tmp_path / "g/data/gateway.db") as db:
        faults = [row[0] for row in db.execute("SELECT fault FROM quarantine ORDER BY id")]
    assert len(faults) == len(poison)
    assert any("BadSignature" in fault for fault in faults)
    assert any("unknown device" in fault for fault in faults)
    assert any("ahead of" in fault for fault in faults)


def test_a_repeated_message_counts_once_and_a_reordered_one_still_counts(
    tmp_path: Path, broker: BrokerAddress, backend: FakeBackend, trackers: Trackers
) -> None:
    with running_gateway(tmp_path / "g", broker, backend):
        start = now_ms() - 100_000
        panic = messages.encode({"kind": "event", "boot_id": 1, "seq": 7, "event": "panic", "event_time_ms": start})
        for _ in range(3):
            trackers.publish("wz/1/up/trk-p1", sealed("trk-p1", panic))
        trackers.fix("trk-p1", 1, start, 0)
        trackers.fix("trk-m1", 3, start + 60_000, 3_000)
        trackers.fix("trk-m1", 2, start + 5_000, 100)
        wait_until(lambda: bool(backend.told("proximity_alert", "raised")), "the late fix's alarm")
        wait_until(lambda: bool(backend.told("panic", "raised")), "panic")
    assert len(backend.told("panic", "raised")) == 1
    # Late when it came in a batch of its own, put in order when the batch held both.
    assert backend.told("proximity_alert", "raised")[0]["reason"] in ("late_fix", "distance")


@pytest.mark.needs("mosquitto")
def test_a_gateway_killed_in_mid_stream_loses_no_alarm_and_doubles_none(
    tmp_path: Path, mosquitto: BrokerAddress, backend: FakeBackend
) -> None:
    folder = tmp_path / "g"
    people = range(40)
    orders = order_document()["orders"][0]
    document = {
        "schema": "waakzaam.orders/1",
        "orders": [
            {
                **orders,
                "order_id": f"VL-{i}",
                "protected": [],
                "proximity": None,
                "monitored": {"person_id": f"M{i}", "device_id": "trk-m1"},
                "zones": [
                    {
                        "zone_id": "z",
                        "shape": {"type": "Circle", "center": [4.3517, 50.8466 + i * 0.01], "radius_m": 400},
                    }
                ],
            }
            for i in people
        ],
    }
    write_settings(folder, document)
    trackers = Trackers(mosquitto)
    process = start_gateway(folder, mosquitto, backend)
    try:
        wait_connected(folder)
        start = now_ms() - 7_300_000
        for i in people:  # One walk through forty zones, a minute in each.
            for k in range(3):
                trackers.fix("trk-m1", 3 * i + k, start + (3 * i + k) * 60_000, i * 1_112.5 + 40 * k)
            if i in (10, 25):
                wait_until(lambda: len(backend.told("zone_entry", "raised")) > 3, "some alarms before the kill")
                process.kill()
                process.wait()
                process = start_gateway(folder, mosquitto, backend)
        wait_until(lambda: len(backend.told("zone_entry", "raised")) >= len(people), "an alarm for every zone", 40)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        trackers.close()
        if process.poll() is None:
            process.kill()
            process.wait()
    raised = [one["order_id"] for one in backend.told("zone_entry", "raised")]
    assert sorted(raised) == sorted(f"VL-{i}" for i in people)


def test_while_the_backend_is_away_alarms_wait_and_the_pairs_at_risk_are_listed(
    tmp_path: Path, broker: BrokerAddress, backend: FakeBackend, trackers: Trackers
) -> None:
    backend.down = True
    listed = tmp_path / "g/data/at-risk.json"
    with running_gateway(tmp_path / "g", broker, backend):
        start = now_ms() - 30_000
        trackers.fix("trk-p1", 1, start, 0)
        trackers.fix("trk-m1", 1, start + 1_000, 100)
        wait_until(lambda: listed.exists() and bool(json.loads(listed.read_text())["orders"]), "the list at risk")
        entry = json.loads(listed.read_text())["orders"][0]
        assert (entry["order_id"], entry["monitored"], entry["protected"]) == ("VL-1", "M1", ["P1"])
        assert len(entry["last_positions"]) == 2
        backend.down = False
        wait_until(lambda: bool(backend.told("proximity_alert", "raised")), "the alarm that waited", 30)
        wait_until(lambda: not listed.exists(), "the end of the list")


def test_changed_orders_are_taken_over_without_losing_state_and_broken_ones_leave_the_old_in_force(
    tmp_path: Path, broker: BrokerAddress, backend: FakeBackend, trackers: Trackers
) -> None:
    folder = tmp_path / "g"
    with running_gateway(folder, broker, backend):
        start = now_ms() - 30_000
        trackers.fix("trk-p1", 1, start, 0)
        trackers.fix("trk-m1", 1, start + 1_000, 700)
        wait_until(lambda: bool(backend.told("proximity_prealert", "raised")), "pre-alert")
        (folder / "orders.json").write_text("{")
        wait_until(lambda: "stay in force" in (folder / "gateway.log").read_text(), "the complaint")
        wider = {"alert_distance_m": 900, "prealert_distance_m": 1800}
        (folder / "orders.json").write_text(json.dumps(order_document(version=2, proximity=wider)))
        wait_until(lambda: bool(backend.told("proximity_alert", "raised")), "the alarm of the wider order")
    assert backend.told("proximity_alert", "raised")[0]["evidence"]["order_version"] == 2
    assert len(backend.told("proximity_prealert", "raised")) == 1


def test_bad_settings_are_one_clear_line_and_exit_status_2(tmp_path: Path, backend: FakeBackend) -> None:
    folder = tmp_path / "g"
    write_settings(folder)
    (folder / "keys.json").chmod(0o644)
    command = gateway_command(folder, BrokerAddress("127.0.0.1", 1), backend.url)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "chmod 600" in done.stderr
    (folder / "keys.json").chmod(0o600)
    (folder / "orders.json").write_text('{"schema": "waakzaam.orders/1", "orders": [{}]}')
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "orders[0]" in done.stderr


def test_structured_logs_are_the_backends_kind_and_name_no_position(
    tmp_path: Path, broker: BrokerAddress, backend: FakeBackend, trackers: Trackers
) -> None:
    folder = tmp_path / "g"
    with running_gateway(folder, broker, backend, "--json-logs"):
        start = now_ms() - 30_000
        trackers.fix("trk-p1", 1, start, 0)
        trackers.fix("trk-m1", 1, start + 1_000, 100)
        trackers.publish("wz/1/up/trk-m1", b"no frame")
        wait_until(lambda: bool(backend.told("proximity_alert", "raised")), "the alarm")
        (folder / "orders.json").write_text("{")
        wait_until(lambda: "stay in force" in (folder / "gateway.log").read_text(), "the complaint")
    lines = [json.loads(line) for line in (folder / "gateway.log").read_text().splitlines()]
    assert {frozenset(line) for line in lines} == {frozenset(("time", "level", "logger", "message"))}
    assert {line["logger"] for line in lines} == {"gateway"}
    assert {"info", "warning"} <= {line["level"] for line in lines}
    assert not any(place in line["message"] for line in lines for place in ("50.8", "4.35"))
