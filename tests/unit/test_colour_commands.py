"""`waakzaam calibrate` and `waakzaam detect` on colour CSV, on partly bad files, and on several strips of one drink."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from sensor_models import colour_scans, colour_strip
from sensor_models.errors import MalformedFile
from simulators.strip.colour_readings import COLUMNS, calibration_tests, simulate_colour_test, write_colour_csv
from tests.support.colour_tests import GHB_DOSE_MOL_L, STRIP_FILE
from tests.support.written_scans import CALIBRATION_LEVELS, STRIP_TOML, Formula, write
from waakzaam.cli import build
from waakzaam.exits import BadInput


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(build(), [str(one) for one in arguments])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both kinds of calibration, and unknowns of one drink on both strips."""
    path = tmp_path_factory.mktemp("colour")
    write_colour_csv(path / "pads.csv", calibration_tests(tests=112))
    done = _run("calibrate", "--strip", STRIP_FILE, "--scans", path / "pads.csv", "--out", path / "pads.json", "--json")
    assert done.exit_code == 0, done.output
    (path / "summary.json").write_text(done.stdout, encoding="utf-8")
    (path / "strip.toml").write_text(STRIP_TOML, encoding="utf-8")
    write(path / "scans.csv", Formula(), CALIBRATION_LEVELS, 7)
    done = _run(
        "calibrate", "--strip", path / "strip.toml", "--scans", path / "scans.csv", "--out", path / "scans.json"
    )
    assert done.exit_code == 0, done.output
    spiked = simulate_colour_test("lager", {"GHB": GHB_DOSE_MOL_L}, seed="x", paired=True)
    clean = simulate_colour_test("cola", {}, seed="y", paired=True)
    write_colour_csv(path / "unknown_pads.csv", [spiked, clean], known=False)
    write(path / "unknown_scans.csv", Formula(), [0.0, 0.0], 99, known=False)
    for name, ids in (
        ("unknown_pads.csv", (spiked.test_id, clean.test_id)),
        ("unknown_scans.csv", ("s0000", "s0001")),
    ):
        text = (path / name).read_text(encoding="utf-8")
        for old, new in zip(ids, ("drink 1", "drink 2"), strict=True):
            text = text.replace(old, new)
        (path / name).write_text(text, encoding="utf-8")
    return path


def _detect(folder: Path, *arguments: object) -> list[dict[str, Any]]:
    done = _run("detect", *arguments, "--json")
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_calibrate_states_limits_beside_a_clean_pour_and_alone(folder: Path) -> None:
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    for drug in ("GHB", "GBL"):
        row = summary["limits"][drug]
        assert 0 < row["LC"] < row["LD"] < GHB_DOSE_MOL_L
        assert row["LQ"] > 0
        assert row["paired"]
        assert 0 < row["alone"]["LC"] < row["alone"]["LD"]
    assert summary["lots"] == ["C1", "C2", "C3"]


def test_detect_gives_the_verdict_of_every_colour_test(folder: Path) -> None:
    found = _detect(folder, "--calibration", folder / "pads.json", "--scans", folder / "unknown_pads.csv")
    assert [(one["scan_id"], one["verdict"]) for one in found] == [("drink 1", "positive"), ("drink 2", "negative")]
    assert found[0]["analyte"] == "GHB"
    assert found[0]["ci_low"] < GHB_DOSE_MOL_L
    assert {"scan_id", "verdict", "analyte", "concentration_mol_l", "ci_low", "ci_high", "reason"} <= found[1].keys()


def test_detect_fuses_both_kinds_of_strip_by_drink(folder: Path) -> None:
    both = [
        "--calibration", folder / "scans.json", "--scans", folder / "unknown_scans.csv",
        "--calibration", folder / "pads.json", "--scans", folder / "unknown_pads.csv",
    ]  # fmt: skip
    apart = _detect(folder, *both)
    assert [one["scan_id"] for one in apart] == ["drink 1", "drink 2", "drink 1", "drink 2"]
    fused = _detect(folder, *both, "--fuse")
    assert [(one["scan_id"], one["verdict"]) for one in fused] == [("drink 1", "positive"), ("drink 2", "negative")]
    assert {one["analyte"]: one["verdict"] for one in fused[0]["analytes"]} == {
        "ketamine": "negative",
        "GHB": "positive",
        "GBL": "negative",
    }
    assert {one["strip"] for one in fused[0]["strips"]} == {"heldout", "ghb_gbl_colour"}


def test_a_drink_of_which_a_strip_is_missing_is_not_called_negative_for_its_drugs(folder: Path) -> None:
    text = (folder / "unknown_scans.csv").read_text(encoding="utf-8").replace("drink 2", "drink 3")
    (folder / "other.csv").write_text(text, encoding="utf-8")
    fused = _detect(
        folder,
        "--calibration", folder / "scans.json", "--scans", folder / "other.csv",
        "--calibration", folder / "pads.json", "--scans", folder / "unknown_pads.csv", "--fuse",
    )  # fmt: skip
    by_drink = {one["scan_id"]: one for one in fused}
    assert by_drink["drink 2"]["verdict"] == "inconclusive"
    assert "not tested for ketamine" in by_drink["drink 2"]["reason"]
    assert by_drink["drink 3"]["verdict"] == "inconclusive"


