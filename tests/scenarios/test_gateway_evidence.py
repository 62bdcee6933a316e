"""What an alarm carries with it: whom one may call, which incident it is part of, which exception was running."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.contract.orders import Order
from gateway.geofence import ellipsoid
from tests.support.contact_orders import LAT, LON, at, circle, order, second_of, told, words

NEAR = [at("trk-p1", s, 0) for s in range(0, 900, 30)]
HEARING = {
    "exception_id": "hearing",
    "from": "2026-03-02T12:00:00+01:00",
    "until": "2026-03-02T12:10:00+01:00",
    "reason": "court hearing",
}


def gate(one: Order, rows: list, kind: str) -> dict[str, Any]:
    """What the first alarm of this kind says about calling P1."""
    (entry,) = told(one, rows, kind=kind)[0].evidence["victim_contact"]
    assert entry["person_id"] == "P1"
    return dict(entry)


def test_a_flat_battery_wakes_nobody_wherever_it_is() -> None:
    rows = [*NEAR, at("trk-m1", 0, 400), at("trk-m1", 10, None, event="battery_critical")]
    assert gate(order(), rows, "battery_critical")["allowed"] is False


@pytest.mark.parametrize(("away_m", "allowed", "reason"), [(1_500, True, "near"), (60_000, False, "far")])
def test_a_cut_strap_is_told_to_the_victim_when_he_is_near_and_not_at_60_km(
    away_m: float, allowed: bool, reason: str
) -> None:
    rows = [at("trk-p1", 0, 0), at("trk-m1", 0, away_m), at("trk-m1", 10, None, event="strap_cut")]
    found = gate(order(), rows, "strap_cut")
    assert (found["allowed"], found["reason"]) == (allowed, reason)
    assert found["nearest_possible_m"] == pytest.approx(away_m - 10 * (25 + 15), abs=5)


def test_what_the_order_says_about_calling_goes_before_the_rule() -> None:
    rows = [*NEAR, at("trk-m1", 0, 100), at("trk-m1", 20, 100)]
    assert gate(order(), rows, "proximity_alert")["reason"] == "policy_always"
    silent = order(victim_contact={"proximity_alert": "never"})
    assert gate(silent, rows, "proximity_alert") == {
        "person_id": "P1",
        "allowed": False,
        "reason": "policy_never",
        "nearest_possible_m": gate(silent, rows, "proximity_alert")["nearest_possible_m"],
    }


def test_the_longer_his_tracker_was_silent_the_nearer_he_may_be() -> None:
    rows = [at("trk-p1", s, 0) for s in range(0, 4_000, 60)] + [at("trk-m1", 0, 30_000)]
    rows += [at("trk-m1", 1_160, None, event="strap_cut")]
    assert gate(order(), rows, "strap_cut")["reason"] == "near"


def test_alarms_that_follow_each_other_are_one_incident_and_a_new_day_is_another() -> None:
    rows = [at("trk-p1", s, 0) for s in range(0, 6_000, 30)]
    rows += [at("trk-m1", s, 100 if s < 300 or 4_500 < s < 4_800 else 9_000) for s in range(0, 6_000, 30)]
    rows += [at("trk-m1", 900, 9_000, event="case_opened")]
    transitions = told(order(), rows)
    first = [t.evidence["incident_id"] for t in transitions if second_of(t) < 2_000]
    later = [t.evidence["incident_id"] for t in transitions if second_of(t) > 4_000]
    assert len(first) >= 4
    assert len(set(first)) == 1
    assert len(set(later)) == 1
    assert set(first) != set(later)


def test_a_running_exception_is_named_in_the_evidence_and_ends_what_stood() -> None:
    later = {**HEARING, "from": "2026-03-02T12:05:00+01:00"}
    rows = NEAR + [at("trk-m1", s, 100) for s in range(0, 900, 30)] + [at("trk-m1", 400, None, event="jamming")]
    transitions = told(order(exceptions=[later]), rows)
    ended = next(t for t in transitions if t.kind == "proximity_alert" and t.transition == "cleared")
    assert (second_of(ended), ended.reason) == (300.0, "agreed_exception")
    assert ended.evidence["numbers"] == {"exception_id": "hearing"}
    jammed = next(t for t in transitions if t.kind == "jamming")
    assert jammed.evidence["agreed_exceptions"] == ["hearing"]
    assert "agreed_exceptions" not in transitions[0].evidence


def test_an_exception_bound_to_a_place_excuses_nobody_elsewhere() -> None:
    lat, lon = ellipsoid.moved(LAT, LON, 100, 0)
    court = {**HEARING, "place": {"type": "Circle", "center": [lon, lat], "radius_m": 80}}
    she = NEAR[:19]
    at_court = she + [at("trk-m1", s, 100) for s in range(0, 570, 30)]
    assert told(order(exceptions=[court]), at_court, kind="proximity_alert") == []
    beside = she + [at("trk-m1", s, 100, 300) for s in range(0, 570, 30)]
    assert words(told(order(exceptions=[court]), beside, kind="proximity_alert")) == [("proximity_alert", "raised")]


def test_who_is_still_at_the_place_when_the_exception_ends_is_told_at_that_instant() -> None:
    court = {**HEARING, "place": {"type": "Circle", "center": [LON, LAT], "radius_m": 200}, "zones": ["home"]}
    one = order(protected=[], proximity=None, zones=[circle(300)], exceptions=[court])
    transitions = told(one, [at("trk-m1", s, 50) for s in range(0, 900, 60)], kind="zone_entry")
    assert [(second_of(t), t.transition, t.reason) for t in transitions] == [(600.0, "raised", "already_inside")]


def test_leaving_the_agreed_place_for_the_forbidden_part_is_an_entry() -> None:
    court = {**HEARING, "place": {"type": "Circle", "center": [LON, LAT], "radius_m": 60}}
    one = order(protected=[], proximity=None, zones=[circle(300)], exceptions=[court])
    rows = [at("trk-m1", s, 0) for s in range(0, 200, 20)] + [at("trk-m1", s, 150) for s in range(200, 400, 20)]
    transitions = told(one, rows, kind="zone_entry")
    assert transitions[0].transition == "raised"
    assert 200 <= second_of(transitions[0]) <= 220
