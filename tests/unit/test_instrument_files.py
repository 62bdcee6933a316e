"""Readers of instruments' files: PalmSens, Gamry (aborted too), CHI; what is wrong is named."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sensor_models import electrical_units, instrument_files, palmsens_files
from sensor_models.errors import MalformedFile
from tests.support.source_tree import ROOT

DATA = ROOT / "data/voltammetry"
CHI = """Jan. 2, 2026   10:00:00
Square Wave Voltammetry
File: x.bin

Init E (V) = 0.4
Amplitude (V) = 0.025

Potential/V, i(d)/A, i(f)/A, i(r)/A

0.400, 1.0e-7, 0.6e-7, -0.4e-7
0.404, 1.1e-7, 0.7e-7, -0.4e-7
"""


def test_a_palmsens_session_gives_its_curve_in_ampere() -> None:
    (scan,), faults = instrument_files.read(DATA / "palmsens_differential_pulse.pssession")
    assert not faults
    assert len(scan.potential_v) == 201
    assert scan.potential_v[0] == pytest.approx(-0.5)
    assert np.all(np.diff(scan.potential_v) > 0)
    # The file's first value is 0.000234375 of PalmSens.Units.MicroAmpere; its ranges were 1 nA to 100 nA.
    assert scan.net_a[0] == pytest.approx(2.34375e-10)


def test_an_aborted_gamry_run_gives_the_points_it_has() -> None:
    (scan,), _ = instrument_files.read(DATA / "gamry_aborted_squarewave.dta")
    assert len(scan.potential_v) == 10
    assert scan.forward_a is not None
    assert scan.reverse_a is not None
    # The instrument's own difference column, read from the file: Idif of the first and the last row.
    assert scan.net_a[[0, -1]] == pytest.approx([1.92826e-06, -4.02055e-07], rel=1e-4)


def test_a_chi_export_gives_forward_reverse_and_difference(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text(CHI, encoding="utf-8")
    (scan,), _ = instrument_files.read(path)
    assert scan.potential_v.tolist() == [0.4, 0.404]
    assert scan.net_a.tolist() == [1.0e-7, 1.1e-7]
    assert scan.forward_a is not None
    assert scan.forward_a.tolist() == [0.6e-7, 0.7e-7]


def _chi(columns: str, rows: str) -> str:
    return f"Jan. 2, 2026   10:00:00\r\nTech\r\nInit E (V) = 0.4\r\n\r\n{columns}\r\n\r\n{rows}"


@pytest.mark.parametrize(
    ("columns", "rows", "net_a", "pair"),
    [
        (
            "Potential/V, Diff(i/A), For(i/A), Rev(i/A)",
            "0.4, 1e-7, 6e-8, -4e-8\r\n0.404, 2e-7, 1.2e-7, -8e-8",
            1e-7,
            True,
        ),
        ("Potential/V, Current/A", "0.400, 1.000e-7\n0.404, 2.0e-7\n", 1e-7, False),
        ("Potential/V, Current/A", "0.400,1e-7\n0.404,2e-7\n", 1e-7, False),
        ("Potential/V\tCurrent/\u00b5A", "0,400\t0,1\n0,404\t0,2\n", 1e-7, False),
        ("Potential/mV; Current/nA", "400;100,0\n404;200,0\n", 1e-7, False),
        ("Potential/V, i/A, Charge/C", "Segment 1:\n0.4, 1e-7, 0\nEp = 0.4V\n0.404, 2e-7, 0\n", 1e-7, False),
    ],
)
def test_chi_exports_of_several_versions_and_locales_are_read(
    tmp_path: Path, columns: str, rows: str, net_a: float, pair: bool
) -> None:
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
        path = tmp_path / f"{encoding}.txt"
        path.write_bytes(_chi(columns, rows).encode(encoding))
        (scan,), faults = instrument_files.read(path)
        assert not faults
        assert scan.potential_v.tolist() == pytest.approx([0.4, 0.404])
        assert scan.net_a.tolist() == pytest.approx([net_a, 2 * net_a])
        assert (scan.forward_a is not None) == pair


def test_a_chi_export_of_several_channels_is_several_scans(tmp_path: Path) -> None:
    path = tmp_path / "two.txt"
    head = "Potential/V, Diff(i1/A), For(i1/A), Rev(i1/A), Diff(i2/A), For(i2/A), Rev(i2/A)"
    path.write_text(_chi(head, "0.4, 3, 2, -1, 7, 4, -3\n0.5, 3, 2, -1, 7, 4, -3\n"), encoding="utf-8")
    found, _ = instrument_files.read(path)
    assert [one.scan_id for one in found] == ["two/1", "two/2"]
    assert [one.net_a[0] for one in found] == [3.0, 7.0]


GAMRY = "EXPLAIN\r\nTAG\tX\r\n{tables}"
SWV_TABLE = "{name}\tTABLE\t3\r\n\tPt\tVstep\tIfwd\tIrev\tIdif\r\n\t#\tV\tA\tA\tA\r\n{rows}"


def test_a_gamry_file_of_several_tables_keeps_the_sound_ones_and_names_the_other(tmp_path: Path) -> None:
    good = "\t0\t0,1\t2,0E-6\t1,0E-6\t1,0E-6\r\n\t1\t0,2\t3,0E-6\t1,0E-6\t2,0E-6\r\n"
    bad = "\t0\t0,1\tx\t1\t1\r\n\t1\t0,2\t3\t1\t2\r\n"
    tables = SWV_TABLE.format(name="CURVE1", rows=good) + SWV_TABLE.format(name="CURVE2", rows=bad)
    tables = "OCVCURVE\tTABLE\t1\r\n\tPt\tVf\r\n\t#\tV\r\n\t0\t0,1\r\n" + tables
    path = tmp_path / "m.DTA"
    path.write_text(GAMRY.format(tables=tables), encoding="latin-1", newline="")
    (scan,), (fault,) = instrument_files.read(path)
    assert scan.scan_id == "m/CURVE1"
    assert scan.net_a.tolist() == pytest.approx([1e-6, 2e-6])
    assert (fault.scan_id, fault.field) == ("m/CURVE2", "Ifwd")


@pytest.mark.parametrize("cut", [3, 9, 20])
def test_a_file_cut_inside_its_last_row_keeps_the_points_before(tmp_path: Path, cut: int) -> None:
    text = (DATA / "gamry_aborted_squarewave.dta").read_text(encoding="latin-1")
    text = text[: text.index("\t9\t0.1\t") + cut]
    path = tmp_path / "cut.dta"
    path.write_text(text, encoding="latin-1")
    (scan,), faults = instrument_files.read(path)
    assert len(scan.potential_v) == 9
    assert "ends inside" in faults[0].reason


def _session(**change: object) -> dict[str, object]:
    volts = {"type": "PalmSens.Units.Volt", "s": "V"}
    amperes = {"type": "PalmSens.Units.MicroAmpere", "s": "A"}

    def array(unit: object, values: list[float], description: str = "") -> dict[str, object]:
        return {"unit": unit, "description": description, "datavalues": [{"v": v} for v in values]}

    curve = {"xaxisdataarray": array(volts, [0.1, 0.2]), "yaxisdataarray": array(amperes, [1.0, 2.0])}
    pair = [array(amperes, [3.0, 5.0], "Forward current"), array(amperes, [2.0, 3.0], "Reverse current")]
    return {"title": "SWV", "curves": [curve], "dataset": {"values": pair}, **change}


def _capital(value: object) -> object:
    if isinstance(value, dict):
        return {key.capitalize() if key.islower() else key: _capital(one) for key, one in value.items()}
    return [_capital(one) for one in value] if isinstance(value, list) else value


def test_palmsens_sessions_of_old_and_new_versions_give_forward_reverse_and_net(tmp_path: Path) -> None:
    for name, document in (
        ("old", {"measurements": [_session()] * 2}),
        ("new", _capital({"measurements": [_session()]})),
    ):
        path = tmp_path / f"{name}.pssession"
        path.write_bytes((json.dumps(document) + "\ufeff").encode("utf-16"))
        found, faults = instrument_files.read(path)
        assert not faults
        assert found[0].net_a.tolist() == pytest.approx([1e-6, 2e-6])
        assert found[0].forward_a is not None
        assert found[0].forward_a.tolist() == pytest.approx([3e-6, 5e-6])
        assert len({one.scan_id for one in found}) == len(found)


def test_a_palmsens_session_that_was_cut_keeps_its_whole_measurements(tmp_path: Path) -> None:
    text = json.dumps({"measurements": [_session(), _session(title="second")]})
    path = tmp_path / "cut.pssession"
    path.write_text(text[:-40], encoding="utf-8")
    (scan,), (fault,) = instrument_files.read(path)
    assert scan.scan_id == "cut/SWV/1"
    assert "not a whole PalmSens session" in fault.reason


def test_a_measurement_without_a_voltammogram_is_named_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "mixed.pssession"
    path.write_text(json.dumps({"measurements": [_session(), {"title": "EIS", "curves": []}]}), encoding="utf-8")
    found, faults = instrument_files.read(path)
    assert len(found) == 1
    assert faults[0].field == "measurements[2]"


def test_a_pstrace_export_gives_a_scan_for_each_pair_of_columns(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    text = "Date and time:;2026-01-02\nSWV;;SWV 2;\nV;\u00b5A;V;\u00b5A\n0,1;1,5;0,1;3\n0,2;2,5;0,2;4\n0,3;3,5;;\n"
    path.write_bytes(text.encode("utf-16"))
    found, faults = instrument_files.read(path)
    assert not faults
    assert [one.net_a.tolist() for one in found] == [
        pytest.approx([1.5e-6, 2.5e-6, 3.5e-6]),
        pytest.approx([3e-6, 4e-6]),
    ]


@pytest.mark.parametrize(
    ("unit", "expected"),
    [("V", ("V", 1.0)), ("mV", ("V", 1e-3)), ("\u03bcA", ("A", 1e-6)), ("NanoAmpere", ("A", 1e-9)), ("C", None)],
)
def test_units_are_told_by_letters_and_words(unit: str, expected: object) -> None:
    assert electrical_units.factor(unit) == expected


@pytest.mark.parametrize(
    ("name", "text", "line", "field"),
    [
        ("x.txt", CHI.replace("1.1e-7", "oops"), 11, "i(d)/A"),
        ("x.txt", "nothing here\n", 0, "Potential/V"),
        ("x.dta", "EXPLAIN\nTAG\tX\n", 0, "CURVE"),
        ("x.dta", "hello\n", 1, ""),
        ("x.dta", "EXPLAIN\nCURVE\tTABLE\t2\n\tPt\tVf\tIm\n\t#\tV\tA\n\t0\t0.1\tbad\n", 5, "Im"),
        ("x.pssession", '{"measurements": []}', 0, "measurements"),
        ("x.pssession", "{", 1, ""),
        ("x.xyz", "", 0, ""),
    ],
)
def test_a_bad_file_is_named_by_line_field_and_reason(
    tmp_path: Path, name: str, text: str, line: int, field: str
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MalformedFile) as caught:
        instrument_files.read(path)
    assert (caught.value.line, caught.value.field) == (line, field)


def test_a_spoilt_curve_beside_a_sound_one_is_named_and_not_passed_over() -> None:
    def axis(unit: str, values: list[float | None]) -> dict[str, object]:
        return {"unit": {"type": f"PalmSens.Units.{unit}"}, "datavalues": [{"v": value} for value in values]}

    volts = axis("Volt", [0.1, 0.2, 0.3])
    curves = [{"xaxisdataarray": volts, "yaxisdataarray": axis("MicroAmpere", y)} for y in ([1, 2, 3], [1, None, 3])]
    text = json.dumps({"measurements": [{"title": "swv", "curves": curves}]})
    found, faults = palmsens_files.read_session(text, "a.pssession", "a")
    assert [one.scan_id for one in found] == ["a/swv/1"]
    assert [(fault.field, fault.scan_id) for fault in faults] == [("measurements[1].curves[2]", "a/swv/2")]
