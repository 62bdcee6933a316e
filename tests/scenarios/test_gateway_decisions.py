"""What the decision core tells an operator, situation by situation."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

from gateway.contract.transitions import parse
from gateway.replay.run import replay
from tests.support.contact_orders import MONDAY_NOON_MS, at, circle, order, second_of, told, words

PROTECTED_AT_HOME = [at("trk-p1", s, 0) for s in range(0, 1200, 30)]


def walk(start_m: float, end_m: float, begin_s: int, end_s: int, step_s: int = 10, east_m: float = 0.0) -> list:
    """The monitored person going straight from one distance to another."""
    steps = range(begin_s, end_s + 1, step_s)
    return [at("trk-m1", s, start_m + (end_m - start_m) * (s - begin_s) / (end_s - begin_s), east_m) for s in steps]


def test_an_approach_raises_prealert_then_alert_and_going_away_clears_both() -> None:
    rows = PROTECTED_AT_HOME + walk(1500, 200, 0, 400) + walk(200, 1600, 410, 1100)
    transitions = told(order(), rows, until_s=1150)
    assert words(transitions)[:2] == [("proximity_prealert", "raised"), ("proximity_alert", "raised")]
    assert ("proximity_alert", "escalated") in words(transitions)
    assert words(transitions)[-2:] == [("proximity_alert", "cleared"), ("proximity_prealert", "cleared")]
    assert len(transitions) == len(set(words(transitions)))


def test_the_evidence_names_fixes_order_version_engine_and_who_approached() -> None:
    alarm = told(order(), PROTECTED_AT_HOME + walk(1500, 200, 0, 400), kind="proximity_alert")[0]
    assert alarm.evidence["order_version"] == 3
    assert alarm.evidence["engine"].startswith("geofence/")
    assert {fix["device_id"] for fix in alarm.evidence["fixes"]} == {"trk-m1", "trk-p1"}
    assert alarm.evidence["numbers"]["approach"]["who"] == "monitored"
    assert alarm.distance_m == pytest.approx(500, abs=60)


def test_the_protected_person_walking_up_is_told_as_such() -> None:
    rows = [at("trk-m1", s, 0) for s in range(0, 500, 10)] + [at("trk-p1", s, 1500 - 3 * s) for s in range(0, 500, 10)]
    alarm = told(order(), rows, kind="proximity_alert")[0]
    assert alarm.evidence["numbers"]["approach"]["who"] == "protected"


def test_two_cars_on_one_road_are_told_as_such() -> None:
    rows = [at("trk-m1", s, 25 * s) for s in range(0, 300, 10)]
    rows += [at("trk-p1", s, 800 + 23 * s) for s in range(0, 300, 10)]
    alarm = told(order(), rows, kind="proximity_alert")[0]
    assert alarm.evidence["numbers"]["approach"]["who"] == "same_road"


def test_a_crossing_between_two_fixes_raises_an_entry() -> None:
    rows = [at("trk-m1", 0, -2000), at("trk-m1", 60, -900), at("trk-m1", 120, 900), at("trk-m1", 180, 2000)]
    transitions = told(order(protected=[], proximity=None, zones=[circle()]), rows, kind="zone_entry")
    assert words(transitions)[0] == ("zone_entry", "raised")
    assert transitions[0].reason == "crossed_between_fixes"
    assert second_of(transitions[0]) == 120


def test_two_persons_who_pass_each_other_between_fixes_raise_an_alert() -> None:
    rows = [at("trk-m1", s, -6000 + 20 * s) for s in range(0, 601, 60)]
    rows += [at("trk-p1", s, 6000 - 20 * s) for s in range(30, 601, 60)]
    assert ("proximity_alert", "raised") in words(told(order(), rows))


def test_being_inside_when_the_schedule_starts_raises_at_that_instant() -> None:
    schedule = [{"days": ["mon"], "from": "12:10", "until": "18:00"}]
    rows = [at("trk-m1", s, 50) for s in range(0, 1500, 60)]
    transitions = told(order(protected=[], proximity=None, zones=[circle(schedule=schedule)]), rows, kind="zone_entry")
    assert (second_of(transitions[0]), transitions[0].reason) == (600.0, "already_inside")


def test_who_has_driven_out_before_the_schedule_starts_is_not_told() -> None:
    schedule = [{"days": ["mon"], "from": "12:10", "until": "18:00"}]
    rows = [at("trk-m1", s, max(0, 15 * (s - 565))) for s in range(0, 700, 5)]
    assert told(order(protected=[], proximity=None, zones=[circle(schedule=schedule)]), rows, kind="zone_entry") == []


def test_the_end_of_a_schedule_clears_and_its_next_start_raises_anew() -> None:
    schedule = [
        {"days": ["mon"], "from": "12:10", "until": "12:20"},
        {"days": ["mon"], "from": "12:30", "until": "12:40"},
    ]
    rows = [at("trk-m1", s, 50) for s in range(0, 2000, 60)]
    transitions = told(order(protected=[], proximity=None, zones=[circle(schedule=schedule)]), rows, kind="zone_entry")
    assert [t.transition for t in transitions] == ["raised", "cleared", "raised"]
    assert len({t.alarm_id for t in transitions}) == 2


@pytest.mark.parametrize(
    ("interval_s", "away_m"), [(1, 1500), (5, 1500), (10, 1500), (30, 1500), (30, 5000), (60, 9000)]
)
def test_a_sudden_multipath_jump_does_not_raise(interval_s: int, away_m: int) -> None:
    rows = [at("trk-m1", s, -away_m) for s in range(0, 600, interval_s)]
    rows = [at("trk-m1", 300, 0) if (r.time_ms - MONDAY_NOON_MS) == 300_000 else r for r in rows]
    assert not told(order(protected=[], proximity=None, zones=[circle()]), rows)


def test_a_jump_that_lasts_is_believed() -> None:
    rows = [at("trk-m1", s, -1500) for s in range(0, 300, 5)] + [at("trk-m1", s, 0) for s in range(300, 400, 5)]
    transitions = told(order(protected=[], proximity=None, zones=[circle()]), rows, kind="zone_entry")
    assert transitions[0].transition == "raised"
    assert second_of(transitions[0]) <= 330


def test_standing_at_the_border_with_noise_does_not_flip_flop() -> None:
    seed = 11
    rng = random.Random(seed)
    rows = [at("trk-m1", s, 300 + rng.gauss(0, 10), rng.gauss(0, 10), accuracy_m=15) for s in range(0, 3600, 10)]
    transitions = told(order(protected=[], proximity=None, zones=[circle(300)]), rows, kind="zone_entry")
    assert words(transitions) == [("zone_entry", "raised")], f"seed {seed}"


def test_silence_near_the_protected_person_alarms_in_minutes_and_far_away_later() -> None:
    def silent_for_s(distance_m: float) -> float:
        rows = [at("trk-m1", s, distance_m) for s in range(0, 301, 30)]
        rows += [at("trk-p1", s, 0) for s in range(0, 7200, 30)]
        return second_of(told(order(), rows, kind="contact_loss")[0]) - 300

    assert silent_for_s(1_500) <= 180
    streets_m = 2 * 2_000
    assert silent_for_s(30_000) == pytest.approx(60 + streets_m / 14 + (30_000 - 500 - streets_m) / 25, abs=10)


def test_when_both_are_silent_they_may_meet_half_way() -> None:
    def told_s(her_last_s: int) -> float:
        rows = [at("trk-m1", s, 20_000) for s in range(0, 301, 30)]
        rows += [at("trk-p1", s, 0) for s in range(0, her_last_s + 1, 30)]
        return second_of(told(order(), rows, until_s=7_200, kind="contact_loss")[0]) - 300

    alone_s = 60 + 4_000 / 14 + (19_500 - 4_000) / 25
    assert told_s(7_200) == pytest.approx(alone_s, abs=5)
    # Each sets out for a minute; then streets at 14 and 10 m/s, after 286 s and 400 s the road at 25 and 15 m/s.
    met_s = 60 + 400 + (19_500 - 14 * 4_000 / 14 - 25 * (400 - 4_000 / 14) - 4_000) / 40
    assert told_s(300) == pytest.approx(met_s, abs=5)


def her_silence_s(his_m: Callable[[int], float], his_last_s: int = 7_200, before_m: float = 0.0) -> float:
    """After how long her silence from the 300th second on is told; he goes as `his_m` says by the second."""
    rows = [at("trk-m1", s, his_m(s)) for s in range(0, his_last_s, 30)]
    rows += [at("trk-p1", s, before_m * (300 - s) / 300) for s in range(0, 301, 30)]
    losses = [t for t in told(order(), rows, until_s=7_200, kind="contact_loss") if t.protected == "P1"]
    return second_of(losses[0]) - 300


def test_a_protected_person_silent_at_rest_far_from_a_monitored_one_who_is_heard_is_no_alarm_within_the_hour() -> None:
    assert her_silence_s(lambda _: 12_000) == pytest.approx(3_600 + 60 + 400 + (11_500 - 5_400 - 4_000) / 15, abs=5)


def test_her_silence_is_told_in_minutes_when_he_is_near_or_comes_nearer_or_is_silent_too_or_she_was_travelling() -> (
    None
):
    assert her_silence_s(lambda _: 5_000) < 600
    assert her_silence_s(lambda s: 12_000 if s < 1_200 else 12_000 - 10 * (s - 1_200)) < 1_600
    assert her_silence_s(lambda _: 12_000, his_last_s=900) < 900
    assert her_silence_s(lambda _: 12_000, before_m=-4_000) < 1_200


def test_a_tracker_that_never_spoke_is_an_alarm_and_not_a_good_sign() -> None:
    transitions = told(order(), [at("trk-p1", s, 0) for s in range(0, 1200, 30)], kind="contact_loss")
    assert (transitions[0].reason, second_of(transitions[0])) == ("never_reported", 900.0)


def test_messages_without_positions_are_gnss_loss_and_not_contact_loss() -> None:
    rows = [at("trk-m1", s, 2000) for s in range(0, 301, 30)]
    rows += [at("trk-m1", 310, None, event="gnss_lost")]
    rows += [at("trk-m1", s, None, event="battery_low") for s in range(330, 900, 30)]
    rows += [at("trk-p1", s, 0) for s in range(0, 900, 30)] + [at("trk-m1", 930, 2000)]
    transitions = told(order(), rows)
    assert ("gnss_loss", "raised") in words(transitions)
    assert ("gnss_loss", "cleared") in words(transitions)
    assert "contact_loss" not in {t.kind for t in transitions}


def test_tamper_panic_and_interference_alarm_once_until_they_are_over() -> None:
    rows = [at("trk-m1", s, 20_000) for s in range(0, 4000, 60)] + [at("trk-p1", s, 0) for s in range(0, 4000, 60)]
    rows += [at("trk-m1", s, None, event="strap_cut") for s in (100, 130)]
    rows += [at("trk-m1", 200, None, event="strap_restored"), at("trk-m1", 300, None, event="strap_cut")]
    rows += [at("trk-p1", s, None, event="panic") for s in (500, 510, 2500)]
    rows += [at("trk-m1", 700, None, event="jamming")]
    transitions = told(order(), rows)
    assert [t.transition for t in transitions if t.kind == "strap_cut"] == ["raised", "cleared", "raised"]
    assert [t.transition for t in transitions if t.kind == "panic"] == ["raised", "cleared", "raised", "cleared"]
    assert next(t.level for t in transitions if t.kind == "panic") == "critical"
    assert [t.transition for t in transitions if t.kind == "jamming"] == ["raised", "cleared"]


def test_a_cut_tracker_that_stays_put_was_left_behind() -> None:
    rows = [at("trk-m1", s, 5_000) for s in range(0, 2000, 60)] + [at("trk-p1", s, 0) for s in range(0, 2000, 60)]
    rows += [at("trk-m1", 600, None, event="strap_cut")]
    transitions = told(order(), rows, kind="device_left_behind")
    assert (second_of(transitions[0]), transitions[0].level) == (1200.0, "high")


def test_an_agreed_exception_rests_the_rules_and_their_return_finds_who_is_inside() -> None:
    hearing = {
        "exception_id": "hearing",
        "from": "2026-03-02T12:00:00+01:00",
        "until": "2026-03-02T12:10:00+01:00",
        "reason": "court hearing",
    }
    rows = PROTECTED_AT_HOME + [at("trk-m1", s, 100) for s in range(0, 1200, 30)]
    transitions = told(order(exceptions=[hearing]), rows, kind="proximity_alert")
    assert (second_of(transitions[0]), transitions[0].reason) == (600.0, "already_inside")


def test_an_order_that_ends_clears_its_alarms() -> None:
    rows = PROTECTED_AT_HOME + [at("trk-m1", s, 100) for s in range(0, 1200, 30)]
    transitions = told(order(valid_until="2026-03-02T12:05:00+01:00"), rows)
    assert transitions[-1].transition == "cleared"
    assert second_of(transitions[-1]) == 300


def test_a_fast_approach_is_told_before_the_prealert_distance() -> None:
    rows = PROTECTED_AT_HOME + walk(6000, 300, 0, 190, step_s=5)
    first = told(order(proximity={"alert_distance_m": 500, "prealert_distance_m": 600}), rows)[0]
    assert (first.kind, first.reason) == ("proximity_prealert", "time_to_contact")
    assert first.distance_m is not None
    assert first.distance_m > 1_000
    bounds = first.evidence["numbers"]
    assert bounds["contact_low_s"] <= (first.distance_m - 500) / 30 <= bounds["contact_high_s"]


def test_the_order_of_rows_repeats_and_late_rows_change_nothing_in_a_replay() -> None:
    seed = 5
    rows = PROTECTED_AT_HOME + walk(1500, 200, 0, 400) + walk(200, 1600, 410, 1100)
    shuffled = rows + rows[::3]
    random.Random(seed).shuffle(shuffled)
    first = [t.to_line() for t in replay([order()], rows)]
    assert first == [t.to_line() for t in replay([order()], shuffled)], f"seed {seed}"
    assert all(parse(json.loads(line)).to_line() == line for line in first)


def test_several_protected_persons_and_several_orders_are_judged_each_by_itself() -> None:
    one = order(
        protected=[
            {"person_id": "P1", "device_id": "trk-p1"},
            {"person_id": "P2", "device_id": "trk-p2"},
            {"person_id": "P3"},
        ]
    )
    rows = [at("trk-m1", s, 0) for s in range(0, 300, 30)] + [at("trk-p1", s, 5_000) for s in range(0, 300, 30)]
    rows += [at("trk-p2", s, 200) for s in range(0, 300, 30)]
    assert {t.protected for t in told(one, rows, kind="proximity_alert")} == {"P2"}
