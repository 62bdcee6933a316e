"""`waakzaam verify` on drink-test records: what holds, and what does not and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from firmware.bracelet.judging import judged_again
from firmware.wire import record
from simulators.strip import StripCell
from waakzaam import record_check
from waakzaam.cli import build
from waakzaam.exits import BadInput
from waakzaam.rigs.bracelet import DEVICE_ID, KEY, SHORT_SCAN, BraceletBench, calibration_of_short_scans

CALIBRATION = json.dumps(calibration_of_short_scans())


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two tests of one bracelet, sealed."""
    bench = BraceletBench(
        tmp_path_factory.mktemp("bracelet"),
        calibration_of_short_scans(),
        waveform=SHORT_SCAN,
        incubate_ms=500,
        volume_ml=330,
        venue_code="V1",
    )
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
    (tmp_path / "cal.json").write_text(CALIBRATION, encoding="utf-8")
    status, found = verified(tmp_path, log, "--calibration", str(tmp_path / "cal.json"))
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


def faults_in(lines: list[str], judged: bool = False) -> tuple[str, ...]:
    """What is found in these lines, without the command around it."""
    calibrations = [CALIBRATION.encode()] if judged else []
    return record_check.check(lines, lambda _: bytes.fromhex(KEY), calibrations, lambda _: None).faults


def test_no_letter_of_a_sealed_record_can_be_changed(log: list[str]) -> None:
    line = log[0]
    trace, after = line.index('"trace"'), line.index('"venue_code"')
    places = [*range(trace), *range(trace, after, 97), *range(after, len(line))]
    others = {**{digit: str((int(digit) + 1) % 10) for digit in "0123456789"}, " ": "_"}
    for place in places:
        changed = others.get(line[place], "x" if line[place] != "x" else "y")
        assert faults_in([line[:place] + changed + line[place + 1 :]]), (place, line[max(0, place - 30) : place + 5])


def test_no_field_of_a_sealed_record_can_be_taken_out_changed_or_added(log: list[str]) -> None:
    fields = json.loads(log[0])
    assert len(fields) >= 13

    def line_of(changed: dict[str, object]) -> str:
        return json.dumps(changed, separators=(",", ":"), ensure_ascii=False)

    for name, value in fields.items():
        assert faults_in([line_of({k: v for k, v in fields.items() if k != name})]), name
        other: object = {"negative": "positive"}.get(value, "negative") if name == "verdict" else f"{value}x"
        assert faults_in([line_of({**fields, name: other})]), name
    assert faults_in([log[0][:-1] + ',"feedback":"ill"}'])
    assert faults_in(['{"verdict":"negative",' + log[0][1:]])
    assert faults_in([log[0][:-1] + f',"signature":"{fields["signature"]}"}}'])


def test_a_record_sealed_by_who_has_the_key_must_still_judge_to_what_it_says(log: list[str]) -> None:
    fields = {k: v for k, v in json.loads(log[0]).items() if k not in ("schema", "signature", "previous_sha256")}
    lies: dict[str, dict[str, object]] = {
        "another verdict": {"verdict": "negative"},
        "another drug": {"analytes": [{**fields["analytes"][0], "analyte": "GHB"}]},
        "another concentration": {"analytes": [{**fields["analytes"][0], "concentration_mol_l": 1e-9}]},
        "another interval": {"analytes": [{**fields["analytes"][0], "ci_high": 1.0}]},
        "another drink": {"drink_declared": "no such drink"},
        "no drugs": {"analytes": []},
        "no trace": {"trace": None},
        "half a trace": {"trace": {"potential_v": fields["trace"]["potential_v"]}},
        "columns of two lengths": {"trace": {**fields["trace"], "forward_a": [1e-9]}},
        "another calibration": {"calibration_sha256": "0" * 64},
    }
    for lie, changes in lies.items():
        line = record.seal({**fields, **changes}, record.GENESIS_SHA256, bytes.fromhex(KEY))
        assert not faults_in([line]), lie  # it is sealed
        assert faults_in([line], judged=True), lie


def test_a_test_that_the_core_refused_judges_again_and_one_that_the_hand_ended_does_not(log: list[str]) -> None:
    fields = {k: v for k, v in json.loads(log[0]).items() if k not in ("schema", "signature", "previous_sha256")}
    still = {**fields["trace"], "forward_a": [1e-7] * 151, "reverse_a": [1e-7] * 151}
    refused = judged_again([calibration_of_short_scans()], {**fields, "trace": still})
    assert refused is not None
    assert (refused.verdict, refused.analytes) == ("invalid", [])
    before, lines = record.GENESIS_SHA256, []
    for reason, trace in ((refused.reason, still), ("strip_pulled", fields["trace"]), ("no_strip", None)):
        told = {**fields, "verdict": "invalid", "reason": reason, "analytes": [], "trace": trace}
        lines.append(record.seal(told, before, bytes.fromhex(KEY)))
        before = record.sha256_of(lines[-1])
    found = record_check.check(lines, lambda _: bytes.fromhex(KEY), [CALIBRATION.encode()], lambda _: None)
    assert (found.faults, found.judged_again) == ((), 1)


def test_a_log_that_begins_after_other_records_says_so(log: list[str], tmp_path: Path) -> None:
    status, found = verified(tmp_path, log[1:])
    assert status == 0
    assert "older records are not in this log" in str(found["says"])
    assert "older records" not in str(verified(tmp_path, log)[1]["says"])


@pytest.mark.parametrize(
    ("option", "content", "named"),
    [
        ("--keys", "", "is not JSON"),
        ("--keys", '{"schema": "waakzaam.keys/1", "keys": {"brc-test1": "zz"}}', "brc-test1"),
        ("--keys", '{"schema": "waakzaam.keys/1", "keys": {"brc-test1": 5}}', "keys"),
        ("--keys", None, "is not there"),
        ("--calibration", "no JSON", "is not JSON"),
        ("--calibration", "[1]", "schema"),
        ("--calibration", '{"schema": "another/1"}', "schema"),
        ("--calibration", None, "No such file"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_and_nothing_is_judged(
    log: list[str], option: str, content: str | None, named: str, tmp_path: Path
) -> None:
    file, keys, other = tmp_path / "log.jsonl", tmp_path / "keys.json", tmp_path / "other.json"
    file.write_text(log[0], encoding="utf-8")
    keys.write_text(json.dumps({"schema": "waakzaam.keys/1", "keys": {DEVICE_ID: KEY}}), encoding="utf-8")
    if content is not None:
        other.write_text(content, encoding="utf-8")
    done = CliRunner().invoke(build(), ["verify", str(file), "--keys", str(keys), option, str(other)])
    assert isinstance(done.exception, BadInput), (done.output, done.exception)
    assert str(done.exception).startswith(str(other))
    assert named in str(done.exception)
    assert not done.stdout
