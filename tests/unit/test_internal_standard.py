"""A strip whose reference electrode has drifted never calls a spiked drink clean; the internal standard tells it."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from firmware.detection import Scan, evaluate
from firmware.detection.internal_standard import amiss, find
from sensor_models import detection, internal_standard, strip_definition
from sensor_models.errors import CalibrationRefused, MalformedFile
from sensor_models.scans import RecordedScan
from simulators.strip import Condition, simulate_scan
from simulators.strip.ageing import used_strip
from simulators.strip.chemistry import Strip, concentration_mol_l, doses_mg, drinks
from simulators.strip.panel import swv_strips
from tests.support.written_scans import STRIP_TOML, Formula
from waakzaam.benches._detection_panel import STRIPS, recorded
from waakzaam.strip_calibrations import path_of

DRINKS = tuple(drinks())
ALL_STRIPS = {strip.name: strip for strip in swv_strips(STRIPS)}
WITH_STANDARD = [name for name, strip in ALL_STRIPS.items() if strip.standard]
DRIFTS_V = (-0.12, -0.09, -0.06, 0.06, 0.09, 0.12)
NO_ANSWER = ("inconclusive", "invalid")


def calibration(name: str) -> dict[str, Any]:
    return dict(json.loads(path_of(name).read_text(encoding="utf-8")))


def scan(strip: Strip, n: int, drug: str, spiked: bool, condition: Condition, tag: str = "") -> RecordedScan:
    amount = concentration_mol_l(drug, doses_mg()[drug][0], strip.volume_ml) if spiked else 0.0
    one = simulate_scan(
        strip,
        DRINKS[n % len(DRINKS)],
        {drug: amount},
        temperature_c=4.0 + (7 * n) % 27,
        lot=f"P{1 + n % 3}",
        seed=f"standard {tag}{n}",
        condition=condition,
        scan_id=f"{drug} in {DRINKS[n % len(DRINKS)]} {condition.reference_shift_v:+.2f} V",
    )
    return recorded(one, False)


def drugs_of(strip: Strip) -> tuple[str, ...]:
    return (*strip.analytes, *(name for name, _ in strip.also))


@pytest.mark.parametrize("name", ALL_STRIPS)
def test_no_spiked_drink_reads_negative_on_a_strip_whose_reference_has_drifted(name: str) -> None:
    """With what is in the drink varied as well: a good deal more caffeine and quinine than calibration saw."""
    strip = ALL_STRIPS[name]
    every = 3 if strip.standard else 4  # without a standard each scan takes the whole fit
    scans = [
        scan(strip, n, drug, True, Condition(reference_shift_v=drift, carry_over_mol_l=more), tag)
        for k, drift in enumerate(DRIFTS_V)
        for tag, more in (("", ()), ("more ", (("caffeine", 1.5e-3), ("quinine", 1e-4))))
        for drug in drugs_of(strip)
        for n in range(k % every, len(DRINKS), every)
    ]
    judged = detection.judge(calibration(name), scans)
    wrong = [one.scan.scan_id for one in judged if one.verdict.verdict == "negative"]
    assert not wrong, f"{len(wrong)} of {len(scans)}: {wrong[:5]}"
    if name in WITH_STANDARD:
        said = Counter("internal standard" in one.verdict.reason for one in judged)
        assert said[True] >= 0.9 * len(scans), said


@pytest.mark.parametrize("name", WITH_STANDARD)
def test_fresh_strips_pass_and_used_ones_do_not(name: str) -> None:
    strip, limits = ALL_STRIPS[name], calibration(name)["quality"]["standard"]
    drug = strip.analytes[0]
    fresh = [scan(strip, n, drug, n % 4 > 1, Condition(), "fresh ") for n in range(2 * len(DRINKS))]
    refused = [why for why in (amiss(limits, one.for_detector()) for one in fresh) if why]
    assert len(refused) <= 3, refused  # of 64, from lots that the calibration never saw
    used = [scan(strip, n, drug, False, used_strip(DRINKS[n], {}), "used ") for n in range(0, len(DRINKS), 2)]
    for one in used:
        assert "used" in (amiss(limits, one.for_detector()) or ""), one.scan_id


def test_a_used_strip_without_a_standard_reads_no_spiked_drink_as_clean() -> None:
    """Nothing in the trace tells it for sure (docs/adr/0187): its number does. What it may not do is hide a drug."""
    strip, dose = ALL_STRIPS["ketamine_screen"], concentration_mol_l("ketamine", doses_mg()["ketamine"][0], 330.0)
    scans = [
        scan(strip, n, "ketamine", True, used_strip(DRINKS[n - 7], {"ketamine": dose} if n % 2 else {}), "used ")
        for n in range(len(DRINKS))
    ]
    said = Counter(one.verdict.verdict for one in detection.judge(calibration(strip.name), scans))
    assert said["negative"] == 0, said


def test_the_core_itself_and_the_batch_say_the_same_to_the_letter() -> None:
    strip, document = ALL_STRIPS["scopolamine_screen"], calibration("scopolamine_screen")
    for drift in (-0.3, -0.08, 0.0, 0.08):
        one = scan(strip, 3, "scopolamine", True, Condition(reference_shift_v=drift))
        assert evaluate(document, one.for_detector()).reason == detection.judge(document, [one])[0].verdict.reason


# -- the check alone, on formulas -----------------------------------------------------------------------------------
LIMITS: dict[str, Any] = {
    "name": "couple",
    "search_v": [0.0, 0.2],
    "reach_v": 0.08,
    "sign": 1.0,
    "place_v": 0.1,
    "drift_v": 0.03,
    "height_low_a": 1e-6,
    "height_high_a": 4e-6,
    "reverse_most": -0.1,
}
Array = npt.NDArray[np.float64]


def couple(
    place_v: float, height_a: float = 3e-6, back: float = -0.25, falling: bool = False, also: float = 0.0
) -> Scan:
    potential: Array = np.arange(-0.1, 0.6, 0.004)
    potential = potential[::-1] if falling else potential
    sign = -1.0 if falling else 1.0
    peak = sign * height_a / np.cosh((potential - place_v) / 0.057) ** 2
    other = sign * also * np.exp(-0.5 * ((potential - 0.35) / 0.05) ** 2)
    slope = 1e-6 * potential + 3e-7
    return Scan(potential, (1.0 + back) * peak + other + slope, back * peak + 0.2 * slope)


@pytest.mark.parametrize("first", [0, 40])
def test_a_scan_that_does_not_pass_the_standard_is_not_called_drifted(first: int) -> None:
    whole = couple(0.1)
    scan = Scan(
        whole.potential_v[first : first + 60], whole.forward_a[first : first + 60], whole.reverse_a[first : first + 60]
    )
    assert "does not pass the strip's internal standard, -0.08 to 0.28 V" in (amiss(LIMITS, scan) or "")


@pytest.mark.parametrize("falling", [False, True])
@pytest.mark.parametrize("place_v", [0.06, 0.1013, 0.14])
def test_the_place_is_found_to_a_millivolt_in_either_direction_on_a_slope(place_v: float, falling: bool) -> None:
    found = find({**LIMITS, "sign": -1.0 if falling else 1.0}, couple(place_v, falling=falling))
    assert found is not None
    assert found[0] == pytest.approx(place_v, abs=1e-3)
    assert -0.25 < found[2] < -0.2


def test_a_tall_neighbour_a_quarter_volt_away_moves_it_by_a_few_millivolts() -> None:
    found = find(LIMITS, couple(0.1, also=2e-5))
    assert found is not None
    assert found[0] == pytest.approx(0.1, abs=0.008)


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (couple(0.1), None),
        (couple(0.128), None),
        (couple(0.135), "has drifted: the internal standard is 35 mV off"),
        (couple(0.05), "has drifted: the internal standard is -50 mV off"),
        (couple(0.3), "not where it is looked for"),
        (couple(-0.2), "not where it is looked for"),
        (couple(0.1, height_a=4e-7), "used, dry or old"),
        (couple(0.1, height_a=2e-5), "something else stands where"),
        (couple(0.1, back=0.02), "does not run both ways"),
    ],
)
def test_each_thing_amiss_is_said_in_words_with_what_to_do(one: Scan, words: str | None) -> None:
    why = amiss(LIMITS, one)
    if words is None:
        assert why is None
    else:
        assert words in str(why)
        assert "fresh strip, test again" in str(why)


# -- what a strip definition and its calibration scans must hold ----------------------------------------------------
def _definition(extra: str) -> strip_definition.StripDefinition:
    return strip_definition.parse(tomllib.loads(STRIP_TOML + extra), "strip.toml")


def test_scans_without_the_standard_that_the_strip_claims_are_refused_with_what_to_do() -> None:
    strip = _definition('[internal_standard]\nname = "couple"\npeak_potential_v = 0.1\n')
    formula, random = Formula(), np.random.default_rng(3)
    scans = [
        RecordedScan("s", "A", "", "", 0.0, formula.potential_v, None, None, formula.net_a(0.0, "A", random))
        for _ in range(40)
    ]
    with pytest.raises(CalibrationRefused, match=r"couple is seen in 0 of 40 scans .* must run 0.2 V past it"):
        internal_standard.limits_of(strip, scans, 1.0)
    assert internal_standard.limits_of(_definition(""), scans, 1.0) is None


@pytest.mark.parametrize(
    ("extra", "field"),
    [
        ("internal_standard = 3\n", "internal_standard"),
        ('[internal_standard]\nname = "couple"\n', "internal_standard.peak_potential_v"),
        ("[internal_standard]\npeak_potential_v = 0.1\n", "internal_standard.name"),
    ],
)
def test_a_standard_without_name_or_place_is_told_by_its_field(extra: str, field: str) -> None:
    document = tomllib.loads(extra) | tomllib.loads(STRIP_TOML)
    with pytest.raises(MalformedFile) as caught:
        strip_definition.parse(document, "strip.toml")
    assert caught.value.field == field


@pytest.mark.parametrize("rest_s", [-1.0, 600.0])
def test_a_rest_that_nobody_waits_for_is_told(rest_s: float) -> None:
    document = tomllib.loads(STRIP_TOML)
    document["waveform"]["rest_s"] = rest_s
    with pytest.raises(MalformedFile, match="not between 0 and 60 seconds"):
        strip_definition.parse(document, "strip.toml")
