"""`waakzaam verify` on drink-test records: what holds, and what does not and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulators.strip import StripCell
from waakzaam.cli import build
from waakzaam.rigs.bracelet import (
    DEVICE_ID,
    KETAMINE_CALIBRATION,
    KEY,
    BraceletBench,
    ketamine_calibration,
)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two tests of one bracelet, sealed."""
    bench = BraceletBench(tmp_path_factory.mktemp("bracelet"), ketamine_calibration())
    bench.insert(StripCell("lager", {"ketamine": 1e-3}, seed=1, wet_at_us=3e6))
    bench.run()
    bench.pull()
    bench.at(2.0, lambda: bench.insert(StripCell("lager", {}, seed=2, wet_at_us=bench.clock.now_us + 3e6)))
    bench.run()
    return bench.records()


def verified(folder: Path, lines: list[str], *options: str) -> tuple[int, dict[str, object]]:
    file, keys = folder / "log.jsonl", folder / "keys.json"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    keys.write_text(json.dumps({"schema": "waakzaam.keys/1", "keys": {DEVICE_ID: KEY}}), encoding="utf-8")
    done = CliRunner().invoke(build(), ["verify", str(file), "--keys", str(keys), "--json", *options])
    return done.exit_code, json.loads(done.stdout)


def test_sealed_records_hold_and_judge_again_to_the_same_verdict(log: list[str], tmp_path: Path) -> None:
    status, found = verified(tmp_path, log, "--calibration", str(KETAMINE_CALIBRATION))
    assert (status, found["holds"]) == (0, True), found
    assert "2 judged again to the same verdict" in str(found["says"])


def test_a_changed_verdict_breaks_the_signature(log: list[str], tmp_path: Path) -> None:
    changed = log[0].replace('"verdict":"positive"', '"verdict":"negative"', 1)
    status, found = verified(tmp_path, [changed, log[1]])
    assert status == 1
    assert "bad signature" in str(found["faults"])


def test_a_missing_record_breaks_the_chain(log: list[str], tmp_path: Path) -> None:
    status, found = verified(tmp_path, [log[1], log[0]])
    assert status == 1
    assert "does not follow" in str(found["faults"])
