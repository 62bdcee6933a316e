"""The real impedance driver on the simulated AD5941: within its bound on every part, and asleep whatever came.

Bound, 2 ohm to 50 kohm: 2 % of |Z| and 0.3 ohm, at 1 to 50 kHz. Expected values are complex arithmetic of the test.
"""

from __future__ import annotations

import math

import pytest

from firmware.drivers import ad5941_selftest as selftest
from firmware.drivers.ad5941_impedance import measure
from firmware.drivers.errors import BadRequest, BusFault, CellFault, ChipFault, DriverError, NoAnswer
from simulators.ad5941 import Ad5941, Board, Cell, OpenCell, Part, RandlesCell, ResistorCell, ShortCell, Variants
from simulators.ad5941.high_speed import AT_RESET
from simulators.strip.cell import StripCell
from tests.drivers.test_ad5941_on_its_simulator import READINGS, a_plan, other_than_usual, run_scan
from waakzaam.rigs.afe import DUMMY_OHM, AfeBench

RCAL_OHM = 10_000.0
NETWORKS = ((800.0, 5_000.0, 20e-9), (300.0, 1e6, 1.4e-6), (3_000.0, 20_000.0, 1e-9))


def measured(bench: AfeBench, hertz: int = 20_000) -> complex:
    return complex(*bench.run(measure(bench.afe, hertz, RCAL_OHM)))


def closed_form(hertz: float, series: float, parallel: float, farad: float) -> complex:
    return series + 1.0 / (1.0 / parallel + 1j * 2.0 * math.pi * hertz * farad)


def within_bound(found: complex, expected: complex) -> bool:
    return abs(found - expected) <= 0.02 * abs(expected) + 0.3


def switched_off(bench: AfeBench) -> bool:
    """No block of the high-speed path or the loop has power, and no switch is closed."""
    chip = bench.chip
    unpowered = chip.registers.by_name("AFECON") & 0x10FFC0 == 0 and chip.analogue.loop.potential_v is None
    return unpowered and chip.analogue.high_speed.closed == AT_RESET


def at_rest(bench: AfeBench) -> bool:
    """Off, and hibernating or held in reset."""
    return switched_off(bench) and (bench.chip.asleep or bench.chip._held_in_reset)


@pytest.mark.parametrize("seed", range(12))
def test_a_resistor_is_within_the_bound_on_every_part(seed: int) -> None:
    for ohm in (2.5, 9.0, 12.0, 90.0, 480.0, 520.0, 4_700.0, 22_000.0, 50_000.0):
        bench = AfeBench(Ad5941(part=Part.drawn(seed), seed=seed), ResistorCell(ohm))
        assert within_bound(measured(bench), ohm), ohm
        assert at_rest(bench)
        assert not bench.chip.hazards


@pytest.mark.parametrize("hertz", [1_000, 4_000, 20_000, 50_000])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_resistor_and_a_layer_are_their_closed_form(hertz: int, network: tuple[float, float, float]) -> None:
    for seed in range(4):
        chip = Ad5941(part=Part.drawn(seed), seed=seed)
        bench = AfeBench(chip, RandlesCell(*network))
        expected = closed_form(hertz * (1.0 + chip.part.hfosc_error), *network)
        assert within_bound(measured(bench, hertz), expected)


@pytest.mark.parametrize("variants", READINGS, ids=other_than_usual)
def test_whichever_way_the_notes_are_read_the_result_is_right(variants: Variants) -> None:
    bench = AfeBench(Ad5941(variants=variants), RandlesCell(*NETWORKS[0]))
    assert within_bound(measured(bench), closed_form(20_000, *NETWORKS[0]))
    assert not bench.chip.violations
    assert not bench.chip.hazards


@pytest.mark.parametrize("chip_id", [0x5500, 0x5501, 0x5502])
def test_every_silicon_gets_the_frequency_word_of_its_width(chip_id: int) -> None:
    bench = AfeBench(Ad5941(part=Part(chip_id=chip_id)), RandlesCell(*NETWORKS[0]))
    assert within_bound(measured(bench, 5_000), closed_form(5_000, *NETWORKS[0]))


def test_tolerances_of_every_stage_cancel() -> None:
    for part in (
        Part(rtia_tolerance=0.25, hsdac_gain_error=-0.08, adc_gain_error=0.03, matrix_switch_ohm=120.0),
        Part(rtia_tolerance=-0.25, hsdac_gain_error=0.08, adc_gain_error=-0.03, hsdac_offset_v=-2e-3),
    ):
        assert within_bound(measured(AfeBench(Ad5941(part=part), ResistorCell(1_000.0))), 1_000.0)


@pytest.mark.parametrize("drink", ["lager", "vodka", "cola"])
def test_a_wet_strip_gives_its_contact_and_its_solution(drink: str) -> None:
    strip = StripCell(drink, {}, contact_ohm=700.0, seed=2)
    bench = AfeBench(cell=strip)
    bench.clock.now_us = 5e6
    found = measured(bench)
    assert found.real == pytest.approx(700.0 + strip.dip.solution_ohm, rel=0.02)
    assert -30.0 < found.imag < 0.0


def test_it_takes_a_sixth_of_a_second_and_draws_its_current_for_no_longer() -> None:
    bench = AfeBench(cell=ResistorCell(1_000.0))
    measured(bench)
    assert bench.clock.now_us < 0.17e6
    assert bench.chip.power.seconds(bench.clock.now_us)["excitation"] < 0.15
    bench.clock.now_us += 60e6
    bench.chip.int0_level(bench.clock.now_us)
    assert bench.chip.power.seconds(bench.clock.now_us)["hibernate"] > 59.9


