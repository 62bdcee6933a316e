"""Every voltammetric strip on the bracelet in the MicroPython VM, two to a test: judged, sealed, heap to spare."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from simulators.strip.chemistry import load_strip
from simulators.strip.panel import swv_strips
from waakzaam import record_check
from waakzaam.board_worlds import STRIPS
from waakzaam.rigs.bracelet import KEY
from waakzaam.rigs.bracelet_board import BraceletBoard, board_of
from waakzaam.strip_calibrations import path_of

pytestmark = pytest.mark.needs("vm")
# test_bracelet_in_the_vm.py plays the ketamine strip. The oxidation strip needs the most memory: here as the second.
PAIRS = (("nitro_screen", "oxidation_screen"), ("azomethine_screen", "scopolamine_screen"))
HEAP_FREE_MIN = 20 * 1024
TWICE_AS_FAST_HZ = 50.0  # as many points and as much to judge in half the time


def faults_of(worn: BraceletBoard, strips: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """What `waakzaam verify` finds wrong with what a board has sent."""
    paths = [folder / path_of(name).name for name in strips]
    log = record_check.check(
        [line for line in worn.lines if line.startswith("WZR1 ")],
        lambda _: bytes.fromhex(KEY),
        [path.read_bytes() for path in paths],
        lambda line: record_check.judged_in_the_vm(line, [str(path) for path in paths]),
    )
    return log.faults if log.judged_again == 1 else (*log.faults, f"{log.judged_again} judged again")


def test_every_strip_of_the_panel_is_judged_with_20_kb_of_heap_to_spare_and_both_traces_are_kept(
    tmp_path: Path,
) -> None:
    assert {name for pair in PAIRS for name in pair} == {one.name for one in swv_strips(STRIPS)} - {"ketamine_screen"}
    worn = {
        pair: board_of(pair[0], tmp_path / pair[0], TWICE_AS_FAST_HZ, then=pair[1], incubate_ms=500) for pair in PAIRS
    }
    with contextlib.ExitStack() as boards:
        for one in worn.values():  # side by side: a board waits for its chip most of the time
            boards.enter_context(one.board)
        for one in worn.values():
            one.said("start")
            one.world.insert_strip()
        for one in worn.values():
            one.said("state", to="await_wetting")
            one.world.dip("lager", {})
        for pair, one in worn.items():
            one.said("state", timeout_s=120, to="change_strip")
            one.world.remove_strip()
            one.said("state", **{"from": "change_strip"})
            one.world.insert_strip(kind=load_strip(STRIPS / f"{pair[1]}.toml"))
        for one in worn.values():
            one.said("state", to="await_wetting", times=2)
            one.world.dip("lager", {})
        for pair, one in worn.items():
            told = one.said("tell", timeout_s=120)
            finished = one.said("finished")
            assert told["verdict"] in ("negative", "inconclusive"), (pair, told)  # fitted and judged, not refused
            assert finished["heap_free_min"] >= HEAP_FREE_MIN, (pair, finished)
            trace = one.record()["trace"]
            assert abs(trace["potential_v"][-1] - trace["strip_2"]["potential_v"][-1]) > 2.0  # each its own scan
            assert not faults_of(one, pair, tmp_path / pair[0])
