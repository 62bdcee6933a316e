"""The simulated AS7341 and its traps (hardware/registers/behaviour.md section 1)."""

from __future__ import annotations

import numpy as np
import pytest

from simulators.ad5941 import RegisterMapViolation
from simulators.chips.as7341 import As7341, As7341Faults, As7341Variants
from simulators.chips.light import WAVELENGTHS_NM, Array, Darkness, gaussian, warm_white
from tests.support.as7341_host import F1_F4, F5_F8, Host

FLICKER = bytes(19) + b"\x60"
T_50MS = 50_040


class Lamp:
    """A fixed spectrum, uW/cm2."""

    def __init__(self, spectrum: Array, power: float) -> None:
        self.spectrum = spectrum * power

    def irradiance(self, now_us: float, led_ma: float) -> Array:
        return self.spectrum

    def flicker_hz(self, now_us: float) -> float:
        return 0.0


def host(**keywords: object) -> Host:
    made = Host(As7341(seed=0, **keywords))  # type: ignore[arg-type]
    made.write(0x80, 0x01)
    made.set_time()
    return made


REFERENCE = Lamp(warm_white(), 107.67)


def test_the_reference_lamp_gives_the_counts_of_the_table() -> None:
    made = host(scene=REFERENCE)
    made.set_time(astep=332, gain=7)  # 30 * 333 * 2.78 us = 27.8 ms at 64x
    _, low = made.measure(F1_F4)
    _, high = made.measure(F5_F8)
    assert low[:5] == pytest.approx([55, 110, 210, 390, 1750], rel=0.05, abs=4)
    assert high[:4] == pytest.approx([590, 840, 1350, 1070], rel=0.05)


def test_the_chip_refuses_the_bus_just_after_power_up_and_is_then_busy() -> None:
    chip = As7341(seed=0)
    assert not chip.write(b"\x92", 100)
    assert chip.write(b"\xa7", 250)
    assert chip.read(1, 250) == b"\x01"
    assert chip.write(b"\x92", 400)
    out = chip.read(1, 400)
    assert out is not None
    assert out[0] >> 2 == 9


def test_writing_the_ram_alone_changes_nothing() -> None:
    made = host(scene=REFERENCE)
    first = made.measure(F1_F4)[1]
    made.write(0x80, 0x01)
    made.write(0x00, *F5_F8)
    made.write(0x80, 0x03)
    made.wait(T_50MS + 20_000)
    burst = made.read(0x94, 13)
    again = [burst[1 + 2 * i] | burst[2 + 2 * i] << 8 for i in range(6)]
    assert again == pytest.approx(first, rel=0.02, abs=4)


def test_a_map_is_the_sum_over_its_pixels() -> None:
    made = host(scene=REFERENCE)
    whole = made.measure(F1_F4)[1]
    half = bytearray(F1_F4)
    half[1] &= 0x70  # pixel 2, one of the two of F1, off
    assert made.measure(bytes(half))[1][0] == pytest.approx(whole[0] / 2, rel=0.05, abs=3)
    both = bytearray(F1_F4)
    both[5] = both[5] & 0x0F | 0x10  # pixel 11 (F4) onto the converter of F1
    assert made.measure(bytes(both))[1][0] == pytest.approx(whole[0] + whole[3] / 2, rel=0.05)


def test_the_smux_bit_stays_one_while_it_runs_and_can_hang() -> None:
    made = host(variants=As7341Variants(smux_us=3_000.0))
    made.write(0x00, *F1_F4)
    made.write(0x80, 0x11)
    assert made.byte(0x80) == 0x11
    made.wait(3_000)
    assert made.byte(0x80) == 0x01
    hung = host(faults=As7341Faults(smux_hangs=True))
    with pytest.raises(TimeoutError):
        hung.smux(F1_F4)


def test_a_smux_that_does_nothing_shows_equal_halves() -> None:
    faults = As7341Faults()
    made = host(scene=REFERENCE, faults=faults)
    low = made.measure(F1_F4)[1]
    faults.smux_does_nothing = True
    high = made.measure(F5_F8)[1]
    assert high[:4] == pytest.approx(low[:4], rel=0.02, abs=4)


def test_switching_while_measuring_is_ignored_or_mixes_both_maps() -> None:
    for reading in ("ignored", "mixes"):
        made = host(scene=REFERENCE, variants=As7341Variants(smux_while_measuring=reading))  # type: ignore[arg-type]
        low = made.measure(F1_F4)[1]
        high_expected = host(scene=REFERENCE).measure(F5_F8)[1]
        made.wait(T_50MS - made.now_us % T_50MS)
        made.write(0x00, *F5_F8)
        made.write(0x80, 0x13)
        made.wait(T_50MS)
        burst = made.read(0x94, 13)
        seen = burst[1] | burst[2] << 8
        if reading == "ignored":
            assert seen == pytest.approx(low[0], rel=0.05, abs=4)
        else:
            assert low[0] * 1.1 < seen <= high_expected[0] * 1.05
        assert made.chip.hazards


@pytest.mark.parametrize("avalid", ["on_read", "on_enable", "never"])
def test_avalid_falls_as_one_of_the_three_readings_says(avalid: str) -> None:
    made = host(variants=As7341Variants(avalid=avalid))  # type: ignore[arg-type]
    made.measure(F1_F4)
    made.write(0x80, 0x01)
    after_read = bool(made.byte(0xA3) & 0x40)
    made.write(0x80, 0x03)
    after_enable = bool(made.byte(0xA3) & 0x40)
    assert (after_read, after_enable) == {
        "on_read": (False, False),
        "on_enable": (True, False),
        "never": (True, True),
    }[avalid]


