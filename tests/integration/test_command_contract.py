"""What every command keeps to: `--json` is one document on stdout, a mistake is one line on stderr and status 2."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.support.source_tree import ROOT
from waakzaam import cli

CALIBRATION = str(ROOT / "sensor_models/strips/ketamine_screen.calibration.json")
STRIP = str(ROOT / "sensor_models/strips/ketamine_screen.toml")
FIXES_HEAD = "time,device_id,lat,lon,horizontal_accuracy_m,speed_m_s,course_deg,event\n"
ORDER = {
    "order_id": "VL-2026-0001",
    "version": 1,
    "mandate_kind": "sentence_execution",
    "timezone": "Europe/Brussels",
    "valid_from": "2026-01-01T00:00:00Z",
    "valid_until": "2026-07-01T00:00:00Z",
    "monitored": {"person_id": "M1", "device_id": "trk-m1"},
    "protected": [{"person_id": "P1", "device_id": "trk-p1"}],
    "proximity": {"alert_distance_m": 1000, "prealert_distance_m": 2000},
    "zones": [],
}
# Commands whose --json is read elsewhere: each of these takes minutes or servers, or is proved with its own inputs.
PROVED_ELSEWHERE = {
    "bench": "run whole by `make bench`",
    "calibrate": "tests/unit/test_calibrate_and_detect.py",
    "demo": "tests/scenarios/test_demo.py",
    "evaluate": "tests/unit/test_field_evaluation.py",
    "firmware build": "tests/integration/test_firmware_command.py",
    "fleet": "tests/integration/test_fleet.py",
}


@dataclass(frozen=True)
class Said:
    """What a command ended with."""

    status: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """A command as a process would run it, in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["waakzaam", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Said(ended.value.code if isinstance(ended.value.code, int) else 1, said.out, said.err)

    return command


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """Small inputs that are right, and files that are wrong in every way we know."""
    (tmp_path / "orders.json").write_text(json.dumps({"schema": "waakzaam.orders/1", "orders": [ORDER]}))
    row = "2026-03-01T20:00:00Z,trk-m1,50.1,4.3,10,0,0,\n"
    (tmp_path / "fixes.csv").write_text(FIXES_HEAD + row)
    trace = "".join(f"s1,L1,lager,ketamine,,{0.004 * step:.3f},1e-7\n" for step in range(40))
    (tmp_path / "scans.csv").write_text("scan_id,lot,matrix,analyte,concentration_mol_l,potential_v,net_a\n" + trace)
    (tmp_path / "empty").touch()
    (tmp_path / "empty.csv").touch()
    (tmp_path / "binary").write_bytes(bytes(range(128, 256)) * 16)
    (tmp_path / "binary.csv").write_bytes(bytes(range(128, 256)) * 16)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "broken.json").write_text('{"schema": 1,')
    (tmp_path / "list.json").write_text("[1, 2]")
    (tmp_path / "columns.csv").write_text("when,who\n1,2\n")
    huge = {**ORDER, "proximity": {"alert_distance_m": 1e308, "prealert_distance_m": 2000}}
    (tmp_path / "huge.json").write_text(json.dumps({"schema": "waakzaam.orders/1", "orders": [huge]}))
    (tmp_path / "old.json").write_text('{"schema": "waakzaam.orders/0", "orders": []}')
    later = json.loads(Path(CALIBRATION).read_text()) | {"schema": "waakzaam.calibration/99"}
    (tmp_path / "later.json").write_text(json.dumps(later))
    return tmp_path


GOOD = {
    "doctor": ("doctor", "--json"),
    "detect": ("detect", "--calibration", CALIBRATION, "--scans", "scans.csv", "--json"),
    "hardware case": ("hardware", "case", "--json"),
    "hardware check": ("hardware", "check", "--json"),
    "hardware feasibility": ("hardware", "feasibility", "--json"),
    "hardware power": ("hardware", "power", "--json"),
    "provision": ("provision", "brc-0001", "--kind", "bracelet", "--keys", "keys.json", "--json"),
    "verify": ("verify", "list.json", "--json"),
    "what-if": ("what-if", "--orders", "orders.json", "--fixes", "fixes.csv", "--alert-distance-m", "800", "--json"),
}


def _with_json(command: Any, path: tuple[str, ...]) -> Iterator[str]:
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from _with_json(inner, (*path, name))
    elif any("--json" in one.opts for one in command.params):
        yield " ".join(path)


def test_every_command_that_promises_json_is_held_to_it_here_or_elsewhere() -> None:
    promised = set(_with_json(typer.main.get_command(cli.build()), ()))
    assert promised == set(GOOD) | set(PROVED_ELSEWHERE)


