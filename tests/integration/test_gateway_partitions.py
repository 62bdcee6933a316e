"""The gateway of many workers, on a real NATS server and PostgreSQL: whatever is killed, paused or restarted in mid
stream, the backend is told what one process tells of the same messages, each line once."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from firmware.wire import messages
from gateway.journal.leases import Leases
from gateway.journal.port import Arrival, Message, StateRow, StoreAway, Stored
from gateway.journal.postgres import LeaseLost, PostgresJournal, connect, prepare
from gateway.partitions import sharing
from gateway.partitions.stream import Outgoing
from tests.support import partitioned
from tests.support.broker import BrokerAddress, running_broker
from tests.support.partitioned import PARTITIONS, Rig, Story, workers
from tests.support.tracker_messages import Trackers, gateway_command, running_gateway, sealed, write_settings
from tests.support.waiting import wait_until
from waakzaam.rigs import nats, postgres
from waakzaam.rigs.fake_backend import FakeBackend, running_backend

pytestmark = [pytest.mark.needs("nats"), pytest.mark.needs("postgres")]


@pytest.fixture(scope="module")
def server() -> Iterator[postgres.Server]:
    with postgres.running() as running:
        yield running


@pytest.fixture
def backend() -> Iterator[FakeBackend]:
    with running_backend() as running:
        yield running


@pytest.fixture(scope="module")
def story() -> Story:
    return Story(7, 12, 120)


@pytest.fixture
def rig(tmp_path: Path, story: Story, server: postgres.Server, backend: FakeBackend) -> Iterator[Rig]:
    with partitioned.running(tmp_path, story, server, backend) as running:
        yield running


def assert_told_once_what_one_process_tells(rig: Rig) -> None:
    expected = rig.story.told_by_one_process
    assert len(expected) > 50
    assert rig.told() == expected, f"seed {rig.story.seed}"


def test_what_a_killed_worker_leaves_is_taken_up_by_another_and_nothing_is_lost_or_doubled(rig: Rig) -> None:
    with workers(rig, "a", "b") as (a, _):
        rig.publish(rig.story.deliveries)
        wait_until(lambda: rig.journalled() > 200, "some messages before the kill")
        a.kill()
        a.wait()
        assert rig.journalled() < rig.published, "killed too late to show anything"
        rig.wait_done()
        assert rig.held_by("b") == PARTITIONS
    assert_told_once_what_one_process_tells(rig)


def test_a_worker_that_was_paused_past_its_lease_finds_its_writes_refused(rig: Rig) -> None:
    half = len(rig.story.deliveries) // 2
    with workers(rig, "a", lease_s=1.5) as (a,):
        rig.publish(rig.story.deliveries[:half])
        wait_until(lambda: rig.journalled() > 100, "some messages before the pause")
        a.send_signal(signal.SIGSTOP)
        with workers(rig, "b") as _:
            wait_until(lambda: rig.held_by("b") == PARTITIONS, "b has all of it")
            rig.publish(rig.story.deliveries[half:])
            a.send_signal(signal.SIGCONT)
            lost = ("refused", "another worker has it", "is followed by another worker", "let go")
            wait_until(lambda: any(word in rig.said("a") for word in lost), "a notices")
            rig.wait_done()
    assert_told_once_what_one_process_tells(rig)


def test_nats_and_postgresql_may_crash_in_mid_stream(rig: Rig, server: postgres.Server) -> None:
    deliveries = rig.story.deliveries
    with workers(rig, "a", "b"):
        rig.publish(deliveries[:1000])
        wait_until(lambda: rig.journalled() > 100, "some messages before the crash")
        rig.nats.restart()
        rig.publish(deliveries[1000:2000])
        wait_until(lambda: rig.journalled() > 1100, "messages after NATS came back", 40)
        server.restart()
        rig.publish(deliveries[2000:])
        rig.wait_done()
    assert "let go" in rig.said("a") + rig.said("b")
    assert_told_once_what_one_process_tells(rig)


def test_poison_is_set_aside_and_its_partition_goes_on(rig: Rig) -> None:
    deliveries = rig.story.deliveries
    forged = deliveries[0]._replace(payload=deliveries[1].payload)
    with workers(rig, "a"):
        rig.publish(deliveries[:500])
        rig.publish([forged])  # The intake finds it: it never gets into a partition's stream.
        rig.published -= 1
        poison = [
            b"",
            b"\xff" * 300,
            sharing.enclose(sharing.Enclosed(forged.topic, forged.payload, forged.now_ms or 0, 0)),
            sharing.enclose(sharing.Enclosed("wz/1/up/\x00", b"\x00", -(2**62), 2**62)),
        ]
        for number, data in enumerate(poison):
            for partition in range(PARTITIONS):
                subject = sharing.subject(partition, "VL-0")
                rig.stream.publish([Outgoing(subject, f"poison-{number}-{partition}", data)])
        rig.publish(deliveries[500:])
        rig.wait_done()
        assert rig.ask("SELECT count(*) FROM gateway.quarantine") == len(poison) * PARTITIONS
        assert rig.ask("SELECT sum(quarantined) FROM gateway.lease") == len(poison) * PARTITIONS
    assert rig.intake.signs().quarantined == 1
    assert_told_once_what_one_process_tells(rig)


def test_partitions_are_shared_out_again_when_workers_come_and_go(rig: Rig) -> None:
    deliveries = rig.story.deliveries
    third = len(deliveries) // 3
    with workers(rig, "a"):
        rig.publish(deliveries[:third])
        with workers(rig, "b", share=2):
            wait_until(lambda: (rig.held_by("a"), rig.held_by("b")) == (2, 2), "two each")
            rig.publish(deliveries[third : 2 * third])
        wait_until(lambda: rig.held_by("a") == PARTITIONS, "all with the one that is left")
        rig.publish(deliveries[2 * third :])
        rig.wait_done()
    assert_told_once_what_one_process_tells(rig)


def test_an_order_that_is_added_or_changes_its_tracker_is_judged_from_its_first_message(rig: Rig) -> None:
    story = rig.story
    added, changed = story.order(story.pairs), story.order(0)
    changed["monitored"] = {"person_id": "M0", "device_id": f"m-{story.pairs + 1}"}
    last_ms = max(one.now_ms or 0 for one in story.deliveries)
    with workers(rig, "a"):
        rig.publish(story.deliveries[:240])
        wait_until(lambda: rig.journalled() == rig.published, "the old orders' messages")
        rig.write_orders({**story.document, "orders": [changed, *story.document["orders"][1:], added]})
        rig.intake.reload_orders()
        new, moved = f"m-{story.pairs}", f"m-{story.pairs + 1}"
        for device, at_ms in ((f"p-{story.pairs}", 1000), (new, 2000), ("p-0", 3000), (moved, 4000)):
            rig.publish([story.delivery(device, 10_000, last_ms + at_ms, 100 if device.startswith("m") else 0)])
        rig.wait_done()
    near = [one["monitored"] for one in rig.backend.told("proximity_alert", "raised")]
    assert f"M{story.pairs}" in near
    moved_fixes = [
        fix["device_id"]
        for one in rig.backend.told("proximity_alert", "raised")
        if one["order_id"] == "VL-0"
        for fix in one["evidence"]["fixes"]
    ]
    assert moved in moved_fixes


@pytest.mark.needs("mosquitto")
def test_from_a_tracker_on_mosquitto_through_intake_and_worker_to_an_alarm_and_back_down(
    tmp_path: Path, server: postgres.Server, backend: FakeBackend
) -> None:
    folder = tmp_path / "g"
    write_settings(folder)
    down: list[str] = []
    with nats.running() as streams, running_broker("mosquitto", tmp_path / "mosquitto") as broker:
        shared = ("--nats", streams.url, "--partitions", "2")
        store = ("--store", server.fresh().replace("+psycopg", ""), "--lease-s", "2")
        with (
            running_gateway(folder, broker, backend, "--role", "intake", "--source", "in", *shared) as intake,
            running_gateway(folder, broker, backend, "--role", "worker", "--source", "w", *shared, *store) as worker,
        ):
            trackers = Trackers(broker)
            trackers.client.on_message = lambda _c, _d, message: down.append(message.topic)
            trackers.client.subscribe("wz/1/down/+", 1)
            try:
                trackers.publish("wz/1/up/trk-m1", b"poison")
                start = time.time_ns() // 1_000_000 - 60_000
                for device in ("trk-m1", "trk-p1"):
                    status = {"kind": "status", "boot_id": 1, "seq": 0, "sent_ms": start, "report_interval_ms": 60_000}
                    trackers.publish(f"wz/1/up/{device}", sealed(device, messages.encode(status)))
                trackers.fix("trk-p1", 1, start, 0)
                for i, north in enumerate((1600, 900, 300)):
                    trackers.fix("trk-m1", i + 1, start + 1_000 + i * 20_000, north)
                    trackers.fix("trk-m1", i + 1, start + 1_000 + i * 20_000, north)  # sent again by a poor link
                wait_until(lambda: bool(backend.told("proximity_alert", "raised")), "proximity_alert", 40)
                wait_until(lambda: len(backend.positions) == 4, "positions")
                wait_until(lambda: bool(down), "a shorter interval for a tracker that is near")
                signs = {"in": 1, "w": 0}
                for source, quarantined in signs.items():
                    wait_until(
                        lambda source=source, quarantined=quarantined: any(
                            one["source"] == source and one["quarantined"] == quarantined for one in backend.heartbeats
                        ),
                        f"a sign of life of {source}",
                    )
            finally:
                trackers.close()
            for process in (worker, intake):
                process.send_signal(signal.SIGTERM)
                assert process.wait(20) == 0
    alarm = backend.told("proximity_alert", "raised")[0]
    assert (alarm["monitored"], alarm["protected"]) == ("M1", "P1")
    assert backend.repeats == 0


def test_a_wrong_number_of_partitions_and_a_missing_store_are_one_clear_line(
    tmp_path: Path, server: postgres.Server, backend: FakeBackend
) -> None:
    write_settings(tmp_path)
    url = server.fresh().replace("+psycopg", "")
    with connect(url, 2000) as db:
        prepare(db, 8)
    for more, status, word in ((("--store", url), 1, "never changes"), ((), 2, "--store")):
        command = [*gateway_command(tmp_path, BrokerAddress("127.0.0.1", 1), backend.url), "--role", "worker", *more]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == status, done.stderr
        assert word in done.stderr.splitlines()[-1]


# ---- the fence itself ------------------------------------------------------------------------------------------------
def test_of_two_holders_of_a_partition_only_the_later_can_write(server: postgres.Server) -> None:
    url = server.fresh().replace("+psycopg", "")
    with connect(url, 2000) as old_db, connect(url, 2000) as new_db:
        assert prepare(old_db, 1) == 1
        old, new = Leases(old_db, "old", 0.0), Leases(new_db, "new", 60.0)
        first = old.acquire(1)[0]
        second = new.acquire(1)[0]
        assert second.token == first.token + 1
        paused = PostgresJournal(old_db, 0, first.token)
        arrival = Arrival(Message("m-1", 1, 1, "tracker", 0, b"body"), 1, 0)
        paused.stream_seq = 99

        def write_after_the_pause() -> None:
            with paused.transaction():
                paused.take_in([arrival])
                paused.put_out("a/raised", "{}", None)
                paused.save_states([StateRow("VL-1", None, "{}", 1)], [], 7, 7)

        with pytest.raises(LeaseLost):
            write_after_the_pause()
        journal = PostgresJournal(new_db, 0, second.token)
        assert (journal.last_seq(), journal.checkpoint_seq(), journal.stored()) == (0, 0, {})
        with journal.transaction():
            assert journal.take_in([arrival, arrival]) == [True, False]
        assert not old.renew([(0, first.token)])
        assert not old.acquire(1)


def test_a_worker_stopped_inside_a_transaction_does_not_hold_up_its_successor(server: postgres.Server) -> None:
    url = server.fresh().replace("+psycopg", "")
    with connect(url, 300) as old_db, connect(url, 60_000) as new_db:
        prepare(old_db, 1)
        first = Leases(old_db, "old", 0.0).acquire(1)[0]
        stopped = PostgresJournal(old_db, 0, first.token)
        arrival = Arrival(Message("m-1", 1, 1, "tracker", 0, b"body"), 1, 0)

        def stop_in_the_middle() -> None:
            with stopped.transaction():
                stopped.take_in([arrival])
                second = Leases(new_db, "new", 60.0).acquire(1)[0]
                journal = PostgresJournal(new_db, 0, second.token)
                with journal.transaction():  # The same message: it waits until the stopped one's session is ended.
                    assert journal.take_in([arrival]) == [True]

        with pytest.raises(StoreAway):
            stop_in_the_middle()
        with psycopg.connect(url) as db:
            assert db.execute("SELECT count(*) FROM gateway.inbox").fetchone() == (1,)


def test_a_stream_made_anew_is_read_from_its_beginning(server: postgres.Server) -> None:
    with connect(server.fresh().replace("+psycopg", ""), 2000) as db:
        prepare(db, 1)
        leases = Leases(db, "one", 0.0)
        lease = leases.acquire(1)[0]
        assert leases.begin_stream(lease, "first") == 0
        journal = PostgresJournal(db, 0, lease.token)
        journal.stream_seq = 500
        with journal.transaction():
            journal.put_out("a/raised", "{}", None)
        again = leases.acquire(1)[0]
        assert leases.begin_stream(again, "first") == 500
        assert leases.begin_stream(leases.acquire(1)[0], "second") == 0


@pytest.mark.parametrize("order_id", ["VL-1", "a.b:c/d-e", "VL.2026.0001", "=41"])
def test_any_order_id_fits_into_a_subject_and_comes_back(order_id: str) -> None:
    assert sharing.order_of(sharing.subject(3, order_id)) == order_id


def test_a_store_of_the_version_before_goes_on_with_its_states(server: postgres.Server) -> None:
    url = server.fresh().replace("+psycopg", "")
    with connect(url, 2_000) as db:
        prepare(db, 2)
        db.execute("ALTER TABLE gateway.states DROP COLUMN order_version, DROP COLUMN seq")
        db.execute("UPDATE gateway.settings SET value = 1 WHERE name = 'version'")
        db.execute("INSERT INTO gateway.states (partition, order_id, deadline_ms, document) VALUES (1, 'a', 5, '{}')")
        assert prepare(db, 2) == 2
        journal = PostgresJournal(db, 1, 0)
        assert journal.stored() == {"a": Stored(5, 0, 0)}