def test_results_come_after_auto_zero_and_integration() -> None:
    made = host()
    made.smux(F1_F4)
    made.write(0x80, 0x03)
    made.wait(T_50MS + 15_000 - 400)
    assert not made.byte(0xA3) & 0x40
    made.wait(700)
    assert made.byte(0xA3) & 0x40


def test_bank_one_registers_need_bank_one_and_the_rest_bank_zero() -> None:
    made = host(strict=False)
    made.write(0x70, 0x08)
    assert made.chip.violations
    made.chip.violations.clear()
    made.write(0xA9, 0x10)
    made.write(0x70, 0x08)
    assert made.byte(0x70) == 0x08
    assert made.byte(0x92) != 0x24  # forgotten bank: rubbish
    assert made.chip.violations
    made.write(0xA9, 0x00)
    assert made.byte(0x92) == 0x24


def test_an_access_outside_the_map_is_an_error() -> None:
    made = host()
    for address in (0x20, 0x82, 0xC0):
        with pytest.raises(RegisterMapViolation):
            made.read(address)
    with pytest.raises(RegisterMapViolation):
        made.write(0x92, 0)


def test_the_lamp_shines_only_when_selected_and_on() -> None:
    made = host(scene=Darkness(per_ma=3.0))
    dark = made.measure(F5_F8)[1]
    made.write(0xA9, 0x10)
    made.write(0x74, 0x80 | 8)
    made.write(0xA9, 0x00)
    assert made.measure(F5_F8)[1] == pytest.approx(dark, abs=6)
    made.write(0xA9, 0x10)
    made.write(0x70, 0x08)
    made.write(0xA9, 0x00)
    assert made.measure(F5_F8)[1][2] > 20 * max(1, dark[2])


def test_digital_saturation_stops_at_full_scale_and_is_flagged() -> None:
    made = host(scene=Lamp(warm_white(), 107.67 * 8.5))
    status, counts = made.measure(F5_F8)
    assert counts[2] == 18_000
    assert status & 0x80
    assert made.byte(0xA3) & 0x10


def test_an_overloaded_front_end_reads_less_under_more_light() -> None:
    readings = []
    for power in (20, 60):
        made = host(scene=Lamp(warm_white(), 107.67 * power))
        _, counts = made.measure(F5_F8)
        assert made.byte(0xA3) & 0x08
        readings.append(counts[2])
    assert readings[1] < readings[0]


def test_the_status_word_freezes_all_results_and_clears_on_read() -> None:
    made = host(scene=Lamp(warm_white(), 107.67 * 8.5))
    made.measure(F5_F8)
    made.write(0x80, 0x01)
    assert not made.read(0x94)[0] & 0x80


def test_gain_comes_from_the_status_when_the_chip_chooses_it() -> None:
    made = host(scene=Lamp(warm_white(), 107.67 * 8.5))
    made.write(0xB1, 0x8C)
    made.write(0xB5, 0x02)
    made.smux(F5_F8)
    made.write(0x80, 0x03)
    made.wait(20 * T_50MS)
    status = made.read(0x94)[0]
    assert status & 0xF < 7


def test_gain_steps_follow_the_measured_ratios() -> None:
    made = host(scene=Lamp(warm_white(), 60.0))
    made.set_time(gain=6)
    half = made.measure(F5_F8)[1][2]
    made.set_time(gain=7)
    assert made.measure(F5_F8)[1][2] / half == pytest.approx(2.0, rel=0.02)


def test_colour_selects_its_channel() -> None:
    green = Lamp(gaussian(515.0, 20.0) / gaussian(515.0, 20.0).sum() / 4.0, 60.0)
    _, low = host(scene=green).measure(F1_F4)
    assert low[3] > 10 * low[0]
    assert WAVELENGTHS_NM[int(np.argmax(green.spectrum))] == pytest.approx(515.0, abs=4)


def test_room_light_that_flickers_is_recognised() -> None:
    for hz, code in ((100.0, 45), (120.0, 46), (0.0, 44)):
        made = host(scene=Darkness(ambient_uw_cm2=50.0, flicker_hz=hz))
        made.smux(FLICKER)
        made.write(0x80, 0x41)
        made.wait(400_000)
        assert made.byte(0xDB) == code


def test_status_bits_need_their_enable_and_clear_by_writing_back() -> None:
    made = host(scene=Lamp(warm_white(), 107.67 * 8.5))
    made.measure(F5_F8)
    assert made.byte(0x93) == 0
    made.write(0xF9, 0x80)
    assert made.byte(0x93) == 0x80
    assert made.chip.int_level(made.now_us) == 0
    made.write(0x80, 0x01)
    made.write(0x93, 0x80)
    assert made.byte(0x93) == 0


def test_the_fifo_drops_what_does_not_fit() -> None:
    made = host(scene=REFERENCE)
    made.write(0xFC, 0x7E)
    made.smux(F1_F4)
    made.write(0x80, 0x03)
    made.wait(30 * T_50MS)
    assert made.byte(0xFD) == 128
    assert made.byte(0xA7) & 0x80
    word = made.read(0xFE, 2)
    assert word[0] | word[1] << 8 == pytest.approx(55 * 1.8, rel=0.1, abs=4)
    assert made.byte(0xFD) == 127


def test_a_supply_cycle_forgets_the_map_and_the_settings() -> None:
    made = host(scene=REFERENCE)
    made.measure(F1_F4)
    made.chip.supply_cycle(made.now_us)
    made.wait(1_000)
    assert made.byte(0xAA) == 9
    assert made.byte(0x80) == 0
