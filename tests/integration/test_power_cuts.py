"""The supply fails at every single flash write, and nothing that was told is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.virtual_board.firmware_image import compile_tree, rom_image
from simulators.virtual_board.flash_image import Factory, FlashImage
from simulators.virtual_board.power_cuts import CutResult, PowerCuts
from waakzaam import machine

pytestmark = pytest.mark.needs("vm")
ROOT = Path(__file__).resolve().parents[2]


def _flash(folder: Path) -> FlashImage:
    """A small board with the firmware in romfs: fewer sectors wear faster and copy quicker."""
    flash = FlashImage(folder / "flash.img", sectors=48, rom_sectors=64)
    flash.write_rom(rom_image(compile_tree(ROOT / "firmware")))
    return flash


def _cuts(folder: Path) -> PowerCuts:
    vm = machine.find_vm()
    assert vm is not None
    return PowerCuts(vm, _flash(folder), folder)


def test_a_write_in_place_is_caught_as_unsafe(tmp_path: Path) -> None:
    """The harness can fail: a file written in place is found torn after some cut."""
    flash = _flash(tmp_path)
    vm = machine.find_vm()
    assert vm is not None
    with Factory(vm, flash) as factory:
        factory.write({"/count": "1" * 3000})
    act = "f = open('/count', 'r+b')\nfor _ in range(6):\n    f.write(b'2' * 500)\n    f.flush()\nf.close()"
    look = "s = open('/count').read(); print(len(s), s.count('2'))"

    def check(result: CutResult) -> str:
        length, twos = map(int, result.found[0].split())
        return "" if length == 3000 and twos in (0, 3000) else f"torn: {twos} of {length}"

    campaign = PowerCuts(vm, flash, tmp_path).run(act, look, check)
    assert campaign.writes > 10
    assert campaign.failures


RECORD = """
import os
from firmware.bracelet.flash_ring import FlashRing
from firmware.wire.record import seal_pieces
ring = FlashRing(os, open, capacity=3)
KEY = bytes(range(32))
def fields(n):
    return {"record_id": "brc-1-%06d" % n, "time": None, "device_id": "brc-1", "firmware_version": "0.1.0",
            "verdict": "inconclusive", "reason": "test", "analytes": [],
            "trace": {"potential_v": [0.1 * n] * 60, "forward_a": [1e-6] * 60, "reverse_a": [2e-6] * 60}}
"""
APPEND = (
    RECORD
    + """
for n in range(5):
    for number in _drain(ring.append(seal_pieces(fields(n), ring.last_sha256(), KEY))):
        print("told", number)
"""
)
DRAIN = """
def _drain(steps):
    while True:
        try: next(steps)
        except StopIteration as end:
            yield end.value
            return
"""
LOOK = (
    RECORD
    + """
from firmware.wire.record import open_record
for number in ring.numbers():
    line = b"".join(ring.lines_of(number)).decode()
    print("kept", number, open_record(line, KEY)["record_id"])
_ = [print("told", n) for n in _drain(ring.append(seal_pieces(fields(9), ring.last_sha256(), KEY)))]
"""
)


def test_no_record_that_was_told_is_lost_at_any_power_cut(tmp_path: Path) -> None:
    def check(result: CutResult) -> str:
        told = [int(line.split()[1]) for line in result.told if line.startswith("told")]
        kept = [int(line.split()[1]) for line in result.found if line.startswith("kept")]
        lost = set(told[-2:]) - set(kept)  # of a full ring of 3, one may be dropped for the record under way
        if lost:
            return f"told {told}, kept {kept}"
        if len([line for line in result.found if line.startswith("told")]) != 1:
            return f"the ring takes no further record: {result.found[-2:]}"
        return ""

    campaign = _cuts(tmp_path).run(DRAIN + APPEND, DRAIN + LOOK, check)
    assert not campaign.failures, campaign.failures[:3]
    assert campaign.writes > 50
    assert len(campaign.results) == campaign.writes + 1
