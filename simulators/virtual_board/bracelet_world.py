"""The bracelet's surroundings: AD5941 with a strip on it, contacts, button; what a hand does to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from firmware.boards import bracelet as pins
from simulators.ad5941 import Ad5941, Cell, OpenCell, ResistorCell
from simulators.chips import As7341, Drv2605l, Lis3dh, Max17048, RgbLedStrip
from simulators.strip.cell import StripCell
from simulators.strip.chemistry import Strip
from simulators.strip.colour import ColourStrip
from simulators.virtual_board.buses import I2cBus, SpiBus
from simulators.virtual_board.pad_window import PadWindow
from simulators.virtual_board.peripherals import Peripherals

MAIN = "from firmware.bracelet.main import main\nmain()\n"
# Where the circuit's resistors hold pins that nobody drives (hardware/schematic/bracelet.toml).
RESTING = {
    pins.AFE_RESET: 1,
    pins.DUMMY_SELECT: 0,
    pins.HAPTIC_ENABLE: 0,
    pins.LED_POWER: 0,
    pins.PAD_SELECT_0: 0,
    pins.PAD_SELECT_1: 0,
    pins.PAD_SELECT_2: 0,
}
PIECE_OHM = 5.0  # a new contact and the switch before the front end, with the metal test piece in the holder (ASSUMED)
DUMMY_OHM = 10_000.0  # the reference resistor on the board (hardware/pins/bracelet.toml: dummy_select)


class _ResetPin:
    """AD5941 RESET."""

    def __init__(self, chip: Ad5941) -> None:
        self._chip = chip

    def level(self, now_us: int) -> int:
        return 1

    def drive(self, level: int, now_us: int) -> None:
        self._chip.reset_pin(level, now_us)


class _Int0Pin:
    """AD5941 GPIO0, its interrupt output."""

    def __init__(self, chip: Ad5941) -> None:
        self._chip = chip

    def level(self, now_us: int) -> int:
        return self._chip.int0_level(now_us)

    def drive(self, level: int, now_us: int) -> None:
        """An output of the chip: what the board drives against it is not modelled."""


class _DummySwitch:
    """Chooses between the strip and the reference resistor."""

    def __init__(self, world: BraceletWorld) -> None:
        self._world = world
        self._level = 0

    def level(self, now_us: int) -> int:
        return self._level

    def drive(self, level: int, now_us: int) -> None:
        self._level = level
        self._world.connect(dummy=level == 1)


class _EnablePin:
    """DRV2605L EN."""

    def __init__(self, chip: Drv2605l) -> None:
        self._chip = chip

    def level(self, now_us: int) -> int:
        return int(self._chip.powered)

    def drive(self, level: int, now_us: int) -> None:
        self._chip.enable_pin(level, now_us)


class _PadSelect:
    """One address line of the lamp selector."""

    def __init__(self, window: PadWindow, bit: int) -> None:
        self._window = window
        self._bit = bit

    def level(self, now_us: int) -> int:
        return self._window.number >> self._bit & 1

    def drive(self, level: int, now_us: int) -> None:
        self._window.select_bit(self._bit, level)


class _MotionPin:
    """LIS3DH INT1."""

    def __init__(self, chip: Lis3dh) -> None:
        self._chip = chip

    def level(self, now_us: int) -> int:
        return self._chip.int1_level(now_us)

    def drive(self, level: int, now_us: int) -> None:
        """An output of the chip: what the board drives against it is not modelled."""


class _LedSupply:
    """The load switch before the light; a resistor holds it off when nobody drives it."""

    def __init__(self, led: RgbLedStrip) -> None:
        self._led = led
        self.on = False

    def level(self, now_us: int) -> int:
        return int(self.on)

    def drive(self, level: int, now_us: int) -> None:
        self.on = bool(level)
        if not self.on:
            self._led.supply_lost(now_us)


class _LedLine(SpiBus):
    """The LED's data line: an SPI that nobody selects. Without supply the light hears nothing."""

    def __init__(self, led: RgbLedStrip, supply: _LedSupply) -> None:
        super().__init__()
        self._led = led
        self._supply = supply

    def transfer(self, mosi: bytes, now_us: int) -> bytes:
        if self._supply.on:
            self._led.spi(mosi, pins.LED_BAUD_HZ, now_us)
        return b"\xff" * len(mosi)


