"""The real AD5941 driver against the register simulator written from the same notes by other hands."""

from __future__ import annotations

import pytest

from firmware.drivers import ad5941_selftest as selftest
from firmware.drivers.ad5941_scan import ScanPlan, Trace, scan
from firmware.drivers.errors import BusFault, ChipFault, DriverError, NoAnswer, WrongChip
from simulators.ad5941 import Ad5941, OpenCell, Part, RandlesCell, ResistorCell, ShortCell, Variants
from waakzaam.rigs.afe import DUMMY_OHM, AfeBench

WET_STRIP = (1_000.0, 1e6, 1.4e-6)


def a_plan(start_v: float = 0.0, end_v: float = 0.4, rtia_ohm: int = 10_000) -> ScanPlan:
    return ScanPlan(round(start_v * 1e6), round(end_v * 1e6), 4_000, 25_000, 25_000, rtia_ohm)


def started(bench: AfeBench) -> AfeBench:
    bench.run(selftest.self_test(bench.afe, bench.dummy, DUMMY_OHM, (8,)))
    return bench


def test_a_sound_chip_passes_its_self_test_and_leaves_no_hazard_behind() -> None:
    bench = started(AfeBench())
    assert not bench.chip.hazards


@pytest.mark.parametrize("seed", range(8))
def test_the_self_test_measures_the_feedback_resistor_of_each_part(seed: int) -> None:
    bench = AfeBench(Ad5941(part=Part.drawn(seed)))
    evidence = bench.run(selftest.self_test(bench.afe, bench.dummy, DUMMY_OHM, (8, 15)))
    assert 3.2 < evidence["supply_v"] < 3.4
    assert evidence["potential_error_v"] < 0.005
    # the truth: a resistor in the strip's place must then be measured right
    bench.put(ResistorCell(22_000.0))
    trace = run_scan(bench, a_plan())
    for point in (5, 50, 100):
        expected = (trace.potential_v(point) + 0.025) / 22_000.0
        assert trace.forward_a(point) == pytest.approx(expected, rel=0.01, abs=60e-9)


def run_scan(bench: AfeBench, plan: ScanPlan) -> Trace:
    trace = Trace(plan, 3.3)
    bench.run(scan(bench.afe, plan, trace))
    return trace


@pytest.mark.parametrize(("start_v", "end_v"), [(0.0, 1.35), (-0.3, -1.1), (0.4, 1.5), (0.6, 1.55)])
def test_every_strip_of_the_catalogue_gets_its_whole_scan_on_a_resistor(start_v: float, end_v: float) -> None:
    bench = started(AfeBench(cell=ResistorCell(100_000.0)))
    plan = a_plan(start_v, end_v)
    trace = run_scan(bench, plan)
    assert trace.filled == 2 * plan.points
    assert trace.saturated == 0
    sign = 1 if end_v > start_v else -1
    for point in range(0, plan.points, 7):
        for pulse, measured in ((sign, trace.forward_a(point)), (-sign, trace.reverse_a(point))):
            expected = (trace.potential_v(point) + pulse * 0.025) / 100_000.0
            assert measured == pytest.approx(expected, rel=0.02, abs=30e-9)
    assert not bench.chip.hazards


READINGS = (
    Variants(adc_reference="gain_1p5_only"),
    Variants(flag_gating="at_event"),
    Variants(software_reset="key_only"),
    Variants(ecc="zero"),
    Variants(adc_input="absolute"),
    Variants(rubbish_reads_after_wake=8),
    Variants(dft_phase="own_start"),
    Variants(dft_scale=1),
)


def other_than_usual(variants: Variants) -> str:
    usual = vars(Variants())
    return " ".join(f"{name}={value}" for name, value in vars(variants).items() if value != usual[name])


def test_every_point_on_which_the_notes_can_be_read_twice_is_among_the_readings() -> None:
    assert {other_than_usual(one).partition("=")[0] for one in READINGS} == set(vars(Variants()))


