"""The drink test's table: complete, bounded, and never silent."""

from __future__ import annotations

from firmware.bracelet import flow, table
from firmware.bracelet.flow import TestState
from waakzaam.rigs import state_diagram


def test_every_state_but_sleep_has_a_limit_and_every_limit_a_known_target() -> None:
    assert set(table.TIMEOUTS) == set(table.STATES) - {table.ASLEEP}
    for limit_ms, target, _, _ in table.TIMEOUTS.values():
        assert limit_ms > 0
        assert target in table.STATES


def test_every_state_can_be_reached_and_left() -> None:
    reached = {target for _, _, target, _, _ in table.TRANSITIONS} | {t[1] for t in table.TIMEOUTS.values()}
    left = {source for source, _, target, _, _ in table.TRANSITIONS if target != source}
    assert reached >= set(table.STATES) - {table.ASLEEP}
    assert left == set(table.STATES)


def test_whatever_happens_before_the_decision_ends_in_the_log_and_is_told() -> None:
    before = (table.SELF_TEST, table.AWAIT_STRIP, table.CHECK_STRIP, table.AWAIT_WETTING, table.INCUBATE, table.MEASURE)
    clean = (table.AWAIT_CLEAN, table.CHECK_CLEAN, table.CLEAN_WETTING, table.CLEAN_INCUBATE, table.CLEAN_MEASURE)
    for name in (*before, *clean, table.CLEAN_KEEP, table.CLEAN_OUT, table.LOAD_NEXT, table.CHANGE_STRIP, table.DECIDE):
        state, effect = flow.step(TestState(name, 0), ("fault", "invalid", "bus: spi_stuck"), 10)
        assert (state.name, state.verdict, state.reason, effect) == (table.LOG, "invalid", "bus: spi_stuck", "seal")


def test_a_state_that_outlives_its_limit_never_ends_as_negative() -> None:
    for name, (limit_ms, _, _, _) in table.TIMEOUTS.items():
        state, _ = flow.step(TestState(name, 0), (flow.TICK,), limit_ms)
        assert state.verdict in (None, "invalid")
        if name not in (table.AWAKE, table.STANDBY, table.SHARE, table.LOG, table.TELL, table.AWAIT_STRIP_OUT):
            assert (state.name, state.verdict) == (table.LOG, "invalid")


def test_a_tick_inside_the_limit_changes_nothing() -> None:
    for name, (limit_ms, _, _, _) in table.TIMEOUTS.items():
        state = TestState(name, 0)
        assert flow.step(state, (flow.TICK,), limit_ms - 1) == (state, "")


def test_only_a_decision_can_bring_a_verdict_other_than_invalid() -> None:
    bringing = {(source, event) for source, event, _, _, mark in table.TRANSITIONS if mark == table.TAKE}
    assert {pair for pair in bringing if pair[1] != "fault"} == {(table.DECIDE, "decided")}


def test_the_record_is_sealed_before_the_verdict_is_told() -> None:
    into_tell = {source for source, _, target, _, _ in table.TRANSITIONS if target == table.TELL}
    assert into_tell - {table.TELL} == {table.LOG}


def test_a_new_test_forgets_the_last_verdict() -> None:
    state, _ = flow.step(TestState(table.ASLEEP, 0, "positive", "x"), ("button",), 5)
    assert (state.verdict, state.reason) == (None, None)


def test_deep_sleep_is_entered_from_rest_only_and_no_verdict_reaches_rest_untold() -> None:
    assert {source for source, _, target, _, _ in table.TRANSITIONS if target == table.STANDBY} == {table.ASLEEP}
    assert table.STANDBY not in {target for _, target, _, _ in table.TIMEOUTS.values()}
    into_rest = {source for source, _, target, _, _ in table.TRANSITIONS if target == table.ASLEEP}
    into_rest |= {source for source, (_, target, _, _) in table.TIMEOUTS.items() if target == table.ASLEEP}
    assert into_rest == {table.AWAKE, table.STANDBY, table.SHARE, table.AWAIT_STRIP_OUT}
    into_share = {source for source, _, target, _, _ in table.TRANSITIONS if target == table.SHARE}
    assert into_share == {table.ASLEEP, table.AWAKE, table.AWAIT_STRIP, table.AWAIT_CLEAN}  # nothing measured there
    before_that = {source for source, _, target, _, _ in table.TRANSITIONS if target == table.AWAIT_STRIP_OUT}
    before_that |= {source for source, limit in table.TIMEOUTS.items() if limit[1] == table.AWAIT_STRIP_OUT}
    assert before_that == {table.TELL, table.AWAIT_STRIP_OUT}


def test_an_event_out_of_place_changes_nothing() -> None:
    state = TestState(table.MEASURE, 0)
    assert flow.step(state, ("decided", "negative", ""), 5) == (state, "")


def test_the_diagram_in_the_documentation_is_the_table() -> None:
    assert state_diagram.PAGE.read_text(encoding="utf-8") == state_diagram.page()
