"""The whole bracelet on a virtual clock: the real firmware, a simulated AD5941, a strip in a drink, records on disk."""

from __future__ import annotations

import copy
import functools
import json
import os
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from firmware.bracelet.catalogue import texts_of
from firmware.bracelet.colour_instrument import ColourInstrument
from firmware.bracelet.flash_ring import FlashRing
from firmware.bracelet.instrument import Instrument
from firmware.bracelet.judging import COLOUR_SCHEMA
from firmware.bracelet.recorder import Recorder
from firmware.bracelet.runner import Runner
from firmware.drivers.as7341 import AS7341
from firmware.drivers.i2c_registers import I2cRegisters
from sensor_models import colour_strip
from sensor_models.colour_calibration import calibrate as colour_calibration_of
from simulators.ad5941 import Ad5941, Cell, OpenCell
from simulators.chips import As7341
from simulators.strip.colour import ColourStrip
from simulators.strip.colour_readings import calibration_tests
from simulators.virtual_board.pad_window import PadWindow
from waakzaam.benches._detection_colour import recorded
from waakzaam.rigs.afe import DUMMY_OHM, AfeBench
from waakzaam.rigs.i2c import SimulatedI2c

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


SHORT_SCAN = {**WAVEFORM, "start_v": 0.5, "end_v": 1.1}  # where what is tested is not the scan


def calibration_of_short_scans() -> dict[str, Any]:
    """The ketamine strip's calibration, as if its scans had run as SHORT_SCAN."""
    whole = ketamine_calibration()  # kept for all who ask: left as it is
    ends = {"first_v": [SHORT_SCAN["start_v"]] * 2, "last_v": [SHORT_SCAN["end_v"]] * 2}
    return {**whole, "quality": {**whole["quality"], "waveform": {**whole["quality"]["waveform"], **ends}}}


SPECTROMETER_ADDRESS = 0x39


@functools.cache
def colour_calibration(tests: int = 160) -> dict[str, Any]:
    """A calibration of the colour strip from simulated tests of known content, as a device gets it."""
    known = [recorded(one, known=True) for one in calibration_tests(tests=tests)]
    strip = colour_strip.load(ROOT / "sensor_models/strips/ghb_gbl_colour.toml")
    made = colour_calibration_of(strip, known, "2100-01-01", {})
    return dict(json.loads(json.dumps(made.document, allow_nan=False)))


def hurried(document: dict[str, Any], first_s: float = 2.0) -> dict[str, Any]:
    """The colour calibration of pads whose chemistry is over at once: for boards that live in real time."""
    made = copy.deepcopy(document)
    made["window_s"] = [first_s, made["window_s"][1]]
    for entry in made["analytes"]:
        entry["kinetics"]["rate_per_s"] = 10.0
    return made


class Strips:
    """The strips of one test from documents in memory (firmware.bracelet.strips reads them from files)."""

    def __init__(self, bench: BraceletBench, documents: Sequence[dict[str, Any]]) -> None:
        self._bench = bench
        self._documents = documents
        self.count = len(documents)

    def instrument(self, number: int) -> Instrument | ColourInstrument:
        bench, document = self._bench, self._documents[number]
        parts: Any = bench.parts
        if document["schema"] == COLOUR_SCHEMA:
            document = {**document, "analytes": [dict(one) for one in document["analytes"]]}  # decide() prunes them
            return ColourInstrument(
                parts.spectrometer(),
                parts.select_pad,
                parts.clock,
                document,
                bench.config,
                parts.gauge,
                parts.thermometer,
            )
        return Instrument(parts.afe, parts.dummy, document, bench.config, parts.gauge, parts.thermometer)


class BareParts:
    """What the firmware's Hardware gives a strip's instrument, without gauge and accelerometer."""

    gauge = None

    def __init__(self, bench: BraceletBench) -> None:
        self.afe, self.dummy, self.clock = bench.afe.afe, bench.afe.dummy, bench.clock
        self.select_pad, self.thermometer = bench.select_pad, bench.thermometer
        self._bench = bench

    def spectrometer(self) -> AS7341:
        """The driver of the colour sensor."""
        return AS7341(I2cRegisters(self._bench.i2c, SPECTROMETER_ADDRESS, "AS7341"), self.clock)


class BraceletBench:
    """One bracelet. `run()` lets virtual time pass until the verdict is told, or the limit is over.

    `documents` are the calibrations of the strips of one test, in their order.
    """

    def __init__(
        self,
        folder: Path,
        *documents: dict[str, Any],
        chip: Ad5941 | None = None,
        spectrometer: As7341 | None = None,
        **config: Any,
    ) -> None:
        self.afe = AfeBench(chip)
        self.clock = self.afe.clock
        self.window = PadWindow()
        self.spectrometer = spectrometer or As7341(strict=False)
        self.spectrometer.scene = self.window
        self.i2c = SimulatedI2c({SPECTROMETER_ADDRESS: self.spectrometer}, self.clock)
        self.temperature_c: float | None = 22.0
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
        self.parts: Any = BareParts(self)
        self.ring = FlashRing(os, self._open, str(folder / "records"))
        self.recorder = Recorder(self.ring, self.config, {"firmware": "f" * 64}, lambda: "2026-11-23T21:00:00Z")
        self.runner = Runner(
            self.clock,
            Strips(self, documents),
            self.recorder,
            lambda: 0 if self.strip_in else 1,
            lambda: 0 if self.button_down else 1,
            lambda colour, vibration: self.lights.append((self.clock.now_us, colour, vibration)),
            lambda kind, data: self.said.append((kind, data)),
            texts_of("nl"),
            lambda: "2026-11-23",
        )
        self.plan: list[tuple[float, Callable[[], Any]]] = []  # at which microsecond what is done

    @staticmethod
    def _open(path: str, mode: str) -> BinaryIO:
        return open(path, mode)  # type: ignore[return-value]

    def at(self, second: float, action: Any) -> None:
        """Do `action()` when this many seconds have passed."""
        self.plan.append((self.clock.now_us + second * 1e6, action))
        self.plan.sort(key=lambda one: one[0])

    def select_pad(self, number: int) -> None:
        """The lamp selector."""
        self.window.number = number

    def thermometer(self) -> Generator[int, None, float | None]:
        """The accelerometer's, in whole degrees."""
        yield 0
        return None if self.temperature_c is None else float(round(self.temperature_c))

    def insert_pads(self, strip: ColourStrip) -> None:
        """Put a colour strip in the holder."""
        self.strip_in = True
        self.window.strip = strip

    def insert(self, cell: Cell | None = None) -> None:
        """Put a strip in the holder."""
        self.strip_in = True
        self.afe.put(cell if cell is not None else OpenCell())

    def pull(self) -> None:
        """Take the strip out."""
        self.strip_in = False
        self.window.strip = None
        self.afe.put(OpenCell())

    def run(self, seconds: float = 300.0) -> dict[str, Any]:
        """What was told in words ({} without words); fails when nothing was told in this many virtual seconds."""
        end_us = self.clock.now_us + seconds * 1e6
        before = self.runner.finished
        while self.clock.now_us < end_us:
            while self.plan and self.plan[0][0] <= self.clock.now_us:
                self.plan.pop(0)[1]()
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