def test_a_partly_bad_file_gives_the_sound_tests_names_the_others_and_exits_2(folder: Path) -> None:
    lines = (folder / "unknown_pads.csv").read_text(encoding="utf-8").splitlines()
    k = next(k for k, line in enumerate(lines) if line.startswith("drink 2"))
    lines[k] = lines[k].rsplit(",", 3)[0] + ",oops,0,0"
    (folder / "bad.csv").write_text("\n".join(lines), encoding="utf-8")
    done = _run("detect", "--calibration", folder / "pads.json", "--scans", folder / "bad.csv", "--json")
    assert done.exit_code == 2
    assert f"bad.csv:{k + 1}: lit: 'oops' is not a number (drink 2 is left out)" in done.stderr
    found = json.loads(done.stdout)
    assert [(one["scan_id"], one["verdict"]) for one in found] == [("drink 1", "positive"), ("drink 2", "invalid")]
    assert "oops" in found[1]["reason"]


def test_calibrations_and_files_that_do_not_pair_are_refused(folder: Path) -> None:
    done = _run("detect", *["--calibration", folder / "pads.json"] * 2, "--scans", folder / "unknown_pads.csv")
    assert isinstance(done.exception, BadInput)
    assert "2 calibrations for 1 files" in str(done.exception)


HEAD = ",".join(COLUMNS) + "\n"
ROW = "a,test,L,water,GHB,0,20,600,white,F1,100,1,0\n"


@pytest.mark.parametrize(
    ("text", "line", "field"),
    [
        ("", 0, ""),
        (HEAD, 0, ""),
        (HEAD.replace("channel,", "") + ROW, 1, "channel"),
        (HEAD + ROW.replace("600", "soon"), 2, "time_s"),
        (HEAD + ROW.replace(",100,", ",-3,"), 2, "lit"),
        (HEAD + ROW.replace(",100,", ",nan,"), 2, "lit"),
        (HEAD + ROW.replace("test", "mixed"), 2, "pour"),
        (HEAD + ROW.replace("test", "clean"), 2, "pour"),
        (HEAD + ROW + ROW, 3, "channel"),
        (HEAD + ROW + ROW.replace("water", "lager"), 3, "matrix"),
        (HEAD + ROW.replace(",20,", ",,"), 2, "temperature_c"),
        (HEAD + ROW.replace(",0\n", ",maybe\n"), 2, "saturated"),
        (HEAD + ROW.replace("white", ""), 2, "pad"),
    ],
)
def test_a_bad_colour_csv_is_named_by_line_and_field(tmp_path: Path, text: str, line: int, field: str) -> None:
    path = tmp_path / "colour.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(MalformedFile) as caught:
        colour_scans.read(path)
    assert (caught.value.line, caught.value.field) == (line, field)


def test_counts_are_brought_to_one_exposure_and_full_scale_is_saturation(tmp_path: Path) -> None:
    head = HEAD.strip() + ",gain,integration_ms\n"
    path = tmp_path / "gain.csv"
    row = ROW.strip()
    path.write_text(head + f"{row},64,50\n" + row.replace("F1,100", "F2,65535") + ",64,50\n", encoding="utf-8")
    (one,), faults = colour_scans.read(path)
    assert not faults
    assert one.readings[0].lit["F1"] == pytest.approx(100 / 3200)
    assert one.readings[0].saturated


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (("first_s = 540", "first_s = 1000"), "reading.last_s"),
        (('pad = "GHB"', 'pad = "white"'), "analyte[1].pad"),
        (('name = "GBL"', 'name = "GHB"'), "analyte"),
        (('model = "4pl"', 'model = "cubic"'), "analyte[1].model"),
        (("basic_salt = true", "basic_salt = 3"), "analyte[1].basic_salt"),
        (("alpha = 0.002", "alpha = 0.7"), "alpha"),
        (('"F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8"', '"F1"'), "reading.channels"),
    ],
)
def test_a_wrong_colour_strip_is_named_by_its_field(tmp_path: Path, change: tuple[str, str], field: str) -> None:
    path = tmp_path / "strip.toml"
    path.write_text(STRIP_FILE.read_text(encoding="utf-8").replace(*change, 1), encoding="utf-8")
    with pytest.raises(MalformedFile) as caught:
        colour_strip.load(path)
    assert caught.value.field == field


def test_the_smallest_colour_strip_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "strip.toml"
    path.write_text('name = "x"\ntechnique = "colour"\n[[analyte]]\nname = "GHB"\n', encoding="utf-8")
    strip = colour_strip.load(path)
    assert strip.window_s == (540.0, 900.0)
    assert strip.pads == ("white", "ph", "buffer", "GHB")
