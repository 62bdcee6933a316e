"""The decision core against a truth that shares nothing with it: other geodesic, other clock, other geometry."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gateway.contract import orders
from gateway.contract.reading import unix_ms_of
from gateway.contract.transitions import LEVELS
from gateway.replay import fixes
from gateway.replay.run import replay
from tests.support import ban_truth

HEADER = ",".join(fixes.COLUMNS) + "\n"


def replayed(w: ban_truth.World, rows: list[str], until_ms: int | None = None) -> list[dict[str, Any]]:
    complaints: list[fixes.BadRow] = []
    taken = fixes.parse([HEADER, *rows], "rows", complaints.append)
    assert complaints == []
    parsed = orders.parse({"schema": orders.SCHEMA, "orders": [w.order]})
    return [t.to_document() for t in replay(parsed, taken, until_ms)]


def out_of_step(transitions: list[dict[str, Any]]) -> list[str]:
    """Transitions that do not follow from those before them."""
    levels: dict[str, str] = {}
    faults, last = [], ""
    for t in transitions:
        known, rank = levels.get(t["alarm_id"]), LEVELS.index(t["level"])
        if t["time"] < last or (t["transition"] == "raised") == (known is not None):
            faults.append(f"{t['time']} {t['kind']} {t['transition']}")
        if t["transition"] == "escalated" and known is not None and rank <= LEVELS.index(known):
            faults.append(f"{t['time']} {t['kind']} escalated to {t['level']}")
        last, levels[t["alarm_id"]] = t["time"], t["level"]
    return faults


def check(seed: int) -> None:
    w = ban_truth.world(seed)
    told = replayed(w, w.rows)
    assert ban_truth.judge(w, told) == [], f"seed {seed}"
    assert out_of_step(told) == [], f"seed {seed}"
    assert replayed(w, sorted(w.rows)) == told, f"seed {seed}"
    until_ms = round(w.begin_s * 1000) + (seed * 7919 % ban_truth.LENGTH_S) * 1000
    by_then = [t for t in told if unix_ms_of(t["time"]) <= until_ms]
    assert replayed(w, w.rows, until_ms) == by_then, f"seed {seed}: until {until_ms}"


@pytest.mark.parametrize("seed", range(8))
def test_what_is_told_agrees_with_a_truth_from_elsewhere(seed: int) -> None:
    check(seed)


def test_the_judge_sees_a_breach_that_nobody_tells_and_an_alarm_without_cause() -> None:
    seed = next(s for s in range(50) if ban_truth._breaches(ban_truth.world(s).inside_m["P"]))
    w = ban_truth.world(seed)
    assert any("missed" in fault for fault in ban_truth.judge(w, []))
    far = w._replace(inside_m={"P": np.full_like(w.inside_m["P"], 9_000.0)})
    assert any("without cause" in fault for fault in ban_truth.judge(far, replayed(w, w.rows)))


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(100, 500))
def test_four_hundred_more(seed: int) -> None:
    check(seed)
