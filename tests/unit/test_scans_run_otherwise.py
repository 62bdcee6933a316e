"""A scan that was not run as the calibration's scans, or whose current runs the other way, is refused by name."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alarm_backend.console.verdict_reasons import said
from firmware.detection import evaluate
from sensor_models import detection, instrument_files, judging, scan_quality, strip_definition
from sensor_models.scans import RecordedScan, Stated
from simulators.strip import load_strip, simulate_scan, write_scans_csv
from simulators.strip.scans import Scan
from tests.support.source_tree import ROOT

STRIPS = ROOT / "sensor_models/strips"
STRIP = load_strip(STRIPS / "ketamine_screen.toml")  # 0 to 1.348 V in steps of 4 mV, 25 mV, 25 Hz; no internal standard


def _simulated(micromolar: float = 0.0, seed: str = "otherwise") -> Scan:
    return simulate_scan(STRIP, "water", {"ketamine": 1e-6 * micromolar}, temperature_c=20.0, lot="L1", seed=seed)


def _recorded(one: Scan) -> RecordedScan:
    pair = (one.forward_a, one.reverse_a)
    return RecordedScan("x", one.lot, one.matrix, "", None, one.potential_v, *pair, pair[0] - pair[1])


def _of(scan: RecordedScan, chosen: Any) -> RecordedScan:
    assert scan.forward_a is not None
    assert scan.reverse_a is not None
    traces = (scan.potential_v[chosen], scan.forward_a[chosen], scan.reverse_a[chosen], scan.net_a[chosen])
    return dataclasses.replace(
        scan, **dict(zip(("potential_v", "forward_a", "reverse_a", "net_a"), traces, strict=True))
    )


def _finer(scan: RecordedScan) -> RecordedScan:
    e = np.linspace(scan.potential_v[0], scan.potential_v[-1], 4 * (len(scan.potential_v) - 1) + 1)
    traces = [np.interp(e, scan.potential_v, trace) for trace in (scan.forward_a, scan.reverse_a) if trace is not None]
    return RecordedScan("x", scan.lot, scan.matrix, "", None, e, *traces, traces[0] - traces[1])


@pytest.fixture(scope="module")
def calibration() -> dict[str, Any]:
    return dict(json.loads((STRIPS / "ketamine_screen.calibration.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def blank() -> RecordedScan:
    return _recorded(_simulated())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: _of(s, slice(None, None, 5)), "the scan's step is 20 mV, the calibration's 4 mV"),
        (_finer, "the scan's step is 1 mV, the calibration's 4 mV"),
        (lambda s: _of(s, slice(50, None)), "the scan runs 0.20 to 1.35 V, the calibration's scans 0.00 to 1.35 V"),
        (lambda s: _of(s, slice(0, 300)), "the scan runs 0.00 to 1.20 V, the calibration's scans 0.00 to 1.35 V"),
        (lambda s: _of(s, slice(None, None, -1)), "the scan runs 1.35 to 0.00 V, the calibration's"),
        (lambda s: _of(s, np.r_[0:100, 110:338]), "leaves out what lies between 0.396 and 0.440 V"),
        (
            lambda s: dataclasses.replace(s, stated=Stated("swv", 0.05, 25.0)),
            "amplitude is 50 mV, the calibration's 25",
        ),
        (lambda s: dataclasses.replace(s, stated=Stated("", 0.0, 10.0)), "frequency is 10 Hz, the calibration's 25 Hz"),
        (lambda s: dataclasses.replace(s, stated=Stated("dpv")), "the scan is no square wave (dpv)"),
    ],
)
def test_a_scan_run_otherwise_is_invalid_and_what_differs_is_named_in_every_language(
    calibration: dict[str, Any], blank: RecordedScan, change: Any, words: str
) -> None:
    scan = change(blank)
    found = detection.judge(calibration, [scan])[0].to_json()
    assert found["verdict"] == "invalid"
    assert words in found["reason"]
    assert evaluate(calibration, scan.for_detector()).reason == found["reason"]
    for language in ("nl", "fr"):
        assert said(language, found["reason"]) != found["reason"]


@pytest.mark.parametrize(
    "change",
    [
        lambda s: _of(s, slice(2, -2)),  # instruments leave out a point at the ends
        lambda s: dataclasses.replace(s, stated=Stated("swv", 0.0252, 24.9)),
        lambda s: _of(s, np.r_[0:100, 102:338]),
    ],
)
def test_a_scan_run_as_instruments_do_it_is_judged(
    calibration: dict[str, Any], blank: RecordedScan, change: Any
) -> None:
    assert detection.judge(calibration, [change(blank)])[0].verdict.verdict == "negative"


@pytest.mark.parametrize("micromolar", [0.0, 3.0, 10.0, 300.0])
def test_a_current_of_the_other_sign_is_refused_at_any_dose(calibration: dict[str, Any], micromolar: float) -> None:
    scan = _recorded(_simulated(micromolar))
    round_ = dataclasses.replace(scan, forward_a=scan.reverse_a, reverse_a=scan.forward_a, net_a=-scan.net_a)
    found = detection.judge(calibration, [round_])[0].to_json()
    assert found["verdict"] == "invalid"
    assert "the current runs the other way" in found["reason"]


def test_a_sign_is_told_only_where_every_scan_of_the_calibration_has_it_clearly() -> None:
    scans = [_recorded(_simulated(float(n), f"sign {n}")) for n in range(30)]
    assert scan_quality.net_sign(scans) == 1
    assert scan_quality.net_sign(scans[1:]) is None  # too few
    odd = dataclasses.replace(scans[0], forward_a=scans[0].reverse_a, reverse_a=scans[0].forward_a)
    assert scan_quality.net_sign([odd, *scans[1:]]) is None


def test_a_few_scans_run_otherwise_do_not_widen_a_calibrations_settings() -> None:
    strip = strip_definition.load(STRIPS / "ketamine_screen.toml")
    scan = _recorded(_simulated())
    limits = scan_quality.waveform_limits(strip, [_of(scan, slice(None, None, 5)), *[scan] * 59])
    assert limits is not None
    assert limits["step_v"] == [0.004, 0.004]
    assert (limits["amplitude_v"], limits["frequency_hz"]) == (0.025, 25.0)
    stated = [dataclasses.replace(scan, stated=Stated("swv", 0.05, 10.0))] * 30
    limits = scan_quality.waveform_limits(strip, stated)
    assert limits is not None
    assert (limits["amplitude_v"], limits["frequency_hz"]) == (0.05, 10.0)


# -- from files --------------------------------------------------------------------------------------------------------
def _chi(scan: Scan) -> str:
    head = "Jan. 2, 2026   10:00:00\nSquare Wave Voltammetry\nAmplitude (V) = 0.05\nFrequency (Hz) = 25\n\n"
    rows = zip(scan.potential_v, scan.forward_a - scan.reverse_a, scan.forward_a, scan.reverse_a, strict=True)
    lines = "\n".join(", ".join(f"{v:.6g}" for v in row) for row in rows)
    return f"{head}Potential/V, i(d)/A, i(f)/A, i(r)/A\n\n{lines}\n"


def _gamry(scan: Scan) -> str:
    head = (
        "EXPLAIN\nTAG\tSQUARE_WAVE\nFREQUENCY\tQUANT\t2.50000E+001\tF\nPULSESIZE\tQUANT\t5.00000E+001\tPulse\n"
        "CURVE\tTABLE\t9\n\tVstep\tIfwd\tIrev\tIdif\n\tV\tA\tA\tA\n"
    )
    rows = zip(scan.potential_v, scan.forward_a, scan.reverse_a, scan.forward_a - scan.reverse_a, strict=True)
    return head + "".join("\t" + "\t".join(f"{v:.6g}" for v in row) + "\n" for row in rows)


def _palmsens(scan: Scan) -> str:
    def column(values: Any, unit: str, symbol: str) -> dict[str, Any]:
        return {
            "unit": {"type": f"PalmSens.Units.{unit}", "s": symbol},
            "datavalues": [{"v": float(v)} for v in values],
        }

    curve = {
        "xaxisdataarray": column(scan.potential_v, "Volt", "V"),
        "yaxisdataarray": column(1e6 * (scan.forward_a - scan.reverse_a), "MicroAmpere", "A"),
    }
    method = "METHOD_ID=swv\r\nE_STEP=4.000E-003\r\nE_AMP=5.000E-002\r\nFREQ=2.500E+001\r\n"
    return json.dumps({"measurements": [{"title": "a", "method": method, "curves": [curve]}]})


@pytest.mark.parametrize(("name", "text_of"), [("x.txt", _chi), ("x.dta", _gamry), ("x.pssession", _palmsens)])
def test_an_instruments_file_tells_its_own_amplitude_and_frequency(
    tmp_path: Path, calibration: dict[str, Any], name: str, text_of: Any
) -> None:
    path = tmp_path / name
    path.write_text(text_of(_simulated()), encoding="utf-8")
    (scan,), _ = instrument_files.read(path)
    assert scan.stated == Stated("swv", 0.05, 25.0)
    (one,), _ = judging.judge_file(calibration, path, set())
    assert one.verdict.verdict == "invalid"
    assert "amplitude is 50 mV, the calibration's 25 mV" in one.verdict.reason


def test_the_instruments_own_files_tell_their_technique() -> None:
    data = ROOT / "data/voltammetry"
    assert instrument_files.read(data / "palmsens_differential_pulse.pssession")[0][0].stated == Stated("dpv")
    # The file's own lines: PULSESIZE 25 mV, FREQUENCY 100 Hz.
    assert instrument_files.read(data / "gamry_aborted_squarewave.dta")[0][0].stated == Stated("swv", 0.025, 100.0)


def test_a_csv_may_state_amplitude_and_frequency(tmp_path: Path, calibration: dict[str, Any]) -> None:
    path = tmp_path / "scans.csv"
    write_scans_csv(path, [_simulated()])
    head, *rows = path.read_text(encoding="utf-8").splitlines()
    for amplitude, verdict, words in (("0.025", "negative", "no ketamine"), ("0.05", "invalid", "amplitude is 50 mV")):
        path.write_text("\n".join([f"{head},amplitude_v", *(f"{row},{amplitude}" for row in rows)]), encoding="utf-8")
        (one,), faults = judging.judge_file(calibration, path, set())
        assert not faults
        assert one.verdict.verdict == verdict
        assert words in one.verdict.reason
    path.write_text("\n".join([f"{head},amplitude_v", *(f"{row},-1" for row in rows)]), encoding="utf-8")
    with pytest.raises(judging.MalformedFile, match="amplitude_v"):
        judging.judge_file(calibration, path, set())
