"""Colour pads on simulated strips: a clean pour beside, kinetics, pH, drink colour, and every reading that is none."""

from __future__ import annotations

import copy
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest

from firmware.detection import kinetics
from firmware.detection.colour import evaluate_colour
from firmware.detection.colour_test import ColourTest, absorption, unmix
from simulators.strip.colour import Optics
from simulators.strip.colour import k_over_s as simulators_absorption
from tests.support.colour_tests import GBL_DOSE_MOL_L, GHB_DOSE_MOL_L, calibration, judged, pours, simulated

DOSES = {"GHB": GHB_DOSE_MOL_L, "GBL": GBL_DOSE_MOL_L}
CLEAR = ("water", "vodka", "lager", "white_wine", "gin_tonic", "cola", "energy_drink")


@pytest.mark.parametrize("drug", ["GHB", "GBL"])
def test_beside_a_clean_pour_a_dose_is_found_and_a_clean_drink_is_negative(drug: str) -> None:
    runs = [(drink, n, t) for drink in CLEAR for n, t in enumerate((5.0, 20.0, 29.0))]
    spiked = [judged(simulated(d, {drug: DOSES[drug]}, f"s{n}", temperature_c=t), drug) for d, n, t in runs]
    clean = [judged(simulated(d, {}, f"c{n}", temperature_c=t), drug) for d, n, t in runs]
    assert np.mean([v.verdict == "positive" for v in spiked]) >= 0.9
    assert not any(v.verdict == "negative" for v in spiked)
    assert not any(v.verdict == "positive" for v in clean)
    assert np.mean([v.verdict == "negative" for v in clean]) >= 0.9


def test_the_concentration_is_right_and_its_interval_holds_it_at_any_temperature() -> None:
    found = [
        (level, judged(simulated(drink, {"GHB": level * GHB_DOSE_MOL_L}, f"q{n}", temperature_c=t)).analytes[0])
        for n, (drink, t) in enumerate((d, t) for d in CLEAR for t in (6.0, 18.0, 28.0))
        for level in (0.3, 0.8)
    ]
    answered = [(level, one) for level, one in found if one.concentration_mol_l is not None]
    assert len(answered) >= 0.9 * len(found)
    ratio = [one.concentration_mol_l / (level * GHB_DOSE_MOL_L) for level, one in answered]
    assert float(np.median(ratio)) == pytest.approx(1.0, abs=0.15)
    held = [
        one.ci_low <= level * GHB_DOSE_MOL_L and (one.ci_high is None or level * GHB_DOSE_MOL_L <= one.ci_high)
        for level, one in answered
    ]
    assert np.mean(held) >= 0.88


def test_base_or_acid_alone_never_reads_as_a_drug() -> None:
    said: Counter[str] = Counter()
    reasons = set()
    for n, drink in enumerate(("water", "vodka", "lager", "cola", "white_wine", "orange_juice")):
        for base in (-0.03, 0.01, 0.03, 0.1):
            for drug in ("GHB", "GBL"):
                found = judged(simulated(drink, {}, f"ph{n}", base_mol_l=base), drug)
                said[found.verdict] += 1
                reasons.add(found.reason.split(":")[-1].split(",")[0].strip())
    assert said["positive"] == 0
    assert said["inconclusive"] > 10
    assert "pH explains the colour" in reasons


def test_an_indicator_pad_alone_never_says_positive() -> None:
    """Bromocresol green sold as a GHB test: blue in any drink above pH 5.5."""
    document = copy.deepcopy(calibration())
    entry = next(e for e in document["analytes"] if e["name"] == "GHB")
    acid, basic = (np.array(end) for end in document["indicators"]["ph"])
    shape = (basic - acid) / np.max(np.abs(basic - acid))
    entry.update({"pad": "ph", "ph_only": True, "dye": shape.tolist(), "early_share": [-1e9, 1e9]})
    document["analytes"] = [entry]
    found = evaluate_colour(document, pours(simulated("vodka", {}, "bcg"))[0])
    assert found.verdict == "inconclusive"
    assert "pH explains the colour" in found.reason


def test_a_salt_too_little_for_the_enzyme_still_keeps_an_acid_drink_from_being_called_negative() -> None:
    test, clean = pours(simulated("lemonade", {}, "salt", base_mol_l=0.006))
    assert clean is not None
    document = calibration()
    only = {**document, "analytes": [e for e in document["analytes"] if e["name"] == "GHB"]}
    found = evaluate_colour(only, test, clean)
    assert found.verdict == "inconclusive"
    assert "more basic" in found.reason


