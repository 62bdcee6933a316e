"""The whole drink test, firmware as on the board, against register simulators and a strip in a drink."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware.wire.record import GENESIS_SHA256, open_record, sha256_of
from simulators.ad5941 import Ad5941, Cell, OpenCell, Part, ShortCell
from simulators.strip import StripCell
from waakzaam.rigs.bracelet import KEY, BraceletBench, ketamine_calibration

SPIKED = 1e-3  # mol/L ketamine: 78 mg in 330 mL, the low end of the doses


@pytest.fixture(scope="session")
def calibration_document() -> dict[str, Any]:
    return ketamine_calibration()


Make = Callable[..., BraceletBench]


@pytest.fixture
def bracelet(tmp_path: Path, calibration_document: dict[str, Any]) -> Make:
    def make(chip: Ad5941 | None = None, **config: Any) -> BraceletBench:
        return BraceletBench(tmp_path, calibration_document, chip=chip, **config)

    return make


def dipped(bench: BraceletBench, spikes: dict[str, float], seed: int = 1) -> StripCell:
    """A strip that the drink reaches three seconds after it was put in."""
    return StripCell("lager", spikes, seed=seed, wet_at_us=bench.clock.now_us + 3e6)


def run_with(bench: BraceletBench, cell: Cell) -> dict[str, Any]:
    bench.insert(cell)
    return bench.run()


def test_a_spiked_drink_is_told_as_positive_and_the_record_says_so(bracelet: Make) -> None:
    bench = bracelet()
    told = run_with(bench, dipped(bench, {"ketamine": SPIKED}))
    assert told["verdict"] == "positive", told
    fields = open_record(bench.records()[0], bytes.fromhex(KEY))
    assert fields["verdict"] == "positive"
    assert fields["previous_sha256"] == GENESIS_SHA256
    assert len(fields["trace"]["potential_v"]) == 338


@pytest.mark.parametrize("seed", range(2))
def test_a_clean_drink_is_told_as_nothing_found(bracelet: Make, seed: int) -> None:
    bench = bracelet()
    assert run_with(bench, dipped(bench, {}, seed))["verdict"] == "negative"


@pytest.mark.parametrize(
    ("cell", "reason"),
    [(OpenCell(), "not_wetted"), (ShortCell(3.0), "short")],
    ids=["dry", "short"],
)
def test_a_strip_that_cannot_be_measured_is_invalid_with_its_reason(bracelet: Make, cell: Cell, reason: str) -> None:
    told = run_with(bracelet(), cell)
    assert (told["verdict"], told["reason"]) == ("invalid", reason)


def test_a_strip_that_is_wet_before_any_drink_is_refused_as_used(bracelet: Make) -> None:
    bench = bracelet()
    told = run_with(bench, StripCell("lager", {"ketamine": SPIKED}, wet_at_us=0.0))
    assert (told["verdict"], told["reason"]) == ("invalid", "used")


def test_an_expired_strip_is_refused(bracelet: Make) -> None:
    bench = bracelet(strip_expiry="2026-11-22")
    assert run_with(bench, dipped(bench, {}))["reason"] == "expired"


def test_pulling_the_strip_during_the_scan_is_invalid(bracelet: Make) -> None:
    bench = bracelet()
    bench.at(12.0, bench.pull)
    told = run_with(bench, dipped(bench, {"ketamine": SPIKED}))
    assert (told["verdict"], told["reason"]) == ("invalid", "strip_pulled")


@pytest.mark.parametrize("level", [0x00, 0xFF])
def test_a_stuck_bus_is_invalid_and_told(bracelet: Make, level: int) -> None:
    bench = bracelet()
    bench.afe.chip.faults.miso_stuck_at = level
    told = run_with(bench, dipped(bench, {}))
    assert told["verdict"] == "invalid"
    assert told["reason"].startswith("bus: ")
    assert told["logged"]


def test_another_chip_is_invalid(bracelet: Make) -> None:
    bench = bracelet(Ad5941(part=Part(chip_id=0x0001)))
    told = run_with(bench, dipped(bench, {}))
    assert told["verdict"] == "invalid"
    assert "wrong_chip" in told["reason"]


def test_records_are_chained_from_one_test_to_the_next(bracelet: Make) -> None:
    bench = bracelet()
    run_with(bench, dipped(bench, {}))
    bench.pull()
    bench.at(2.0, lambda: bench.insert(dipped(bench, {"ketamine": SPIKED})))
    bench.run()
    first, second = bench.records()
    assert open_record(second, bytes.fromhex(KEY))["previous_sha256"] == sha256_of(first)


def test_the_record_is_in_flash_before_the_verdict_is_told(bracelet: Make) -> None:
    bench = bracelet()
    seen: list[int] = []
    say = bench.runner._say

    def watch(kind: str, data: dict[str, Any]) -> None:
        if kind == "tell":
            seen.append(len(bench.records()))
        say(kind, data)

    bench.runner._say = watch
    run_with(bench, dipped(bench, {}))
    assert seen == [1]


def test_a_flash_that_refuses_does_not_silence_the_verdict(bracelet: Make) -> None:
    bench = bracelet()

    def refuse(*_: Any) -> None:
        raise OSError(28, "no space")

    bench.ring.open = refuse
    told = run_with(bench, dipped(bench, {"ketamine": SPIKED}))
    assert told["verdict"] == "positive"
    assert told["logged"] is False


def test_a_text_that_fails_does_not_silence_the_verdict(bracelet: Make) -> None:
    bench = bracelet()
    bench.runner._texts = {}
    bench.insert(dipped(bench, {"ketamine": SPIKED}))
    assert bench.run() == {}
    assert (255, 0, 0) in [colour for _, colour, _ in bench.lights]


def test_holding_the_button_for_three_seconds_asks_for_the_records_once(bracelet: Make) -> None:
    bench = bracelet()
    asked: list[float] = []
    bench.runner.on_hold = lambda: asked.append(bench.clock.now_us)
    bench.button_down = True
    with pytest.raises(AssertionError, match="nothing told"):
        bench.run(8.0)
    assert len(asked) == 1
    assert 2.8e6 < asked[0] < 3.5e6
