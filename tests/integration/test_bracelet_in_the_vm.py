"""The whole bracelet in the MicroPython VM: its own heap and floats, simulated parts, a strip in a drink."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firmware.wire.record import open_record
from simulators.ad5941 import ShortCell
from simulators.virtual_board.board import VirtualBoard
from simulators.virtual_board.bracelet_world import BraceletWorld, files
from waakzaam.rigs.bracelet import DEVICE_ID, KEY, WAVEFORM, ketamine_calibration

pytestmark = pytest.mark.needs("vm")
ROOT = Path(__file__).resolve().parents[2]
SPIKED = 1e-3
CONFIG = {
    "device_id": DEVICE_ID,
    "key": KEY,
    "waveform": WAVEFORM,
    "strip_lot": "L1",
    "drink_declared": "water",
    "send": "after_test",
    "incubate_ms": 500,
    "watch_heap": True,
}


@pytest.fixture(scope="module")
def calibration_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibration")
    file = folder / "cal.json"
    file.write_text(json.dumps(ketamine_calibration(folder)), encoding="utf-8")
    return file


class Watched:
    """A running bracelet and what it has said so far."""

    def __init__(self, tmp_path: Path, calibration_file: Path) -> None:
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
        self.board.storage.write(files(CONFIG, calibration_file))

    def _hear(self, data: bytes) -> None:
        with self._heard:
            *whole, self._partial = (self._partial + data).split(b"\n")
            self.lines += [line.decode(errors="replace").strip() for line in whole]
            self._heard.notify_all()

    def said(self, kind: str, timeout_s: float = 60, **fields: Any) -> dict[str, Any]:
        """The first line of this kind with these fields; fails with the console's end when it does not come."""

        def found() -> dict[str, Any] | None:
            for line in self.lines:
                if line.startswith("{"):
                    one: dict[str, Any] = json.loads(line)
                    if one.get("kind") == kind and all(one.get(k) == v for k, v in fields.items()):
                        return one
            return None

        with self._heard:
            assert self._heard.wait_for(lambda: found() is not None, timeout_s), "\n".join(self.lines[-15:])
            return found() or {}

    def record(self, timeout_s: float = 20) -> dict[str, Any]:
        """The first sealed record on the serial line, its signature checked."""
        with self._heard:
            assert self._heard.wait_for(lambda: any(one.startswith("WZR1 ") for one in self.lines), timeout_s)
            return open_record(next(one for one in self.lines if one.startswith("WZR1 ")), bytes.fromhex(KEY))


@pytest.fixture
def bracelet(tmp_path: Path, calibration_file: Path) -> Iterator[Watched]:
    watched = Watched(tmp_path, calibration_file)
    with watched.board:
        yield watched


def test_a_spiked_drink_is_positive_on_the_wrist_and_in_the_record(bracelet: Watched) -> None:
    start = bracelet.said("start")
    assert start["implementation"].startswith("micropython")
    assert start["heap_free"] > 20_000
    bracelet.world.insert_strip()
    bracelet.said("state", to="await_wetting")
    bracelet.world.dip("water", {"ketamine": SPIKED})
    assert bracelet.said("tell")["verdict"] == "positive"
    assert bracelet.said("light", colour="red")["vibration"] > 0
    assert bracelet.record()["verdict"] == "positive"
    assert bracelet.said("finished")["heap_free_min"] >= 20_000


def test_a_short_is_invalid_and_recorded(bracelet: Watched) -> None:
    bracelet.said("start")
    bracelet.world.insert_strip(ShortCell(3.0))
    assert bracelet.said("tell")["verdict"] == "invalid"
    assert bracelet.record()["reason"] == "short"


def test_a_clean_drink_is_nothing_found_and_the_record_can_be_asked_for_again(bracelet: Watched) -> None:
    bracelet.said("start")
    bracelet.world.insert_strip()
    bracelet.said("state", to="await_wetting")
    bracelet.world.dip("water", {})
    assert bracelet.said("tell")["verdict"] == "negative"
    bracelet.said("finished")
    bracelet.board.send(b"records\n")
    assert bracelet.said("records")["sent"] == 1
    assert len([line for line in bracelet.lines if line.startswith("WZR1 ")]) == 2