@pytest.mark.parametrize("variants", READINGS, ids=other_than_usual)
def test_whichever_way_the_notes_are_read_the_scan_is_right(variants: Variants) -> None:
    bench = started(AfeBench(Ad5941(variants=variants)))
    bench.put(ResistorCell(100_000.0))
    trace = run_scan(bench, a_plan(0.0, 1.0))
    assert (trace.filled, trace.saturated) == (2 * trace.plan.points, 0)
    for point in range(0, trace.plan.points, 25):
        expected = (trace.potential_v(point) + 0.025) / 100_000.0
        assert trace.forward_a(point) == pytest.approx(expected, rel=0.02, abs=30e-9)
    bench.put(RandlesCell(*WET_STRIP))
    assert bench.run(selftest.cell_state(bench.afe))[0] == selftest.WET
    bench.put(OpenCell())
    assert bench.run(selftest.cell_state(bench.afe))[0] == selftest.DRY
    assert not bench.chip.hazards
    assert not bench.chip.violations


def test_the_blocks_follow_each_other_without_a_gap_that_matters() -> None:
    bench = started(AfeBench(cell=ResistorCell(100_000.0)))
    trace = run_scan(bench, a_plan(0.0, 1.0))
    assert trace.gap_us_max < 1_000


def test_a_wet_strip_is_told_from_a_dry_one_and_from_a_short() -> None:
    bench = started(AfeBench())
    assert bench.run(selftest.cell_state(bench.afe))[0] == selftest.DRY
    bench.put(RandlesCell(*WET_STRIP))
    assert bench.run(selftest.cell_state(bench.afe))[0] == selftest.WET
    bench.put(ShortCell(5.0))
    assert bench.run(selftest.cell_state(bench.afe))[0] == selftest.SHORT


def test_too_much_current_is_counted_as_saturated() -> None:
    bench = started(AfeBench(cell=ResistorCell(1_000.0)))
    assert run_scan(bench, a_plan(0.0, 0.4)).saturated > 0


@pytest.mark.parametrize("level", [0x00, 0xFF])
def test_a_stuck_data_line_is_a_bus_fault(level: int) -> None:
    bench = AfeBench()
    bench.chip.faults.miso_stuck_at = level
    with pytest.raises(BusFault):
        bench.run(selftest.self_test(bench.afe, bench.dummy, DUMMY_OHM, (8,)))


def test_another_chip_is_refused_by_name() -> None:
    bench = AfeBench(Ad5941(part=Part(chip_id=0x1234)))
    with pytest.raises(WrongChip, match="0x1234"):
        bench.run(selftest.self_test(bench.afe, bench.dummy, DUMMY_OHM, (8,)))


def test_a_missing_reference_resistor_fails_the_self_test() -> None:
    bench = AfeBench()
    bench.dummy_cell = OpenCell()
    with pytest.raises(ChipFault, match="rtia_out_of_range"):
        bench.run(selftest.self_test(bench.afe, bench.dummy, DUMMY_OHM, (8,)))


def test_a_potential_that_does_not_move_fails_the_self_test() -> None:
    bench = AfeBench()
    bench.chip.faults.lpdac_frozen = True
    with pytest.raises(ChipFault, match="potential"):
        bench.run(selftest.self_test(bench.afe, bench.dummy, DUMMY_OHM, (8,)))


def test_a_sequencer_that_never_reports_its_end_is_given_up_in_time() -> None:
    bench = started(AfeBench(cell=RandlesCell(*WET_STRIP)))
    bench.chip.faults.custom_interrupts_stuck = True
    begun = bench.clock.now_us
    with pytest.raises(NoAnswer):
        run_scan(bench, a_plan())
    assert bench.clock.now_us - begun < 10e6


@pytest.mark.parametrize("fault", [{"stale_fifo": True}, {"flip_mosi_bit_every": 900}, {"flip_mosi_bit_every": 4001}])
def test_a_scan_whose_commands_were_corrupted_is_never_returned(fault: dict[str, object]) -> None:
    bench = started(AfeBench(cell=RandlesCell(*WET_STRIP)))
    bench.chip.strict = False
    for name, value in fault.items():
        setattr(bench.chip.faults, name, value)
    with pytest.raises(DriverError):
        run_scan(bench, a_plan())


def test_a_brown_out_in_the_middle_of_a_scan_is_noticed() -> None:
    bench = started(AfeBench(cell=RandlesCell(*WET_STRIP)))
    plan = a_plan()
    steps = scan(bench.afe, plan, Trace(plan, 3.3))
    with pytest.raises(DriverError):  # noqa: PT012 - the supply fails between two steps of one run
        begun_us = bench.clock.now_us
        fell = False
        for wait_us in steps:
            bench.clock.now_us += wait_us
            if not fell and bench.clock.now_us - begun_us > 3_000_000:
                fell = True
                bench.chip.brown_out(bench.clock.now_us)
