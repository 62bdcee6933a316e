"""The bracelet's files: what is refused and by which field; what is kept of a calibration."""

from __future__ import annotations

import copy
import io
import json
from typing import Any

import pytest

from firmware.bracelet import calibration_file
from firmware.bracelet.settings import BadSettings, checked_config
from firmware.detection import Scan, evaluate
from firmware.detection.colour import evaluate_colour
from firmware.detection.guarantee import doubt, outside
from simulators.strip import simulate_scan
from simulators.strip.chemistry import load_strip
from tests.support import colour_tests
from waakzaam.rigs.bracelet import KEY, ROOT, ketamine_calibration
from waakzaam.strip_calibrations import path_of

pytestmark = pytest.mark.usefixtures("little_to_collect")
GOOD = {"device_id": "brc-1", "key": KEY}


@pytest.mark.parametrize(
    ("field", "value"),
    [("device_id", ""), ("key", "12"), ("key", "g" * 64), ("language", "de"), ("send", "always")],
)
def test_a_setting_that_cannot_be_used_is_refused_by_name(field: str, value: str) -> None:
    with pytest.raises(BadSettings) as caught:
        checked_config({**GOOD, field: value})
    assert caught.value.field == field


@pytest.mark.parametrize(
    "further",
    [[], {"/b.json": 1}, {"/other.json": {}}, {"/b.json": {"key": "00"}}],
    ids=["no object", "no settings", "no strip of the test", "a setting that is not a strip's"],
)
def test_settings_of_a_further_strip_that_cannot_be_used_are_refused(further: object) -> None:
    with pytest.raises(BadSettings) as caught:
        checked_config({**GOOD, "strips": ["/a.json", "/b.json"], "strip_settings": further})
    assert caught.value.field == "strip_settings"


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


DECLARED = ["lager", "energy_drink", "a drink nobody calibrated", "", "unknown"]


@pytest.mark.parametrize("drink", DECLARED)
def test_what_is_kept_of_a_calibration_judges_as_the_whole_file_does(drink: str) -> None:
    whole = ketamine_calibration()
    kept = calibration_file.read(in_memory(json.dumps(whole, indent=1)), "/cal.json", drink)
    strip = load_strip(ROOT / "sensor_models/strips/ketamine_screen.toml")
    verdicts = []
    for spike in (0.0, 3e-6, 3e-5, 1e-3):
        made = simulate_scan(strip, "lager", {"ketamine": spike}, seed=4)
        scan = Scan(list(made.potential_v), list(made.forward_a), list(made.reverse_a), lot="L1", matrix=drink)
        judged = evaluate(kept, scan).to_dict()
        assert judged == evaluate(whole, scan).to_dict()
        verdicts.append(judged["verdict"])
    if drink == "a drink nobody calibrated":
        assert set(verdicts) == {"inconclusive"}
    else:
        assert verdicts[-1] == "positive"


@pytest.mark.parametrize("drink", DECLARED)
@pytest.mark.parametrize("first", ["schema", "analytes"])
def test_analytes_left_in_the_file_are_read_from_it_as_with_the_rest(drink: str, first: str) -> None:
    whole = json.loads(path_of("oxidation_screen").read_text(encoding="utf-8"))
    file = in_memory(json.dumps({first: whole[first], **whole}, indent=1))
    kept = calibration_file.read(file, "/cal.json", drink)
    rest = calibration_file.read(file, "/cal.json", drink, whole["schema"])
    assert [one["name"] for one in kept["analytes"]] == ["ketamine", "MDMA"]
    assert list(calibration_file.analytes(file, "/cal.json", drink)) == kept.pop("analytes")
    assert rest == kept


@pytest.mark.parametrize("text", ["", '{"analytes": [{"a": 1}', '{"schema": 1 2}', '{"analytes": [{"a": 1} 2]}'])
def test_analytes_that_are_cut_are_refused_when_they_are_needed(text: str) -> None:
    with pytest.raises(BadSettings, match="is not JSON"):
        list(calibration_file.analytes(in_memory(text), "/cal.json", "lager"))


def test_a_calibration_without_analytes_has_none_and_judges_nothing() -> None:
    for text in ('{"schema": "s"}', '{"analytes": []}'):
        assert list(calibration_file.analytes(in_memory(text), "/cal.json", "lager")) == []


@pytest.mark.parametrize("drink", DECLARED)
def test_what_is_kept_of_a_guarantee_doubts_as_the_whole_file_does(drink: str) -> None:
    whole = ketamine_calibration()
    kept = calibration_file.read(in_memory(json.dumps(whole)), "/cal.json", drink)
    doubted = 0
    for mine, full in zip(kept["analytes"], whole["analytes"], strict=True):
        assert len(mine["drinks"]) == len(mine["guarantee"]["cells"]) == 1
        assert outside(mine, drink) == outside(full, drink)
        for verdict in ("positive", "negative"):
            for statistic in (-1.0, 1.0, 2.0, 3.0, 10.0, 20.0, 30.0, 50.0):
                why = doubt(full, verdict, statistic, drink)
                assert doubt(mine, verdict, statistic, drink) == why
                doubted += why is not None
    assert doubted > 0


@pytest.mark.parametrize("spoil", ["no cell", "no table"])
def test_a_drink_whose_group_has_no_guarantee_is_doubted_for_the_same_reason(spoil: str) -> None:
    whole = copy.deepcopy(ketamine_calibration())
    for entry in whole["analytes"]:
        if spoil == "no table":
            del entry["guarantee"]
        else:
            del entry["guarantee"]["cells"]["beer"]
    kept = calibration_file.read(in_memory(json.dumps(whole)), "/cal.json", "lager")
    for mine, full in zip(kept["analytes"], whole["analytes"], strict=True):
        assert doubt(mine, "negative", 0.0, "lager") == doubt(full, "negative", 0.0, "lager")


@pytest.mark.parametrize("drink", ["lager", "a drink nobody calibrated", ""])
def test_what_is_kept_of_a_colour_calibration_judges_as_the_whole_file_does(drink: str) -> None:
    whole = colour_tests.calibration()
    kept = calibration_file.read(in_memory(json.dumps(whole)), "/colour.json", drink)
    for paired in (False, True):
        for dose in (0.0, 4 * colour_tests.GHB_DOSE_MOL_L):
            test, clean = colour_tests.pours(colour_tests.simulated("lager", {"GHB": dose}, "kept", paired=paired))
            test.matrix = drink
            assert evaluate_colour(kept, test, clean).to_dict() == evaluate_colour(whole, test, clean).to_dict()


def test_an_expired_calibration_is_still_known_to_be_expired() -> None:
    for whole in (ketamine_calibration(), colour_tests.calibration()):
        expired = {**whole, "expiry": "2020-01-01"}
        assert calibration_file.read(in_memory(json.dumps(expired)), "c", "lager")["expiry"] == "2020-01-01"
