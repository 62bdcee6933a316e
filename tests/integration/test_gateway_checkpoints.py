"""States are stored a slice at a time: a restart at any moment goes on as if nothing had happened."""

from __future__ import annotations

import json
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from firmware.wire import topics
from gateway import worker as worker_module
from gateway.journal.store import Journal
from gateway.orders_file import OrdersFile
from gateway.worker import Delivery, Worker
from tests.support.partitioned import BEGIN_MS, Story, canonical, key_of
from tests.support.tracker_messages import KEYS, fix_body, order_document, sealed

ZONE = {"zone_id": "home", "shape": {"type": "Circle", "center": [4.3517, 50.8466], "radius_m": 300}}


class Clock:
    """Both clocks of a worker."""

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms


def start(folder: Path, keys: dict[str, bytes], clock: Clock) -> Worker:
    worker = Worker(Journal(folder / "gateway.db"), keys, OrdersFile(folder / "orders.json"), clock, clock)
    worker.start()
    return worker


def told(worker: Worker) -> list[str]:
    assert isinstance(worker.journal, Journal)
    return sorted(canonical(json.loads(one.document)) for one in worker.journal.unsent(100_000))


def killed(worker: Worker) -> None:
    """What was committed stays, the rest is gone."""
    assert isinstance(worker.journal, Journal)
    worker.journal.close()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_gateway_killed_again_and_again_between_slices_tells_what_one_process_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(worker_module, "STORE_SLICE", 2)
    monkeypatch.setattr(worker_module, "STORE_AFTER_WALL_MS", 30_000)
    rng = random.Random(seed)
    story = Story(seed, pairs=7, steps=70)
    keys = {f"{who}-{i}": key_of(f"{who}-{i}") for i in range(story.pairs) for who in "mp"}
    (tmp_path / "orders.json").write_text(json.dumps(story.document))
    clock = Clock(BEGIN_MS)
    worker = start(tmp_path, keys, clock)
    partly = 0
    at = 0
    while at < len(story.deliveries):
        batch = story.deliveries[at : at + rng.randint(1, 5)]
        at += len(batch)
        assert batch[-1].now_ms is not None
        clock.now_ms = batch[-1].now_ms
        worker.take(batch)
        worker.pass_time()
        if rng.random() < 0.06:
            partly += 0 < len(worker.partition.dirty) < story.pairs
            killed(worker)
            worker = start(tmp_path, keys, clock)
    assert partly > 5, f"seed {seed}: never killed between two slices"
    assert told(worker) == story.told_by_one_process, f"seed {seed}"
    killed(worker)


def test_a_crowd_of_changed_orders_is_stored_a_slice_at_a_time_and_a_restart_takes_in_only_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story(3, pairs=300, steps=1)
    keys = {f"{who}-{i}": key_of(f"{who}-{i}") for i in range(story.pairs) for who in "mp"}
    (tmp_path / "orders.json").write_text(json.dumps(story.document))
    clock = Clock(BEGIN_MS)
    worker = start(tmp_path, keys, clock)
    worker.take(story.deliveries)
    told_something = {json.loads(line)["order_id"] for line in told(worker)}
    waiting = story.pairs - len(told_something)
    assert worker.partition.dirty.keys().isdisjoint(told_something)
    assert len(worker.partition.dirty) == waiting > worker_module.STORE_SLICE
    clock.now_ms += worker_module.STORE_AFTER_WALL_MS + 30_000
    worker.pass_time()
    assert len(worker.partition.dirty) >= waiting - worker_module.STORE_SLICE
    killed(worker)
    again = Worker(Journal(tmp_path / "gateway.db"), keys, OrdersFile(tmp_path / "orders.json"), clock, clock)
    heard: list[str] = []
    step = again.partition._step

    def noting(order_id: str, observations: Any, now_ms: int) -> Any:
        heard.append(order_id)
        return step(order_id, observations, now_ms)

    monkeypatch.setattr(again.partition, "_step", noting)
    again.start()
    assert len(set(heard)) == waiting - worker_module.STORE_SLICE
    killed(again)


