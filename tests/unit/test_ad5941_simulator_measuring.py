"""The simulated AD5941 measuring: DAC, loop, converter, calibration (hardware/registers/ad5941.md 4 to 7)."""

from __future__ import annotations

import itertools
import math

import pytest

from simulators.ad5941 import Ad5941, Board, Cell, OpenCell, RandlesCell, ResistorCell, ShortCell, Variants
from simulators.ad5941.variation import Faults, Part
from tests.support.ad5941_frames import Frames, quiet_part

LSB12_V = 2.2 / 4095
CODE_PER_V = 1.5 / 1.835 * 32768


def bench(cell: Cell, *, variants: Variants | None = None, board: Board | None = None, **part: float) -> Frames:
    silent: Part = quiet_part(**part)  # type: ignore[assignment]
    host = Frames(Ad5941(cell, part=silent, variants=variants, board=board, seed=1))
    host.initialise()
    return host


def codes_for(potential_v: float, code6: int = 32) -> tuple[int, int]:
    """12-bit code for a potential, the one-step coupling allowed for (section 4)."""
    code12 = 64 * code6 - round(potential_v / LSB12_V)
    return (code12 - 1 if code12 < 64 * code6 else code12), code6


def test_a_resistor_gives_its_current_with_the_sign_of_the_notes() -> None:
    host = bench(ResistorCell(10_000.0))
    host.loop(*codes_for(0.3))
    expected = 0.3 / 10_000.0 * 10_100.0 * CODE_PER_V
    assert host.convert() == pytest.approx(expected, rel=0.002)
    host.loop(*codes_for(-0.3))  # VBIAS above VZERO: below mid-scale
    assert host.convert() == pytest.approx(-expected, rel=0.002)


def test_the_sixth_bit_output_falls_one_step_when_the_twelve_bit_code_is_below() -> None:
    """Ignoring the coupling leaves a kink of one LSB at E = 0."""
    host = bench(ResistorCell(1_000.0))
    readings = []
    for code12 in (2046, 2047, 2048, 2049):
        host.loop(code12, 32)
        readings.append(host.convert() / CODE_PER_V / 10_100.0 * 1_000.0)
    steps = [(a - b) / LSB12_V for a, b in itertools.pairwise(readings)]
    assert steps[0] == pytest.approx(1.0, abs=0.05)
    assert steps[1] == pytest.approx(0.0, abs=0.05)
    assert steps[2] == pytest.approx(1.0, abs=0.05)


def test_dac_data_are_ignored_while_rsten_is_zero() -> None:
    host = bench(ResistorCell(10_000.0))
    host.write(0x2128, 0)
    host.write(0x2120, 0x20800)
    host.write(0x2128, 1)
    assert host.read(0x2120) == 0


@pytest.mark.parametrize(("rload_code", "rload_ohm"), [(0, 0), (1, 10), (4, 100)])
def test_rload_adds_to_the_cell_and_takes_from_the_feedback(rload_code: int, rload_ohm: int) -> None:
    host = bench(ResistorCell(10_000.0))
    host.loop(*codes_for(0.3), tia=0x2118 & ~0x1C00 | rload_code << 10)
    feedback = 10_000 + 100 - rload_ohm
    assert host.convert() == pytest.approx(0.3 / (10_000.0 + rload_ohm) * feedback * CODE_PER_V, rel=0.002)


def test_the_code_called_200_ohm_is_110_at_rload_100_and_210_without() -> None:
    host = bench(OpenCell())
    host.loop(2048, 32, tia=0x2018 | 1 << 5 | 4 << 10)
    assert host.chip.analogue.rtia_ohm() == pytest.approx(110.0)
    host.write(0x20EC, 0x2018 | 1 << 5)
    assert host.chip.analogue.rtia_ohm() == pytest.approx(210.0)


def test_the_converter_clips_at_0_9_volt_and_never_wraps() -> None:
    host = bench(ResistorCell(2_000.0))
    host.loop(*codes_for(0.9))
    assert host.convert() == pytest.approx(0.9 * CODE_PER_V, abs=2)
    host.loop(*codes_for(-0.9))
    assert host.convert() == pytest.approx(-0.9 * CODE_PER_V, abs=2)


def test_a_high_zero_leaves_less_room_above_than_the_converter_has() -> None:
    """With VZERO at 2.366 V the amplifier's own swing (AVDD - 0.4 V) ends the range first."""
    host = bench(ResistorCell(1_000.0))
    host.loop(*codes_for(1.0, 63))
    top_v = 3.3 - 0.4 - (0.2 + 63 * 64 * LSB12_V)
    assert host.convert() == pytest.approx(top_v * CODE_PER_V, rel=0.01)


def test_an_open_switch_means_an_open_cell() -> None:
    host = bench(ResistorCell(10_000.0))
    for word in (0x0000, 0x0180):
        host.loop(*codes_for(0.3), switches=word)
        assert abs(host.convert()) <= 1, hex(word)
    host.loop(*codes_for(0.3), switches=0x0014)
    assert host.convert() > 1000


