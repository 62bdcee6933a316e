"""The disc that the replay map draws around a silent person, beside what the engine judges by."""

from __future__ import annotations

import pytest

from gateway.geofence.rules import STANDARD
from gateway.geofence.silence import Pace, covered_m
from gateway.replay.map_page import reach_of


def drawn_m(monitored: bool, span_ms: float) -> float:
    """As the page does it: along the line through the corners, and on beyond the last."""
    _, (near_ms, near_m), (far_ms, far_m) = reach_of(monitored)
    if span_ms <= near_ms:
        return near_m * span_ms / near_ms
    return near_m + (far_m - near_m) * (span_ms - near_ms) / (far_ms - near_ms)


@pytest.mark.parametrize("monitored", [True, False])
@pytest.mark.parametrize("minutes", [0, 1, 3, 7, 30, 239, 600])
def test_the_disc_is_as_large_as_the_engine_counts_for_who_is_on_the_way(monitored: bool, minutes: int) -> None:
    span_ms = minutes * 60_000
    assert drawn_m(monitored, span_ms) == pytest.approx(covered_m(span_ms, Pace(monitored, True, False), STANDARD))


@pytest.mark.parametrize("monitored", [True, False])
@pytest.mark.parametrize("minutes", [1, 3, 7, 30, 239, 600])
def test_the_disc_is_never_smaller_than_the_engine_counts_for_who_was_at_rest(monitored: bool, minutes: int) -> None:
    span_ms = minutes * 60_000
    assert drawn_m(monitored, span_ms) >= covered_m(span_ms, Pace(monitored, False, False), STANDARD)
