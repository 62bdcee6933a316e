"""Reporting intervals: rare when far, often when near, never a compass for the monitored person."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.tracking.core import TrackerCore
from firmware.wire import frame, messages, topics
from gateway.contract import orders
from gateway.downlink import ASK_AGAIN_MS, Downlink
from gateway.geofence import reporting
from gateway.geofence.motion import Observation
from gateway.geofence.rules import STANDARD
from gateway.partition import Partition

START_MS = 1_790_000_000_000
HIM, HER = "trk-m1", "trk-p1"
KEYS = {HIM: bytes(32), HER: bytes(range(32))}
LAT_M = 111_240.0  # metres per degree of latitude at 51 degrees, within 0.1 %


def order(zones: bool = False, proximity: bool = True) -> dict[str, Any]:
    zone = {"zone_id": "home", "shape": {"type": "Circle", "center": [3.7, 51.0], "radius_m": 300}, "buffer_m": 0}
    document: dict[str, Any] = {
        "order_id": "O1",
        "version": 1,
        "mandate_kind": "probation",
        "timezone": "Europe/Brussels",
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "2027-01-01T00:00:00Z",
        "monitored": {"person_id": "M1", "device_id": HIM},
        "protected": [{"person_id": "P1", "device_id": HER}],
        "zones": [zone] if zones else [],
    }
    if proximity:
        document["proximity"] = {"alert_distance_m": 1000, "prealert_distance_m": 2000}
    return document


def partition(**kind: bool) -> Partition:
    made = Partition()
    made.load(orders.parse({"schema": "waakzaam.orders/1", "orders": [order(**kind)]}), START_MS)
    return made


def seen(device_id: str, ms: int, north_m: float) -> Observation:
    return Observation(device_id, START_MS + ms, 51.0 + north_m / LAT_M, 3.7, 5.0, 1.0, 0.0, "")


def wanted(apart_m: float, device_id: str, **kind: bool) -> int:
    made = partition(**kind)
    made.feed([seen(HIM, 1_000, apart_m), seen(HER, 1_000, 0.0)], START_MS + 1_000)
    return reporting.wanted_ms(made.state_of("O1"), device_id, START_MS + 1_000)


@given(st.floats(0, 1e6), st.floats(1, 200))
def test_two_reports_fit_into_the_time_that_a_breach_needs(slack_m: float, closing_m_s: float) -> None:
    chosen_ms = reporting.interval_ms(slack_m, closing_m_s)
    assert chosen_ms in reporting.STEPS_MS
    assert chosen_ms == reporting.STEPS_MS[0] or 2 * chosen_ms / 1000 * closing_m_s <= slack_m


def test_racing_towards_each_other_with_every_second_report_lost_is_seen_before_the_breach() -> None:
    closing = 2 * STANDARD.reach_speed_m_s
    for start_m in range(1_700, 30_000, 371):
        slack_m, heard = start_m - 1_000.0, 0
        while slack_m > 0:
            before_m = slack_m
            slack_m -= 2 * closing * reporting.interval_ms(slack_m, closing) / 1000  # one is lost, one comes
            heard += 1
        assert heard > 1
        assert before_m < 2 * closing * reporting.STEPS_MS[1] / 1000, "the last report came near the border"


def test_an_interval_lengthens_only_with_room_to_spare_and_shortens_at_once() -> None:
    closing = 50.0
    at_border_m = 20.0 * closing * 2 + 1
    assert reporting.interval_ms(at_border_m, closing) == 20_000
    assert reporting.interval_ms(at_border_m, closing, now_in_force_ms=10_000) == 10_000
    assert reporting.interval_ms(at_border_m, closing, now_in_force_ms=60_000) == 20_000
    assert reporting.interval_ms(1.5 * at_border_m, closing, now_in_force_ms=10_000) == 20_000


def test_her_tracker_reports_rarely_when_he_is_far_and_often_when_he_is_near() -> None:
    assert [wanted(m, HER) for m in (60_000, 12_000, 3_500, 2_000, 1_100, 500)] == [
        120_000,
        60_000,
        20_000,
        5_000,
        2_000,
        2_000,
    ]


def test_his_tracker_tells_him_nothing_about_where_she_is() -> None:
    assert {wanted(m, HIM) for m in (500, 1_100, 2_000, 12_000, 60_000)} == {reporting.USUAL_MS}
    assert {wanted(m, HIM, zones=True) for m in (500, 1_100, 2_000, 12_000, 60_000)} == {reporting.USUAL_MS}


def test_where_only_zones_are_in_force_his_interval_follows_from_their_borders() -> None:
    intervals = [wanted(m, HIM, zones=True, proximity=False) for m in (60_000, 3_000, 700, 350)]
    assert intervals == [120_000, 20_000, 5_000, 2_000]


def test_what_is_not_known_is_not_taken_for_far() -> None:
    made = partition()
    made.feed([seen(HER, 1_000, 0.0)], START_MS + 1_000)
    assert reporting.wanted_ms(made.state_of("O1"), HER, START_MS + 1_000) == reporting.USUAL_MS


def test_his_silence_uses_up_the_distance() -> None:
    made = partition()
    made.feed([seen(HIM, 1_000, 60_000.0), seen(HER, 1_000, 0.0)], START_MS + 1_000)
    later_ms = START_MS + 35 * 60_000
    made.feed([seen(HER, 35 * 60_000, 0.0)], later_ms)
    assert reporting.wanted_ms(made.state_of("O1"), HER, later_ms) < 120_000
    assert math.isclose(STANDARD.reach_speed_m_s, 25.0)


class Line:
    """A downlink whose messages reach real tracker cores."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.cores = {HIM: TrackerCore(1, "0"), HER: TrackerCore(1, "0")}
        self.downlink = Downlink(KEYS, self._carry)

    def _carry(self, topic: str, payload: bytes) -> None:
        device_id = topics.device_id_of(topic)
        self.sent.append(device_id)
        message = messages.decode(frame.open_frame(payload, device_id, KEYS[device_id]))
        for answer in self.cores[device_id].step(("settings", message), len(self.sent)):
            self.downlink.heard(device_id, answer.get("report_interval_ms"))


