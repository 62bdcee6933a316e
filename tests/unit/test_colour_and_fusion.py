"""Colour pads on simulated strips: paired reading, pH, late reads; and the fusion of several strips into one answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from firmware.detection.colour import evaluate_colour
from firmware.detection.fusion import fuse
from firmware.detection.verdict import AnalyteVerdict, invalid, together
from sensor_models import colour_calibration, feasibility
from simulators.strip.chemistry import drinks
from simulators.strip.colour_readings import PadReading, simulate_colour_test

CHANNELS = ("F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8")
SEED = 5


def _pads(readings: tuple[PadReading, ...], time_s: float) -> dict[str, Any]:
    return {one.pad: (one.lit[:8], one.unlit[:8]) for one in readings if one.time_s == time_s}


def _test(matrix: str, ghb: float, seed: str, *, paired: bool = True, time_s: float = 600.0) -> dict[str, Any]:
    spikes = {"GHB": ghb} if ghb else {}
    made = simulate_colour_test(matrix, spikes, seed=seed, paired=paired, times_s=(time_s,), lot=f"C{len(seed) % 3}")
    saturated = any(one.saturated for one in made.readings)
    clean = None if made.clean_pour is None else _pads(made.clean_pour, time_s)
    return {"pads": _pads(made.readings, time_s), "time_s": time_s, "saturated": saturated, "clean": clean}


@pytest.fixture(scope="module")
def calibration() -> dict[str, Any]:
    dose = feasibility.dose_mol_l("GHB", 330.0)
    assert dose is not None
    tests = []
    names = tuple(drinks())
    for n in range(96):
        level = (0.0, 0.0, 0.25, 0.5, 1.0, 2.0, 4.0)[n % 7]
        matrix = names[(5 * n) % len(names)]
        one = _test(matrix, level * dose, f"cal{n}")
        tests.append(colour_calibration.KnownTest("C1", matrix, {"GHB": level * dose}, one))
    return colour_calibration.calibrate([("GHB", "GHB", dose)], CHANNELS, tests, alpha=0.002, expiry="2100-01-01")


def test_beside_a_clean_pour_a_dose_colours_the_pad_and_a_clean_drink_does_not(calibration: dict[str, Any]) -> None:
    dose = calibration["analytes"][0]["dose_mol_l"]
    clear = ("water", "vodka", "lager", "white_wine")
    spiked = [evaluate_colour(calibration, _test(d, 2 * dose, f"s{k}")) for d in clear for k in range(5)]
    clean = [evaluate_colour(calibration, _test(d, 0.0, f"c{k}")) for d in clear for k in range(5)]
    assert np.mean([v.verdict == "positive" for v in spiked]) >= 0.9
    assert not any(v.verdict == "negative" for v in spiked)
    assert not any(v.verdict == "positive" for v in clean)
    assert np.mean([v.verdict == "negative" for v in clean]) >= 0.9


def test_a_late_reading_is_void_and_a_saturated_one_is_none(calibration: dict[str, Any]) -> None:
    late = evaluate_colour(calibration, _test("water", 0.0, "late", time_s=960.0))
    assert late.verdict == "invalid"
    assert "too late" in late.reason
    clipped = {**_test("water", 0.0, "x"), "saturated": True}
    assert evaluate_colour(calibration, clipped).verdict == "invalid"


def test_a_colour_that_ph_explains_is_inconclusive_never_positive(calibration: dict[str, Any]) -> None:
    dose = calibration["analytes"][0]["dose_mol_l"]
    basic = _test("water", 4 * dose, "basic")
    sour = _test("cola", 0.0, "sour")
    found = evaluate_colour(calibration, {**basic, "clean": {**basic["clean"], "ph": sour["clean"]["ph"]}})
    assert found.verdict == "inconclusive"
    assert "pH" in found.reason
    alone = evaluate_colour(calibration, {**basic, "clean": None})
    assert alone.verdict == "inconclusive"


def test_a_covered_lamp_or_a_missing_pad_is_invalid(calibration: dict[str, Any]) -> None:
    one = _test("water", 0.0, "dark")
    dark = {**one, "pads": {**one["pads"], "white": (one["pads"]["white"][1], one["pads"]["white"][1])}}
    assert evaluate_colour(calibration, dark).verdict == "invalid"
    missing = {**one, "pads": {k: v for k, v in one["pads"].items() if k != "buffer"}}
    assert "buffer" in evaluate_colour(calibration, missing).reason


def _says(name: str, verdict: str) -> Any:
    return together([AnalyteVerdict(name, verdict, f"{name} {verdict}")])


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["positive", "positive"], "positive"),
        (["negative", "inconclusive"], "negative"),
        (["positive", "negative"], "inconclusive"),
        (["inconclusive", "inconclusive"], "inconclusive"),
    ],
)
def test_strips_that_contradict_each_other_give_no_answer(verdicts: list[str], expected: str) -> None:
    found = fuse([_says("ketamine", verdict) for verdict in verdicts], ["ketamine"])
    assert found.verdict == expected
    assert found.reason


def test_a_drug_that_no_strip_saw_is_never_negative() -> None:
    found = fuse([_says("ketamine", "negative"), invalid("dry strip")], ["ketamine", "GHB"])
    assert found.verdict == "inconclusive"
    assert "not tested for GHB: dry strip" in found.reason