def test_a_loop_that_is_left_open_rails_and_is_noted() -> None:
    host = bench(ResistorCell(10_000.0))
    host.loop(*codes_for(0.3), switches=0x0004)
    assert host.chip.analogue.loop.potential_v is not None
    assert host.chip.analogue.loop.potential_v < -1.0
    assert any("loop open" in text for text in host.chip.analogue.hazards)


def test_unity_gain_hides_the_current_and_zero_bias_removes_the_potential() -> None:
    host = bench(ResistorCell(10_000.0))
    host.loop(*codes_for(0.3), switches=0x0094)
    assert abs(host.convert()) <= 1
    host.loop(*codes_for(0.3), switches=0x0054)
    assert abs(host.convert()) <= 1


def test_pin_capacitors_slow_a_step() -> None:
    for word, slow in ((0x14, False), (0x3014, True)):
        host = bench(ResistorCell(10_000.0))
        host.loop(*codes_for(0.0), switches=word)
        host.convert()
        host.write(0x2120, codes_for(0.3)[1] << 12 | codes_for(0.3)[0])
        early = host.convert(300.0)
        host.wait(5000)
        late = host.convert(300.0)
        assert (early < 0.8 * late) == slow


def test_the_feedback_capacitor_slows_the_reading() -> None:
    host = bench(ResistorCell(10_000.0), board=Board(tia_capacitor_f=1e-6))
    host.loop(*codes_for(0.0), switches=0x34)
    host.convert()
    host.write(0x2120, codes_for(0.3)[1] << 12 | codes_for(0.3)[0])
    early = host.convert(300.0)
    host.wait(100_000)
    assert early < 0.2 * host.convert(300.0)


@pytest.mark.parametrize(
    ("sinc2", "first_us"),
    [(0, 237.2), (1, 457.2), (2, 907.2), (3, 1797.2), (4, 2687.2), (5, 5347.2), (8, 8017.2), (11, 13347.2)],
)
def test_the_first_result_comes_when_the_notes_say(sinc2: int, first_us: float) -> None:
    host = bench(ResistorCell(10_000.0))
    host.loop(*codes_for(0.3))
    host.write(0x2044, 0x1011 | sinc2 << 8)
    host.write(0x3004, 0xFFFFFFFF)
    host.frame_us = 0.0
    host.write(0x2000, 0x90180)
    host.wait(first_us - 1.5)
    assert not host.read(0x3014) & 4
    host.wait(3.0)
    assert host.read(0x3014) & 4


def test_the_notch_makes_the_first_result_wait() -> None:
    host = bench(ResistorCell(10_000.0))
    host.loop(*codes_for(0.3))
    host.write(0x2044, 0x1301)  # SINC2 178, notch on: 17 + 14 extra inputs
    host.write(0x3004, 0xFFFFFFFF)
    host.write(0x2000, 0x90180)
    host.wait(2_000)
    assert not host.read(0x3014) & 4
    host.wait(33 * 890)
    assert host.read(0x3014) & 4


def test_a_conversion_right_after_power_up_of_the_reference_is_wrong() -> None:
    host = bench(ResistorCell(10_000.0))
    host.loop(*codes_for(0.3))
    good = host.convert()
    host.write(0x2044, 0x1051)
    host.write(0x2000, 0x10000)
    host.write(0x2000, 0x80180)  # on and converting in one write: SINC3 alone, 16 us
    host.wait(17)
    assert abs(host.read(0x2074) - 0x8000) < 0.9 * good


def test_gain_calibration_scales_and_offset_calibration_shifts_the_tia_channel() -> None:
    host = bench(ResistorCell(10_000.0))
    host.loop(*codes_for(0.3))
    plain = host.convert()
    host.write(0x2230, 0xDE87A5AF)
    host.write(0x228C, 0x2000)
    assert host.convert() == pytest.approx(plain / 2, abs=2)
    host.write(0x228C, 0x4000)
    host.write(0x2288, 400)
    assert host.convert() == pytest.approx(plain + 100, abs=2)
    host.write(0x2288, 0x7FFF & -400)
    assert host.convert() == pytest.approx(plain - 100, abs=2)


def test_both_readings_of_the_reference_factor_agree_at_gain_one_and_a_half_only() -> None:
    results = {}
    for reading in ("library", "gain_1p5_only"):
        host = bench(ResistorCell(10_000.0), variants=Variants(adc_reference=reading))  # type: ignore[arg-type]
        host.loop(*codes_for(0.3))
        results[reading, 1.5] = host.convert()
        host.write(0x21A8, 0x00221)
        results[reading, 1.0] = host.convert()
    assert results["library", 1.5] == results["gain_1p5_only", 1.5]
    assert results["gain_1p5_only", 1.0] / results["library", 1.0] == pytest.approx(1.835 / 1.82, rel=1e-3)


