"""Fixes too uncertain to decide by: they never read as safe, and a merely poor fix is no nuisance."""

from __future__ import annotations

import pytest

from gateway.contract.transitions import Transition
from gateway.geofence.motion import Observation
from tests.support.contact_orders import at, circle, order, second_of, told, words

VAGUE_M = 50_000.0


def both_at(distance_m: float, seconds: range, monitored_m: float, protected_m: float = 8.0) -> list[Observation]:
    """Both persons at rest, this far apart, with these stated accuracies."""
    return [
        at(device, s, north_m, accuracy_m=accuracy_m)
        for s in seconds
        for device, north_m, accuracy_m in (("trk-m1", distance_m, monitored_m), ("trk-p1", 0, protected_m))
    ]


def lost(transitions: list[Transition]) -> list[Transition]:
    return [one for one in transitions if one.kind == "gnss_loss"]


@pytest.mark.parametrize(("monitored_m", "protected_m"), [(VAGUE_M, 8.0), (8.0, VAGUE_M), (VAGUE_M, VAGUE_M)])
def test_a_tracker_that_no_longer_knows_where_it_is_is_told_as_one_without_positions(
    monitored_m: float, protected_m: float
) -> None:
    rows = both_at(3000, range(0, 121, 30), 8) + both_at(3000, range(150, 901, 30), monitored_m, protected_m)
    alarms = lost(told(order(), rows, until_s=900))
    expected = {p for p, accuracy_m in (("", monitored_m), ("P1", protected_m)) if accuracy_m == VAGUE_M}
    assert {alarm.protected or "" for alarm in alarms} == expected
    assert all(second_of(alarm) <= 120 + 90 + 30 for alarm in alarms if alarm.transition == "raised")


def test_vague_fixes_do_not_end_an_alarm_that_stands() -> None:
    rows = both_at(75, range(0, 121, 30), 8) + both_at(75, range(150, 1801, 30), VAGUE_M)
    transitions = told(order(), rows, until_s=1800)
    assert ("proximity_alert", "raised") in words(transitions)
    assert ("proximity_alert", "cleared") not in words(transitions)
    assert ("gnss_loss", "raised") in words(transitions)


def test_a_sharp_fix_ends_what_vague_ones_raised() -> None:
    rows = both_at(3000, range(0, 121, 30), 8) + both_at(3000, range(150, 601, 30), VAGUE_M)
    transitions = lost(told(order(), rows + both_at(3000, range(630, 721, 30), 8), until_s=720))
    assert [one.transition for one in transitions] == ["raised", "escalated", "cleared"]
    assert second_of(transitions[-1]) == 630


def test_a_tracker_whose_every_fix_is_vague_is_told_as_one_that_never_knew() -> None:
    rows = both_at(75, range(0, 1801, 30), VAGUE_M, VAGUE_M)
    alarms = lost(told(order(), rows, until_s=1800))
    assert {alarm.reason for alarm in alarms} == {"never_reported"}
    assert all(second_of(alarm) <= 15 * 60 for alarm in alarms)


def test_a_tracker_that_goes_on_reporting_without_ever_a_position_is_told() -> None:
    rows = [at("trk-m1", s, None) for s in range(0, 1801, 30)] + [at("trk-p1", s, 0) for s in range(0, 1801, 30)]
    alarms = lost(told(order(), rows, until_s=1800))
    assert [(alarm.transition, alarm.reason, second_of(alarm)) for alarm in alarms] == [
        ("raised", "never_reported", 15 * 60)
    ]


def test_who_is_surely_far_needs_no_sharp_fix() -> None:
    rows = both_at(400_000, range(0, 3601, 60), VAGUE_M)
    assert told(order(), rows, until_s=3600) == []


@pytest.mark.parametrize("accuracy_m", [60.0, 150.0, 300.0])
def test_a_poor_fix_that_can_still_show_a_breach_is_a_fix(accuracy_m: float) -> None:
    rows = both_at(3000, range(0, 3601, 60), accuracy_m)
    assert told(order(), rows, until_s=3600) == []


def test_a_monitored_person_at_a_small_zone_with_vague_fixes_is_told() -> None:
    rows = [at("trk-m1", s, 2000) for s in range(0, 121, 30)]
    rows += [at("trk-m1", s, 150, accuracy_m=2000) for s in range(150, 901, 30)]
    transitions = told(order(protected=[], proximity=None, zones=[circle()]), rows, until_s=900)
    assert ("gnss_loss", "raised") in words(transitions)
