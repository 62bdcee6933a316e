"""scans.csv and strip.toml: what is wrong is said with file, line, field and reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from sensor_models import scans, strip_definition
from sensor_models.errors import MalformedFile
from tests.support.written_scans import STRIP_TOML
from waakzaam.cli import build
from waakzaam.exits import BadInput

HEAD = "scan_id,lot,matrix,analyte,concentration_mol_l,potential_v,net_a\n"


@pytest.mark.parametrize(
    ("text", "line", "field", "reason"),
    [
        ("", 0, "", "empty"),
        (HEAD, 0, "", "no scan"),
        (HEAD + "a,A,b,k,0,0.1,1e-6\na,A,b,k,0,x,1e-6\n", 3, "potential_v", "not a number"),
        (HEAD + "a,A,b,k,0,0.1,\n", 2, "net_a", "is empty"),
        (HEAD + "a,A,b,k,0,0.1\n", 2, "row", "6 fields"),
        (HEAD + "a,A,b,k,-1,0.1,1e-6\n", 2, "concentration_mol_l", "not a concentration"),
        (HEAD + "a,A,b,k,1e-5,0.1,1e-6\na,B,b,k,1e-5,0.2,1e-6\n", 3, "lot", "differs"),
        (HEAD + ",A,b,k,0,0.1,1e-6\n", 2, "scan_id", "is empty"),
        (HEAD.replace("net_a", "forward_a") + "a,A,b,k,0,0.1,1\n", 1, "reverse_a", "missing"),
        (HEAD.replace("potential_v", "volts") + "a,A,b,k,0,0.1,1\n", 1, "potential_v", "missing"),
    ],
)
def test_a_malformed_row_is_named_with_its_line_field_and_reason(
    tmp_path: Path, text: str, line: int, field: str, reason: str
) -> None:
    path = tmp_path / "scans.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MalformedFile) as caught:
        scans.read_csv(path)
    assert (caught.value.line, caught.value.field) == (line, field)
    assert reason in caught.value.reason


def test_unknowns_have_no_concentration_and_blanks_have_zero(tmp_path: Path) -> None:
    path = tmp_path / "scans.csv"
    path.write_text(HEAD + "u,A,b,k,,0.1,1e-6\nz,A,b,k,0,0.1,1e-6\n", encoding="utf-8")
    assert [one.concentration_mol_l for one in scans.read_csv(path)] == [None, 0.0]


def test_tables_of_other_programs_and_countries_are_read(tmp_path: Path) -> None:
    plain = HEAD + "a,A,bi\u00e8re,k,0,0.1,1e-6\na,A,bi\u00e8re,k,0,0.2,2e-6\n"
    semicolons = "# made by a spreadsheet\n\n" + plain.replace(",", ";").replace(".", ",")
    for n, text in enumerate((plain, semicolons, plain.replace(",", "\t"), plain.replace("\n", "\r\n"))):
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "latin-1"):
            path = tmp_path / f"{n}-{encoding}.csv"
            path.write_bytes(text.encode(encoding))
            (one,) = scans.read_csv(path)
            assert one.matrix == "bi\u00e8re"
            assert one.potential_v.tolist() == [0.1, 0.2]
            assert one.net_a.tolist() == [1e-6, 2e-6]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_spreadsheets_line_that_names_the_separator_is_no_row(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "scans.csv"
    rows = (HEAD + "a,A,b,k,0,0.1,1e-6\na,A,b,k,0,0.2,x\nc,A,b,k,0,0.1,1e-6\n").replace(",", separator)
    path.write_text(f"\ufeffsep={separator}\r\n{rows}", encoding="utf-8")
    found, (fault,) = scans.read(path)
    assert [one.scan_id for one in found] == ["c"]
    assert (fault.line, fault.field) == (4, "net_a")
    path.write_text(f"sep={separator}\n", encoding="utf-8")
    with pytest.raises(MalformedFile, match="empty"):
        scans.read(path)


def test_columns_in_other_units_and_capitals_say_the_same(tmp_path: Path) -> None:
    path = tmp_path / "scans.csv"
    path.write_text(
        "Scan_ID,LOT,Potential_mV,Forward_uA,reverse_nA\na,L1,100,2,500\na,L1,104,3,-500\n", encoding="utf-8"
    )
    (one,) = scans.read_csv(path)
    assert one.lot == "L1"
    assert one.potential_v.tolist() == pytest.approx([0.1, 0.104])
    assert one.net_a.tolist() == pytest.approx([1.5e-6, 3.5e-6])
    path.write_text("scan_id,potential_v,potential_mv,net_a\na,0.1,100,1e-6\n", encoding="utf-8")
    with pytest.raises(MalformedFile, match="twice"):
        scans.read_csv(path)


def test_a_bad_row_spoils_its_own_scan_and_leaves_the_others(tmp_path: Path) -> None:
    path = tmp_path / "scans.csv"
    rows = "a,A,b,k,0,0.1,1e-6\nbad,A,b,k,0,0.1,x\nc,A,b,k,0,0.1,1e-6\na,A,b,k,0,0.2,1e-6\nc,A,b,k,0,0.2"
    path.write_text(HEAD + rows, encoding="utf-8")
    found, faults = scans.read(path)
    assert [one.scan_id for one in found] == ["a"]
    assert [(one.scan_id, one.line, one.field) for one in faults] == [("bad", 3, "net_a"), ("c", 6, "row")]


def test_two_scans_under_one_name_are_told_as_such_and_leave_the_others(tmp_path: Path) -> None:
    path = tmp_path / "scans.csv"
    one = "".join(f"{{name}},A,b,k,0,{0.1 * k:.1f},{1e-6 * k}\n" for k in range(1, 5))
    path.write_text(HEAD + one.format(name="a") + one.format(name="c") + one.format(name="a"), encoding="utf-8")
    found, (fault,) = scans.read(path)
    assert [one.scan_id for one in found] == ["c"]
    assert (fault.scan_id, fault.line, fault.field) == ("a", 2, "scan_id")
    assert fault.reason.startswith("'a' names two scans: its potentials begin anew at its point 5")


def test_what_is_no_table_is_refused_in_one_line(tmp_path: Path) -> None:
    for name, data in (("nul.csv", b"a,\x00b\n1,2\n"), ("quote.csv", HEAD.encode() + b'"' + b"x" * 3_000_000)):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(MalformedFile):
            scans.read_csv(path)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (('name = "heldout"', ""), "name"),
        (("alpha = 0.05", "alpha = 2"), "alpha"),
        (('technique = "swv"', 'technique = "smell"'), "technique"),
        (("[0.70, 1.00]", "[0.70]"), "analyte[1].peak_window_v"),
        (('model = "linear"', 'model = "cubic"'), "analyte[1].model"),
        (("step_v = 0.004", "step_v = 0"), "waveform.step_v"),
    ],
)
def test_a_wrong_strip_definition_is_named_by_its_field(tmp_path: Path, change: tuple[str, str], field: str) -> None:
    path = tmp_path / "strip.toml"
    path.write_text(STRIP_TOML.replace(*change), encoding="utf-8")
    with pytest.raises(MalformedFile) as caught:
        strip_definition.load(path)
    assert caught.value.field == field


def test_the_command_says_one_line_and_writes_nothing_on_bad_input(tmp_path: Path) -> None:
    (tmp_path / "strip.toml").write_text(STRIP_TOML, encoding="utf-8")
    (tmp_path / "scans.csv").write_text(HEAD + "a,A,b,k,0,0.1,oops\n", encoding="utf-8")
    words = ["calibrate", "--strip", "strip.toml", "--scans", "scans.csv", "--out", "cal.json"]
    arguments = [str(tmp_path / word) if "." in word and not word.startswith("-") else word for word in words]
    done = CliRunner().invoke(build(), arguments)
    assert isinstance(done.exception, BadInput)
    assert "scans.csv:2: net_a: 'oops' is not a number" in str(done.exception)
    assert not (tmp_path / "cal.json").exists()