@pytest.mark.parametrize("renumbered", [True, False])
def test_a_zone_that_came_while_the_gateway_was_down_is_judged_at_once(tmp_path: Path, renumbered: bool) -> None:
    path = tmp_path / "orders.json"
    path.write_text(json.dumps(order_document()))
    clock = Clock(BEGIN_MS)
    worker = start(tmp_path, KEYS, clock)
    fix = sealed("trk-m1", fix_body(1, BEGIN_MS - 1_000, 0))
    worker.take([Delivery(topics.up("trk-m1"), fix, BEGIN_MS, lambda: None)])
    worker.checkpoint()
    killed(worker)
    path.write_text(json.dumps(order_document(version=2 if renumbered else 1, zones=[ZONE])))
    clock.now_ms += 5_000
    worker = start(tmp_path, KEYS, clock)
    if not renumbered:  # Against the contract, and yet no reason to look away: it is noticed at the next message.
        fix = sealed("trk-m1", fix_body(2, clock.now_ms, 0))
        worker.take([Delivery(topics.up("trk-m1"), fix, clock.now_ms, lambda: None)])
    worker.pass_time()
    assert [(one["kind"], one["zone_id"]) for one in map(json.loads, told(worker))] == [("zone_entry", "home")]
    killed(worker)


def test_a_journal_of_the_version_before_goes_on_with_its_states(tmp_path: Path) -> None:
    (tmp_path / "orders.json").write_text(json.dumps(order_document()))
    clock = Clock(BEGIN_MS)
    worker = start(tmp_path, KEYS, clock)
    for seq, device in enumerate(("trk-p1", "trk-m1")):
        fix = sealed(device, fix_body(seq, BEGIN_MS - 1_000, 100 * seq))
        worker.take([Delivery(topics.up(device), fix, BEGIN_MS, lambda: None)])
    worker.checkpoint()
    killed(worker)
    with sqlite3.connect(tmp_path / "gateway.db") as db:
        db.executescript(
            "ALTER TABLE states DROP COLUMN order_version; ALTER TABLE states DROP COLUMN seq; PRAGMA user_version = 1"
        )
    db.close()
    worker = start(tmp_path, KEYS, clock)
    worker.pass_time()
    assert {key.kind for key in worker.partition.state_of("VL-1").alarms} == {"proximity_alert"}
    assert [one["transition"] for one in map(json.loads, told(worker))] == ["raised"]
    killed(worker)


def near_each_other(worker: Worker) -> None:
    for seq, device in enumerate(("trk-p1", "trk-m1")):
        fix = sealed(device, fix_body(seq, BEGIN_MS - 1_000, 100 * seq))
        worker.take([Delivery(topics.up(device), fix, BEGIN_MS, lambda: None)])


def test_the_alarms_of_an_order_that_was_withdrawn_while_the_gateway_was_down_are_ended_once(tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    path.write_text(json.dumps(order_document()))
    clock = Clock(BEGIN_MS)
    worker = start(tmp_path, KEYS, clock)
    near_each_other(worker)
    killed(worker)  # Within the seconds in which a changed state waits: what was told must be known all the same.
    path.write_text(json.dumps({"schema": "waakzaam.orders/1", "orders": []}))
    clock.now_ms += 5_000
    for _ in range(2):
        worker = start(tmp_path, KEYS, clock)
        assert worker.partition.states == {}
        transitions = [json.loads(one.document) for one in worker.journal.unsent(10)]  # type: ignore[attr-defined]
        assert [(t["kind"], t["transition"]) for t in transitions] == [
            ("proximity_alert", "raised"),
            ("proximity_alert", "cleared"),
        ]
        assert transitions[1] | {"alarm_id": transitions[0]["alarm_id"]} == transitions[1]
        assert (transitions[1]["reason"], transitions[1]["monitored"]) == ("order_not_in_force", "M1")
        killed(worker)


def test_a_withdrawn_order_whose_state_cannot_be_read_is_told_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "orders.json"
    path.write_text(json.dumps(order_document()))
    clock = Clock(BEGIN_MS)
    worker = start(tmp_path, KEYS, clock)
    near_each_other(worker)
    worker.checkpoint()
    killed(worker)
    with sqlite3.connect(tmp_path / "gateway.db") as db:
        db.execute("UPDATE states SET document = replace(document, 'parties', 'partners')")
    db.close()
    path.write_text(json.dumps({"schema": "waakzaam.orders/1", "orders": []}))
    worker = start(tmp_path, KEYS, clock)
    assert "VL-1" in caplog.text
    assert "stay open" in caplog.text
    assert worker.partition.states == {}
    assert worker.journal.stored() == {}
    killed(worker)
