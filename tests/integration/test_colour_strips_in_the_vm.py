"""Both kinds of strip on the whole bracelet in the MicroPython VM: its heap, its floats, one verdict per drug."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.strip.colour import ColourStrip
from tests.support.colour_tests import GHB_DOSE_MOL_L, calibration
from waakzaam.rigs.bracelet import hurried, ketamine_calibration
from waakzaam.rigs.bracelet_board import BraceletBoard

pytestmark = [pytest.mark.needs("vm"), pytest.mark.lives_in_real_time]


@pytest.fixture
def bracelet(tmp_path: Path) -> Iterator[BraceletBoard]:
    ketamine, colour = tmp_path / "cal.json", tmp_path / "colour.json"
    ketamine.write_text(json.dumps(ketamine_calibration()), encoding="utf-8")
    colour.write_text(json.dumps(hurried(calibration())), encoding="utf-8")
    watched = BraceletBoard(tmp_path, ketamine, colour)
    with watched.board:
        yield watched


def test_a_drink_with_ghb_is_found_by_the_second_strip_and_both_are_in_the_record(bracelet: BraceletBoard) -> None:
    bracelet.said("start")
    bracelet.world.insert_strip()
    bracelet.said("state", to="await_wetting")
    bracelet.world.dip("lager", {})
    bracelet.said("state", to="change_strip")
    bracelet.world.remove_strip()
    bracelet.said("state", **{"from": "change_strip", "to": "await_strip"})
    bracelet.world.insert_pads(ColourStrip("lager", {"GHB": 4 * GHB_DOSE_MOL_L}, seed="vm"))
    bracelet.said("state", **{"from": "check_strip", "to": "await_wetting", "event": "ready"}, times=2)
    bracelet.world.dip_pads(since_s=700.0)
    told = bracelet.said("tell")
    record = bracelet.record()
    assert [one["analyte"] for one in record["analytes"]] == ["ketamine", "GHB", "GBL"]
    assert record["analytes"][0]["verdict"] == "negative"
    assert (told["verdict"], record["analytes"][1]["verdict"]) == ("positive", "positive"), told
    assert {"potential_v", "colour"} <= set(record["trace"])
    assert record["temperature_c"] == 22
    finished = bracelet.said("finished")
    assert finished["heap_free_min"] >= 20 * 1024, finished
    assert not [name for name in bracelet.board.storage.files("/records") if name.endswith(".aside")]
    assert not bracelet.world.spectrometer.violations
    assert not bracelet.world.accelerometer.violations


def test_a_raised_wrist_wakes_the_bracelet_for_a_glance(bracelet: BraceletBoard) -> None:
    bracelet.said("start")
    bracelet.world.raise_wrist(20.0)
    assert bracelet.said("state", to="awake")["event"] == "wrist"
    bracelet.world.press()
    assert bracelet.said("state", to="self_test")["from"] == "awake"