def test_a_test_goes_on_as_if_nothing_had_been_measured() -> None:
    bench = AfeBench(cell=ResistorCell(100_000.0))
    bench.run(selftest.self_test(bench.afe, bench.dummy, DUMMY_OHM, (8,)))
    before = run_scan(bench, a_plan())
    measured(bench)
    evidence = bench.run(selftest.self_test(bench.afe, bench.dummy, DUMMY_OHM, (8,)))
    after = run_scan(bench, a_plan())
    assert evidence["rtia_ohm"][8] == pytest.approx(bench.chip.analogue._rtia_error[8] * 10_100, rel=0.01)
    assert after.forward_a(50) == pytest.approx(before.forward_a(50), abs=30e-9)
    assert not bench.chip.hazards


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (OpenCell(), "open"),
        (ResistorCell(300_000.0), "open"),
        (StripCell("lager", {}, wet_at_us=math.inf), "open"),
        (ShortCell(0.3), "short"),
    ],
)
def test_what_cannot_be_told_is_a_fault_of_the_cell(cell: Cell, reason: str) -> None:
    bench = AfeBench(cell=cell)
    with pytest.raises(CellFault) as caught:
        measured(bench)
    assert caught.value.reason == reason
    assert at_rest(bench)


class _Falls(ResistorCell):
    """A contact that is bad until something presses on it."""

    asked = 0

    def impedance_ohm(self, frequency_hz: float, now_us: float, *, at_counter: bool) -> complex:
        self.asked += 1
        return complex(2_000.0 if now_us < 120_000 else 20.0)


def test_a_contact_that_changes_while_it_is_measured_is_not_given_a_figure_from_a_cut_sine() -> None:
    bench = AfeBench(cell=_Falls(0.0))
    with pytest.raises(CellFault, match="saturated"):
        measured(bench)
    assert at_rest(bench)


@pytest.mark.parametrize(
    ("board", "part", "reason"),
    [
        (Board(rcal_ohm=1e12), Part(), "no_excitation"),
        (Board(rcal_ohm=1_000.0), Part(), "hs_rtia_out_of_range"),
        (Board(rcal_ohm=20.0), Part(), "no_excitation"),
        (Board(), Part(rtia_tolerance=0.7), "hs_rtia_out_of_range"),
        (Board(), Part(hsdac_gain_error=-0.99), "no_excitation"),
    ],
)
def test_a_path_that_does_not_measure_rcal_measures_nothing(board: Board, part: Part, reason: str) -> None:
    bench = AfeBench(Ad5941(board=board, part=part), ResistorCell(1_000.0))
    with pytest.raises(ChipFault) as caught:
        measured(bench)
    assert caught.value.reason == reason
    assert at_rest(bench)


def test_a_dft_that_never_gets_ready_is_given_up_in_time() -> None:
    bench = AfeBench(cell=ResistorCell(1_000.0))
    bench.chip.faults.dft_never_ready = True
    with pytest.raises(NoAnswer, match="DFT_RDY"):
        measured(bench)
    assert bench.clock.now_us < 0.1e6
    assert at_rest(bench)


@pytest.mark.parametrize("level", [0x00, 0xFF])
def test_a_chip_that_is_not_heard_stays_in_reset(level: int) -> None:
    bench = AfeBench(cell=ResistorCell(1_000.0))
    bench.chip.faults.miso_stuck_at = level
    with pytest.raises(BusFault):
        measured(bench)
    assert at_rest(bench)


@pytest.mark.parametrize("every", [37, 211, 611, 1_501, 2_003, 2_909])
@pytest.mark.parametrize("line", ["flip_mosi_bit_every", "flip_miso_bit_every"])
def test_a_disturbed_bus_gives_a_fault_or_the_right_value(every: int, line: str) -> None:
    bench = AfeBench(Ad5941(strict=False), ResistorCell(1_000.0))
    setattr(bench.chip.faults, line, every)
    try:
        found = measured(bench)
    except DriverError:
        found = 1_000.0 + 0j
    assert switched_off(bench)  # whether the word that puts it to sleep arrived, no bus like this can tell
    assert within_bound(found, 1_000.0)


@pytest.mark.parametrize("part_of_the_way", [0.1, 0.4, 0.7, 0.95])
def test_whoever_stops_half_way_leaves_the_chip_at_rest(part_of_the_way: float) -> None:
    bench = AfeBench(cell=ResistorCell(1_000.0))
    steps = measure(bench.afe, 20_000, RCAL_OHM)
    while bench.clock.now_us < part_of_the_way * 0.15e6:
        bench.clock.now_us += next(steps)
    steps.close()
    assert at_rest(bench)


def test_a_brown_out_on_the_way_is_noticed_and_the_chip_left_at_rest() -> None:
    bench = AfeBench(cell=ResistorCell(1_000.0))
    steps = measure(bench.afe, 20_000, RCAL_OHM)
    fell = False
    with pytest.raises(DriverError):  # noqa: PT012 - the supply fails between two steps of one run
        for wait_us in steps:
            bench.clock.now_us += wait_us
            if not fell and bench.clock.now_us > 80_000:
                fell = True
                bench.chip.brown_out(bench.clock.now_us)
    assert at_rest(bench)


@pytest.mark.parametrize("hertz", [0, 999, 50_001, -20_000])
def test_a_frequency_outside_its_range_is_refused_before_anything_is_switched_on(hertz: int) -> None:
    bench = AfeBench(cell=ResistorCell(1_000.0))
    with pytest.raises(BadRequest, match="frequency_out_of_range"):
        measured(bench, hertz)
    assert bench.afe.bus.transfers == 0