def test_trackers_are_told_once_and_obey() -> None:
    line, made = Line(), partition()
    both = [seen(HIM, 1_000, 12_000.0), seen(HER, 1_000, 0.0)]
    made.feed(both, START_MS + 1_000)
    line.downlink.consider(made, both, START_MS + 1_000)
    assert line.sent == [], "nothing is said to a tracker that has not said what is in force"
    for device_id in (HIM, HER):
        line.downlink.heard(device_id, 10_000)
    line.downlink.consider(made, both, START_MS + 1_100)
    assert line.sent == [HER]
    assert line.cores[HER].report_interval_ms == 60_000
    line.downlink.consider(made, both, START_MS + 1_200)
    assert line.sent == [HER]
    told_ms = []
    for minute in range(1, 11):
        now_ms = 1_000 + 60_000 * minute
        nearer = [seen(HIM, now_ms, 12_000.0 - 950.0 * minute), seen(HER, now_ms, 0.0)]
        made.feed(nearer, START_MS + now_ms)
        line.downlink.consider(made, nearer, START_MS + now_ms)
        told_ms.append(line.cores[HER].report_interval_ms)
    assert told_ms == sorted(told_ms, reverse=True)
    assert told_ms[-1] <= 10_000
    assert line.cores[HIM].report_interval_ms == 10_000


@pytest.mark.parametrize(("after_ms", "times"), [(ASK_AGAIN_MS - 1_000, 1), (ASK_AGAIN_MS + 1_000, 2)])
def test_a_tracker_that_did_not_hear_is_told_again_but_not_at_every_message(after_ms: int, times: int) -> None:
    sent: list[str] = []
    downlink = Downlink(KEYS, lambda topic, _payload: sent.append(topic))
    made = partition()
    both = [seen(HIM, 1_000, 60_000.0), seen(HER, 1_000, 0.0)]
    made.feed(both, START_MS + 1_000)
    downlink.heard(HER, 10_000)
    for now_ms in (START_MS + 1_000, START_MS + 2_000, START_MS + 1_000 + after_ms):
        downlink.consider(made, both, now_ms)
    assert len(sent) == times
