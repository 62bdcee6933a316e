"""Time in each supply state, as a power budget needs it."""

from __future__ import annotations

import pytest

from simulators.ad5941 import Ad5941, ResistorCell
from simulators.ad5941.state_clock import StateClock
from simulators.chips import As7341, Drv2605l, Lis3dh, Max17048
from simulators.chips.battery import Battery
from tests.support.ad5941_frames import Frames
from tests.support.as7341_host import Host


def test_a_clock_adds_up_to_the_time_that_passed() -> None:
    clock = StateClock("a")
    clock.enter("b", 1e6)
    clock.enter("a", 3e6)
    assert clock.seconds(4e6) == {"a": 2.0, "b": 2.0}


def test_the_front_end_counts_sleep_converting_and_its_loop() -> None:
    host = Frames(Ad5941(ResistorCell(1e4), seed=1))
    host.initialise()
    host.loop(2048, 32)
    host.wait(1e6)
    host.write(0x2000, 0x90000)
    host.write(0x2118, 0xA47E5)
    host.write(0x211C, 0)
    host.write(0x211C, 1)
    host.wait(3e6)
    host.chip.int0_level(int(host.now_us))
    spent = host.chip.power.seconds(host.now_us)
    assert spent["adc"] == pytest.approx(1.0, abs=0.01)
    assert spent["hibernate"] == pytest.approx(3.0, abs=0.01)
    assert host.chip.loop_power.seconds(host.now_us)["on"] == pytest.approx(4.0, abs=0.01)


def test_the_sensors_count_their_modes() -> None:
    light = Host(As7341(seed=0))
    light.write(0x80, 0x01)
    light.wait(1e6)
    light.write(0xA9, 0x10)
    light.write(0x70, 0x08)
    light.write(0x74, 0x84)
    light.write(0xA9, 0x00)
    light.write(0x80, 0x03)
    light.wait(2e6)
    assert light.chip.power.seconds(light.now_us)["active"] == pytest.approx(2.0, abs=0.01)
    assert light.chip.lamp_power.seconds(light.now_us)["12"] == pytest.approx(2.0, abs=0.01)
    motion = Lis3dh()
    motion.write(b"\x20\x2f", 10_000)
    motion.write(b"\x20\x00", 2_010_000)
    assert motion.power.seconds(3_010_000)["10 Hz low"] == pytest.approx(2.0)
    gauge = Max17048(Battery())
    gauge.advance(900e6)
    assert gauge.power.seconds(900e6)["hibernate"] > 400.0


def test_the_haptic_driver_counts_what_it_shook() -> None:
    chip = Drv2605l()
    for address, value in ((0x01, 0), (0x03, 6), (0x04, 16), (0x0C, 1)):
        chip.write(bytes((address, value)), 10_000)
    assert chip.driving_seconds(3_000_000) == pytest.approx(1.0)
    chip.write(b"\x01\x40", 4_010_000)
    assert chip.power.seconds(5_010_000)["ready"] == pytest.approx(4.0)
