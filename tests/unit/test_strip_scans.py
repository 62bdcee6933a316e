"""Scans of simulated strips: what varies, what does not, and the file they are written to."""

from __future__ import annotations

import csv
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simulators.strip import Condition, Lot, Scan, Strip, UnknownSubstance, dose_scan, load_strip, simulate_scan
from simulators.strip.background import noise_a
from simulators.strip.cell import StripCell
from simulators.strip.chemistry import concentration_mol_l, drinks, strip_of
from simulators.strip.scans import COLUMNS, write_scans_csv


@pytest.fixture(scope="module")
def strip(root: Path) -> Strip:
    return load_strip(root / "sensor_models/strips/ketamine_screen.toml")


def net(scan: Scan) -> np.ndarray:
    return scan.forward_a - scan.reverse_a


def height(scan: Scan, window: tuple[float, float] = (0.7, 1.0)) -> float:
    """Net current at the window's top above the line through its ends: a crude reading, enough for orders."""
    inside = (scan.potential_v >= window[0]) & (scan.potential_v <= window[1])
    values = net(scan)[inside]
    return float((values - np.linspace(values[0], values[-1], values.size)).max())


def quiet(strip: Strip) -> Strip:
    return replace(strip, adc_noise_a=1e-12)


def test_the_same_arguments_give_the_same_scan(strip: Strip) -> None:
    one = dose_scan(strip, "lager", "ketamine", 75.0, seed=5)
    two = dose_scan(strip, "lager", "ketamine", 75.0, seed=5)
    other = dose_scan(strip, "lager", "ketamine", 75.0, seed=6)
    assert np.array_equal(one.forward_a, two.forward_a)
    assert not np.array_equal(one.forward_a, other.forward_a)


def test_where_a_peak_lies_does_not_depend_on_what_was_simulated_before() -> None:
    program = (
        "from simulators.strip.responses import peak_offsets_v as o; from simulators.strip.chemistry import species"
    )
    each = "print(o((species()['ketamine'],))['ketamine'].hex())"
    alone, after = (
        subprocess.run([sys.executable, "-c", f"{program}; {before}{each}"], capture_output=True, text=True, check=True)
        for before in ("", "o(tuple(species().values())); ")
    )
    assert alone.stdout == after.stdout != ""


def test_a_dose_in_a_volume_is_the_concentration_of_the_science_notes() -> None:
    assert concentration_mol_l("ketamine", 75.0, 330.0) == pytest.approx(0.956e-3, rel=0.002)
    assert concentration_mol_l("flunitrazepam", 1.0, 330.0) == pytest.approx(9.67e-6, rel=0.002)


def test_a_spiked_drink_has_a_peak_where_a_clean_one_has_none(strip: Strip) -> None:
    for matrix in ("water", "lager", "vodka", "red_wine"):
        clean = [height(dose_scan(strip, matrix, "ketamine", 0.0, seed=s)) for s in range(4)]
        spiked = [height(dose_scan(strip, matrix, "ketamine", 75.0, seed=s)) for s in range(4)]
        assert min(spiked) > 4 * max(clean), matrix


def test_the_response_is_linear_when_dilute_and_saturates_at_doses(strip: Strip) -> None:
    def mean(amount: float) -> float:
        return float(
            np.mean([height(simulate_scan(quiet(strip), "water", {"ketamine": amount}, seed=s)) for s in range(12)])
        )

    assert mean(1e-4) / mean(5e-5) == pytest.approx(2.0, rel=0.15)
    assert mean(6e-3) / mean(1e-3) < 3.5


def test_lots_differ_more_than_strips_of_one_lot_repeat(strip: Strip) -> None:
    assert {Lot.named(f"L{i}").sensitivity for i in range(5)} == {Lot.named(f"L{i}").sensitivity for i in range(5)}
    spread = [
        np.std(np.log([height(dose_scan(strip, "water", "ketamine", 75.0, lot=lot, seed=s)) for s in range(30)]))
        for lot in ("L1", "L2")
    ]
    assert all(0.04 < value < 0.14 for value in spread)


