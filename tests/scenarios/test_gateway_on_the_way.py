"""Messages that are on their way while a rule begins or ends: each is judged by what was in force at its own time."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.contract.orders import Order
from gateway.contract.transitions import Transition, time_text
from gateway.geofence.motion import Observation
from gateway.partition import Partition
from tests.support.contact_orders import MONDAY_NOON_MS, at, circle, order, second_of, words

END_S = 600  # 12:10
UNTIL = {"days": ["mon"], "from": "08:00", "until": "12:10"}
FROM = {"days": ["mon"], "from": "12:10", "until": "18:00"}
PAIR_REST = {"exception_id": "talk", "reason": "hand-over", "protected": ["P1"]}


def live(one: Order, rows: list[tuple[Observation, float]], until_s: float) -> list[Transition]:
    """What is told of rows that arrive the given seconds after noon, by the time they arrive."""
    partition = Partition()
    told = partition.load([one], rows[0][0].time_ms)
    for row, arrives_s in rows:
        told += partition.feed([row], MONDAY_NOON_MS + round(arrives_s * 1000))
    return told + partition.advance(MONDAY_NOON_MS + round(until_s * 1000))


def outside_then(device: str, second: float, north_m: float, arrives_s: float, **more: Any) -> list:
    """A person far off each half minute, then one row."""
    far = [at(device, s, 3_000) for s in range(0, int(second) - 120, 30)]
    way = [
        at(device, s, 3_000 + (north_m - 3_000) * (s - second + 120) / 120)
        for s in range(int(second) - 120, int(second), 30)
    ]
    return [
        *((row, (row.time_ms - MONDAY_NOON_MS) / 1000 + 1) for row in far + way),
        (at(device, second, north_m, **more), arrives_s),
    ]


ZONE_ONLY = {"protected": [], "proximity": None}
ENDS = [
    ("the schedule", order(**ZONE_ONLY, zones=[circle(schedule=[UNTIL])]), "zone_entry", "rule_not_in_force"),
    (
        "the order",
        order(**ZONE_ONLY, zones=[circle()], valid_until=time_text(MONDAY_NOON_MS + END_S * 1000)),
        "zone_entry",
        "order_not_in_force",
    ),
    (
        "the rule of the pair",
        order(
            exceptions=[
                {
                    **PAIR_REST,
                    "from": time_text(MONDAY_NOON_MS + END_S * 1000),
                    "until": time_text(MONDAY_NOON_MS + 3_600_000),
                }
            ]
        ),
        "proximity_alert",
        "agreed_exception",
    ),
]


@pytest.mark.parametrize(("one", "kind", "over"), [case[1:] for case in ENDS], ids=[case[0] for case in ENDS])
def test_a_breach_before_the_end_is_told_although_its_fix_arrives_after_it(one: Order, kind: str, over: str) -> None:
    hers = [(at("trk-p1", s, 0), s + 1) for s in range(0, END_S, 30)] if kind == "proximity_alert" else []
    rows = sorted([*hers, *outside_then("trk-m1", END_S - 2, 100, END_S + 3)], key=lambda pair: pair[1])
    told = [t for t in live(one, rows, END_S + 60) if t.kind == kind]
    assert words(told) == [(kind, "raised"), (kind, "cleared")]
    assert second_of(told[0]) == END_S + 3
    assert told[1].reason == over
    assert told[0].evidence["fixes"][0]["time"] == time_text(MONDAY_NOON_MS + (END_S - 2) * 1000)


@pytest.mark.parametrize("one", [case[1] for case in ENDS[:2]], ids=[case[0] for case in ENDS[:2]])
def test_a_fix_from_after_the_end_is_told_by_nobody(one: Order) -> None:
    rows = outside_then("trk-m1", END_S + 1, 100, END_S + 3)
    assert [t for t in live(one, rows, END_S + 60) if t.kind == "zone_entry"] == []


def test_who_stood_inside_at_the_end_was_told_once() -> None:
    rows = [(at("trk-m1", s, 50), s + 4) for s in range(0, END_S, 30)] + [(at("trk-m1", END_S - 1, 50), END_S + 4)]
    one = order(**ZONE_ONLY, zones=[circle(schedule=[UNTIL], buffer_m=200)])
    told = [t for t in live(one, rows, END_S + 60) if t.kind == "zone_entry"]
    assert words(told) == [("zone_entry", "raised"), ("zone_entry", "cleared")]


def test_a_panic_before_the_end_of_the_order_is_told_although_it_arrives_after_it() -> None:
    one = order(valid_until=time_text(MONDAY_NOON_MS + END_S * 1000))
    rows = [(at("trk-p1", 0, 0), 1), (at("trk-p1", END_S - 1, None, event="panic"), END_S + 2)]
    assert words([t for t in live(one, rows, END_S + 60) if t.kind == "panic"]) == [
        ("panic", "raised"),
        ("panic", "cleared"),
    ]


def test_a_stay_that_was_allowed_is_no_breach_because_its_fixes_come_late() -> None:
    one = order(**ZONE_ONLY, zones=[circle(schedule=[FROM])])
    stay = [(at("trk-m1", s, 50), END_S + 30) for s in range(0, 300, 30)]
    gone = [(at("trk-m1", s, 12 * (s - 300)), max(s + 1, END_S + 30)) for s in range(330, END_S + 100, 30)]
    assert [t for t in live(one, stay + gone, END_S + 200) if t.kind == "zone_entry"] == []


def test_who_was_inside_just_before_the_schedule_begins_is_told_when_that_fix_arrives_after_it() -> None:
    one = order(**ZONE_ONLY, zones=[circle(schedule=[FROM])])
    rows = outside_then("trk-m1", END_S - 2, 50, END_S + 3)
    told = [t for t in live(one, rows, END_S + 10) if t.kind == "zone_entry"]
    assert [(t.transition, t.reason) for t in told] == [("raised", "already_inside")]
