"""A bracelet on a virtual board: the firmware in the MicroPython VM, its world, and what it says on its port."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from firmware.wire.record import open_record
from simulators.virtual_board.board import VirtualBoard
from simulators.virtual_board.bracelet_world import BraceletWorld, files
from waakzaam.rigs.bracelet import DEVICE_ID, KEY, ROOT, WAVEFORM

CONFIG: dict[str, Any] = {
    "device_id": DEVICE_ID,
    "key": KEY,
    "waveform": WAVEFORM,
    "strip_lot": "L1",
    "strip_expiry": "2099-01-01",
    "drink_declared": "lager",
    "send": "after_test",
    "incubate_ms": 500,
    "watch_heap": True,
}


class BraceletBoard:
    """A running bracelet and what it has said so far."""

    def __init__(self, tmp_path: Path, calibration_file: Path, colour_file: Path | None = None, **config: Any) -> None:
        self.world = BraceletWorld(seed=1)
        self._partial = b""
        self.lines: list[str] = []
        self._heard = threading.Condition()
        self.board = VirtualBoard(
            tmp_path / "flash.img",
            firmware_root=ROOT / "firmware",
            peripherals=self.world.peripherals,
            runtime="vm",
            on_output=self._hear,
        )
        if colour_file is not None:
            config = {"strips": ["/cal.json", "/colour.json"], "colour_lot": "C1", **config}
        written = files({**CONFIG, **config}, calibration_file)
        if colour_file is not None:
            written["/colour.json"] = colour_file.read_bytes()
        self.board.storage.write(written)

    def _hear(self, data: bytes) -> None:
        with self._heard:
            *whole, self._partial = (self._partial + data).split(b"\n")
            self.lines += [line.decode(errors="replace").strip() for line in whole]
            self._heard.notify_all()

    def said(self, kind: str, timeout_s: float = 60, times: int = 1, **fields: Any) -> dict[str, Any]:
        """The n-th line of this kind with these fields; fails with the console's end when it does not come."""

        def found() -> dict[str, Any] | None:
            left = times
            for line in self.lines:
                if line.startswith("{"):
                    one: dict[str, Any] = json.loads(line)
                    if one.get("kind") == kind and all(one.get(k) == v for k, v in fields.items()):
                        left -= 1
                        if left == 0:
                            return one
            return None

        with self._heard:
            assert self._heard.wait_for(lambda: found() is not None, timeout_s), "\n".join(
                line[:500] for line in self.lines[-15:]
            )
            return found() or {}

    def record(self, timeout_s: float = 60, times: int = 1) -> dict[str, Any]:
        """The n-th sealed record on the serial line, its signature checked."""

        def sent() -> list[str]:
            return [one for one in self.lines if one.startswith("WZR1 ")]

        with self._heard:
            assert self._heard.wait_for(lambda: len(sent()) >= times, timeout_s)
            return open_record(sent()[times - 1], bytes.fromhex(KEY))
