"""Colour strips in the whole test: pads read by the real driver over a simulated AS7341; clean pours, late reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware.bracelet.judging import judged_again
from firmware.wire.record import open_record
from simulators.chips import As7341
from simulators.chips.as7341 import As7341Variants
from simulators.strip import StripCell
from simulators.strip.colour import ColourStrip
from tests.support.colour_tests import GHB_DOSE_MOL_L, calibration
from waakzaam.rigs.bracelet import KEY, BraceletBench, ketamine_calibration

SEED = "colour on the bracelet"
Make = Callable[..., BraceletBench]


@pytest.fixture
def bracelet(tmp_path: Path) -> Make:
    def make(*documents: dict[str, Any], **config: Any) -> BraceletBench:
        return BraceletBench(tmp_path, *(documents or (calibration(),)), colour_lot="C1", **config)

    return make


def dip(bench: BraceletBench, spikes: dict[str, float], seed: str = SEED, wet_in_s: float = 6.0, **more: Any) -> None:
    """A colour strip, put in now and dipped later."""
    wet_at_us = bench.clock.now_us + wet_in_s * 1e6
    bench.insert_pads(ColourStrip("lager", spikes, seed=seed, bottle=SEED, wet_at_us=wet_at_us, **more))


def fields_of(bench: BraceletBench) -> dict[str, Any]:
    return open_record(bench.records()[-1], bytes.fromhex(KEY))


def press(bench: BraceletBench, second: float) -> None:
    bench.at(second, lambda: setattr(bench, "button_down", True))
    bench.at(second + 0.3, lambda: setattr(bench, "button_down", False))


def clean_pour_then(bench: BraceletBench, spikes: dict[str, float]) -> dict[str, Any]:
    """Button, button: a clean pour first; its strip, then the drink's."""
    press(bench, 0.5)
    press(bench, 3.0)
    bench.at(5.0, lambda: dip(bench, {}, "clean"))
    bench.at(620.0, bench.pull)
    bench.at(630.0, lambda: dip(bench, spikes))
    return bench.run(1500.0)


def test_ghb_beside_a_clean_pour_is_positive_and_the_record_judges_again_to_the_same(bracelet: Make) -> None:
    bench = bracelet()
    told = clean_pour_then(bench, {"GHB": 2 * GHB_DOSE_MOL_L})
    assert told["verdict"] == "positive", told
    fields = fields_of(bench)
    assert len(fields["trace"]["colour"]["clean"]) == len(fields["trace"]["colour"]["readings"]) == 25
    again = judged_again([calibration()], fields)
    assert again is not None
    assert (again.verdict, again.reason) == (fields["verdict"], fields["reason"])


def test_a_clean_drink_beside_its_clean_pour_shows_nothing(bracelet: Make) -> None:
    assert clean_pour_then(bracelet(), {})["verdict"] == "negative"


def test_a_colour_test_takes_under_five_seconds_beside_the_chemistrys_own_time(bracelet: Make) -> None:
    bench = bracelet()
    dip(bench, {"GHB": 2 * GHB_DOSE_MOL_L})
    bench.run(900.0)
    at = {data["to"]: data["at_ms"] for kind, data in bench.said if kind == "state"}
    assert at["tell"] - at["measure"] < 5_000


def test_pads_read_too_late_are_void(bracelet: Make) -> None:
    bench = bracelet()
    dip(bench, {}, wet_in_s=5.0)
    bench.at(500.0, lambda: setattr(bench.clock, "now_us", bench.clock.now_us + 440e6))
    told = bench.run(1200.0)
    assert (told["verdict"], "between 540 and 900 s" in told["reason"]) == ("invalid", True), told


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda bench: dip(bench, {}, used_before=True), "used"),
        (lambda bench: setattr(bench, "strip_in", True), "dark"),
        (lambda bench: dip(bench, {}, wet_in_s=1e6), "not_wetted"),
        (lambda bench: (dip(bench, {}), bench.at(300.0, bench.pull)), "strip_pulled"),
        (lambda bench: (dip(bench, {}), setattr(bench, "temperature_c", None)), "temperature"),
    ],
    ids=["used", "no pads", "dry", "pulled", "no thermometer"],
)
def test_a_colour_strip_that_cannot_be_read_is_invalid_with_its_reason(
    bracelet: Make, spoil: Callable[[BraceletBench], Any], reason: str
) -> None:
    bench = bracelet()
    spoil(bench)
    told = bench.run(900.0)
    assert told["verdict"] == "invalid"
    assert reason in told["reason"]


@pytest.mark.parametrize("trap", ["smux_does_nothing", "smux_hangs", "sda_stuck_low"])
def test_a_spectrometer_that_does_not_do_its_work_is_a_typed_fault(bracelet: Make, trap: str) -> None:
    bench = bracelet()
    dip(bench, {"GHB": 2 * GHB_DOSE_MOL_L})
    bench.at(200.0, lambda: setattr(bench.spectrometer.smux_faults, trap, True))
    told = bench.run(900.0)
    assert (told["verdict"], told["reason"].split(":")[0]) in {("invalid", "chip"), ("invalid", "bus")}


