"""The tracker's app over a real broker: signed messages, settings, a broker that dies, nothing of worth lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.broker import BrokerAddress, free_port, running_broker
from tests.support.tracker_bench import START_MS, Ear, HostTracker, wait_until
from waakzaam.rigs.cut_line import line_to

KINDS = ["embedded", pytest.param("mosquitto", marks=pytest.mark.needs("mosquitto"))]


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def broker(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrokerAddress]:
    with running_broker(kind, tmp_path_factory.mktemp("broker")) as address:
        yield address


def test_fixes_events_and_heartbeats_arrive_signed(broker: BrokerAddress, tmp_path: Path) -> None:
    ear = Ear(broker, "trk-arrive")
    with HostTracker(broker, tmp_path / "flash", "trk-arrive") as tracker:
        wait_until(lambda: [m for m in ear.heard if m["kind"] == "status"], "a heartbeat")
        for second in range(0, 31, 10):
            tracker.contacts.receive(second)
        wait_until(lambda: len([m for m in ear.once() if m["kind"] == "fix"]) == 4, "four fixes")
        tracker.contacts.strap = False
        wait_until(lambda: ear.events() == ["strap_cut"], "the cut")
        assert tracker.contacts.firmware_confirmed == 1
        wait_until(lambda: not list((tmp_path / "flash/events").iterdir()), "the receipt, which empties the flash")
    times = sorted(m["fix_time_ms"] - START_MS for m in ear.once() if m["kind"] == "fix")
    assert times == [0, 10_000, 20_000, 30_000]
    ear.close()


def test_settings_signed_for_this_device_are_obeyed_and_survive_a_restart(
    broker: BrokerAddress, tmp_path: Path
) -> None:
    ear = Ear(broker, "trk-settings")
    message = {"kind": "settings", "sent_ms": START_MS, "report_interval_ms": 2_000}
    with HostTracker(broker, tmp_path / "flash", "trk-settings") as tracker:
        wait_until(lambda: tracker.app.session.connected and ear.heard, "connection")
        ear.say(message, key=bytes(32))
        wait_until(lambda: tracker.app.faults == 1, "a refusal of the wrong signature")
        assert tracker.app.core.report_interval_ms == 10_000
        ear.say(message)
        wait_until(lambda: ear.heard[-1].get("report_interval_ms") == 2_000, "the answer with the new interval")
        assert ear.heard[-1]["faults"] == 1
    with HostTracker(broker, tmp_path / "flash", "trk-settings") as tracker:
        assert tracker.app.core.report_interval_ms == 2_000
        assert tracker.app.core.boot_id == 2
    ear.close()


def test_what_happens_while_the_broker_is_away_arrives_when_it_is_back(kind: str, tmp_path: Path) -> None:
    port = free_port()
    with line_to(port) as line:
        line.cut()  # mended only once somebody listens at the broker
        with HostTracker(BrokerAddress("127.0.0.1", line.port), tmp_path / "flash") as tracker:
            wait_until(lambda: any(said["told"] == "link_lost" for said in tracker.told), "word of the lost link")
            for second in range(0, 101, 10):
                tracker.contacts.receive(second)
            tracker.contacts.strap = False
            wait_until(lambda: tracker.app.outbound.depth >= 13, "everything waiting")
            with running_broker(kind, tmp_path / "broker", port) as address:
                ear = Ear(address)
                line.mend()
                wait_until(lambda: ear.events() == ["strap_cut"] and len(ear.once()) >= 12, "all of it")
                wait_until(lambda: tracker.app.outbound.depth == 0, "an empty queue")
                assert len([m for m in ear.once() if m["kind"] == "fix"]) == 11
                ear.close()
                line.cut()
            tracker.contacts.strap = True
            wait_until(lambda: tracker.told[-1] == {**tracker.told[-1], "told": "link_lost"}, "the link lost again")
            with running_broker(kind, tmp_path / "broker2", port) as address:
                ear = Ear(address)
                line.mend()
                wait_until(lambda: ear.events() == ["strap_restored"], "the restoration")
                assert tracker.app.link.connections == 2
                ear.close()


def test_an_event_not_delivered_before_a_restart_is_delivered_after_it_with_its_own_number(
    broker: BrokerAddress, tmp_path: Path
) -> None:
    with HostTracker(BrokerAddress("127.0.0.1", free_port()), tmp_path / "flash", "trk-restart") as tracker:
        tracker.contacts.strap = False
        wait_until(lambda: any(line["told"] == "event" for line in tracker.told), "the cut")
    ear = Ear(broker, "trk-restart")
    with HostTracker(broker, tmp_path / "flash", "trk-restart") as tracker:
        wait_until(lambda: "strap_cut" in ear.events(), "the cut")
        wait_until(lambda: not list((tmp_path / "flash/events").iterdir()), "the receipt, which empties the flash")
    cut = next(m for m in ear.once() if m["kind"] == "event")
    assert cut["boot_id"] == 1
    ear.close()
