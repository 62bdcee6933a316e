"""The simulated AD5941's high-speed path: generator, matrix, TIA and DFT against closed forms, and its traps.

Raw frames only. Z follows from the voltage across the sensed nodes (P - N) and that of the TIA, which is -I x RTIA.
"""

from __future__ import annotations

import cmath
import math

import pytest

from simulators.ad5941 import Ad5941, Board, Cell, OpenCell, Part, RandlesCell, ResistorCell, Variants
from simulators.ad5941 import interrupts as irq
from simulators.strip.cell import StripCell
from simulators.strip.remembered import Remembered
from tests.support.ad5941_frames import Frames, quiet_part

RCAL_OHM = 10_000.0
RTIA_OHM = 200.0
ON_RCAL = (0x001, 0x001, 0x200, 0x900)  # D, P, N, T
ON_CELL = (0x010, 0x010, 0x100, 0x110)
VOLTAGE, CURRENT = 0x11424, 0x10101
BLOCKS = {"DACREFEN": 20, "DACEN": 6, "EXBUFEN": 9, "INAMPEN": 10, "TIAEN": 11, "ADCEN": 7, "WAVEGENEN": 14}
CONVERT, DFT = 1 << 8, 1 << 15
DFT_RDY = 1 << irq.DFT_RDY


class Bench(Frames):
    """A host that sets the high-speed path up and asks for one DFT at a time."""

    def __init__(self, cell: Cell, *, board: Board | None = None, variants: Variants | None = None, **part: float):
        chip = Ad5941(cell, part=quiet_part(**part), board=board, variants=variants, seed=1)  # type: ignore[arg-type]
        super().__init__(chip)
        self.initialise()
        self.write(0x300C, 0xFFFFFFFF)
        self.write(0x2044, 0x1011)  # SINC3 4, SINC2 22, no notch
        self.write(0x2014, 0x04)  # sine
        self.write(0x20F0, 0x200)  # RTIA 200 ohm, CTIA 16 pF
        self.sine(20_000, 759)
        self.length(10)
        self.blocks = 0x90000 | sum(1 << bit for bit in BLOCKS.values())

    def sine(self, hertz: float, amplitude: int, gains: int = 0x036, bits: int = 30) -> None:
        self.write(0x2030, round(hertz * (1 << bits) / 16e6))
        self.write(0x203C, amplitude)
        self.write(0x2010, gains)

    def length(self, code: int, *, source: int = 1, hanning: bool = True) -> None:
        self.write(0x20D0, source << 20 | code << 4 | hanning)

    def matrix(self, positions: tuple[int, int, int, int], apply: int = 0x1FFFF) -> None:
        for address, value in zip((0x2150, 0x2158, 0x2154, 0x215C), positions, strict=True):
            self.write(address, value)
        self.write(0x200C, apply)

    def start(self, inputs: int) -> None:
        self.write(0x21A8, inputs)
        self.write(0x2000, self.blocks & ~(1 << BLOCKS["WAVEGENEN"]))
        self.wait(400)
        self.write(0x2000, self.blocks)
        self.wait(1_000)
        self.write(0x3004, 0xFFFFFFFF)
        self.write(0x2000, self.blocks | CONVERT | DFT)

    def result(self) -> complex:
        """The library's reading of the two registers."""
        real, imaginary = (self.read(address) for address in (0x2078, 0x207C))
        signed = [value - 0x40000 if value & 0x20000 else value for value in (real, imaginary)]
        return complex(signed[0], -signed[1])

    def dft(self, inputs: int, wait_us: float = 20_600.0) -> complex:
        self.start(inputs)
        self.wait(wait_us)
        assert self.read(0x3014) & DFT_RDY
        found = self.result()
        self.write(0x2000, self.blocks & ~(1 << BLOCKS["WAVEGENEN"]))
        return found

    def impedance(self, positions: tuple[int, int, int, int] = ON_CELL) -> complex:
        self.matrix(positions)
        voltage = self.dft(VOLTAGE)
        return -RTIA_OHM * voltage / self.dft(CURRENT)


