"""The tracker's decisions: when it reports, what an event carries, which settings it obeys."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from firmware.tracking.core import GNSS_LOST_MS, REPORT_INTERVAL_MS, TrackerCore
from firmware.tracking.nmea import Fix
from firmware.wire import messages

START_MS = 1_790_000_000_000


def fix_at(ms: int, valid: bool = True) -> Fix:
    fix = Fix()
    fix.valid = valid
    fix.time_ms = START_MS + ms
    fix.lat_e7, fix.lon_e7 = 510_543_000, 37_250_000
    fix.horizontal_accuracy_mm = 3_000
    fix.speed_mm_s, fix.course_cdeg = 1_400, 9_000
    return fix


def core() -> TrackerCore:
    fresh = TrackerCore(7, "0.1.0")
    for now_ms in (0, 100):
        fresh.step(("contacts", True, True, False), now_ms)
    fresh.step(("tick",), 100)
    return fresh


def told(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [message for message in found if message["kind"] == kind]


def test_every_message_keeps_to_the_field_table_and_has_its_own_number() -> None:
    tracker = core()
    found: list[dict[str, Any]] = []
    found += tracker.step(("battery", 3_400), 150)
    for t in range(0, 60_000, 1_000):
        found += tracker.step(("fix", fix_at(t)), 200 + t)
        found += tracker.step(("contacts", t < 30_000, t < 40_000, 10_000 < t < 20_000), 200 + t)
        found += tracker.step(("contacts", t < 30_000, t < 40_000, 10_000 < t < 20_000), 400 + t)
    assert {m.get("event") for m in found} - {None} == {"battery_critical", "panic", "strap_cut", "case_opened"}
    for message in found:
        assert messages.decode(messages.encode(message)) == message
    numbers = [message["seq"] for message in found]
    assert len(set(numbers)) == len(numbers)


def test_fixes_are_reported_at_the_interval_of_the_receivers_time() -> None:
    tracker = core()
    found = [m for t in range(0, 60_000, 1_000) for m in tracker.step(("fix", fix_at(t)), 200 + t // 10)]
    assert [m["fix_time_ms"] - START_MS for m in told(found, "fix")] == list(range(0, 60_000, REPORT_INTERVAL_MS))


def test_a_jump_of_the_receivers_time_does_not_silence_the_tracker() -> None:
    tracker = core()
    tracker.step(("fix", fix_at(10_000_000)), 200)
    assert told(tracker.step(("fix", fix_at(0)), 1_200), "fix")


def test_a_fix_that_is_not_valid_is_never_reported_as_a_position() -> None:
    tracker = core()
    found = [m for t in range(0, 20_000, 1_000) for m in tracker.step(("fix", fix_at(t, valid=False)), 200 + t)]
    assert not [m for m in found if "lat_e7" in m]


def test_an_event_is_told_at_once_with_the_last_position_and_that_positions_own_time() -> None:
    tracker = core()
    tracker.step(("fix", fix_at(0)), 1_000)
    found = [m for t in range(5_000, 9_000, 50) for m in tracker.step(("contacts", True, True, True), t)]
    (panic,) = told(found, "event")
    assert panic["event"] == "panic"
    assert panic["fix_time_ms"] == START_MS
    assert panic["event_time_ms"] == START_MS + 7_000


def test_an_event_before_the_first_fix_is_told_without_a_position_or_a_time() -> None:
    tracker = core()
    found = [m for t in (200, 300) for m in tracker.step(("contacts", False, True, False), t)]
    (cut,) = told(found, "event")
    assert cut["event"] == "strap_cut"
    assert not {"lat_e7", "event_time_ms", "sent_ms"} & set(cut)


def test_a_strap_that_is_open_when_the_tracker_starts_is_a_cut() -> None:
    tracker = TrackerCore(1, "0.1.0")
    found = [m for t in (0, 100) for m in tracker.step(("contacts", False, True, False), t)]
    assert [m["event"] for m in told(found, "event")] == ["strap_cut"]


def test_a_closed_strap_at_the_start_is_no_restoration_but_later_it_is() -> None:
    tracker = TrackerCore(1, "0.1.0")
    states = [(0, True), (100, True), (200, False), (300, False), (400, True), (500, True)]
    found = [m for t, closed in states for m in tracker.step(("contacts", closed, True, False), t)]
    assert [m["event"] for m in told(found, "event")] == ["strap_cut", "strap_restored"]


def test_a_lost_sky_is_told_once_and_its_return_too() -> None:
    tracker = core()
    tracker.step(("fix", fix_at(0)), 1_000)
    found = []
    for t in range(2_000, 100_000, 1_000):
        found += tracker.step(("fix", fix_at(t, valid=False)), t)
    found += tracker.step(("fix", fix_at(100_000)), 100_000)
    events = told(found, "event")
    assert [m["event"] for m in events] == ["gnss_lost", "gnss_back"]
    assert events[0]["event_time_ms"] - START_MS == pytest.approx(GNSS_LOST_MS, abs=1_500)


def test_a_heartbeat_tells_whether_the_receiver_is_silent_or_sees_no_sky() -> None:
    tracker = core()
    tracker.step(("fix", fix_at(0, valid=False)), 1_000)
    assert "gnss" not in tracker.status(2_000)
    tracker.step(("fix", fix_at(0, valid=False)), 29_000)
    assert tracker.status(31_000)["gnss"] == "no_fix"
    assert tracker.status(60_000)["gnss"] == "silent"
    tracker.step(("fix", fix_at(0)), 62_000)
    tracker.step(("fix", fix_at(0, valid=False)), 63_000)
    assert tracker.status(64_000)["gnss"] == "fix"


def test_the_will_says_that_the_link_is_lost_and_nothing_about_a_strap_that_may_have_been_cut_since() -> None:
    tracker = core()
    tracker.step(("battery", 3_900), 150)
    will = tracker.will()
    assert set(will) == {"kind", "boot_id", "seq", "link_lost"}
    assert messages.decode(messages.encode(will)) == will


def test_heartbeats_come_at_their_interval_and_on_every_connection() -> None:
    tracker = core()
    beats = [t for t in range(1_000, 200_000, 1_000) if told(tracker.step(("tick",), t), "status")]
    assert [later - earlier for earlier, later in pairwise(beats)] == [60_000, 60_000]
    assert told(tracker.step(("connected",), 200_500), "status")


def settings(sent_ms: int, interval_ms: int) -> dict[str, Any]:
    return {"kind": "settings", "sent_ms": sent_ms, "report_interval_ms": interval_ms}


def test_newer_settings_are_applied_and_answered_with_a_status() -> None:
    tracker = core()
    (status,) = tracker.step(("settings", settings(START_MS, 2_000)), 500)
    assert status["report_interval_ms"] == 2_000
    found = [m for t in range(0, 10_000, 1_000) for m in tracker.step(("fix", fix_at(t)), 600 + t)]
    assert len(told(found, "fix")) == 5


@pytest.mark.parametrize("sent_ms", [START_MS, START_MS - 1])
def test_old_or_repeated_settings_change_nothing_and_are_counted(sent_ms: int) -> None:
    tracker = core()
    tracker.step(("settings", settings(START_MS, 2_000)), 500)
    assert tracker.step(("settings", settings(sent_ms, 3_600_000)), 600) == []
    assert tracker.report_interval_ms == 2_000
    assert tracker.settings_refused == 1
