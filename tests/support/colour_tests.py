"""Colour tests from the simulator as recorded ones, and one calibration that several test modules share."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from firmware.detection.colour import ColourTest, evaluate_colour
from firmware.detection.verdict import Verdict
from sensor_models import colour_calibration, colour_strip
from sensor_models.colour_scans import RecordedColourTest
from simulators.strip.colour_readings import calibration_tests, simulate_colour_test
from tests.support.source_tree import ROOT
from waakzaam.benches._detection_colour import recorded

STRIP_FILE = ROOT / "sensor_models/strips/ghb_gbl_colour.toml"
GHB_DOSE_MOL_L = 2000.0 / 104.10 / 330.0  # mg, g/mol, mL
GBL_DOSE_MOL_L = 1130.0 / 86.09 / 330.0


@cache
def calibrated(tests: int = 160) -> colour_calibration.CalibratedColour:
    """A calibration of the colour strip from simulated tests; the same in every module of a worker."""
    found = [recorded(one, known=True) for one in calibration_tests(tests=tests)]
    return colour_calibration.calibrate(colour_strip.load(STRIP_FILE), found, "2100-01-01", {})


@cache
def calibration() -> dict[str, Any]:
    """Its document, through JSON as a device gets it."""
    return dict(json.loads(json.dumps(calibrated().document, allow_nan=False)))


def simulated(matrix: str, content: dict[str, float], seed: str, **options: Any) -> RecordedColourTest:
    """One simulated test of unknown content; options as simulate_colour_test, paired unless said otherwise."""
    return recorded(simulate_colour_test(matrix, content, seed=seed, **{"paired": True, **options}), known=False)


def pours(one: RecordedColourTest) -> tuple[ColourTest, ColourTest | None]:
    """The test and its clean pour as the verdict core takes them."""
    return one.for_detector(calibration()["channels"])


def judged(one: RecordedColourTest, drug: str = "GHB") -> Verdict:
    """The verdict on one drug."""
    document = calibration()
    entries = [entry for entry in document["analytes"] if entry["name"] == drug]
    return evaluate_colour({**document, "analytes": entries}, *pours(one))
