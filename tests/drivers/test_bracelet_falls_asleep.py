"""The bracelet asks for deep sleep only when nothing is left to do: firmware on a virtual clock, simulated chips."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.ad5941 import ShortCell
from simulators.strip import StripCell
from waakzaam.rigs.bracelet import BraceletBench, ketamine_calibration

HASTY_MS = 1  # falls asleep as soon as it may


@pytest.fixture
def bench(tmp_path: Path) -> BraceletBench:
    made = BraceletBench(tmp_path, ketamine_calibration())
    made.runner.sleep_after_ms = HASTY_MS
    made.slept = []
    made.runner.standby = lambda strip_in, button_stuck: made.slept.append(
        (made.clock.now_us / 1e6, made.runner.finished, strip_in, button_stuck)
    )
    return made


def pass_time(bench: BraceletBench, seconds: float) -> None:
    end_us = bench.clock.now_us + seconds * 1e6
    while bench.clock.now_us < end_us:
        bench.clock.now_us += max(bench.runner.poll(), 5)


def test_a_whole_test_is_never_slept_through_and_ends_told_before_it_sleeps(bench: BraceletBench) -> None:
    bench.insert(StripCell("lager", {"ketamine": 1e-3}, seed=1, wet_at_us=bench.clock.now_us + 3e6))
    pass_time(bench, 0.2)
    before = len(bench.slept)
    assert bench.run()["verdict"] == "positive"
    pass_time(bench, 20.0)
    assert len(bench.slept) == before  # the strip is still in: the wearer is still looking
    bench.pull()
    pass_time(bench, 2.0)
    assert len(bench.slept) > before
    assert all(finished == 1 for _, finished, _, _ in bench.slept[before:])


def test_a_strip_that_stays_in_does_not_keep_it_awake_for_ever(bench: BraceletBench) -> None:
    bench.insert(ShortCell(3.0))
    assert bench.run()["verdict"] == "invalid"
    bench.slept.clear()
    pass_time(bench, 330.0)
    assert bench.slept
    assert all(strip_in and not button_stuck for _, _, strip_in, button_stuck in bench.slept)


def test_a_finger_on_the_button_keeps_it_awake_and_a_button_that_is_stuck_does_not(bench: BraceletBench) -> None:
    bench.button_down = True
    pass_time(bench, 55.0)
    assert all(at_s < 0.1 for at_s, _, _, _ in bench.slept)  # before the press was seen
    bench.slept.clear()
    pass_time(bench, 400.0)  # its hold ends the test that the press began, and is no finger after a minute
    assert not bench.runner.finished
    assert bench.slept
    assert all(button_stuck for _, _, _, button_stuck in bench.slept)


def test_a_strip_pushed_in_while_it_falls_asleep_is_tested(bench: BraceletBench) -> None:
    bench.runner.standby = None

    def push(strip_in: bool, button_stuck: bool) -> None:
        bench.insert(ShortCell(3.0))

    bench.runner.standby = push
    assert bench.run()["reason"] == "short"


def test_zero_seconds_mean_that_it_never_sleeps(bench: BraceletBench) -> None:
    bench.runner.sleep_after_ms = 0
    pass_time(bench, 60.0)
    assert not bench.slept