def test_readings_come_inside_the_window_or_not_at_all() -> None:
    late = judged(simulated("water", {}, "late", times_s=(-5.0, 960.0)))
    early = judged(simulated("water", {"GHB": 2 * GHB_DOSE_MOL_L}, "early", times_s=(-5.0, 60.0, 300.0)))
    assert (late.verdict, early.verdict) == ("invalid", "invalid")
    assert "too late" in late.reason
    assert early.reason.startswith("not yet")
    both = judged(simulated("water", {}, "both", times_s=(-5.0, 600.0, 1500.0)))
    assert both.verdict == "negative"  # what comes after the window does not count


def test_a_spiked_clean_pour_never_makes_a_negative() -> None:
    one = simulated("water", {"GHB": GHB_DOSE_MOL_L}, "both pours")
    other = simulated("water", {"GHB": GHB_DOSE_MOL_L}, "beside")
    one.clean = other.readings
    found = judged(one)
    assert found.verdict == "inconclusive"
    assert "clean pour colours" in found.reason


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"used_before": True}, "before any drink"),
        ({"wetted": False}, "dry or half-wetted"),
        ({"optics": Optics(leak_uw_cm2=80.0)}, "light from outside"),
        ({"optics": Optics(brightness=0.05)}, "reference pad is dark"),
        ({"temperature_c": 55.0}, "outside the"),
    ],
)
def test_a_test_that_is_no_measurement_is_invalid_with_its_reason(change: dict[str, Any], word: str) -> None:
    found = judged(simulated("lager", {"GHB": GHB_DOSE_MOL_L}, "wrong", **change))
    assert found.verdict == "invalid"
    assert word in found.reason


def test_sound_tests_are_not_refused() -> None:
    seen = Counter(
        judged(simulated(drink, {}, f"ok{n}", temperature_c=8.0 + n, lot=lot)).verdict
        for drink in ("water", "red_wine", "dark_beer", "cola", "tonic")
        for n, lot in enumerate(("C1", "C2", "unseen"))
    )
    assert seen["invalid"] == 0


def test_saturated_readings_are_left_out_and_a_saturated_pad_is_invalid() -> None:
    one = simulated("water", {"GHB": GHB_DOSE_MOL_L}, "clipped")
    inside = [r for r in one.readings if r.pad == "GHB" and 540 <= r.time_s <= 900]
    inside[0].saturated = True
    assert judged(one).verdict == "positive"
    inside[1].saturated = True
    found = judged(one)
    assert found.verdict == "invalid"
    assert "saturated" in found.reason


def test_a_missing_pad_channel_or_temperature_is_named() -> None:
    one = simulated("water", {}, "less")
    test, _ = pours(one)
    test.temperature_c = None
    assert "temperature" in evaluate_colour(calibration(), test).reason
    one.readings = [r for r in one.readings if r.pad != "buffer"]
    assert "the buffer pad was not read" in judged(one).reason
    for r in one.readings:
        r.lit.pop("F8")
        r.unlit.pop("F8")
    assert "7 channels of 8" in judged(one).reason


def test_another_calibration_is_the_callers_fault() -> None:
    with pytest.raises(ValueError, match="colour_calibration"):
        evaluate_colour({"schema": "waakzaam.calibration/1"}, ColourTest())


def test_the_exponential_of_our_own_is_the_exponential() -> None:
    for x in np.linspace(-59.0, 8.0, 400):
        assert kinetics.exponential(float(x)) == pytest.approx(math.exp(x), rel=2e-6)
    assert kinetics.exponential(-1e6) == 0.0
    slow = kinetics.rate_per_s({"rate_per_s": 0.01, "activation_j_mol": 50_000.0}, 5.0)
    assert slow == pytest.approx(0.01 * math.exp(-50_000 / 8.314 * (1 / 278.15 - 1 / 298.15)), rel=1e-5)


def test_absorption_is_that_of_kubelka_and_munk_and_unmixing_finds_what_was_mixed() -> None:
    for r in (0.05, 0.3, 0.7, 0.95):
        assert absorption(r) == pytest.approx(float(simulators_absorption(r)))
    dye, drink = [0.2, 0.6, 1.0, 0.4], [1.0, 0.7, 0.4, 0.1]
    values = [0.5 * a + 0.02 * b + 0.3 for a, b in zip(dye, drink, strict=True)]
    amount, sd, _ = unmix(values, [1e-3] * 4, (dye, drink), 0.3)
    assert amount == pytest.approx(0.5, abs=2e-3)
    alike = unmix(values, [1e-3] * 4, (dye, dye), 0.3)
    assert alike[1] > 10 * sd  # a drink coloured like the dye: known to be unknown
