"""Drivers of the I2C chips and the LED against register simulators written from the same notes by other hands."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest

from firmware.boards import bracelet as board
from firmware.drivers.as7341 import AS7341, BANDS, integration_us
from firmware.drivers.drv2605l import DRV2605L
from firmware.drivers.errors import BadRequest, BusFault, ChipFault, DriverError, NoAnswer, WrongChip
from firmware.drivers.i2c_registers import I2cRegisters
from firmware.drivers.lis3dh import LIS3DH
from firmware.drivers.max17048 import MAX17048, convert_rate_percent_h, convert_rcomp
from firmware.drivers.rgb_led import RgbLed
from simulators.chips import As7341, Drv2605l, Lis3dh, Max17048, RgbLedStrip
from simulators.chips.as7341 import As7341Variants
from simulators.chips.battery import Battery
from simulators.chips.light import WAVELENGTHS_NM, Darkness, gaussian
from waakzaam.rigs.afe import VirtualClock
from waakzaam.rigs.i2c import SimulatedI2c


class Bus:
    """One chip on a bus on a virtual clock."""

    def __init__(self, address: int, chip: Any, name: str) -> None:
        self.clock = VirtualClock()
        self.chip = chip
        self.clock.now_us = 10_000.0
        self.registers = I2cRegisters(SimulatedI2c({address: chip}, self.clock), address, name)

    def run(self, steps: Generator[int, None, Any]) -> Any:
        return self.clock.run(steps)


class RedLight:
    """A scene that only the red bands see."""

    def irradiance(self, now_us: float, led_ma: float) -> Any:
        return gaussian(640.0, 60.0) * 0.8

    def flicker_hz(self, now_us: float) -> float:
        return 0.0


def spectrometer(**settings: Any) -> tuple[Bus, AS7341]:
    bus = Bus(board.AS7341_ADDRESS, As7341(**settings), "AS7341")
    sensor = AS7341(bus.registers, bus.clock)
    bus.run(sensor.start())
    return bus, sensor


@pytest.mark.parametrize("avalid", ["on_read", "on_enable", "never"])
@pytest.mark.parametrize("smux", ["ignored", "mixes"])
def test_the_spectrometer_reads_each_half_new_whichever_way_the_notes_are_read(avalid: Any, smux: Any) -> None:
    variants = As7341Variants(avalid=avalid, smux_while_measuring=smux)
    bus, sensor = spectrometer(scene=RedLight(), variants=variants)
    sensor.settings(29, 599, 5)
    for _ in range(2):
        reading = bus.run(sensor.measure())
        assert len(reading.counts) == len(BANDS)
        assert reading.counts[BANDS.index("F7")] > 20 * max(1, reading.counts[BANDS.index("F2")])
        assert not reading.saturated
    assert not bus.chip.hazards
    assert not bus.chip.violations


def test_too_much_light_is_said_to_be_too_much() -> None:
    bus, sensor = spectrometer(scene=Darkness(per_ma=8.0, ambient_uw_cm2=20_000.0))
    sensor.settings(29, 599, 10)
    assert bus.run(sensor.measure()).saturated


def test_twice_the_gain_gives_the_same_basic_counts() -> None:
    bus, sensor = spectrometer(scene=RedLight())
    basic = []
    for gain in (4, 5):
        sensor.settings(29, 599, gain)
        basic.append(bus.run(sensor.measure()).basic(BANDS.index("F7")))
    assert basic[1] == pytest.approx(basic[0], rel=0.08)


def test_the_lamp_lights_the_scene_and_leaves_the_bank_as_it_was() -> None:
    bus, sensor = spectrometer(scene=Darkness())
    sensor.settings(29, 599, 4)
    dark = bus.run(sensor.measure()).counts
    sensor.lamp(20)
    lit = bus.run(sensor.measure()).counts
    sensor.lamp(0)
    assert sum(lit) > 10 * sum(dark) + 100
    assert sum(bus.run(sensor.measure()).counts) < sum(lit) / 10
    assert not bus.chip.hazards


@pytest.mark.parametrize("auto_zero", [255, 0], ids=["zeroed", "never zeroed"])
def test_a_warm_sensors_darkness_is_not_taken_for_light(auto_zero: int) -> None:
    """From 5 to 45 degrees C dark current and the converters' zero move; lit less unlit does not."""
    bus, sensor = spectrometer(scene=Darkness(), temperature_c=5.0)
    sensor.settings(29, 599, 7)
    net, unlit = [], []
    for celsius in (5.0, 25.0, 45.0):
        bus.chip.temperature_c = celsius
        bus.registers.write(0xD6, auto_zero)
        counts = []
        for milliamperes in (0, 12):
            sensor.lamp(milliamperes)
            counts.append(np.array(bus.run(sensor.measure()).counts[:8]))
        sensor.lamp(0)
        unlit.append(counts[0].mean())
        net.append(counts[1] - counts[0])
    assert unlit[2] - unlit[0] > (0.3 if auto_zero else 15.0)
    assert np.abs(net[2] - net[0]).max() <= 6, net
    assert abs(float((net[2] - net[0]).mean())) <= 1.5, net