@pytest.mark.parametrize("avalid", ["on_read", "on_enable", "never"])
@pytest.mark.parametrize("smux", ["ignored", "mixes"])
def test_either_reading_of_the_notes_gives_the_verdict(bracelet: Make, avalid: Any, smux: Any) -> None:
    variants = As7341Variants(avalid=avalid, smux_while_measuring=smux)
    bench = bracelet(spectrometer=As7341(variants=variants, strict=False))
    dip(bench, {"GHB": 4 * GHB_DOSE_MOL_L})
    assert bench.run(900.0)["verdict"] in ("positive", "inconclusive")
    assert not bench.spectrometer.violations


def both_strips(bench: BraceletBench, ketamine: float, ghb: float) -> dict[str, Any]:
    """The voltammetric strip, then the colour strip, in one drink."""
    bench.insert(StripCell("lager", {"ketamine": ketamine} if ketamine else {}, seed=1, wet_at_us=3e6))
    bench.at(30.0, bench.pull)
    bench.at(32.0, lambda: dip(bench, {"GHB": ghb} if ghb else {}))
    return bench.run(900.0)


def test_both_kinds_of_strip_give_one_verdict_per_drug(bracelet: Make) -> None:
    bench = bracelet(ketamine_calibration(), calibration())
    told = both_strips(bench, 0.0, 4 * GHB_DOSE_MOL_L)
    fields = fields_of(bench)
    assert [one["analyte"] for one in fields["analytes"]] == ["ketamine", "GHB", "GBL"]
    assert fields["analytes"][0]["verdict"] == "negative"
    assert told["verdict"] in ("positive", "inconclusive")
    assert {"potential_v", "colour"} <= set(fields["trace"])
    again = judged_again([ketamine_calibration(), calibration()], fields)
    assert again is not None
    assert (again.verdict, again.reason) == (fields["verdict"], fields["reason"])


@pytest.mark.parametrize("damage", ["lost", "changed", "never written"])
def test_a_first_trace_that_flash_loses_leaves_the_verdict_told_and_said_to_be_unlogged(
    bracelet: Make, damage: str
) -> None:
    bench = bracelet(ketamine_calibration(), calibration())
    healthy = bench.ring.open

    def spoiled(path: str, mode: str) -> Any:
        if path.endswith(".aside") and mode == "wb" and damage == "never written":
            raise OSError(28, "no space")
        return healthy(path, mode)

    def spoil() -> None:
        for file in Path(bench.ring.folder).glob("*.aside"):
            file.write_bytes(b"" if damage == "lost" else b"9" + file.read_bytes()[1:])

    bench.ring.open = spoiled
    bench.at(100.0, spoil)
    told = both_strips(bench, 0.0, 4 * GHB_DOSE_MOL_L)
    assert told["verdict"] == "positive", told
    assert told["logged"] is False
    assert not bench.records()


def test_a_second_strip_that_gives_no_measurement_makes_the_whole_test_invalid(bracelet: Make) -> None:
    bench = bracelet(ketamine_calibration(), calibration())
    bench.at(20.0, lambda: setattr(bench, "temperature_c", None))
    told = both_strips(bench, 0.0, 4 * GHB_DOSE_MOL_L)
    assert (told["verdict"], "temperature" in told["reason"]) == ("invalid", True), told


def test_a_strip_pulled_while_the_next_ones_calibration_is_read_is_no_fault(bracelet: Make) -> None:
    bench = bracelet(ketamine_calibration(), calibration())
    bench.insert(StripCell("lager", {}, seed=1, wet_at_us=3e6))
    while bench.runner.state.name != "load_next":
        bench.clock.now_us += max(bench.runner.poll(), 5)
    bench.pull()
    bench.at(2.0, lambda: dip(bench, {"GHB": 4 * GHB_DOSE_MOL_L}))
    assert bench.run(900.0)["verdict"] == "positive"


def test_a_find_on_the_first_strip_is_told_at_once(bracelet: Make) -> None:
    bench = bracelet(ketamine_calibration(), calibration())
    assert both_strips(bench, 1e-3, 0.0)["verdict"] == "positive"
    assert bench.clock.now_us < 60e6


def test_a_drink_whose_clean_pour_reads_the_same_is_inconclusive(bracelet: Make) -> None:
    bench = bracelet(ketamine_calibration())
    press(bench, 0.5)
    press(bench, 3.0)
    bench.at(5.0, lambda: bench.insert(StripCell("lager", {"ketamine": 1e-3}, seed=2, wet_at_us=9e6)))
    bench.at(60.0, bench.pull)
    bench.at(62.0, lambda: bench.insert(StripCell("lager", {"ketamine": 1e-3}, seed=1, wet_at_us=66e6)))
    told = bench.run(300.0)
    assert told["verdict"] == "inconclusive", told
    assert "clean pour" in told["reason"]
