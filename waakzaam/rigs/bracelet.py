"""The whole bracelet on a virtual clock: the real firmware, a simulated AD5941, a strip in a drink, records on disk."""

from __future__ import annotations

import functools
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from firmware.bracelet.catalogue import texts_of
from firmware.bracelet.flash_ring import FlashRing
from firmware.bracelet.instrument import Instrument
from firmware.bracelet.recorder import Recorder
from firmware.bracelet.runner import Runner
from simulators.ad5941 import Ad5941, Cell, OpenCell
from waakzaam.rigs.afe import DUMMY_OHM, AfeBench

ROOT = Path(__file__).resolve().parents[2]
KETAMINE_CALIBRATION = ROOT / "sensor_models/strips/ketamine_screen.calibration.json"
KEY = "5a" * 32
DEVICE_ID = "brc-test1"
WAVEFORM = {"start_v": 0.0, "end_v": 1.35, "amplitude_v": 0.025, "step_v": 0.004, "frequency_hz": 25}


@functools.cache
def ketamine_calibration() -> dict[str, Any]:
    """The product's own calibration of the ketamine strip."""
    document: dict[str, Any] = json.loads(KETAMINE_CALIBRATION.read_text(encoding="utf-8"))
    return document


class BraceletBench:
    """One bracelet. `run()` lets virtual time pass until the verdict is told, or the limit is over."""

    def __init__(
        self, folder: Path, calibration_document: dict[str, Any], chip: Ad5941 | None = None, **config: Any
    ) -> None:
        self.afe = AfeBench(chip)
        self.clock = self.afe.clock
        self.config = {
            "device_id": DEVICE_ID,
            "key": KEY,
            "waveform": WAVEFORM,
            "rtia_ohm": 10_000,
            "dummy_ohm": DUMMY_OHM,
            "strip_lot": "L1",
            "strip_expiry": "2099-01-01",
            "drink_declared": "lager",
            **config,
        }
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.lights: list[tuple[float, tuple[int, int, int], int]] = []
        self.strip_in = False
        self.button_down = False
        self.instrument = Instrument(self.afe.afe, self.afe.dummy, calibration_document, self.config)
        self.ring = FlashRing(os, self._open, str(folder / "records"))
        self.recorder = Recorder(self.ring, self.config, {"firmware": "f" * 64}, lambda: "2026-11-23T21:00:00Z")
        self.runner = Runner(
            self.clock,
            self.instrument,
            self.recorder,
            lambda: 0 if self.strip_in else 1,
            lambda: 0 if self.button_down else 1,
            lambda colour, vibration: self.lights.append((self.clock.now_us, colour, vibration)),
            lambda kind, data: self.said.append((kind, data)),
            texts_of("nl"),
            lambda: "2026-11-23",
        )
        self._plan: list[tuple[float, Any]] = []

    @staticmethod
    def _open(path: str, mode: str) -> BinaryIO:
        return open(path, mode)  # type: ignore[return-value]

    def at(self, second: float, action: Any) -> None:
        """Do `action()` when this many seconds have passed."""
        self._plan.append((self.clock.now_us + second * 1e6, action))
        self._plan.sort(key=lambda one: one[0])

    def insert(self, cell: Cell | None = None) -> None:
        """Put a strip in the holder."""
        self.strip_in = True
        self.afe.put(cell if cell is not None else OpenCell())

    def pull(self) -> None:
        """Take the strip out."""
        self.strip_in = False
        self.afe.put(OpenCell())

    def run(self, seconds: float = 300.0) -> dict[str, Any]:
        """What was told in words ({} without words); fails when nothing was told in this many virtual seconds."""
        end_us = self.clock.now_us + seconds * 1e6
        before = self.runner.finished
        while self.clock.now_us < end_us:
            while self._plan and self._plan[0][0] <= self.clock.now_us:
                self._plan.pop(0)[1]()
            wait_us = self.runner.poll()
            self.clock.now_us += max(wait_us, 5)
            if self.runner.finished > before:
                return next((data for kind, data in reversed(self.said) if kind == "tell"), {})
        raise AssertionError(
            f"nothing told in {seconds} s; the bracelet is in {self.runner.state.name}: {self.said[-5:]}"
        )

    def records(self) -> list[str]:
        """The sealed lines in flash, oldest first."""
        return [b"".join(self.ring.lines_of(number)).decode() for number in self.ring.numbers()]
