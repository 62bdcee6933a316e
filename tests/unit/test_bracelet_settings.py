"""The bracelet's files: what is refused and by which field; what is kept of a calibration."""

from __future__ import annotations

import copy

import pytest

from firmware.bracelet.settings import BadSettings, checked_config, needed_of
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


@pytest.mark.parametrize("drink", ["lager", "a drink nobody calibrated"])
def test_what_is_kept_of_a_calibration_judges_as_the_whole_file_does(drink: str) -> None:
    whole = ketamine_calibration()
    kept = needed_of(copy.deepcopy(whole), drink)
    strip = load_strip(ROOT / "sensor_models/strips/ketamine_screen.toml")
    for spike in (0.0, 3e-5, 1e-3):
        made = simulate_scan(strip, "lager", {"ketamine": spike}, seed=4)
        scan = Scan(list(made.potential_v), list(made.forward_a), list(made.reverse_a), lot="L1", matrix=drink)
        assert evaluate(kept, scan).to_dict() == evaluate(whole, scan).to_dict()
