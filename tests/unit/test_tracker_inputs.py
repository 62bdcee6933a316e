"""A press, a cut, a flat battery: what counts and what does not."""

from __future__ import annotations

import pytest

from firmware.tracking.inputs import PANIC_HOLD_MS, SETTLE_MS, Battery, Contact, Hold, percent_of


def test_a_button_held_three_seconds_is_told_once() -> None:
    hold = Hold()
    told = [t for t in range(0, 10_000, 50) if hold.step(True, t)]
    assert told == [PANIC_HOLD_MS]


def test_a_shorter_press_is_nothing_and_the_next_hold_counts_anew() -> None:
    hold = Hold()
    assert not any(hold.step(t < 2_950, t) for t in range(0, 3_100, 50))
    assert [t for t in range(4_000, 8_000, 50) if hold.step(True, t)] == [7_000]


def test_a_contact_is_believed_when_it_has_settled() -> None:
    contact = Contact()
    levels = [(0, True), (30, True), (90, True), (100, False), (120, True), (300, False), (330, False), (400, False)]
    changes = [(t, contact.closed) for t, closed in levels if contact.step(closed, t)]
    assert changes == [(90, True), (400, False)]
    assert SETTLE_MS <= 100


def test_the_first_settled_state_is_a_change_so_that_a_strap_open_at_the_start_is_told() -> None:
    contact = Contact()
    assert [contact.step(False, t) for t in (0, 100)] == [False, True]
    assert contact.closed is False


def test_a_battery_warns_once_for_low_and_once_for_critical_and_again_after_a_charge() -> None:
    battery = Battery()
    voltages = [4000, 3680, 3679, 3690, 3675, 3500, 3499, 3510, 3495, 4000, 3650]
    assert [word for mv in voltages if (word := battery.step(mv))] == ["battery_low", "battery_critical", "battery_low"]


@pytest.mark.parametrize(
    ("mv", "percent"), [(0, 0), (3300, 0), (3400, 2), (3740, 40), (3780, 50), (4100, 100), (4300, 100)]
)
def test_charge_follows_the_curve(mv: int, percent: int) -> None:
    assert percent_of(mv, Battery.CURVE) == percent
