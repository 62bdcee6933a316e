"""The ring of records on a flash that fills up: the oldest go, the newest is always kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO

from firmware.bracelet.flash_ring import FlashRing

FLASH_BYTES = 200_000
RECORD_BYTES = 30_000


class SmallFlash:
    """`os` and `open` of a flash of FLASH_BYTES in blocks of 4096."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def free_blocks(self) -> int:
        held = sum(-(-file.stat().st_size // 4096) for file in self._folder.rglob("*") if file.is_file())
        return FLASH_BYTES // 4096 - held

    def statvfs(self, path: str) -> tuple[int, ...]:
        return (4096, 4096, FLASH_BYTES // 4096, self.free_blocks(), self.free_blocks())

    def open(self, path: str, mode: str) -> BinaryIO:
        return open(path, mode)  # type: ignore[return-value]


def test_a_flash_that_is_full_of_records_takes_the_next_one_and_the_chain_goes_on(tmp_path: Path) -> None:
    flash = SmallFlash(tmp_path)
    ring = FlashRing(flash, flash.open, str(tmp_path / "records"))
    for number in range(1, 21):
        ring.make_room(RECORD_BYTES)
        for _ in ring.append(iter(["x" * 1_000] * (RECORD_BYTES // 1_000))):
            pass
        assert ring.numbers()[-1] == number
        assert flash.free_blocks() >= 0
        assert number == 1 or ring.numbers()[-2] == number - 1, "the one that the new record names is still there"
    assert ring.discards == 20 - len(ring.numbers())
    assert len(ring.numbers()) >= 5


def test_a_flash_full_of_other_things_leaves_the_newest_record(tmp_path: Path) -> None:
    flash = SmallFlash(tmp_path)
    ring = FlashRing(flash, flash.open, str(tmp_path / "records"))
    for _ in range(3):
        for _ in ring.append(iter(["one"])):
            pass
    (tmp_path / "other").write_bytes(bytes(FLASH_BYTES))
    ring.make_room(RECORD_BYTES)
    assert ring.numbers() == [3]
