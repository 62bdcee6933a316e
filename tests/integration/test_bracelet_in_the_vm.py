"""The whole bracelet in the MicroPython VM: its own heap and floats, simulated parts, a strip in a drink."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.ad5941 import ShortCell
from waakzaam.rigs.bracelet import ketamine_calibration
from waakzaam.rigs.bracelet_board import BraceletBoard

pytestmark = [pytest.mark.needs("vm"), pytest.mark.lives_in_real_time]
SPIKED = 1e-3


@pytest.fixture(scope="module")
def calibration_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibration")
    file = folder / "cal.json"
    file.write_text(json.dumps(ketamine_calibration()), encoding="utf-8")
    return file


@pytest.fixture
def bracelet(tmp_path: Path, calibration_file: Path) -> Iterator[BraceletBoard]:
    watched = BraceletBoard(tmp_path, calibration_file)
    with watched.board:
        yield watched


def test_a_spiked_drink_is_positive_on_the_wrist_and_in_the_record(bracelet: BraceletBoard) -> None:
    start = bracelet.said("start")
    assert start["implementation"].startswith("micropython")
    assert start["heap_free"] > 20_000
    bracelet.world.insert_strip()
    bracelet.said("state", to="await_wetting")
    bracelet.world.dip("lager", {"ketamine": SPIKED})
    assert bracelet.said("tell")["verdict"] == "positive"
    assert bracelet.said("light", colour="red")["vibration"] > 0
    assert bracelet.record()["verdict"] == "positive"
    assert bracelet.said("finished")["heap_free_min"] >= 21 * 1024
    shown = {pixels[0] for _, pixels in bracelet.world.led.history}
    assert (255, 0, 0) in shown
    assert max(one.strength for one in bracelet.world.haptics.felt) > 0.5
    assert not bracelet.world.led.errors
    assert not bracelet.world.haptics.violations
    assert not bracelet.world.gauge.violations
    assert not bracelet.world.afe.violations


def test_a_short_is_invalid_and_recorded(bracelet: BraceletBoard) -> None:
    bracelet.said("start")
    bracelet.world.insert_strip(ShortCell(3.0))
    assert bracelet.said("tell")["verdict"] == "invalid"
    assert bracelet.record()["reason"] == "short"


def test_a_clean_drink_is_nothing_found_and_the_record_can_be_asked_for_again(bracelet: BraceletBoard) -> None:
    bracelet.said("start")
    bracelet.world.insert_strip()
    bracelet.said("state", to="await_wetting")
    bracelet.world.dip("lager", {})
    assert bracelet.said("tell")["verdict"] == "negative"
    bracelet.said("finished")
    bracelet.board.send(b"records\n")
    assert bracelet.said("records")["sent"] == 1
    assert len([line for line in bracelet.lines if line.startswith("WZR1 ")]) == 2