def series_parallel(hertz: float, series: float, parallel: float, farad: float) -> complex:
    """R + (R || C), by complex arithmetic of its own."""
    return series + 1.0 / (1.0 / parallel + 1j * 2.0 * math.pi * hertz * farad)


@pytest.mark.parametrize("ohm", [30.0, 400.0, 2_000.0, 20_000.0])
def test_a_resistor_is_measured_as_itself(ohm: float) -> None:
    bench = Bench(ResistorCell(ohm))
    bench.sine(20_000, 759, 0x037 if ohm < 500 else 0x036)
    assert bench.impedance() == pytest.approx(ohm, rel=0.01)
    assert not bench.chip.hazards


@pytest.mark.parametrize("hertz", [1_000, 3_000, 10_000, 20_000, 50_000])
@pytest.mark.parametrize("cell", [(800.0, 5_000.0, 20e-9), (1_500.0, 1e6, 1.4e-6), (500.0, 3_000.0, 2e-9)])
def test_a_resistor_and_a_layer_are_their_closed_form(hertz: int, cell: tuple[float, float, float]) -> None:
    bench = Bench(RandlesCell(cell[0], cell[1], cell[2]))
    bench.sine(hertz, 759)
    expected = series_parallel(hertz, *cell)
    assert abs(bench.impedance() - expected) < 0.01 * abs(expected)


def test_rcal_is_reached_by_its_own_switches_and_tells_the_true_feedback_resistor() -> None:
    bench = Bench(OpenCell(), rtia_tolerance=0.13)
    assert bench.impedance(ON_RCAL) == pytest.approx(RCAL_OHM / 1.13, rel=0.005)


@pytest.mark.parametrize(("gains", "half_mv"), [(0x036, 607.0), (0x037, 121.4), (0x1036, 75.9), (0x1037, 15.18)])
def test_a_direct_code_spans_what_the_two_gains_leave(gains: int, half_mv: float) -> None:
    bench = Bench(ResistorCell(1e4))
    bench.write(0x2014, 0x00)
    bench.write(0x2010, gains)
    bench.matrix(ON_CELL)
    bench.write(0x21A8, VOLTAGE)
    for code, sign in ((0xE00, 1), (0x200, -1), (0x800, 0)):
        bench.write(0x2048, code)
        bench.write(0x2000, bench.blocks)
        bench.wait(400)
        bench.write(0x2000, bench.blocks | CONVERT)
        bench.wait(260)
        volts = (bench.read(0x2080) - 0x8000) / 32768 * 1.835 / 1.5
        assert volts * 1e3 == pytest.approx(sign * half_mv, abs=0.05)


@pytest.mark.parametrize(("chip_id", "bits"), [(0x5502, 30), (0x5501, 30), (0x5500, 26)])
def test_the_width_of_the_frequency_word_is_of_the_silicon(chip_id: int, bits: int) -> None:
    cell = RandlesCell(500.0, 3_000.0, 10e-9)
    bench = Bench(cell, chip_id=chip_id)
    bench.sine(10_000, 759, bits=bits)
    expected = series_parallel(10_000, 500.0, 3_000.0, 10e-9)
    assert abs(bench.impedance() - expected) < 0.01 * abs(expected)


def test_sensing_behind_the_load_adds_its_100_ohm() -> None:
    bench = Bench(ResistorCell(1_000.0))
    assert bench.impedance((0x010, 0x010, 0x010, 0x110)) == pytest.approx(1_100.0, rel=0.01)


def test_a_strip_is_contact_solution_and_layer() -> None:
    strip = StripCell("lager", {}, contact_ohm=350.0, wet_at_us=-1e7, seed=4)
    expected = series_parallel(20_000, 350.0 + strip.dip.solution_ohm, 1e10, strip.dip.capacitance_f)
    bench = Bench(strip)
    assert abs(bench.impedance() - expected) < 0.01 * abs(expected)
    from_counter = bench.impedance((0x010, 0x400, 0x100, 0x110))
    assert abs(from_counter - expected - 350.0) < 0.01 * abs(expected + 350.0)


