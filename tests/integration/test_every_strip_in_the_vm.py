"""Every voltammetric strip on the whole bracelet in the MicroPython VM: judged, and with heap to spare."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from simulators.strip.panel import swv_strips
from waakzaam.board_worlds import STRIPS
from waakzaam.rigs.bracelet_board import board_of

pytestmark = pytest.mark.needs("vm")
# test_bracelet_in_the_vm.py plays the ketamine strip.
NAMES = [strip.name for strip in swv_strips(STRIPS) if strip.name != "ketamine_screen"]
HEAP_FREE_MIN = 20 * 1024
TWICE_AS_FAST_HZ = 50.0  # as many points and as much to judge in half the time


def test_every_strip_of_the_panel_is_judged_with_20_kb_of_heap_to_spare(tmp_path: Path) -> None:
    assert len(NAMES) == 4
    worn = {name: board_of(name, tmp_path / name, TWICE_AS_FAST_HZ, incubate_ms=500) for name in NAMES}
    with contextlib.ExitStack() as boards:
        for one in worn.values():  # side by side: a board waits for its chip most of the time
            boards.enter_context(one.board)
        for one in worn.values():
            one.said("start")
            one.world.insert_strip()
        for one in worn.values():
            one.said("state", to="await_wetting")
            one.world.dip("lager", {})
        for name, one in worn.items():
            told = one.said("tell", timeout_s=120)
            finished = one.said("finished")
            assert told["verdict"] in ("negative", "inconclusive"), (name, told)  # fitted and judged, not refused
            assert finished["heap_free_min"] >= HEAP_FREE_MIN, (name, finished)