@pytest.mark.parametrize("name", [name for name in GOOD if name != "verify"])
def test_json_is_one_document_on_stdout(name: str, run: Run, inputs: Path) -> None:
    said = run(*GOOD[name])
    assert said.status == 0 or name == "doctor", said.err  # 1 where this machine lacks something
    json.loads(said.out)


MISTAKES = {
    "no file": ("replay", "--orders", "none.json", "--fixes", "fixes.csv", "--out", "o"),
    "a folder for a file": ("replay", "--orders", "folder", "--fixes", "fixes.csv", "--out", "o"),
    "an empty file": ("replay", "--orders", "orders.json", "--fixes", "empty", "--out", "o"),
    "a binary file": ("replay", "--orders", "binary", "--fixes", "fixes.csv", "--out", "o"),
    "broken JSON": ("replay", "--orders", "broken.json", "--fixes", "fixes.csv", "--out", "o"),
    "JSON of another shape": ("what-if", "--orders", "list.json", "--fixes", "fixes.csv", "--json"),
    "an older version": ("replay", "--orders", "old.json", "--fixes", "fixes.csv", "--out", "o"),
    "a huge number": ("what-if", "--orders", "huge.json", "--fixes", "fixes.csv", "--json"),
    "wrong columns": ("what-if", "--orders", "orders.json", "--fixes", "columns.csv", "--json"),
    "a place that cannot be written": ("replay", "--orders", "orders.json", "--fixes", "fixes.csv", "--out", "empty/o"),
    "no scans": ("detect", "--calibration", CALIBRATION, "--scans", "none.csv", "--json"),
    "a folder of scans": ("detect", "--calibration", CALIBRATION, "--scans", "folder.csv", "--json"),
    "empty scans": ("detect", "--calibration", CALIBRATION, "--scans", "empty.csv", "--json"),
    "binary scans": ("detect", "--calibration", CALIBRATION, "--scans", "binary.csv", "--json"),
    "scans of other columns": ("detect", "--calibration", CALIBRATION, "--scans", "columns.csv", "--json"),
    "a calibration of a later version": ("detect", "--calibration", "later.json", "--scans", "scans.csv", "--json"),
    "no calibration": ("detect", "--calibration", "binary", "--scans", "scans.csv", "--json"),
    "a strip that is none": ("calibrate", "--strip", "binary", "--scans", "scans.csv", "--out", "c"),
    "no strip": ("calibrate", "--strip", "none.toml", "--scans", "scans.csv", "--out", "c"),
    "calibration scans that are none": ("calibrate", "--strip", STRIP, "--scans", "columns.csv", "--out", "c"),
    "a log that is none": ("evaluate", "binary", "--out", "report", "--json"),
    "an empty log": ("evaluate", "empty", "--out", "report", "--json"),
    "nothing to verify": ("verify", "list.json", "--json"),
    "keys that are none": ("provision", "brc-1", "--kind", "bracelet", "--keys", "binary", "--json"),
    "a token that is none": (
        *("gateway", "--orders", "orders.json", "--keys", "list.json"),
        *("--token-file", "binary", "--data", "data"),
    ),
    "a board that there is not": ("board", "toaster"),
    "a board's settings that are none": ("board", "bracelet", "--config", "broken.json"),
    "no such command": ("nonsense",),
    "an option that is missing": ("replay",),
    "a number that is none": ("fleet", "--pairs", "many"),
    "a circuit that there is not": ("hardware", "check", "toaster"),
    "a benchmark that there is not": ("bench", "nothing"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_that_says_where_and_what_and_leaves_nothing_behind(
    mistake: str, run: Run, inputs: Path
) -> None:
    before = sorted(path.name for path in inputs.iterdir())
    said = run(*MISTAKES[mistake])
    assert said.status == 2, said
    assert said.out == ""
    assert said.err.count("\n") == 1, said.err
    assert said.err.startswith("waakzaam"), said.err
    assert ": " in said.err
    for jargon in ("Traceback", "codec", "Errno", "Value error", "object has no attribute"):
        assert jargon not in said.err
    left = sorted(path.name for path in inputs.iterdir() if path.suffix != ".lock")  # a lock file may stay: it is empty
    assert left == before


def test_what_the_system_says_comes_with_what_to_do(run: Run, inputs: Path) -> None:
    assert "(check the name and the folder you are in)" in run(*MISTAKES["no scans"]).err
    assert "is not UTF-8 text" in run(*MISTAKES["a binary file"]).err
    assert "(see: waakzaam replay --help)" in run(*MISTAKES["an option that is missing"]).err
