"""The demo's bracelet: real firmware on a virtual board, a simulated AD5941, a strip dipped in a spiked drink."""

from __future__ import annotations

import json
import threading
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from firmware.wire.record import SERIAL_PREFIX
from simulators.virtual_board.board import VirtualBoard
from simulators.virtual_board.bracelet_world import BraceletWorld, files
from waakzaam import machine
from waakzaam.demo.scene import BRACELET_DEVICE, DRINK, DRINK_VOLUME_ML, SPIKE, Scene
from waakzaam.demo.strip_calibration import STRIP, calibration_file

STATE_TIMEOUT_S = 90.0
TEST_TIMEOUT_S = 180.0
INCUBATE_MS = 1500
ATTEMPTS_MAX = 3


class BraceletSilent(Exception):
    """The bracelet did not say what was waited for."""


@dataclass
class DrinkTest:
    """What the wearer and the host saw of one test."""

    start: dict[str, Any] = field(default_factory=dict)
    tell: dict[str, Any] = field(default_factory=dict)
    lights: list[dict[str, Any]] = field(default_factory=list)
    finished: dict[str, Any] = field(default_factory=dict)
    record_line: str = ""
    seconds: float | None = None
    attempts: int = 0


def _waveform() -> dict[str, Any]:
    with STRIP.open("rb") as file:
        waveform: dict[str, Any] = tomllib.load(file)["waveform"]
    return waveform


class Bracelet:
    """One bracelet board, and the hand that uses it."""

    def __init__(self, scene: Scene, say: Callable[[str], None]) -> None:
        self._say = say
        self.world = BraceletWorld(seed=7)
        self._heard = threading.Condition()
        self._partial = b""
        self._lines: list[str] = []
        self._heard_before = 0
        self.board = VirtualBoard(
            scene.folder / f"{BRACELET_DEVICE}.flash",
            firmware_root=machine.ROOT / "firmware",
            peripherals=self.world.peripherals,
            on_output=self._hear,
        )
        config = {
            "device_id": BRACELET_DEVICE,
            "key": scene.keys[BRACELET_DEVICE],
            "waveform": _waveform(),
            "strip_lot": "L1",
            "drink_declared": DRINK,
            "volume_ml": DRINK_VOLUME_ML,
            "send": "after_test",
            "incubate_ms": INCUBATE_MS,
            "watch_heap": True,
        }
        self.board.storage.write(files(config, calibration_file()))

    def _hear(self, data: bytes) -> None:
        with self._heard:
            *whole, self._partial = (self._partial + data).split(b"\n")
            self._lines += [line.decode("utf-8", "replace").strip() for line in whole]
            self._heard.notify_all()

    def _told(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        told = []
        for line in self._lines[self._heard_before :]:
            if line.startswith("{"):
                one = json.loads(line)
                if one.get("kind") == kind and all(one.get(name) == value for name, value in fields.items()):
                    told.append(one)
        return told

    def _wait(self, kind: str, timeout_s: float, **fields: Any) -> dict[str, Any]:
        with self._heard:
            if not self._heard.wait_for(lambda: bool(self._told(kind, **fields)), timeout_s):
                raise BraceletSilent(f"{kind} {fields or ''}: not within {timeout_s:g} s; last: {self._lines[-3:]}")
            return self._told(kind, **fields)[0]

    def start(self) -> None:
        self.board.start()

    def stop(self) -> None:
        self.board.stop()

    def test_a_drink(self) -> DrinkTest:
        """Insert a strip, dip it, wait for the verdict and the record; after an invalid test take a new strip, as the
        bracelet asks its wearer to. Raises BraceletSilent."""
        start = self._wait("start", STATE_TIMEOUT_S)
        test = DrinkTest()
        for attempt in range(1, ATTEMPTS_MAX + 1):
            test = self._one_test()
            test.start, test.attempts = start, attempt
            if test.tell["verdict"] != "invalid":
                break
            self._say(f"bracelet: INVALID: {test.tell['reason']}; a new strip, as it asks for")
            self._heard_before = len(self._lines)
            self.world.remove_strip()
            self._wait("state", STATE_TIMEOUT_S, to="asleep")
        return test

    def _one_test(self) -> DrinkTest:
        test = DrinkTest()
        began = time.monotonic()
        self.world.insert_strip()
        self._wait("state", STATE_TIMEOUT_S, to="await_wetting")
        self._say(f"bracelet: a strip is dipped in {DRINK} with {SPIKE['ketamine'] * 1000:g} mmol/L ketamine")
        self.world.dip(DRINK, SPIKE)
        test.tell = self._wait("tell", TEST_TIMEOUT_S)
        test.seconds = time.monotonic() - began
        test.finished = self._wait("finished", STATE_TIMEOUT_S)
        with self._heard:
            self._heard.wait_for(lambda: self._record_line() != "", STATE_TIMEOUT_S)
            test.record_line = self._record_line()
            test.lights = self._told("light")
        return test

    def _record_line(self) -> str:
        return next((line for line in self._lines[self._heard_before :] if line.startswith(SERIAL_PREFIX)), "")
