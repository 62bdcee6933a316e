"""Strips that are no measurement, from the simulator: drifted reference, dry, used before; and sound ones that pass."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from firmware.detection import evaluate
from firmware.detection.peaks import Fit
from firmware.detection.quality import CLEAR_PEAK, EDGE_V, drifted, used_before
from sensor_models import detection, judging
from sensor_models.scans import RecordedScan
from simulators.strip import Condition, load_strip, simulate_scan, write_scans_csv
from simulators.strip.chemistry import concentration_mol_l, doses_mg, drinks
from simulators.strip.scans import Scan
from tests.support.source_tree import ROOT

STRIP = load_strip(ROOT / "sensor_models/strips/ketamine_screen.toml")
DOSE_MOL_L = concentration_mol_l("ketamine", doses_mg()["ketamine"][0], STRIP.volume_ml)
LOTS = ("L1", "L2", "L3")


@pytest.fixture(scope="module")
def calibration() -> dict[str, Any]:
    """The product's own (`python -m waakzaam.strip_calibrations ketamine_screen` makes it)."""
    path = ROOT / "sensor_models/strips/ketamine_screen.calibration.json"
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_the_products_calibration_holds_what_the_rules_here_need(calibration: dict[str, Any]) -> None:
    assert {"background_low_a", "background_high_a"} <= set(calibration["quality"])
    assert all("drift_v" in peak for peak in calibration["model"]["peaks"])


def _simulated(n: int, spiked: bool, condition: Condition) -> Scan:
    names = tuple(drinks())
    return simulate_scan(
        STRIP,
        names[n % len(names)],
        {"ketamine": DOSE_MOL_L} if spiked else {},
        temperature_c=18.0 + n % 8,
        lot=LOTS[n % 3],
        seed=f"quality {n}",
        condition=condition,
        scan_id=f"s{n}",
    )


def _recorded(one: Scan) -> RecordedScan:
    net = one.forward_a - one.reverse_a
    return RecordedScan(one.scan_id, one.lot, one.matrix, "", None, one.potential_v, one.forward_a, one.reverse_a, net)


def _judged(calibration: dict[str, Any], count: int, spiked: bool, condition: Condition) -> list[dict[str, Any]]:
    scans = [_recorded(_simulated(n, spiked, condition)) for n in range(count)]
    return [one.to_json() for one in detection.judge(calibration, scans)]


def test_fresh_strips_are_not_refused(calibration: dict[str, Any]) -> None:
    found = [v for spiked in (False, True) for v in _judged(calibration, 96, spiked, Condition())]
    wrong = [v["reason"] for v in found if v["verdict"] == "invalid"]
    assert len(wrong) <= 3, wrong  # of 192: the false-invalid rate stays under about 2 %


@pytest.mark.parametrize("shift_v", [-0.08, -0.06, 0.06, 0.12])
def test_a_drifted_reference_is_told_by_the_peaks_and_never_reads_as_negative(
    calibration: dict[str, Any], shift_v: float
) -> None:
    found = _judged(calibration, 32, True, Condition(reference_shift_v=shift_v))
    said = Counter(v["verdict"] for v in found)
    assert said["negative"] == 0
    if abs(shift_v) == 0.06:  # further off, the peaks are not found any more: inconclusive
        assert sum("reference electrode has drifted" in v["reason"] for v in found) >= 16, said


# -- the drift rule alone ---------------------------------------------------------------------------------------------
def _model(*drifts_v: float | None) -> dict[str, Any]:
    """A model of one peak per figure, each with its `drift_v`, well inside the window."""
    peaks = [{"potential_v": 0.6 + 0.2 * k, "shift_sd_v": 0.01, "drift_v": v} for k, v in enumerate(drifts_v)]
    return {"window_v": [0.4, 1.2], "peaks": peaks}


