"""A defect of the decision core on one order: its alarms come all the same, and operators hear which order it is."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from firmware.wire import messages, topics
from gateway import partition as partition_module
from gateway.contract.orders import Order
from gateway.contract.transitions import NOT_JUDGED, Transition, parse
from gateway.geofence import case, step
from gateway.geofence.case import State
from gateway.geofence.motion import Observation
from gateway.journal.store import Journal
from gateway.orders_file import OrdersFile
from gateway.partition import Partition
from gateway.replay.run import replay
from gateway.worker import Delivery, Worker
from tests.support.contact_orders import MONDAY_NOON_MS, at, circle, order
from tests.support.tracker_messages import KEYS, fix_body, order_document, sealed

Fails = Callable[[State, Sequence[Observation], int], bool]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[Fails], None]:
    """Injects the defect: the core raises whenever the given condition holds."""

    def inject(fails: Fails) -> None:
        def faulty(state: State, event: Sequence[Observation], now_ms: int) -> tuple[State, tuple[Transition, ...]]:
            if fails(state, event or (), now_ms):
                raise ZeroDivisionError("injected")
            return step.step(state, event, now_ms)

        monkeypatch.setattr(partition_module, "step", faulty)

    return inject


def fed(orders: list[Order], rows: list[Observation], until_s: float | None = None) -> tuple[list[Transition], list]:
    """What a live partition tells, and the faults that it heard of."""
    faults: list[tuple[str, str]] = []
    live = Partition(on_fault=lambda order_id, error, _: faults.append((order_id, str(error))))
    told = live.load(orders, rows[0].time_ms)
    for row in rows:
        told += live.feed([row], row.time_ms)
    if until_s is not None:
        told += live.advance(MONDAY_NOON_MS + round(until_s * 1000))
    return told, faults


def kinds(transitions: Sequence[Transition], transition: str = "raised") -> list[str]:
    return [t.kind for t in transitions if t.transition == transition]


def test_a_panic_of_an_order_that_cannot_be_judged_is_an_alarm_and_the_order_is_named(
    broken: Callable[[Fails], None],
) -> None:
    broken(lambda state, events, _: any(one.device_id == "trk-p1" for one in events))
    rows = [at("trk-p1", 0, 0), at("trk-p1", 10, 0, event="panic"), at("trk-p1", 11, 0, event="panic")]
    told, faults = fed([order()], rows)
    assert kinds(told) == [NOT_JUDGED, "panic"]
    assert {t.level for t in told} == {"critical"}
    assert {t.order_id for t in told} == {"VL-1"}
    assert told[1].protected == "P1"
    assert "injected" in told[0].evidence["numbers"]["fault"]
    assert len(faults) == 3
    assert all(parse(json.loads(t.to_line())) == t for t in told)


@pytest.mark.parametrize(
    ("event", "kind"),
    [("strap_cut", "strap_cut"), ("case_opened", "case_opened"), ("power_off", "contact_loss"), ("jamming", "jamming")],
)
def test_tamper_on_an_order_that_cannot_be_judged_is_an_alarm(
    broken: Callable[[Fails], None], event: str, kind: str
) -> None:
    broken(lambda *_: True)
    told, _ = fed([order()], [at("trk-m1", 0, None, event=event)])
    assert kinds(told) == [NOT_JUDGED, kind]


def test_positions_of_an_order_that_cannot_be_judged_are_put_to_a_plain_test(broken: Callable[[Fails], None]) -> None:
    broken(lambda state, events, _: bool(events))
    square = {"type": "Polygon", "coordinates": [[[4.4, 50.9], [4.5, 50.9], [4.5, 51.0], [4.4, 51.0], [4.4, 50.9]]]}
    judged = order(zones=[circle(300), {"zone_id": "square", "shape": square}])
    rows = [at("trk-p1", 0, 5_000), at("trk-m1", 1, 2_000), at("trk-m1", 60, 5_400), at("trk-m1", 120, 200)]
    told, _ = fed([judged], rows)
    assert kinds(told) == [NOT_JUDGED, NOT_JUDGED, "proximity_alert", "zone_entry"]
    assert [t.protected for t in told[:2]] == ["P1", ""]
    assert told[2].distance_m == pytest.approx(400, abs=1)
    assert {t.reason for t in told[2:]} == {"plain_test"}


def test_other_orders_of_the_same_tracker_are_judged_as_ever(broken: Callable[[Fails], None]) -> None:
    broken(lambda state, *_: state.case.order.order_id == "VL-1")
    orders = [order(), order(order_id="VL-2", protected=[], proximity=None, zones=[circle(300)])]
    told, _ = fed(orders, [at("trk-m1", s, 2_000 - 10 * s) for s in range(0, 200, 20)])
    assert [t.kind for t in told if t.order_id == "VL-2"] == ["zone_entry"]


def test_one_message_that_cannot_be_judged_takes_no_other_of_its_batch_with_it(broken: Callable[[Fails], None]) -> None:
    broken(lambda state, events, _: any(one.event == "jamming" for one in events))
    live = Partition(on_fault=lambda *_: None)
    live.load([order()], MONDAY_NOON_MS)
    rows = [at("trk-p1", 1, 0), at("trk-m1", 1, 100), at("trk-m1", 1, None, event="jamming")]
    told = live.feed(rows, MONDAY_NOON_MS + 1_000)
    assert "proximity_alert" in kinds(told)
    assert next(t for t in told if t.kind == "proximity_alert").probability is not None
    assert {NOT_JUDGED, "jamming"} <= set(kinds(told))


def test_once_the_order_is_judged_again_nothing_is_repeated_and_the_fault_ends(broken: Callable[[Fails], None]) -> None:
    broken(lambda state, events, now_ms: now_ms < MONDAY_NOON_MS + 100_000)
    rows = [at("trk-p1", s, 0) for s in range(0, 600, 20)] + [at("trk-m1", s, 100) for s in range(1, 600, 20)]
    rows += [at("trk-p1", 50, None, event="panic")]
    told, _ = fed([order()], sorted(rows, key=lambda row: row.time_ms), until_s=660)
    assert sorted(kinds(told)) == [NOT_JUDGED, NOT_JUDGED, "panic", "proximity_alert"]
    cleared = [t for t in told if t.kind == NOT_JUDGED and t.transition == "cleared"]
    assert {(t.protected, t.reason) for t in cleared} == {("", "judged_again"), ("P1", "judged_again")}
    assert all(t.time_ms >= MONDAY_NOON_MS + 140_000 for t in cleared)
    assert "panic" in kinds(told, "cleared")


def test_a_state_that_is_beyond_repair_is_rebuilt_and_the_order_judged_again(broken: Callable[[Fails], None]) -> None:
    broken(lambda state, *_: math.isnan(state.tracks["trk-p1"].noise))
    live = Partition(on_fault=lambda *_: None)
    live.load([order()], MONDAY_NOON_MS)
    live.feed([at("trk-p1", 0, 0), at("trk-m1", 0, 2_000)], MONDAY_NOON_MS)
    state = live.state_of("VL-1")
    ruined = {**state.tracks, "trk-p1": state.tracks["trk-p1"]._replace(noise=math.nan)}
    live.states["VL-1"] = replace(state, tracks=ruined)
    told = live.feed([at("trk-m1", 1, 1_990)], MONDAY_NOON_MS + 1_000)
    told += live.advance(MONDAY_NOON_MS + 30_000)
    assert kinds(told) == [NOT_JUDGED]
    assert not live.trouble
    told = live.feed([at("trk-m1", 70, 100)], MONDAY_NOON_MS + 70_000)
    told += live.feed([at("trk-m1", 100, 100)], MONDAY_NOON_MS + 100_000)
    assert kinds(told) == ["proximity_alert"]
    assert kinds(told, "cleared") == [NOT_JUDGED]


def test_a_timer_that_never_goes_away_is_noticed_and_blocks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    passes = step._time_passes
    monkeypatch.setattr(step.conditions, "next_ms", lambda state: [state.now_ms] if state.tracks["trk-m1"].here else [])
    told, faults = fed([order()], [at("trk-m1", 0, 50), at("trk-m1", 30, 50, event="strap_cut")], until_s=60)
    assert passes is step._time_passes
    assert "strap_cut" in kinds(told)
    assert NOT_JUDGED in kinds(told)
    assert all("still due" in fault for _, fault in faults)


def test_an_order_that_cannot_even_be_prepared_still_passes_a_panic_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(*_: object) -> None:
        raise MemoryError("injected")

    monkeypatch.setattr(partition_module, "case_of", cannot)
    rows = [at("trk-p1", 0, 0), at("trk-m1", 5, 100), at("trk-p1", 10, 0, event="panic")]
    told, _ = fed([order()], rows, until_s=100)
    assert {NOT_JUDGED, "panic"} <= set(kinds(told))
    assert len(told) == len({t.alarm_id for t in told})
    assert case.case_of is not cannot


def test_a_replay_tells_an_order_that_it_cannot_judge_within_its_fixed_kinds(broken: Callable[[Fails], None]) -> None:
    broken(lambda state, events, _: bool(events))
    told = list(replay([order()], [at("trk-m1", 0, 5_000), at("trk-p1", 5, 0, event="panic")]))
    assert [(t.kind, t.reason, t.protected) for t in told] == [
        ("contact_loss", "order_not_judged", ""),
        ("contact_loss", "order_not_judged", "P1"),
        ("panic", "reported_by_tracker", "P1"),
    ]


def test_the_live_gateway_stores_the_alarms_of_an_order_that_it_cannot_judge_and_keeps_the_message(
    tmp_path: Path, broken: Callable[[Fails], None]
) -> None:
    broken(lambda state, events, _: bool(events))
    (tmp_path / "orders.json").write_text(json.dumps(order_document()))
    journal = Journal(tmp_path / "gateway.db")
    now_ms = time.time_ns() // 1_000_000
    orders = OrdersFile(tmp_path / "orders.json")
    worker = Worker(journal, KEYS, orders, lambda: now_ms, lambda: now_ms)
    worker.start()
    panic = messages.encode({"kind": "event", "boot_id": 1, "seq": 1, "event": "panic", "event_time_ms": now_ms})
    acknowledged: list[str] = []
    deliveries = [
        Delivery(topics.up(device), sealed(device, body), now_ms, lambda: acknowledged.append("yes"))
        for device, body in (("trk-p1", panic), ("trk-m1", fix_body(1, now_ms, 100)))
    ]
    worker.take(deliveries)
    worker.checkpoint()
    waiting = [json.loads(entry.document) for entry in journal.unsent(10)]
    assert [one["kind"] for one in waiting] == [NOT_JUDGED, "panic", NOT_JUDGED]
    assert {one["order_id"] for one in waiting} == {"VL-1"}
    assert acknowledged == ["yes", "yes"]
    assert journal.quarantined() == 2
    journal.close()

    again = Worker(Journal(tmp_path / "gateway.db"), KEYS, orders, lambda: now_ms, lambda: now_ms)
    again.start()
    assert {key.kind for key in again.partition.state_of("VL-1").alarms} == {NOT_JUDGED, "panic"}
    again.journal.close()
