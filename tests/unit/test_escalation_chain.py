"""Chains never end, worse never waits longer, easing never pushes a deadline away, floods do not flicker."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alarm_backend.escalation import chain, flood

SEVERITIES = st.integers(1, 5)
LEVELS = st.integers(0, 50)


@given(SEVERITIES, LEVELS)
def test_a_chain_never_ends(severity: int, level: int) -> None:
    assert chain.wait_ms(severity, level) > 0
    assert chain.target(level) in chain.TARGETS


def test_the_first_two_calls_of_a_severe_alarm_keep_to_the_answer_times_of_en_50518() -> None:
    for severity in (4, 5):
        assert chain.wait_ms(severity, 0) <= 30_000
        assert chain.wait_ms(severity, 0) + chain.wait_ms(severity, 1) <= 60_000


@given(st.integers(1, 4), LEVELS)
def test_a_worse_alarm_never_waits_longer(severity: int, level: int) -> None:
    assert chain.wait_ms(severity + 1, level) <= chain.wait_ms(severity, level)


@given(SEVERITIES, st.lists(st.tuples(SEVERITIES, st.integers(0, 60_000)), max_size=30))
def test_going_up_and_down_never_pushes_a_deadline_away(first: int, story: list[tuple[int, int]]) -> None:
    now_ms = 0
    level, due_ms = chain.due_after_change(first, first, level=0, due_ms=None, now_ms=now_ms)
    before = first
    for severity, later_ms in story:
        now_ms += later_ms
        level, next_due_ms = chain.due_after_change(before, severity, level=level, due_ms=due_ms, now_ms=now_ms)
        assert next_due_ms <= due_ms
        assert next_due_ms <= now_ms + chain.wait_ms(severity, level) or severity <= before
        due_ms, before = next_due_ms, severity


def test_a_flood_begins_above_ten_and_ends_below_five() -> None:
    assert not flood.flooded(False, 10)
    assert flood.flooded(False, 11)
    assert flood.flooded(True, 5)
    assert not flood.flooded(True, 4)
