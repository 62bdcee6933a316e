"""Orders: what is accepted, and the one line that says where a document is wrong."""

from __future__ import annotations

import copy
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway import orders_file
from gateway.contract import orders, schedules
from gateway.contract.errors import OrdersInvalid
from gateway.contract.reading import unix_ms_of
from gateway.errors import FileUnreadable

GOOD: dict[str, Any] = {
    "schema": "waakzaam.orders/1",
    "orders": [
        {
            "order_id": "VL-2026-0001",
            "version": 1,
            "mandate_kind": "sentence_execution",
            "timezone": "Europe/Brussels",
            "valid_from": "2026-01-01T00:00:00Z",
            "valid_until": "2026-07-01T00:00:00Z",
            "monitored": {"person_id": "M1", "device_id": "trk-m1"},
            "protected": [{"person_id": "P1", "device_id": "trk-p1"}, {"person_id": "P2"}],
            "proximity": {"alert_distance_m": 1000, "prealert_distance_m": 2000},
            "zones": [
                {
                    "zone_id": "home",
                    "shape": {"type": "Circle", "center": [4.3517, 50.8466], "radius_m": 300},
                    "buffer_m": 200,
                    "schedule": [{"days": ["mon", "tue"], "from": "08:00", "until": "18:00"}],
                },
                {
                    "zone_id": "town",
                    "shape": {
                        "type": "MultiPolygon",
                        "coordinates": [
                            [
                                [[4.0, 50.0], [4.2, 50.0], [4.2, 50.2], [4.0, 50.2], [4.0, 50.0]],
                                [[4.1, 50.1], [4.1, 50.11], [4.11, 50.11], [4.11, 50.1], [4.1, 50.1]],
                            ]
                        ],
                    },
                },
            ],
        }
    ],
}
AGREED = {
    "exception_id": "court",
    "from": "2026-02-01T09:00:00Z",
    "until": "2026-02-01T11:00:00Z",
    "reason": "a hearing",
}


def test_the_example_of_the_design_is_read_whole() -> None:
    (order,) = orders.parse(GOOD)
    assert order.devices() == ("trk-m1", "trk-p1")
    assert order.protected[1].device_id is None
    assert order.zones[0].schedule[0].days == (0, 1)
    assert order.zones[1].schedule == ()


@pytest.mark.parametrize(
    ("path", "value", "where"),
    [
        (("schema",), "waakzaam.orders/9", "schema"),
        (("orders", 0, "order_id"), "", "orders[0].order_id"),
        (("orders", 0, "version"), 1.5, "orders[0].version"),
        (("orders", 0, "version"), True, "orders[0].version"),
        (("orders", 0, "timezone"), "Europe/Atlantis", "orders[0].timezone"),
        (("orders", 0, "valid_until"), "2025-01-01T00:00:00Z", "orders[0].valid_until"),
        (("orders", 0, "valid_from"), "2026-01-01T00:00:00", "orders[0].valid_from"),
        (("orders", 0, "monitored"), None, "orders[0].monitored"),
        (("orders", 0, "protected", 1, "person_id"), "P1", "orders[0].protected[1].person_id"),
        (("orders", 0, "protected", 1, "device_id"), "trk-m1", "orders[0].protected[1].device_id"),
        (("orders", 0, "protected", 0, "device_id"), "trk-m1", "orders[0].protected[0].device_id"),
        (("orders", 0, "protected", 0, "person_id"), "M1", "orders[0].protected[0].person_id"),
        (("orders", 0, "proximity", "prealert_distance_m"), 500, "orders[0].proximity.prealert_distance_m"),
        (("orders", 0, "proximity", "alert_distance_m"), float("nan"), "orders[0].proximity.alert_distance_m"),
        (("orders", 0, "zones", 0, "shape", "center", 1), 95, "orders[0].zones[0].shape.center[1]"),
        (("orders", 0, "zones", 0, "shape", "radius_m"), -1, "orders[0].zones[0].shape.radius_m"),
        (("orders", 0, "zones", 0, "shape", "type"), "Point", "orders[0].zones[0].shape.type"),
        (("orders", 0, "zones", 0, "shape", "type"), ["Circle"], "orders[0].zones[0].shape.type"),
        (("orders", 0, "zones", 0, "buffer_m"), 10**400, "orders[0].zones[0].buffer_m"),
        (("orders", 0, "zones", 1, "shape", "coordinates", 0, 0), {}, "orders[0].zones[1].shape.coordinates[0][0]"),
        (("orders", 0, "exceptions"), [{**AGREED, "protected": [["P1"]]}], "orders[0].exceptions[0].protected[0]"),
        (("orders", 0, "victim_contact"), {"panic": {}}, "orders[0].victim_contact.panic"),
        (("orders", 0, "zones", 0, "schedule", 0, "from"), "25:00", "orders[0].zones[0].schedule[0].from"),
        (("orders", 0, "zones", 0, "schedule", 0, "days", 0), "monday", "orders[0].zones[0].schedule[0].days[0]"),
        (("orders", 0, "zones", 1, "zone_id"), "home", "orders[0].zones[1]"),
        (
            ("orders", 0, "zones", 1, "shape", "coordinates", 0, 0, 4),
            [4.0, 50.01],
            "orders[0].zones[1].shape.coordinates[0][0]",
        ),
        (
            ("orders", 0, "zones", 1, "shape", "coordinates", 0, 0, 1),
            [3.9, 50.3],
            "orders[0].zones[1].shape.coordinates[0]",
        ),
    ],
)
def test_a_fault_is_named_by_its_place(path: tuple[Any, ...], value: Any, where: str) -> None:
    document = copy.deepcopy(GOOD)
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(OrdersInvalid) as raised:
        orders.parse(document)
    assert raised.value.path.startswith(where)