def _fit(shifts_v: tuple[float, ...], heights: tuple[float, ...] | None = None) -> Fit:
    fit = Fit(len(shifts_v), 100)
    fit.shift = [v / 0.01 for v in shifts_v]
    fit.height = list(heights or [100.0] * len(shifts_v))
    fit.height_sd = [1.0] * len(shifts_v)
    return fit


@pytest.mark.parametrize(
    ("drifts_v", "fit", "told"),
    [
        ((0.03,), _fit((0.031,)), True),
        ((0.03,), _fit((-0.031,)), True),
        ((0.03,), _fit((0.029,)), False),
        ((0.03,), _fit((0.031,), (CLEAR_PEAK - 0.1,)), False),  # too small to tell its place
        ((None,), _fit((0.2,)), False),  # drinks move it themselves
        ((0.03, 0.05), _fit((0.06, 0.06)), True),
        ((0.03, 0.05), _fit((0.06, -0.06)), False),  # to both sides: not drift
        ((0.03, 0.05), _fit((0.06, 0.01)), False),  # together not further than both may lie
        ((0.03, 0.05), _fit((0.06, 0.01), (100.0, 1.0)), True),  # the second is not there
        ((0.03,), _fit((-0.19,)), False),  # its top stands at the window's edge
        ((0.03,), _fit((float(EDGE_V) - 0.16,)), True),  # its top stands clear of it
    ],
)
def test_clear_peaks_that_all_lie_off_to_one_side_are_a_drifted_reference(
    drifts_v: tuple[float | None, ...], fit: Fit, told: bool
) -> None:
    why = drifted(_model(*drifts_v), fit)
    assert (why is not None) == told, why
    if why is not None:
        assert "fresh strip, test again" in why


def test_a_scan_whose_known_peak_lies_off_is_invalid_by_that_rule(calibration: dict[str, Any]) -> None:
    """Red when the rule is taken out of the core or of the batch."""
    words = "the reference electrode has drifted: 1 known peak is"
    found = _judged(calibration, 24, True, Condition(reference_shift_v=0.06))
    assert sum(words in one["reason"] for one in found) >= 8
    alone = evaluate(calibration, _recorded(_simulated(0, True, Condition(reference_shift_v=0.06))).for_detector())
    assert "the reference electrode has drifted" in alone.reason


def test_the_core_itself_says_drift_where_the_batch_does(calibration: dict[str, Any]) -> None:
    scan = _recorded(_simulated(0, True, Condition(reference_shift_v=-0.07)))
    assert evaluate(calibration, scan.for_detector()).reason == detection.judge(calibration, [scan])[0].verdict.reason


def test_a_strip_that_drink_hardly_reached_is_never_negative_for_a_dose(calibration: dict[str, Any]) -> None:
    for wetted in (0.3, 0.1, 0.05):
        found = _judged(calibration, 32, True, Condition(wetted=wetted))
        assert not any(v["verdict"] == "negative" for v in found), wetted
        dry = sum("half-wetted" in v["reason"] for v in found)
        assert dry >= (0 if wetted > 0.2 else 30), (wetted, dry)


def test_a_strip_number_is_read_once(tmp_path: Path, calibration: dict[str, Any]) -> None:
    assert used_before("", {""}) is None
    assert used_before("A7", {"A7"})
    path = tmp_path / "scans.csv"
    write_scans_csv(path, [_simulated(n, False, Condition()) for n in range(3)])
    lines = path.read_text(encoding="utf-8").splitlines()
    number = {"s0": "A1", "s1": "A2", "s2": "A1"}
    lines = [lines[0] + ",strip_id"] + [f"{line},{number[line.split(',')[0]]}" for line in lines[1:]]
    path.write_text("\n".join(lines), encoding="utf-8")
    used: set[str] = set()
    found, faults = judging.judge_file(calibration, path, used)
    assert not faults
    assert [one.verdict.verdict == "invalid" for one in found] == [False, False, True]
    assert "strip A1 was used before" in found[2].verdict.reason
    again, _ = judging.judge_file(calibration, path, used)
    assert all("used before" in one.verdict.reason for one in again)