def test_a_smux_that_does_nothing_is_noticed() -> None:
    bus, sensor = spectrometer(scene=RedLight())
    bus.chip.faults.smux_does_nothing = True
    sensor.settings(29, 599, 5)
    with pytest.raises(ChipFault, match="smux_stuck"):
        bus.run(sensor.measure())


def test_a_smux_that_hangs_is_given_up_in_time() -> None:
    bus, sensor = spectrometer(scene=RedLight())
    bus.chip.faults.smux_hangs = True
    with pytest.raises(NoAnswer, match="SMUXEN"):
        bus.run(sensor.measure())
    assert bus.clock.now_us < 3e6


@pytest.mark.parametrize("hertz", [0, 100, 120])
def test_the_flicker_of_the_room_is_told(hertz: int) -> None:
    bus, sensor = spectrometer(scene=Darkness(per_ma=0.0, ambient_uw_cm2=2.0, flicker_hz=float(hertz)))
    assert bus.run(sensor.flicker_hz()) == hertz


def test_settings_that_the_part_forbids_are_the_callers_fault() -> None:
    for atime, astep in ((0, 0), (29, 65535), (256, 5)):
        with pytest.raises(BadRequest):
            integration_us(atime, astep)


def test_the_gauge_is_proved_reloaded_and_read() -> None:
    bus = Bus(board.MAX17048_ADDRESS, Max17048(Battery(150.0, soc=0.6)), "MAX17048")
    gauge = MAX17048(bus.registers)
    bus.clock.now_us = 2e6
    assert gauge.start() is True
    assert gauge.start() is False
    assert 3_500 < gauge.voltage_mv() < 4_100
    assert 45 < gauge.charge_percent() < 75


def test_gauge_arithmetic_is_the_notes() -> None:
    assert convert_rate_percent_h(0xFFFF) == pytest.approx(-0.208)
    assert [convert_rcomp(t) for t in (20, 30, 10)] == [0x97, 0x92, 0xC9]


def test_no_cell_means_no_gauge_and_a_bus_fault() -> None:
    chip = Max17048(Battery(150.0))
    bus = Bus(board.MAX17048_ADDRESS, chip, "MAX17048")
    chip.remove_cell(0)
    with pytest.raises(BusFault, match="no_acknowledge"):
        MAX17048(bus.registers).start()


def test_two_lost_acknowledgements_are_survived_and_three_are_not() -> None:
    chip = Max17048(Battery(150.0))
    bus = Bus(board.MAX17048_ADDRESS, chip, "MAX17048")
    chip.faults.nak_next = 2
    assert bus.registers.read_word(0x08) & 0xFFF0 == 0x0010
    chip.faults.nak_next = 3
    with pytest.raises(BusFault):
        bus.registers.read_word(0x08)


def accelerometer(motion: Any) -> tuple[Bus, LIS3DH]:
    bus = Bus(board.LIS3DH_ADDRESS, Lis3dh(motion), "LIS3DH")
    sensor = LIS3DH(bus.registers, bus.clock)
    bus.run(sensor.start())
    return bus, sensor


def test_acceleration_is_read_with_its_sign() -> None:
    bus, sensor = accelerometer(lambda now_us: (500.0, -1000.0, 0.0))
    bus.clock.now_us += 100_000
    x, y, z = bus.run(sensor.acceleration_mg())
    assert (x, y, z) == (pytest.approx(500, abs=60), pytest.approx(-1000, abs=60), pytest.approx(0, abs=60))