def test_what_is_asked_in_between_changes_nothing_in_a_strip() -> None:
    asked, left = (StripCell("lager", {}, seed=4) for _ in range(2))
    for cell in (asked, left):
        cell.apply(0.1, 0.0, 3e6)
    asked.impedance_ohm(20_000, 4e6, at_counter=False)
    assert asked.current_a(5e6) == left.current_a(5e6)


def test_a_remembered_strip_answers_as_the_real_one() -> None:
    def make() -> StripCell:
        return StripCell("lager", {}, contact_ohm=90.0, seed=4)

    real = make()
    expected = real.impedance_ohm(20_000, 5e6, at_counter=False)
    strip = Remembered(make)
    for _ in range(2):  # the first test lives through it, the second remembers
        cell = strip.cell()
        cell.apply(0.1, 0.0, 1e6)
        before = cell.current_a(2e6)
        assert cell.impedance_ohm(20_000, 5e6, at_counter=False) == expected
        assert cell.current_a(2e6) == before


# -- DFT: when, how long, where to -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("source", "code", "clocks"),
    [
        (1, 6, ((256 + 2) * 4 + 1) * 20 + 25),
        (2, 9, 2048 * 20 + 25),
        (0, 2, (((16 + 1) * 22 + 1 + 2) * 4 + 1) * 20 + 40),
    ],
)
def test_the_engine_takes_the_time_of_its_source_and_length(source: int, code: int, clocks: int) -> None:
    bench = Bench(ResistorCell(2_000.0))
    bench.matrix(ON_CELL)
    bench.length(code, source=source)
    bench.start(VOLTAGE)
    began_us = bench.now_us
    while not bench.read(0x3014) & DFT_RDY:
        assert bench.now_us < began_us + 60_000
    assert bench.now_us - began_us == pytest.approx(clocks / 16, abs=25)


def test_a_result_read_too_early_is_an_older_one() -> None:
    bench = Bench(ResistorCell(2_000.0))
    bench.matrix(ON_CELL)
    older = bench.dft(VOLTAGE)
    bench.start(CURRENT)
    bench.wait(5_000)
    assert not bench.read(0x3014) & DFT_RDY
    assert bench.result() == older
    assert any("before it was ready" in hazard.what for hazard in bench.chip.hazards)


def test_its_flag_is_gated_by_the_selection_and_cleared_by_intcclr() -> None:
    for gating in ("at_read", "at_event"):
        bench = Bench(ResistorCell(2_000.0), variants=Variants(flag_gating=gating))  # type: ignore[arg-type]
        bench.matrix(ON_CELL)
        bench.write(0x300C, 0xFFFFFFFF & ~DFT_RDY)
        bench.start(VOLTAGE)
        bench.wait(20_600)
        bench.write(0x2000, bench.blocks)
        assert not bench.read(0x3014) & DFT_RDY
        bench.write(0x300C, DFT_RDY)
        assert bool(bench.read(0x3014) & DFT_RDY) == (gating == "at_read")
        bench.write(0x3008, DFT_RDY)
        bench.write(0x0000, 0)  # GP0CON: GPIO0 is INT0
        bench.write(0x0004, 1)
        bench.start(VOLTAGE)
        assert bench.chip.int0_level(int(bench.now_us)) == 1
        bench.wait(20_600)
        assert bench.chip.int0_level(int(bench.now_us)) == 0
        assert bench.read(0x3010) & DFT_RDY
        bench.write(0x2000, bench.blocks)
        bench.write(0x3004, DFT_RDY)
        assert not (bench.read(0x3010) | bench.read(0x3014)) & DFT_RDY
        assert bench.chip.int0_level(int(bench.now_us)) == 1


def test_both_parts_enter_the_fifo_as_18_bits_with_the_tag_of_the_engine() -> None:
    bench = Bench(ResistorCell(2_000.0), variants=Variants(ecc="zero"))
    bench.matrix(ON_CELL)
    bench.write(0x2008, 0)
    bench.write(0x21D8, 0x44A)
    bench.write(0x2008, 0x800 | 2 << 13)
    found = bench.dft(VOLTAGE)
    assert bench.read(0x2200) >> 16 == 2
    words = [bench.read(0x206C) for _ in range(2)]
    assert [word >> 18 & 0x1F for word in words] == [0x1F, 0x1F]
    parts = [word & 0x3FFFF for word in words]
    assert parts == [round(found.real) & 0x3FFFF, round(-found.imag) & 0x3FFFF]


