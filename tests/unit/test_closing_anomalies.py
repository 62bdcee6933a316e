"""Closings that somebody should look at are found, ordinary ones are not; sign-in attempts are slowed down."""

from __future__ import annotations

from alarm_backend.auth.attempts import FREE_ATTEMPTS, Attempts
from alarm_backend.reports.anomalies import Closing, find

DAY_MS = 86_400_000
START_MS = 1_780_000_000_000


def closing(
    number: int, closed_ms: int, *, by: str = "an", confirmed_by: str = "bo", took_ms: int = 600_000
) -> Closing:
    return Closing(f"a-{number}", "strap_cut", 4, by, confirmed_by, closed_ms - took_ms, closed_ms)


def _rules(closings: list[Closing], inspections: tuple[int, ...] = ()) -> list[str]:
    return [anomaly.rule for anomaly in find(closings, inspections)]


def test_five_closes_within_a_minute_are_a_bulk_close_and_four_are_not() -> None:
    five = [closing(n, START_MS + n * 15_000) for n in range(5)]
    assert _rules(five) == ["bulk_close"]
    assert _rules(five[:4]) == []
    assert _rules([closing(n, START_MS + n * 16_000) for n in range(5)]) == []


def test_closes_of_different_people_are_no_bulk_close() -> None:
    assert _rules([closing(n, START_MS + n, by=f"p{n}", confirmed_by="x") for n in range(5)]) == []


def test_a_severe_alarm_closed_before_anybody_can_have_looked_is_found() -> None:
    assert _rules([closing(1, START_MS, took_ms=14_999)]) == ["fast_close"]
    assert _rules([closing(1, START_MS, took_ms=15_000)]) == []


def test_four_eyes_that_are_always_the_same_two_people_are_found() -> None:
    same = [closing(n, START_MS + n * 3_600_000) for n in range(10)]
    assert _rules(same) == ["same_pair"]
    mixed = [closing(n, START_MS + n * 3_600_000, confirmed_by=("bo", "cy", "di")[n % 3]) for n in range(10)]
    assert _rules(mixed) == []


def test_a_rush_of_closing_before_an_inspection_is_found() -> None:
    partners = ("bo", "cy", "di")
    usual = [closing(n, START_MS + n * 4 * 3_600_000, confirmed_by=partners[n % 3]) for n in range(60)]
    inspection_ms = START_MS + 11 * DAY_MS
    rush = [
        closing(100 + n, inspection_ms - DAY_MS + (n + 1) * 3_000_000, confirmed_by=partners[n % 3]) for n in range(25)
    ]
    assert _rules(usual, (inspection_ms,)) == []
    assert _rules(usual + rush, (inspection_ms,)) == ["before_inspection"]


def test_after_five_failures_every_further_one_costs_longer() -> None:
    attempts = Attempts()
    for n in range(FREE_ATTEMPTS):
        assert attempts.wait_ms("an", n) == 0
        attempts.failed("an", n)
    first = attempts.wait_ms("an", FREE_ATTEMPTS)
    assert first > 0
    attempts.failed("an", 40_000)
    assert attempts.wait_ms("an", 40_000) > first
    assert attempts.wait_ms("bo", 40_000) == 0
    attempts.succeeded("an")
    assert attempts.wait_ms("an", 40_000) == 0
