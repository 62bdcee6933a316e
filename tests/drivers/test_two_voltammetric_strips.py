"""Two voltammetric strips in one test: each scanned as it wants, both traces sealed, and judged again to the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from firmware.bracelet.judging import judged_again
from firmware.wire.record import GENESIS_SHA256, open_record, seal
from simulators.strip import StripCell
from waakzaam import record_check
from waakzaam.rigs.bracelet import KEY, SHORT_SCAN, BraceletBench, calibration_of_short_scans

pytestmark = pytest.mark.usefixtures("little_to_collect")
TWICE = [calibration_of_short_scans(), calibration_of_short_scans()]


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A clean lager on two strips, sealed."""
    bench = BraceletBench(tmp_path_factory.mktemp("two"), *TWICE, waveform=SHORT_SCAN, incubate_ms=500)
    bench.insert(StripCell("lager", {}, seed=1, wet_at_us=3e6))
    bench.at(30.0, bench.pull)
    bench.at(32.0, lambda: bench.insert(StripCell("lager", {}, seed=2, wet_at_us=bench.clock.now_us + 3e6)))
    told = bench.run()
    assert told["verdict"] == "negative", told
    assert not list(Path(bench.ring.folder).glob("*.aside")), "what waited in flash is in the record"
    return bench.records()[-1]


def fields_of(line: str) -> dict[str, Any]:
    return open_record(line, bytes.fromhex(KEY))


def verified(line: str, calibrations: int) -> record_check.RecordLog:
    """What `waakzaam verify` finds in a log of this one line."""
    given = [json.dumps(TWICE[0]).encode()] * calibrations
    return record_check.check([line], lambda _: bytes.fromhex(KEY), given, lambda _: None)


def test_both_traces_are_sealed_and_the_record_holds(line: str) -> None:
    trace = fields_of(line)["trace"]
    assert len(trace["forward_a"]) == len(trace["strip_2"]["forward_a"]) == 151
    assert trace["forward_a"] != trace["strip_2"]["forward_a"]
    found = verified(line, 2)
    assert (found.faults, found.judged_again) == ((), 1)


@pytest.mark.parametrize("strip", [1, 2])
def test_another_trace_of_either_strip_does_not_hold(line: str, strip: int) -> None:
    fields = fields_of(line)
    part = fields["trace"] if strip == 1 else fields["trace"]["strip_2"]
    part["forward_a"] = [4 * one for one in part["forward_a"]]
    del fields["signature"], fields["previous_sha256"], fields["schema"]
    (fault,) = verified(seal(fields, GENESIS_SHA256, bytes.fromhex(KEY)), 2).faults
    assert "judges to another verdict" in fault


def test_a_trace_without_its_strips_calibration_is_not_judged(line: str) -> None:
    assert judged_again(TWICE[:1], fields_of(line)) is None
    (fault,) = verified(line, 1).faults
    assert "calibration is not given" in fault


def test_a_find_on_the_first_of_two_strips_judges_again_without_the_second(tmp_path: Path) -> None:
    bench = BraceletBench(tmp_path, *TWICE, waveform=SHORT_SCAN, incubate_ms=500)
    bench.insert(StripCell("lager", {"ketamine": 1e-3}, seed=1, wet_at_us=3e6))
    assert bench.run()["verdict"] == "positive"
    again = judged_again(TWICE, fields_of(bench.records()[-1]))
    assert again is not None
    assert again.verdict == "positive"
