"""The supply fails at every flash write of a record, one after another: what was told is there after the next start."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from firmware.wire.record import GENESIS_SHA256, open_record, sha256_of
from simulators.virtual_board.board import VirtualBoard
from waakzaam.rigs.bracelet import DEVICE_ID, KEY, ROOT

CAPACITY = 3
RECORDS = 5
WRITES_MAX = 400
LIMIT_S = 30.0
MAIN = f"""
import os
from firmware.bracelet.flash_ring import FlashRing
from firmware.wire.record import seal_pieces
ring = FlashRing(os, open, capacity={CAPACITY})
print("START", ring.numbers())
while ring.numbers()[-1:] != [{RECORDS}]:
    number = (ring.numbers() or [0])[-1] + 1
    fields = {{"record_id": "r%d" % number, "device_id": "{DEVICE_ID}", "verdict": "invalid", "reason": "dry"}}
    fields["trace"] = {{"forward_a": [k * 1e-9 for k in range(120)]}}
    for _ in ring.append(seal_pieces(fields, ring.last_sha256(), bytes.fromhex("{KEY}"))):
        pass
    print("TOLD", number)
print("DONE")
"""


@dataclass(frozen=True)
class Cuts:
    """How many writes were cut, and what was wrong after any of them."""

    cuts: int
    wrong: tuple[str, ...]


def _wait(board: VirtualBoard, word: str, starts: int = 1) -> bool:
    """True when `word` was said (the start as often as asked), False when the supply failed first."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        if board.console.text().count(word) >= starts:
            return True
        if board.count("power_cut"):
            return False
        time.sleep(0.005)
    raise TimeoutError(board.console.text()[-400:])


def cut_at(folder: Path, write: int) -> tuple[bool, list[str]]:
    """One run with the supply failing at this write: (whether it came to that, what was wrong afterwards)."""
    board = VirtualBoard(folder / "flash.img", firmware_root=ROOT / "firmware", runtime="vm")
    board.storage.write({"/main.py": MAIN})
    board.cut_at_flash_write = write
    with board:
        was_cut = not _wait(board, "DONE")
        told = [int(line.split()[1]) for line in board.console.text().splitlines() if line.startswith("TOLD")]
        if was_cut:
            starts = board.console.text().count("START")
            board.power_on()
            end = time.monotonic() + LIMIT_S
            while board.console.text().count("START") <= starts and time.monotonic() < end:
                time.sleep(0.005)
            if board.console.text().count("START") <= starts:
                return was_cut, [f"nothing said in {LIMIT_S:g} s after the cut"]
        board.power_cut()
        return was_cut, _wrong(board, told)


def _wrong(board: VirtualBoard, told: list[int]) -> list[str]:
    names = sorted(name for name in board.storage.files("/records") if name.endswith(".wzr"))
    numbers = [int(name.rsplit("/", 1)[1].removesuffix(".wzr")) for name in names]
    found = []
    for number in told[-CAPACITY:]:
        if number not in numbers and number > max(numbers, default=0) - CAPACITY:
            found.append(f"record {number} was told and is lost; there are {numbers}")
    previous = GENESIS_SHA256 if numbers[:1] == [1] else ""
    for name in names:
        line = board.storage.read(name).decode()
        try:
            fields = open_record(line, bytes.fromhex(KEY))
        except Exception as error:
            found.append(f"{name}: {type(error).__name__} {error}")
            continue
        if previous and fields["previous_sha256"] != previous:
            found.append(f"{name}: does not follow the record before it")
        previous = sha256_of(line)
    return found


def every_write(folder: Path, stride: int = 1) -> Cuts:
    """Cut at every `stride`-th write until a run ends without a cut."""
    wrong: list[str] = []
    cuts = 0
    for write in range(1, WRITES_MAX, stride):
        place = folder / str(write)
        place.mkdir()
        was_cut, found = cut_at(place, write)
        wrong += [f"write {write}: {one}" for one in found]
        (place / "flash.img").unlink()
        if not was_cut:
            return Cuts(cuts, tuple(wrong))
        cuts += 1
    return Cuts(cuts, (*wrong, json.dumps({"never ended": WRITES_MAX})))
