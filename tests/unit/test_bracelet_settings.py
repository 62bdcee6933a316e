"""The bracelet's files: what is refused and by which field; what is kept of a calibration."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from firmware.bracelet import calibration_file
from firmware.bracelet.settings import BadSettings, checked_config
from firmware.detection import Scan, evaluate
from simulators.strip import simulate_scan
from simulators.strip.chemistry import load_strip
from waakzaam.rigs.bracelet import KEY, ROOT, ketamine_calibration

GOOD = {"device_id": "brc-1", "key": KEY}


@pytest.mark.parametrize(
    ("field", "value"),
    [("device_id", ""), ("key", "12"), ("key", "g" * 64), ("language", "de"), ("send", "always")],
)
def test_a_setting_that_cannot_be_used_is_refused_by_name(field: str, value: str) -> None:
    with pytest.raises(BadSettings) as caught:
        checked_config({**GOOD, field: value})
    assert caught.value.field == field


def in_memory(text: str) -> Any:
    """An opener for one file."""
    return lambda path, mode: io.StringIO(text)


@pytest.mark.parametrize(
    "text",
    ["", "[1]", '{"a": [1, 2', '{"a" 1}', '{"a": 1 "b": 2}', '{"a": nope}', "{1: 2}", '{"a": {"b": 1]}'],
)
def test_a_calibration_that_is_cut_or_no_object_is_refused(text: str) -> None:
    with pytest.raises(BadSettings, match="is not JSON"):
        calibration_file.read(in_memory(text), "/cal.json", "lager")


def test_a_calibration_is_read_as_json_reads_it() -> None:
    whole = {
        "schema": "s",
        "t": [[1, 2.5], [-3e-7]],
        "q": 'quo"te \\ " end',
        "no": None,
        "yes": [True, False, True],
        "o": {},
    }
    for indent in (None, 2):
        assert calibration_file.read(in_memory(json.dumps(whole, indent=indent)), "c", "lager") == whole


@pytest.mark.parametrize("drink", ["lager", "a drink nobody calibrated"])
def test_what_is_kept_of_a_calibration_judges_as_the_whole_file_does(drink: str) -> None:
    whole = ketamine_calibration()
    kept = calibration_file.read(in_memory(json.dumps(whole, indent=1)), "/cal.json", drink)
    strip = load_strip(ROOT / "sensor_models/strips/ketamine_screen.toml")
    for spike in (0.0, 3e-5, 1e-3):
        made = simulate_scan(strip, "lager", {"ketamine": spike}, seed=4)
        scan = Scan(list(made.potential_v), list(made.forward_a), list(made.reverse_a), lot="L1", matrix=drink)
        assert evaluate(kept, scan).to_dict() == evaluate(whole, scan).to_dict()
