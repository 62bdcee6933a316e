"""The whole bracelet on a virtual clock, its sensor bus included: the firmware's own Hardware on simulated pins."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from firmware.boards import bracelet as pins
from firmware.bracelet.references import References
from firmware.bracelet.signals import Signals
from simulators.chips import Drv2605l, Lis3dh, Max17048, RgbLedStrip
from simulators.chips.i2c_chip import I2cFaults
from waakzaam.rigs.afe import SimulatedSpi
from waakzaam.rigs.bracelet import BraceletBench
from waakzaam.rigs.i2c import SimulatedI2c

SENSORS = ("spectrometer", "gauge", "accelerometer", "haptics")


class _Line:
    """machine.Pin: `bench` says what hangs on it."""

    OUT, IN, PULL_UP = 1, 0, 2

    def __init__(self, machine: Machine, number: int, value: int | None) -> None:
        self._machine = machine
        self._number = number
        if value is not None:
            self(value)

    def __call__(self, level: int | None = None) -> int:
        if level is None:
            return self._machine.level(self._number)
        self._machine.drive(self._number, level)
        return level


class _PinKind:
    """What `machine.Pin` is: called it makes a line, and it has the modes."""

    OUT, IN, PULL_UP = _Line.OUT, _Line.IN, _Line.PULL_UP

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def __call__(self, number: int, mode: int = 0, pull: int | None = None, *, value: int | None = None) -> Any:
        if number == pins.AFE_CS:  # two edges a register access: the shortest way
            return self._machine.chip_select
        return _Line(self._machine, number, value)


class Machine:
    """MicroPython's `machine` over a bench's simulators."""

    def __init__(self, bench: WholeBracelet) -> None:
        self._bench = bench
        self.Pin = _PinKind(self)
        self._pads = 0

    @property
    def chip_select(self) -> Callable[[int], None]:
        """The front end's CS line."""
        return self._bench.afe._chip_select

    def SPI(self, unit: int, **settings: Any) -> SimulatedSpi:
        bench = self._bench
        if unit == pins.AFE_SPI:
            return SimulatedSpi(bench.afe.chip.transfer, bench.clock)
        return SimulatedSpi(self._led, bench.clock)

    def I2C(self, unit: int, **settings: Any) -> SimulatedI2c:
        return self._bench.i2c

    def _led(self, mosi: bytes, now_us: float) -> bytes:
        self._bench.led.spi(mosi, pins.LED_BAUD_HZ, int(now_us))
        return b"\xff" * len(mosi)

    def drive(self, number: int, level: int) -> None:
        bench = self._bench
        if number == pins.AFE_RESET:
            bench.afe._reset(level)
        elif number == pins.DUMMY_SELECT:
            bench.afe.dummy(level)
        elif number == pins.HAPTIC_ENABLE:
            bench.haptics.enable_pin(level, int(bench.clock.now_us))
        elif number in (pins.PAD_SELECT_0, pins.PAD_SELECT_1, pins.PAD_SELECT_2):
            bench.window.select_bit(number - pins.PAD_SELECT_0, level)

    def level(self, number: int) -> int:
        bench = self._bench
        if number == pins.MOTION_INT:
            return bench.accelerometer.int1_level(int(bench.clock.now_us))
        if number == pins.STRIP_PRESENT:
            return 0 if bench.strip_in else 1
        if number == pins.BUTTON:
            return 0 if bench.button_down else 1
        return 0


def _hardware_module(machine: Machine, clock: Any) -> ModuleType:
    """firmware.bracelet.hardware with this `machine` and `time` in it."""
    before = sys.modules.get("machine")
    sys.modules["machine"] = machine  # type: ignore[assignment]
    try:
        module = importlib.import_module("firmware.bracelet.hardware")
    finally:
        if before is None:
            del sys.modules["machine"]
        else:
            sys.modules["machine"] = before
    module.machine = machine  # type: ignore[attr-defined]
    module.time = clock  # type: ignore[attr-defined]
    return module


class WholeBracelet(BraceletBench):
    """A BraceletBench whose gauge, accelerometer, motor and spectrometer answer on one I2C bus."""

    def __init__(self, folder: Path, *documents: dict[str, Any], moving_until_s: float = 0.0, **more: Any) -> None:
        super().__init__(folder, *documents, **more)
        self.folder = folder
        self.moving_until_s = moving_until_s
        self.led = RgbLedStrip(1, "ws2812b_v5")
        self.haptics = Drv2605l(strict=False)
        self.gauge = Max17048(strict=False)
        self.accelerometer = Lis3dh(self._motion, temperature_c=22.0, strict=False)
        self.i2c = SimulatedI2c(
            {
                pins.AS7341_ADDRESS: self.spectrometer,
                pins.MAX17048_ADDRESS: self.gauge,
                pins.LIS3DH_ADDRESS: self.accelerometer,
                pins.DRV2605L_ADDRESS: self.haptics,
            },
            self.clock,
        )

    def start(self) -> None:
        """Power on: what the program does before its first test."""
        machine = Machine(self)
        self.hardware = _hardware_module(machine, self.clock).Hardware()
        haptics, _ = self.hardware.sensors(self.runner._say)
        self.signals = Signals(self.hardware.led(), haptics, self.runner._say)
        seen = self.runner._light

        def light(colour: tuple[int, int, int], vibration: int) -> None:
            seen(colour, vibration)
            self.signals.light(colour, vibration)

        self.runner._light = light
        self.runner.motion = self.hardware.motion
        self.runner.references = References(os, open, {}, str(self.folder / "references.json"))
        self.parts = self.hardware
        self.runner.instrument = self.runner._strips.instrument(0)

    def _motion(self, now_us: float) -> tuple[float, float, float]:
        return (900.0, 300.0, 400.0) if now_us < self.moving_until_s * 1e6 else (0.0, 0.0, 1000.0)

    def faults_of(self, part: str) -> I2cFaults:
        """The bus faults of one sensor."""
        found: I2cFaults = getattr(self, part).faults
        return found

    def violations(self) -> list[object]:
        """Accesses outside any chip's register map."""
        chips = (self.afe.chip, self.haptics, self.gauge, self.accelerometer, self.spectrometer)
        return [one for chip in chips for one in chip.violations]