@pytest.mark.parametrize(
    "text", ['{"schema": NaN', '{"schema": 1' + "0" * 5000 + "}", '["' + "\\" + 'ud800"', "[" * 200_000, "7"]
)
def test_a_file_that_is_no_orders_document_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileUnreadable) as raised:
        orders_file.load(path)
    assert raised.value.where.startswith(str(path))
    assert "\n" not in str(raised.value)


def _active(windows: list[dict[str, Any]], moment: str) -> bool:
    return schedules.active(schedules.parse(windows), "Europe/Brussels", unix_ms_of(moment))


def test_an_overnight_window_runs_into_the_next_morning() -> None:
    night = [{"days": ["fri"], "from": "22:00", "until": "06:00"}]
    assert _active(night, "2026-03-06T23:30:00+01:00")
    assert _active(night, "2026-03-07T05:59:59+01:00")
    assert not _active(night, "2026-03-07T06:00:00+01:00")
    assert not _active(night, "2026-03-07T22:30:00+01:00")


def test_a_window_follows_local_time_across_the_change_to_summer_time() -> None:
    day = [{"days": ["sun", "mon"], "from": "08:00", "until": "18:00"}]
    assert not _active(day, "2026-03-29T05:59:59Z")
    assert _active(day, "2026-03-29T06:00:00Z")  # 08:00 in Brussels, one hour earlier in UTC than the day before
    assert _active(day, "2026-03-30T15:59:59Z")


def test_an_hour_that_comes_twice_is_covered_both_times() -> None:
    hour = [{"days": ["sun"], "from": "02:00", "until": "03:00"}]
    assert _active(hour, "2026-10-25T00:30:00Z")  # 02:30 summer time
    assert _active(hour, "2026-10-25T01:30:00Z")  # 02:30 winter time


@pytest.mark.parametrize("day", ["2026-03-28", "2026-10-24"])
@pytest.mark.parametrize("timezone", ["Europe/Brussels", "Atlantic/Azores", "Pacific/Auckland", "America/New_York"])
@pytest.mark.parametrize(
    ("start", "until"), [("02:10", "02:40"), ("01:30", "02:20"), ("22:00", "02:30"), ("00:00", "24:00")]
)
def test_a_window_is_active_while_a_clock_on_the_wall_shows_a_time_within_it(
    day: str, timezone: str, start: str, until: str
) -> None:
    windows = schedules.parse([{"days": ["sat", "sun"], "from": start, "until": until}])
    first_ms = unix_ms_of(f"{day}T00:00:00Z")
    for now_ms in range(first_ms, first_ms + 3 * 86_400_000, 600_000):
        here = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(timezone))
        clock, weekend, after_weekend = f"{here:%H:%M}", here.weekday() >= 5, here.weekday() in (6, 0)
        within = weekend and start <= clock < until
        if until < start:
            within = (weekend and clock >= start) or (after_weekend and clock < until)
        assert schedules.active(windows, timezone, now_ms) == within, here.isoformat()


def test_the_next_change_of_a_schedule_is_its_next_edge() -> None:
    windows = schedules.parse([{"days": ["mon"], "from": "08:00", "until": "18:00"}])
    change = schedules.next_change_ms(windows, "Europe/Brussels", unix_ms_of("2026-03-03T12:00:00+01:00"))
    assert change == unix_ms_of("2026-03-09T08:00:00+01:00")
