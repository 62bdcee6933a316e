"""A strip whose physics is remembered answers as the strip itself, wherever a test parts from the one before."""

import random

import pytest

from simulators.strip import StripCell
from simulators.strip.remembered import KEPT_EVERY, Remembered


def _strip() -> StripCell:
    return StripCell("lager", {"ketamine": 2e-4}, seed=7, wet_at_us=2e6)


def _calls(count: int) -> list[tuple[float | None, float]]:
    """(potential or None for a reading, microseconds), a reading after each potential."""
    rng = random.Random(11)
    now_us, calls = 1e6, []
    for number in range(count):
        now_us += rng.uniform(100.0, 20_000.0)
        calls.append((None if number % 2 else rng.uniform(0.2, 0.9), now_us))
    return calls


def _answers(cell, calls):
    found = []
    for potential_v, now_us in calls:
        if potential_v is None:
            found.append(cell.current_a(now_us))
        else:
            cell.apply(potential_v, 100.0, now_us)
    return found


@pytest.mark.parametrize("parts_at", [0, 1, KEPT_EVERY - 1, KEPT_EVERY, KEPT_EVERY + 1, 2 * KEPT_EVERY + 50])
def test_a_test_that_parts_from_the_first_one_is_answered_by_a_strip_that_lived_through_its_own_calls(parts_at):
    calls = _calls(2 * KEPT_EVERY + 60)
    strip = Remembered(_strip)
    assert _answers(strip.cell(), calls) == _answers(_strip(), calls)

    others = calls[:parts_at] + [(potential_v, now_us + 3.0) for potential_v, now_us in calls[parts_at:]]

    assert _answers(strip.cell(), others) == _answers(_strip(), others)
    assert _answers(strip.cell(), calls) == _answers(_strip(), calls), "the next test is the first one's again"


def test_a_test_that_goes_on_where_the_first_one_ended_is_remembered_too():
    calls = _calls(2 * KEPT_EVERY + 60)
    strip = Remembered(_strip)
    _answers(strip.cell(), calls[: KEPT_EVERY + 20])
    assert _answers(strip.cell(), calls) == _answers(_strip(), calls)
    assert _answers(strip.cell(), calls) == _answers(_strip(), calls)
