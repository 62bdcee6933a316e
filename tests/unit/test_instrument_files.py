"""Readers of instruments' files: PalmSens, Gamry (aborted too), CHI; what is wrong is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sensor_models import instrument_files
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
    (scan,) = instrument_files.read(DATA / "palmsens_differential_pulse.pssession")
    assert len(scan.potential_v) == 201
    assert scan.potential_v[0] == pytest.approx(-0.5)
    assert np.all(np.diff(scan.potential_v) > 0)
    assert np.max(np.abs(scan.net_a)) < 1e-2


def test_an_aborted_gamry_run_gives_the_points_it_has() -> None:
    (scan,) = instrument_files.read(DATA / "gamry_aborted_squarewave.dta")
    assert len(scan.potential_v) == 10
    assert scan.forward_a is not None
    assert scan.reverse_a is not None
    # The instrument's own difference column, read from the file: Idif of the first and the last row.
    assert scan.net_a[[0, -1]] == pytest.approx([1.92826e-06, -4.02055e-07], rel=1e-4)


def test_a_chi_export_gives_forward_reverse_and_difference(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text(CHI, encoding="utf-8")
    (scan,) = instrument_files.read(path)
    assert scan.potential_v.tolist() == [0.4, 0.404]
    assert scan.net_a.tolist() == [1.0e-7, 1.1e-7]
    assert scan.forward_a is not None
    assert scan.forward_a.tolist() == [0.6e-7, 0.7e-7]


@pytest.mark.parametrize(
    ("name", "text", "line", "field"),
    [
        ("x.txt", CHI.replace("1.1e-7", "oops"), 11, "i(d)/a"),
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