class BraceletWorld:
    """What is around a bracelet. Threads other than the board's may call the hand's methods.

    `strip` is the kind of strip in the wearer's pocket; None is a bare electrode.
    """

    def __init__(self, *, seed: int = 0, strip: Strip | None = None) -> None:
        self.peripherals = Peripherals()
        self.afe = Ad5941(seed=seed, strict=False)
        self._seed = seed
        self._kind = strip
        self._strip: Cell = OpenCell()
        self._dummy = False
        p = self.peripherals
        p.spi[pins.AFE_SPI] = SpiBus({pins.AFE_CS: self.afe})
        p.pins[pins.AFE_RESET] = _ResetPin(self.afe)
        p.pins[pins.AFE_INT0] = _Int0Pin(self.afe)
        p.pins[pins.DUMMY_SELECT] = _DummySwitch(self)
        self.led = RgbLedStrip(1, "ws2812b_v5")
        self.haptics = Drv2605l(strict=False)
        self.gauge = Max17048(strict=False)
        self.window = PadWindow()
        self.spectrometer = As7341(self.window, strict=False)
        self.accelerometer = Lis3dh(self._motion, temperature_c=22.0, strict=False)
        self._moving_until_us = 0.0
        self.led_supply = _LedSupply(self.led)
        p.spi[pins.LED_SPI] = _LedLine(self.led, self.led_supply)
        p.pins[pins.LED_POWER] = self.led_supply
        p.i2c[pins.SENSORS_I2C] = I2cBus(
            {
                pins.DRV2605L_ADDRESS: self.haptics,
                pins.MAX17048_ADDRESS: self.gauge,
                pins.LIS3DH_ADDRESS: self.accelerometer,
                pins.AS7341_ADDRESS: self.spectrometer,
            }
        )
        for bit, number in enumerate((pins.PAD_SELECT_0, pins.PAD_SELECT_1, pins.PAD_SELECT_2)):
            p.pins[number] = _PadSelect(self.window, bit)
        p.pins[pins.MOTION_INT] = _MotionPin(self.accelerometer)
        p.pins[pins.HAPTIC_ENABLE] = _EnablePin(self.haptics)
        p.inputs[pins.STRIP_PRESENT] = 1
        p.inputs[pins.BUTTON] = 1
        p.resting = RESTING

    def connect(self, dummy: bool | None = None) -> None:
        """Put on the chip's electrodes what the switch chooses."""
        with self.peripherals.lock:
            if dummy is not None:
                self._dummy = dummy
            self.afe.attach(ResistorCell(DUMMY_OHM) if self._dummy else self._strip, self.peripherals.now_us())

    # -- the hand ------------------------------------------------------------------------------------------------
    def press(self) -> None:
        """Press the button."""
        self.peripherals.set_input(pins.BUTTON, 0)

    def let_go(self) -> None:
        """Let the button go."""
        self.peripherals.set_input(pins.BUTTON, 1)

    def insert_strip(self, strip: Cell | None = None, kind: Strip | None = None) -> None:
        """Push a dry strip in; `kind` when it is another one than in the pocket so far."""
        self._kind = kind or self._kind
        self._strip = strip or OpenCell()
        self.connect()
        self.peripherals.set_input(pins.STRIP_PRESENT, 0)

    def dip(self, drink: str, spikes_mol_l: dict[str, float], *, lot: str = "L1", temperature_c: float = 22.0) -> None:
        """Dip the strip in a drink, from now on."""
        self._strip = StripCell(
            drink,
            spikes_mol_l,
            strip=self._kind,
            wet_at_us=self.peripherals.now_us(),
            lot=lot,
            temperature_c=temperature_c,
            seed=self._seed,
        )
        self.connect()

    def insert_pads(self, strip: ColourStrip) -> None:
        """Push a dry colour strip in; `dip_pads` wets it."""
        strip.wet_at_us = float("inf")
        with self.peripherals.lock:
            self.window.strip = strip
        self.peripherals.set_input(pins.STRIP_PRESENT, 0)

    def dip_pads(self, since_s: float = 0.0) -> None:
        """The drink reaches the pads now, or has reached them this long ago."""
        with self.peripherals.lock:
            if self.window.strip is not None:
                self.window.strip.wet_at_us = self.peripherals.now_us() - since_s * 1e6

    def insert_piece(self, contact_ohm: float = PIECE_OHM) -> None:
        """Put in the metal test piece: it joins the three contacts and leaves the strip switch alone."""
        self._strip = ResistorCell(contact_ohm)
        self.connect()

    def remove_piece(self) -> None:
        """Take the test piece out."""
        self._strip = OpenCell()
        self.connect()

    def raise_wrist(self, seconds: float = 1.0) -> None:
        """Turn the wrist, for this long."""
        self._moving_until_us = self.peripherals.now_us() + seconds * 1e6

    def _motion(self, now_us: float) -> tuple[float, float, float]:
        return (900.0, 300.0, 400.0) if now_us < self._moving_until_us else (0.0, 0.0, 1000.0)

    def remove_strip(self) -> None:
        """Pull the strip out."""
        with self.peripherals.lock:
            self.window.strip = None
        self.peripherals.set_input(pins.STRIP_PRESENT, 1)
        self._strip = OpenCell()
        self.connect()


def files(config: dict[str, Any], calibration: Path | None) -> dict[str, bytes | str]:
    """What the factory puts on a bracelet besides the firmware."""
    installed: dict[str, bytes | str] = {"/main.py": MAIN, "/config.json": json.dumps(config)}
    if calibration is not None:
        installed["/cal.json"] = calibration.read_bytes()
    return installed
