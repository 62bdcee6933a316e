"""The command `contacts` on the bracelet in the MicroPython VM: its figure, its refusals, and the test after it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from waakzaam.rigs.bracelet import ketamine_calibration
from waakzaam.rigs.bracelet_board import BraceletBoard

pytestmark = [pytest.mark.needs("vm"), pytest.mark.lives_in_real_time]
HEAP_FREE_MIN = 20 * 1024


@pytest.fixture
def bracelet(tmp_path: Path) -> Iterator[BraceletBoard]:
    file = tmp_path / "cal.json"
    file.write_text(json.dumps(ketamine_calibration()), encoding="utf-8")
    watched = BraceletBoard(tmp_path, file)
    with watched.board:
        yield watched


def test_contacts_are_told_with_the_piece_and_with_a_wet_strip_and_a_test_between_has_its_memory(
    bracelet: BraceletBoard,
) -> None:
    bracelet.said("start")
    bracelet.world.insert_piece(30.0)
    bracelet.board.send(b"contacts\n")
    assert bracelet.said("contacts")["line"] == "contact resistance 30 ohm at 20 kHz"
    assert bracelet.world.afe.asleep
    bracelet.world.remove_piece()
    bracelet.board.send(b"contacts\n")
    assert "nothing conducts between the contacts" in bracelet.said("fault", during="contacts")["reason"]

    bracelet.world.insert_strip()
    bracelet.said("state", to="await_wetting")
    bracelet.board.send(b"contacts\n")
    assert "a test is under way" in bracelet.said("fault", times=2, during="contacts")["reason"]
    bracelet.world.dip("lager", {"ketamine": 1e-3})
    assert bracelet.said("tell")["verdict"] == "positive"
    finished = bracelet.said("finished")
    assert finished["heap_free_min"] >= HEAP_FREE_MIN, finished
    bracelet.said("state", to="await_strip_out")
    bracelet.board.send(b"contacts\n")
    wet = bracelet.said("contacts", times=2)
    assert 50.0 < wet["real"] < 2_000.0
    assert -30.0 < wet["imag"] < 0.0
    assert not bracelet.world.afe.violations
    assert not bracelet.world.afe.hazards
