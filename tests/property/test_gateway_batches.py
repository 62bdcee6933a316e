"""The batch core decides exactly as the scalar core does."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from gateway.batch_partition import BatchPartition
from gateway.contract.orders import Order
from gateway.contract.transitions import NOT_JUDGED
from gateway.geofence.case import Case, State
from gateway.geofence.motion import Observation
from gateway.geofence.resting import Batch
from gateway.geofence.rules import Rules
from gateway.geofence.step import step
from gateway.partition import Partition
from gateway.replay import fleet
from gateway.replay.run import replay
from waakzaam.benches import _lives


def _batch_of_days(seed: int, orders: int) -> tuple[_lives.World, Batch]:
    """A working day of some pairs, in time order, every fix at an instant of its own."""
    rng = np.random.default_rng(seed)
    w = _lives.world(rng, orders, home_median_m=5_000)
    rows = []
    for number in range(orders):
        for role in (0, 1):
            visit = (12 * 3600.0, w.anchors[number, 1, 0]) if role == 0 and number % 3 == 0 else None
            t, east, north, accuracy = _lives.reported(rng, _lives.day(rng, w.anchors[number, role], 120.0, visit))
            lat, lon = w.degrees(east, north)
            nan = np.full(len(t), np.nan)
            who = (np.full(len(t), number), np.full(len(t), role))
            rows.append(np.stack((*who, t * 1000, lat, lon, accuracy, nan, nan)))
    table = np.concatenate(rows, axis=1)
    table = table[:, np.argsort(table[2], kind="stable")]
    times = _lives.BEGIN_MS + np.round(table[2]).astype(np.int64)
    times = np.maximum.accumulate(times + np.arange(len(times)) % 7)
    _, first = np.unique(times, return_index=True)
    table, times = table[:, first], times[first]
    return w, Batch(table[0].astype(np.int64), table[1].astype(np.int64), times, *table[3:])


def _one_by_one(w: _lives.World, fixes: Batch, orders: int) -> list[str]:
    scalar = Partition()
    lines = [t.to_line() for t in scalar.load([w.order(i) for i in range(orders)], _lives.BEGIN_MS)]
    for i in range(len(fixes.order)):
        device = "mp"[fixes.role[i]] + f"-{fixes.order[i]}"
        accuracy, lat, lon = float(fixes.accuracy_m[i]), float(fixes.lat[i]), float(fixes.lon[i])
        one = Observation(device, int(fixes.time_ms[i]), lat, lon, accuracy, None, None, "")
        lines += [t.to_line() for t in scalar.feed([one], int(fixes.time_ms[i]))]
    return sorted(lines)


def _in_batches(batches: BatchPartition, fixes: Batch) -> list[str]:
    lines = [t.to_line() for t in batches.start()]
    for start in range(0, len(fixes.order), 500):
        lines += [t.to_line() for t in batches.feed(fixes.part(np.arange(start, min(start + 500, len(fixes.order)))))]
    lines += [t.to_line() for t in batches.advance(int(fixes.time_ms[-1]))]
    return sorted(lines)


@pytest.mark.parametrize("seed", [1])
def test_the_same_fixes_in_batches_give_the_same_transitions_as_one_by_one(seed: int) -> None:
    orders = 9
    w, fixes = _batch_of_days(seed, orders)
    lines = _one_by_one(w, fixes, orders)
    batches = BatchPartition(orders, 3, w.order, _lives.BEGIN_MS)
    assert _in_batches(batches, fixes) == lines, f"seed {seed}"
    assert len(lines) > 10
    assert batches.resting.asleep.any()


def test_an_order_that_cannot_be_judged_is_stood_in_for_and_judged_again_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orders, broken = 2, "o-0"
    w, fixes = _batch_of_days(3, orders)
    hours = (fixes.time_ms - _lives.BEGIN_MS) / 3_600_000
    fixes = fixes.part((hours > 10) & (hours < 14))

    def faulty(state: State, event: Any, now_ms: int) -> Any:
        hour = (now_ms - _lives.BEGIN_MS) / 3_600_000
        if state.case.order.order_id == broken and 11.5 < hour < 12.5:
            raise ZeroDivisionError("injected")
        return step(state, event, now_ms)

    whole = _one_by_one(w, fixes, orders)
    monkeypatch.setattr("gateway.partition.step", faulty)
    monkeypatch.setattr("gateway.batch_partition.step", faulty)
    heard: list[str] = []
    batches = BatchPartition(orders, 3, w.order, _lives.BEGIN_MS, on_fault=lambda order_id, *_: heard.append(order_id))
    told = [json.loads(line) for line in _in_batches(batches, fixes)]
    other = [line for line in whole if json.loads(line)["order_id"] != broken]
    assert [json.loads(line) for line in other] == [t for t in told if t["order_id"] != broken]
    assert set(heard) == {broken}
    words = {(t["kind"], t["transition"]) for t in told if t["order_id"] == broken}
    assert words >= {
        (NOT_JUDGED, "raised"),
        (NOT_JUDGED, "cleared"),
        ("zone_entry", "raised"),
        ("zone_entry", "cleared"),
    }
    assert {t["reason"] for t in told if t["kind"] == "zone_entry" and t["transition"] == "raised"} >= {"plain_test"}
    assert batches.troubled.states == {}


def test_an_order_that_cannot_even_be_prepared_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(order: Order, rules: Rules) -> Case:
        raise ZeroDivisionError(order.order_id)

    monkeypatch.setattr("gateway.batch_partition.case_of", faulty)
    w = _lives.world(np.random.default_rng(4), 2)
    batches = BatchPartition(2, 3, w.order, _lives.BEGIN_MS, on_fault=lambda *_: None)
    assert [(t.kind, t.order_id) for t in batches.start()] == [(NOT_JUDGED, "o-0"), (NOT_JUDGED, "o-1")]


def test_an_order_that_does_not_wake_is_stood_in_for_at_every_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    w = _lives.world(np.random.default_rng(5), 1)
    heard: list[Exception] = []
    batches = BatchPartition(1, 3, w.order, _lives.BEGIN_MS, on_fault=lambda _, error, __: heard.append(error))
    batches.start()

    def fix(minute: int, role: int, at: Any) -> Batch:
        lat, lon = w.degrees(np.array([at[0]]), np.array([at[1]]))
        nan, time_ms = np.full(1, np.nan), np.array([_lives.BEGIN_MS + minute * 60_000 + role])
        return Batch(np.zeros(1, dtype=np.int64), np.array([role]), time_ms, lat, lon, np.full(1, 10.0), nan, nan)

    for minute in (1, 2, 3):
        for role in (0, 1):
            batches.feed(fix(minute, role, w.anchors[0, role, 0]))
    assert batches.resting.asleep[0]

    def faulty(order: Order, rules: Rules) -> Case:
        raise ZeroDivisionError(order.order_id)

    monkeypatch.setattr("gateway.geofence.resting.case_of", faulty)
    batches.feed(fix(4, 0, w.anchors[0, 1, 0]))  # at her home
    assert len(heard) == 1
    batches.feed(fix(4, 1, w.anchors[0, 1, 0]))  # her own fix, which alone would change nothing
    assert len(heard) == 2
    assert set(batches.troubled.trouble) == {"o-0"}


def test_a_replay_of_many_orders_tells_the_same_in_batches_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where some orders cannot go in batches: an event, two fixes of one instant, a row without a position."""
    monkeypatch.setattr(fleet, "ORDERS_MIN", 5)
    count = 10
    w, fixes = _batch_of_days(5, count)
    orders = [w.order(i) for i in range(count)]
    rows = []
    for i in range(len(fixes.order) // 3, len(fixes.order) * 2 // 3):
        device = "mp"[fixes.role[i]] + f"-{fixes.order[i]}"
        values = float(fixes.lat[i]), float(fixes.lon[i]), float(fixes.accuracy_m[i])
        rows.append(Observation(device, int(fixes.time_ms[i]), *values, None, None, ""))
    rows.append(rows[500]._replace(device_id="m-3", event="panic"))
    rows.append(rows[600]._replace(device_id="m-4", lat=None, lon=None, event="gnss_lost"))
    rows.append(next(row for row in rows if row.device_id == "m-5")._replace(device_id="p-5"))
    for until_ms in (None, rows[-4].time_ms + 3_600_000):
        assert len(fleet.fitting(orders, rows)) == count - 3
        in_batches = [t.to_line() for t in replay(orders, rows, until_ms)]
        with monkeypatch.context() as scalar:
            scalar.setattr(fleet, "ORDERS_MIN", count + 1)
            assert [t.to_line() for t in replay(orders, rows, until_ms)] == in_batches
        assert len(in_batches) > 8
