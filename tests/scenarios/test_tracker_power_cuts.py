"""The supply fails at any write to the flash: whatever was told as an event is there after the next start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulators.virtual_board.board import VirtualBoard
from simulators.virtual_board.tracker_world import TrackerWorld, files
from tests.support.broker import free_port
from tests.support.tracker_bench import KEY, wait_until

pytestmark = pytest.mark.needs("vm")

WRITES_MIN = 8  # fewer would mean that the cuts do not hit the tracker's own writes
WRITES_MAX = 60


def _told(board: VirtualBoard, word: str) -> list[dict[str, Any]]:
    lines = [line for line in board.console.text().splitlines() if line.startswith("{") and line.endswith("}")]
    return [told for told in map(json.loads, lines) if told["told"] == word]


def _cut_at(root: Path, folder: Path, write: int) -> bool:
    """Run a tracker whose supply fails at that flash write; True when the cut came before three events were told."""
    world = TrackerWorld()
    board = VirtualBoard(
        folder / "flash.img", firmware_root=root / "firmware", peripherals=world.peripherals, runtime="vm"
    )
    config = {"schema": "waakzaam.tracker/1", "device_id": "trk-cut", "key": KEY.hex()}
    board.storage.write(files({**config, "broker_host": "127.0.0.1", "broker_port": free_port()}))
    world.cut_strap()
    world.open_case()
    board.cut_at_flash_write = write
    with board:
        events = ("strap_cut", "case_opened", "strap_restored")
        wait_until(
            lambda: board.count("power_cut") or len(_told(board, "event")) >= 2, f"two events or the cut {write}"
        )
        world.close_strap()
        wait_until(
            lambda: board.count("power_cut") or len(_told(board, "event")) >= 3, f"three events or the cut {write}"
        )
        was_cut = board.count("power_cut") > 0
        if not was_cut:
            board.power_cut()
        told = {line["event"] for line in _told(board, "event")}
        started = [line["boot_id"] for line in _told(board, "started")]
        before = len(started)
        board.power_on()
        wait_until(lambda: len(_told(board, "started")) > before, f"a start after the cut {write}")
        again = _told(board, "started")[-1]
        assert again["events_waiting"] >= len(told), (write, told)
        assert again["boot_id"] not in started
        assert not [line for line in _told(board, "fault") if line["where"] == "flash"], (write, _told(board, "fault"))
        board.power_cut()
        kept = {_word(board.storage.read(name)) for name in board.storage.files("/events")}
        assert kept >= told, (write, told, kept)
        assert kept <= set(events)
    return was_cut


def _word(raw: bytes) -> str:
    return raw[1 : 1 + raw[0]].decode()


def test_a_cut_at_every_write_loses_no_event_that_was_told(root: Path, tmp_path: Path) -> None:
    """The first start, three events and the settling of the file system: every write is cut once."""
    for write in range(1, WRITES_MAX):
        folder = tmp_path / str(write)
        folder.mkdir()
        if not _cut_at(root, folder, write):
            break
    assert WRITES_MIN < write < WRITES_MAX