def test_tolerance_and_temperature_move_the_feedback_resistor() -> None:
    host = bench(ResistorCell(10_000.0), rtia_tolerance=0.1, rtia_drift_per_k=1e-3)
    host.loop(*codes_for(0.3))
    warm = host.convert()
    assert warm == pytest.approx(0.3 / 10_000 * 11_110 * CODE_PER_V, rel=0.003)
    host.chip.set_temperature(5.0, int(host.now_us))
    assert host.convert() == pytest.approx(warm * 0.98, rel=0.003)


def test_rcal_reveals_the_true_feedback_resistor() -> None:
    """The direct-current method of section 7, registers only."""
    host = bench(OpenCell(), rtia_tolerance=-0.08)
    host.loop(2048 - 600, 32, tia=0x2118 | 4 << 10, switches=0x0140)
    host.write(0x2124, 0x31)  # VBIAS to the PA, VZERO to the high-speed TIA
    host.write(0x20FC, 1)
    for address, value in ((0x2150, 0x41), (0x215C, 0x900), (0x2158, 1), (0x2154, 0x200), (0x200C, 0x1FFFF)):
        host.write(address, value)
    host.write(0x2000, 0x90880)
    host.wait(300)

    def reading(adccon: int) -> int:
        host.write(0x21A8, adccon)
        host.write(0x2000, 0x90980)
        host.wait(260)
        code = host.read(0x2080) - 0x8000
        host.write(0x2000, 0x90880)
        return code

    across_rcal, through_rtia = reading(0x11424), reading(0x10221)
    assert 10_000.0 * through_rtia / across_rcal == pytest.approx(10_000.0 * 0.92, rel=0.003)


def test_a_short_and_an_open_cell_look_like_what_they_are() -> None:
    host = bench(ShortCell())
    host.loop(*codes_for(0.1))
    assert host.convert() == pytest.approx(0.9 * CODE_PER_V, abs=2)
    host.chip.attach(OpenCell(), int(host.now_us))
    assert abs(host.convert()) <= 1


def test_a_double_layer_charges_with_its_time_constant() -> None:
    cell = RandlesCell(1_000.0, 1e9, 1e-6)
    cell.apply(0.1, 0.0, 0.0)
    assert cell.current_a(0.0) == pytest.approx(1e-4)
    assert cell.current_a(1_000.0) == pytest.approx(1e-4 / math.e, rel=1e-3)


def test_noise_falls_with_the_square_root_of_the_bandwidth() -> None:
    spread = {}
    for name, sinc2, wait in (("fast", 0, 260.0), ("slow", 8, 8_100.0)):
        host = Frames(Ad5941(ResistorCell(1e6), part=quiet_part(noise_900sps_v=200e-6), seed=3))  # type: ignore[arg-type]
        host.initialise()
        host.loop(2048, 32)
        host.write(0x2044, 0x1011 | sinc2 << 8)
        codes = [host.convert(wait) for _ in range(300)]
        mean = sum(codes) / len(codes)
        spread[name] = math.sqrt(sum((c - mean) ** 2 for c in codes) / len(codes))
    assert spread["fast"] / spread["slow"] == pytest.approx(math.sqrt(800 / 22), rel=0.15)


def test_a_frozen_dac_leaves_the_current_where_it_was() -> None:
    host = Frames(Ad5941(ResistorCell(10_000.0), part=quiet_part(), faults=Faults(), seed=1))  # type: ignore[arg-type]
    host.initialise()
    host.loop(*codes_for(0.1))
    before = host.convert()
    host.chip.faults.lpdac_frozen = True
    host.write(0x2120, codes_for(0.4)[1] << 12 | codes_for(0.4)[0])
    host.wait(100)
    assert host.convert() == before


def test_using_an_engine_that_is_not_simulated_is_loud() -> None:
    host = Frames(Ad5941(seed=1, strict=False))
    host.initialise()
    host.write(0x2000, 0x2000)
    host.write(0x2014, 0x36)
    assert [v.reason for v in host.chip.violations] == [
        "the temperature sensor is not simulated",
        "the trapezoid generator is not simulated",
    ]


def test_a_converter_without_its_reference_rails_instead_of_looking_plausible() -> None:
    host = bench(ResistorCell(10_000.0))
    host.loop(*codes_for(0.1))
    plausible = host.convert()
    host.write(0x2000, 0x900A0)
    host.write(0x2000, 0x901A0)
    host.wait(260)
    assert host.read(0x2080) - 0x8000 > 5 * plausible


def test_where_each_input_has_its_own_limit_a_high_zero_leaves_little_room() -> None:
    readings = {}
    for reading in ("differential", "absolute"):
        host = bench(ResistorCell(10_000.0), variants=Variants(adc_input=reading))  # type: ignore[arg-type]
        host.loop(*codes_for(0.5, 50))
        readings[reading] = host.convert()
    assert readings["differential"] == pytest.approx(0.5 / 10_000 * 10_100 * CODE_PER_V, rel=0.003)
    assert readings["absolute"] == pytest.approx((2.02 - (0.2 + 50 * 64 * LSB12_V)) * CODE_PER_V, rel=0.01)