def test_what_a_detector_may_take_for_granted_is_varied(strip: Strip) -> None:
    """Peak place, width, background shape and noise colour all move from strip to strip."""
    places, widths, slopes, colours = [], [], [], []
    for seed in range(24):
        scan = dose_scan(quiet(strip), "water", "ketamine", 75.0, seed=seed, temperature_c=4.0 + seed)
        inside = (scan.potential_v > 0.6) & (scan.potential_v < 1.1)
        values = net(scan)[inside] - net(scan)[inside].min()
        places.append(scan.potential_v[inside][int(np.argmax(values))])
        widths.append(np.count_nonzero(values > values.max() / 2) * strip.waveform.step_v)
        blank = net(dose_scan(strip, "water", "ketamine", 0.0, seed=seed))
        slopes.append((blank[-1] - blank[0]) / blank.mean())
        rest = np.diff(blank)
        colours.append(np.corrcoef(rest[:-1], rest[1:])[0, 1])
    assert np.ptp(places) > 0.015
    assert np.ptp(widths) > 0.010
    assert np.ptp(slopes) > 0.3
    assert np.ptp(colours) > 0.1


def test_noise_is_not_white_and_its_colour_differs_from_strip_to_strip(strip: Strip) -> None:
    """Slow end of the spectrum over the fast end (mains aliases to zero here); white noise would give 1."""
    ratios = []
    for seed in range(200):
        series = noise_a(strip.waveform, 1e-8, np.random.default_rng(seed)).T.ravel()
        power = np.abs(np.fft.rfft(series))[1:] ** 2
        ratios.append(power[5 : power.size // 8].mean() / power[power.size // 2 : -5].mean())
    assert np.mean(ratios) > 1.3
    assert np.std(ratios) > 0.2


def test_acid_drinks_move_a_peak_whose_potential_depends_on_ph(root: Path) -> None:
    nitro = load_strip(root / "sensor_models/strips/nitro_screen.toml")

    def place(matrix: str) -> float:
        tops = []
        for seed in range(10):
            scan = simulate_scan(quiet(nitro), matrix, {"flunitrazepam": 3e-4}, seed=seed)
            inside = (scan.potential_v > -0.85) & (scan.potential_v < -0.6)
            tops.append(scan.potential_v[inside][int(np.argmin(net(scan)[inside]))])
        return float(np.mean(tops))

    assert place("lemonade") - place("water") == pytest.approx(0.010 * (7.2 - 2.7), abs=0.015)


def test_ethanol_slows_diffusion_and_warmth_helps(strip: Strip) -> None:
    def mean(matrix: str, temperature_c: float) -> float:
        return float(
            np.mean(
                [
                    height(dose_scan(strip, matrix, "ketamine", 75.0, seed=s, temperature_c=temperature_c))
                    for s in range(15)
                ]
            )
        )

    assert mean("vodka", 22.0) < 0.8 * mean("water", 22.0)
    assert mean("water", 28.0) > 1.1 * mean("water", 6.0)


def test_half_wetted_and_worn_electrodes_give_less(strip: Strip) -> None:
    whole = height(dose_scan(strip, "water", "ketamine", 75.0, seed=1))
    half = height(dose_scan(strip, "water", "ketamine", 75.0, seed=1, condition=Condition(wetted=0.5)))
    worn = height(dose_scan(strip, "water", "ketamine", 75.0, seed=1, condition=Condition(activity=0.6)))
    assert half == pytest.approx(0.5 * whole, rel=0.1)
    assert worn == pytest.approx(0.6 * whole, rel=0.1)


def test_currents_stop_at_the_range_of_the_converter(strip: Strip) -> None:
    small = replace(strip, rtia_ohm=512_000.0)
    scan = dose_scan(small, "cola", "ketamine", 300.0, seed=1)
    assert np.abs(scan.forward_a).max() == pytest.approx(0.9 / 512_000.0)


def test_oxygen_interferes_with_a_reduction(root: Path) -> None:
    nitro = load_strip(root / "sensor_models/strips/nitro_screen.toml")
    water = simulate_scan(nitro, "water", {}, seed=1)
    lager = simulate_scan(nitro, "lager", {}, seed=1)
    near = np.abs(water.potential_v + 0.35) < 0.1
    assert net(water)[near].min() < 3 * net(lager)[near].min() < 0.0


def test_the_smallest_strip_definition_of_the_design_is_enough() -> None:
    smallest = {
        "name": "heldout", "technique": "swv", "alpha": 0.05, "beta": 0.05,
        "waveform": {"amplitude_v": 0.025, "step_v": 0.004, "frequency_hz": 25},
        "analyte": [{"name": "ketamine", "peak_window_v": [0.70, 1.00], "model": "linear"}],
    }  # fmt: skip
    strip = strip_of(smallest)
    assert strip.waveform.start_v < 0.7
    assert strip.waveform.end_v > 1.0
    assert height(dose_scan(strip, "water", "ketamine", 75.0)) > 1e-6


def test_an_unknown_drug_or_drink_is_named(strip: Strip) -> None:
    with pytest.raises(UnknownSubstance, match="unobtainium"):
        simulate_scan(strip, "water", {"unobtainium": 1e-3})
    with pytest.raises(UnknownSubstance, match="petrol"):
        simulate_scan(strip, "petrol", {})


def test_every_drink_can_be_tested_and_there_are_enough_of_them(strip: Strip) -> None:
    assert len(drinks()) >= 24
    for matrix in drinks():
        assert np.all(np.isfinite(net(simulate_scan(strip, matrix, {}, seed=0))))


def test_thousands_of_scans_take_seconds(strip: Strip) -> None:
    simulate_scan(strip, "water", {})  # responses are solved once
    start = time.process_time()
    for seed in range(300):
        dose_scan(strip, "cola", "ketamine", 75.0, seed=seed)
    assert 300 / (time.process_time() - start) > 100.0, "scans a second of processor time"


def test_the_file_has_the_columns_of_the_design_and_one_row_a_step(strip: Strip, tmp_path: Path) -> None:
    scans = [dose_scan(strip, "lager", "ketamine", dose, seed=s) for s, dose in enumerate((0.0, 75.0))]
    path = tmp_path / "scans.csv"
    rows = write_scans_csv(path, scans)
    with path.open(newline="") as file:
        read = list(csv.DictReader(file))
    assert tuple(read[0]) == COLUMNS
    assert len(read) == rows == 2 * scans[0].potential_v.size
    assert float(read[0]["concentration_mol_l"]) == 0.0
    assert [float(r["forward_a"]) for r in read[: rows // 2]] == pytest.approx(list(scans[0].forward_a), rel=1e-5)
    assert list(tmp_path.iterdir()) == [path]


def test_the_command_writes_a_seeded_set_and_refuses_bad_input_in_one_line(root: Path, tmp_path: Path) -> None:
    strip = root / "sensor_models/strips/ketamine_screen.toml"
    command = [sys.executable, "-m", "simulators.strip", "--strip", str(strip), "--blanks", "2", "--repeats", "1"]
    for name in ("one.csv", "two.csv"):  # two processes, so that nothing is remembered
        subprocess.run(
            [*command, "--out", str(tmp_path / name), "--lots", "L1"], check=True, capture_output=True, cwd=root
        )
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()
    wrong = subprocess.run(
        [*command, "--out", str(tmp_path / "x.csv"), "--matrices", "petrol"],
        check=False,
        capture_output=True,
        text=True,
        cwd=root,
    )
    assert wrong.returncode == 2
    assert wrong.stderr.count("\n") == 1
    assert "petrol" in wrong.stderr
    assert not (tmp_path / "x.csv").exists()


def test_the_cell_gives_the_peak_that_the_scan_has(strip: Strip) -> None:
    """The cell is stepped in time by the potentials themselves; the scan comes from solved responses."""
    wave = strip.waveform
    ratios = []
    for seed in range(3):
        cell = StripCell("water", {"ketamine": 1e-3}, seed=seed, noise_a=0.0, mains_a=0.0, wetting_s=0.1)
        cell.apply(wave.start_v, 0.0, 0.0)
        now_us = 2e6
        currents = []
        for potential in wave.halves_v():
            cell.apply(float(potential), 0.0, now_us)
            currents.append(cell.current_a(now_us + 0.98e6 * wave.half_period_s))
            now_us += 1e6 * wave.half_period_s
        net_cell = np.array(currents[::2]) - np.array(currents[1::2])
        steps = wave.steps_v()
        inside = (steps >= 0.7) & (steps <= 1.0)
        values = net_cell[inside] - np.linspace(net_cell[inside][0], net_cell[inside][-1], np.count_nonzero(inside))
        scan = simulate_scan(quiet(strip), "water", {"ketamine": 1e-3}, seed=seed)
        assert values.max() > 1e-6
        assert steps[inside][int(np.argmax(values))] == pytest.approx(0.86, abs=0.04)
        ratios.append(values.max() / cell.dip.sensitivity / (height(scan)))
    assert np.mean(ratios) == pytest.approx(1.0, rel=0.2)


def test_a_dry_strip_is_open_and_wetting_is_gradual() -> None:
    dry = StripCell("water", {}, wet_at_us=float("inf"))
    dry.apply(0.5, 0.0, 0.0)
    assert abs(dry.current_a(1e6)) < 1e-9
    cell = StripCell("water", {}, wet_at_us=1e6, wetting_s=2.0)
    cell.apply(0.5, 0.0, 0.0)
    assert abs(cell.current_a(0.9e6)) < 1e-9
    assert cell.wetted(2.0) == pytest.approx(0.5)
    assert abs(cell.current_a(1.2e6)) > 1e-8