def test_a_moving_wrist_wakes_and_a_still_one_does_not() -> None:
    moved_at_us = 6e6

    def motion(now_us: float) -> tuple[float, float, float]:
        shake = 600.0 * float(np.sin(now_us * 2e-5)) if now_us > moved_at_us else 0.0
        return shake, 0.0, 1000.0

    bus, sensor = accelerometer(motion)
    sensor.wake_on_motion(160, 1)
    sensor.acknowledge()
    assert bus.chip.int1_level(int(5e6)) == 0
    assert bus.chip.int1_level(int(8e6)) == 1
    bus.clock.now_us = 8e6
    assert sensor.acknowledge()


def haptics(**settings: Any) -> tuple[Bus, DRV2605L]:
    bus = Bus(board.DRV2605L_ADDRESS, Drv2605l(**settings), "DRV2605L")
    driver = DRV2605L(bus.registers, lambda level: bus.chip.enable_pin(level, int(bus.clock.now_us)), bus.clock)
    bus.run(driver.start())
    return bus, driver


@pytest.mark.parametrize("library_reads_back", [True, False])
def test_the_motor_shakes_as_strongly_as_asked_and_stops(library_reads_back: bool) -> None:
    bus, driver = haptics(library_reads_back=library_reads_back)
    driver.vibrate(100)
    bus.clock.now_us += 300_000
    strong = bus.chip.amplitude(int(bus.clock.now_us))
    driver.vibrate(30)
    bus.clock.now_us += 300_000
    weak = bus.chip.amplitude(int(bus.clock.now_us))
    driver.vibrate(0)
    bus.clock.now_us += 100_000
    assert strong > 2 * weak > 0
    assert bus.chip.amplitude(int(bus.clock.now_us)) == 0


def test_calibration_fits_a_mounted_actuator_and_refuses_a_missing_one() -> None:
    bus, driver = haptics()
    assert len(bus.run(driver.calibrate())) == 3
    bus, driver = haptics(actuator_mounted=False)
    with pytest.raises(ChipFault, match="calibration"):
        bus.run(driver.calibrate())


@pytest.mark.parametrize("kind", ["sk6812", "ws2812b_v5"])
@pytest.mark.parametrize("colour", [(255, 0, 0), (255, 120, 0), (0, 40, 255), (1, 2, 3), (0, 0, 0)])
def test_the_led_shows_the_colour_that_was_sent(kind: Any, colour: tuple[int, int, int]) -> None:
    strip = RgbLedStrip(1, kind)

    class Line:
        def write(self, data: bytes) -> None:
            strip.spi(bytes(data), board.LED_BAUD_HZ, 0)

    RgbLed(Line()).show(colour)
    assert strip.colours == [colour]
    assert not strip.errors


@pytest.mark.parametrize(
    ("address", "make"),
    [
        (board.AS7341_ADDRESS, lambda b: AS7341(b.registers, b.clock).start()),
        (board.LIS3DH_ADDRESS, lambda b: LIS3DH(b.registers, b.clock).start()),
        (board.DRV2605L_ADDRESS, lambda b: DRV2605L(b.registers, lambda level: None, b.clock).start()),
    ],
)
def test_another_chip_at_the_address_is_refused(address: int, make: Any) -> None:
    class Other:
        def write(self, data: bytes, now_us: int) -> bool:
            return True

        def read(self, count: int, now_us: int) -> bytes:
            return b"\x11" * count

    bus = Bus(address, Other(), "other")
    with pytest.raises(WrongChip):
        bus.run(make(bus))


def test_a_stuck_data_line_is_a_bus_fault_for_every_chip() -> None:
    chip = Lis3dh()
    chip.faults.sda_stuck_low = True
    bus = Bus(board.LIS3DH_ADDRESS, chip, "LIS3DH")
    with pytest.raises(DriverError):
        bus.run(LIS3DH(bus.registers, bus.clock).start())


def test_the_wavelength_grid_covers_the_bands() -> None:
    assert WAVELENGTHS_NM[0] <= 415
    assert WAVELENGTHS_NM[-1] >= 910