def test_without_its_window_a_short_block_leaks() -> None:
    worst = {}
    for hanning in (True, False):
        bench = Bench(ResistorCell(2_000.0), hsdac_offset_v=20e-3)
        bench.matrix(ON_CELL)
        bench.length(5, hanning=hanning)
        bench.sine(7_300, 100)
        turns = [bench.dft(VOLTAGE, 700.0) for _ in range(2)]
        bench.sine(7_300, 100)
        bench.write(0x2038, 0x1F)  # a direct part of 12 mV more
        worst[hanning] = abs(bench.dft(VOLTAGE, 700.0) - turns[0])
    assert worst[True] < 0.2 * worst[False]


@pytest.mark.parametrize("variants", [Variants(), Variants(dft_phase="own_start"), Variants(dft_scale=1)])
def test_a_ratio_at_equal_delays_depends_on_no_reading_of_the_notes(variants: Variants) -> None:
    cell = RandlesCell(800.0, 5_000.0, 20e-9)
    bench = Bench(cell, variants=variants)
    found = bench.impedance() / bench.impedance(ON_RCAL) * RCAL_OHM
    expected = series_parallel(20_000, 800.0, 5_000.0, 20e-9)
    assert abs(found - expected) < 0.015 * abs(expected)


# -- traps -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("block", [*(name for name in BLOCKS if name != "ADCEN"), "HPREFDIS"])
def test_a_block_without_power_gives_nothing(block: str) -> None:
    bench = Bench(ResistorCell(2_000.0))
    bench.matrix(ON_CELL)
    assert abs(bench.dft(CURRENT)) > 500
    bench.blocks ^= 1 << BLOCKS.get(block, 5)
    bench.start(CURRENT)
    bench.wait(20_600)
    assert abs(bench.result()) < 5


def test_a_reset_or_a_sleep_opens_what_was_on() -> None:
    bench = Bench(ResistorCell(2_000.0))
    bench.matrix(ON_CELL)
    bench.write(0x2000, bench.blocks)
    bench.write(0x2118, 0xA47E5)
    bench.write(0x211C, 0)
    bench.write(0x211C, 1)
    assert bench.chip.asleep
    bench.frame(b"\x00")
    bench.read(0x0400)
    assert bench.read(0x2000) & bench.blocks & 0x7FFF == 0
    bench.chip.reset_pin(0, int(bench.now_us))
    bench.wait(10)
    bench.chip.reset_pin(1, int(bench.now_us))
    bench.wait(1_000)
    assert bench.read(0x21B0) == 0
    assert bench.read(0x21B4) == 0x6000


@pytest.mark.parametrize(
    "positions",
    [
        (0x000, 0x010, 0x100, 0x110),  # nothing is driven
        (0x010, 0x001, 0x100, 0x110),  # RCAL is sensed, the cell driven
        (0x010, 0x010, 0x200, 0x110),
        (0x010, 0x010, 0x100, 0x100),  # nothing enters the TIA
        (0x011, 0x010, 0x100, 0x110),  # cell and RCAL both driven
    ],
)
def test_a_switch_in_the_wrong_position_is_an_open_loop(positions: tuple[int, int, int, int]) -> None:
    bench = Bench(ResistorCell(2_000.0))
    bench.matrix(positions)
    assert abs(bench.dft(CURRENT)) < 5
    assert any("loop open" in hazard.what for hazard in bench.chip.hazards)


def test_switches_take_effect_with_swcon_and_not_before() -> None:
    bench = Bench(ResistorCell(2_000.0))
    bench.matrix(ON_CELL)
    for address, value in zip((0x2150, 0x2158, 0x2154, 0x215C), ON_RCAL, strict=True):
        bench.write(address, value)
    assert bench.read(0x21B0) == ON_CELL[0]
    bench.write(0x200C, 0x1FFFF)
    assert bench.read(0x21B0) == ON_RCAL[0]
    bench.write(0x200C, 0x0FFFF)
    assert bench.read(0x21B0) == 0


