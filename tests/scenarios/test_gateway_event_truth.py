"""Events of trackers in several orders against a second judgement from the rules in words."""

from __future__ import annotations

import pytest

from gateway.contract import orders
from gateway.replay import fixes
from gateway.replay.run import replay
from tests.support import event_truth
from tests.support.event_truth import Told

KINDS = {"contact_loss" if word == "power_off" else word for word in event_truth.LEVEL}


def replayed(c: event_truth.Case) -> list[Told]:
    complaints: list[fixes.BadRow] = []
    rows = fixes.parse([",".join(fixes.COLUMNS) + "\n", *c.rows], "rows", complaints.append)
    assert complaints == []
    parsed = orders.parse({"schema": orders.SCHEMA, "orders": c.orders})
    until_ms = round((event_truth.BEGIN_S + c.until_s) * 1000)
    return sorted(
        (
            Told(
                round(t.time_ms / 1000 - event_truth.BEGIN_S, 3),
                t.order_id,
                t.kind,
                t.transition,
                t.level,
                t.protected or None,
            )
            for t in replay(parsed, rows, until_ms)
            if t.kind in KINDS
        ),
        key=repr,
    )


def check(seed: int) -> None:
    c = event_truth.case(seed)
    expected = sorted((one._replace(second=round(one.second, 3)) for one in event_truth.expected(c)), key=repr)
    got = replayed(c)
    assert got == expected, f"seed {seed}: {sorted(set(got) ^ set(expected), key=repr)[:6]}"


@pytest.mark.parametrize("seed", range(12))
def test_events_are_told_as_the_rules_in_words_say(seed: int) -> None:
    check(seed)


def test_the_cases_hold_every_kind_of_event() -> None:
    assert {one.kind for seed in range(12) for one in event_truth.expected(event_truth.case(seed))} == KINDS


def test_the_second_judgement_sees_an_event_that_is_not_told() -> None:
    seed = next(s for s in range(20) if any(t.kind == "panic" for t in event_truth.expected(event_truth.case(s))))
    c = event_truth.case(seed)
    silenced = c._replace(rows=[row for row in c.rows if not row.endswith(",panic\n")])
    assert replayed(silenced) != event_truth.expected(c)


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(100, 300))
def test_two_hundred_more(seed: int) -> None:
    check(seed)