def test_an_open_tia_and_an_open_cell_carry_no_current() -> None:
    bench = Bench(ResistorCell(2_000.0))
    bench.write(0x20F0, 0xF)
    bench.matrix(ON_CELL)
    assert abs(bench.dft(CURRENT)) < 5
    bench = Bench(OpenCell())
    bench.matrix(ON_CELL)
    assert abs(bench.dft(CURRENT)) < 5
    assert abs(bench.dft(VOLTAGE)) < 5
    assert not bench.chip.hazards


def test_too_much_current_is_cut_and_the_comparator_says_so() -> None:
    bench = Bench(ResistorCell(40.0))
    bench.write(0x20A8, 0x8000 - 23_000)
    bench.write(0x20B0, 0x8000 + 23_000)
    bench.matrix(ON_CELL)
    bench.sine(20_000, 300)
    assert abs(bench.dft(CURRENT)) > 0
    assert not bench.read(0x3014) >> irq.ADC_MIN & 3
    bench.sine(20_000, 600)
    cut = bench.dft(CURRENT)
    assert bench.read(0x3014) >> irq.ADC_MIN & 3 == 3
    bench.write(0x3004, 0xFFFFFFFF)
    assert abs(cut) < 0.96 * abs(bench.dft(VOLTAGE)) * RTIA_OHM / 40.0


def test_the_excitation_amplifier_has_a_rail_too() -> None:
    bench = Bench(ResistorCell(5.0))
    bench.matrix(ON_CELL)
    bench.dft(VOLTAGE)
    assert any("at its rail" in hazard.what for hazard in bench.chip.hazards)


def test_two_amplifiers_on_one_cell_are_told() -> None:
    bench = Bench(ResistorCell(2_000.0))
    bench.loop(2048, 32)
    bench.matrix(ON_CELL)
    bench.start(VOLTAGE)
    bench.wait(20_600)
    bench.result()
    assert any("both on the cell" in hazard.what for hazard in bench.chip.hazards)


def test_gains_of_the_part_move_both_readings_and_not_the_ratio() -> None:
    worn = Bench(ResistorCell(3_000.0), rtia_tolerance=-0.2, hsdac_gain_error=0.05, adc_gain_error=0.02)
    ideal = Bench(ResistorCell(3_000.0))
    ideal.matrix(ON_CELL)
    worn.matrix(ON_CELL)
    assert abs(worn.dft(VOLTAGE)) == pytest.approx(1.05 * 1.02 * abs(ideal.dft(VOLTAGE)), rel=0.003)
    assert worn.impedance() / worn.impedance(ON_RCAL) * RCAL_OHM == pytest.approx(3_000.0, rel=0.01)


def test_the_capacitor_across_the_feedback_resistor_turns_and_lowers() -> None:
    bench = Bench(ResistorCell(200_000.0))
    bench.sine(50_000, 1_500)
    bench.write(0x20F0, 7 | 0x200)  # 160 kohm, 16 pF
    bench.matrix(ON_CELL)
    turned = bench.dft(CURRENT) / bench.dft(VOLTAGE)
    expected = -160e3 / (1 + 2j * math.pi * 50e3 * 160e3 * 16e-12) / 200e3
    assert cmath.phase(turned / expected) == pytest.approx(0.0, abs=0.01)
    assert abs(turned) == pytest.approx(abs(expected), rel=0.01)


def test_the_supply_knows_the_excitation() -> None:
    bench = Bench(ResistorCell(2_000.0))
    bench.matrix(ON_CELL)
    bench.write(0x2000, bench.blocks)
    bench.wait(1e6)
    bench.write(0x2000, 0x90000)
    assert bench.chip.power.seconds(bench.now_us)["excitation"] == pytest.approx(1.0, abs=0.01)


def test_parts_of_a_batch_keep_what_they_had_before_the_high_speed_path() -> None:
    """Figures of part 3 from before this path was simulated: a seed stays the same part."""
    part = Part.drawn(3)
    assert (round(part.rtia_tolerance, 6), round(part.lfosc_hz, 3), part.chip_id) == (-0.05235, 32_444.984, 0x5500)
