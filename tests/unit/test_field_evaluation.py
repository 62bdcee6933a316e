"""The evaluation of a field trial: what counts, what does not, and what is said of what does not."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Any

import pytest

from firmware.wire import record
from sensor_models import field_evaluation, field_log, field_report
from sensor_models.errors import MalformedFile
from waakzaam import cli

KEY = bytes(range(32))
KETAMINE = {"ketamine": 1e-3}


def _line(number: int, verdict: str, truth: Any, **more: Any) -> str:
    return json.dumps({"record_id": f"r{number}", "device_id": "b1", "verdict": verdict, "truth": truth, **more})


def _log(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _sealed(count: int, device: str = "b1") -> list[str]:
    previous, lines = record.GENESIS_SHA256, []
    for n in range(count):
        fields = {"record_id": f"r{n}", "device_id": device, "time": f"2026-11-{n + 1:02}T22:00:00Z"}
        lines.append(record.seal({**fields, "verdict": "negative", "reason": "no peak", "truth": False}, previous, KEY))
        previous = record.sha256_of(lines[-1])
    return lines


def test_an_evaluation_counts_inconclusives_both_ways_and_keeps_invalids_apart(tmp_path: Path) -> None:
    rows: list[tuple[str, Any]] = [("positive", KETAMINE)] * 8
    rows += [("inconclusive", KETAMINE), ("negative", KETAMINE), ("invalid", KETAMINE)]
    rows += [("negative", False)] * 18 + [("positive", {}), ("inconclusive", "clean")] + [("negative", None)]
    lines = [_line(k, verdict, truth, drink_declared="lager") for k, (verdict, truth) in enumerate(rows)]
    log = field_log.read_logs([_log(tmp_path, *lines, lines[0])])
    found = field_evaluation.evaluate(log)
    accuracy = found["accuracy"]
    assert log.repeats == 1
    assert accuracy["table"]["spiked"] == {"positive": 8, "inconclusive": 1, "negative": 1, "invalid": 1}
    assert accuracy["table"]["clean"] == {"positive": 1, "inconclusive": 1, "negative": 18, "invalid": 0}
    assert accuracy["sensitivity"]["inconclusive_counted_as_negative"]["value"] == 0.8
    assert accuracy["sensitivity"]["inconclusive_excluded"]["value"] == pytest.approx(8 / 9)
    assert accuracy["specificity"]["inconclusive_excluded"]["value"] == pytest.approx(18 / 19)
    assert accuracy["yield"]["value"] == pytest.approx(28 / 31)
    assert found["by_drug"]["ketamine"]["n_spiked"] == 11
    assert found["by_drink"]["lager"]["n_clean"] == 20


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("{not json", ""),
        ('{"record_id": "a", "verdict": "maybe"}', "verdict"),
        ('{"verdict": "negative"}', "record_id"),
        ('{"record_id": "a", "verdict": "negative", "truth": {"x": "y"}}', "truth"),
        ('{"record_id": "a", "verdict": "negative", "truth": NaN}', ""),
        ('{"record_id": "a", "verdict": "negative", "truth": {"ketamine": -1}}', "truth"),
        ('{"record_id": "a", "verdict": "negative", "truth": {"drug": "GHB", "amount": "much"}}', "truth"),
        ('{"record_id": "a", "verdict": "negative", "truth": {"spiked": true, "dose_mg": 0}}', "truth"),
    ],
)
def test_a_malformed_record_is_named_by_file_line_and_field_and_the_others_count(
    tmp_path: Path, line: str, field: str
) -> None:
    log = field_log.read_logs([_log(tmp_path, _line(1, "negative", False), line)])
    assert [(fault.line, fault.field) for fault in log.faults] == [(2, field)]
    assert len(log.tests) == 1


def test_nothing_to_evaluate_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MalformedFile):
        field_log.read_logs([_log(tmp_path, "{", "")])
    with pytest.raises(MalformedFile, match=r"cannot be read|No such file"):
        field_log.read_logs([tmp_path / "absent.jsonl"])


def test_a_truth_that_is_partly_unknown_is_never_read_as_clean(tmp_path: Path) -> None:
    log = field_log.read_logs([_log(tmp_path, _line(1, "negative", [False, None]), _line(2, "negative", [None, True]))])
    assert [one.truth.spiked for one in log.tests] == [None, True]


def test_two_different_records_under_one_id_count_not_at_all(tmp_path: Path) -> None:
    lines = [_line(1, "negative", KETAMINE), _line(1, "positive", KETAMINE), _line(2, "positive", KETAMINE)]
    log = field_log.read_logs([_log(tmp_path, *lines)])
    assert [one.record_id for one in log.tests] == ["r2"]
    assert "differs from" in str(log.faults[0])


def test_a_forged_record_counts_in_no_rate_and_does_not_push_out_the_one_it_imitates(tmp_path: Path) -> None:
    lines = _sealed(4)
    forged = lines[1].replace('"negative"', '"positive"')
    strange = lines[2].replace('"device_id":"b1"', '"device_id":"b9"')
    for order in ([forged, *lines, strange], [*lines, strange, forged]):
        log = field_log.read_logs([_log(tmp_path, *order)], {"b1": KEY})
        found = field_evaluation.evaluate(log)
        assert found["verdicts"]["negative"] == 4
        assert found["verdicts"]["positive"] == 0
        assert found["signatures"] == {"right": 4, "wrong": 1}


def test_a_record_missing_from_a_log_is_noticed_wherever_it_was(tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    lines = _sealed(8)
    whole = lines[:]
    random.Random(seed).shuffle(whole)
    chain = field_evaluation.evaluate(field_log.read_logs([_log(tmp_path, *whole)]))["chain"]
    assert (chain["records_missing_before"]["n"], chain["two_after_one"]["n"]) == (0, 0)
    for gone in range(1, 7):
        kept = lines[:gone] + lines[gone + 1 :]
        chain = field_evaluation.evaluate(field_log.read_logs([_log(tmp_path, *kept)]))["chain"]
        assert chain["records_missing_before"] == {"n": 1, "where": [f"{tmp_path / 'log.jsonl'}:{gone + 1}"]}
    chain = field_evaluation.evaluate(field_log.read_logs([_log(tmp_path, *lines[3:])]))["chain"]
    assert (chain["records_missing_before"]["n"], chain["devices_whose_log_begins_later"]) == (0, 1)


def test_a_positive_for_another_drug_is_a_hit_but_not_the_right_drug(tmp_path: Path) -> None:
    named = [{"analyte": "ketamine", "verdict": "positive"}, {"analyte": "MDMA", "verdict": "negative"}]
    lines = [_line(n, "positive", drug, analytes=named) for n, drug in enumerate(["Ketamine", "ketamine", "MDMA"])]
    accuracy = field_evaluation.evaluate(field_log.read_logs([_log(tmp_path, *lines)]))["accuracy"]
    assert accuracy["sensitivity"]["inconclusive_excluded"]["hits"] == 3
    assert (accuracy["right_drug"]["hits"], accuracy["right_drug"]["n"]) == (2, 3)


def test_doses_give_the_concentrations_that_are_found_one_time_in_two(tmp_path: Path) -> None:
    lines, number = [], 0
    for molar, hits in ((1e-5, 1), (2e-5, 8), (4e-5, 19)):
        for k in range(20):
            number += 1
            truth = {"analyte": "ketamine", "concentration_mol_l": molar}
            lines.append(_line(number, "positive" if k < hits else "negative", truth))
    dose = field_evaluation.evaluate(field_log.read_logs([_log(tmp_path, *lines)]))["by_dose"]["ketamine"]
    c5, c50, c95 = dose["c5_c50_c95_mol_l"]
    assert 0.9e-5 < c5 < 1.3e-5
    assert 1.8e-5 < c50 < 2.6e-5
    assert 3.5e-5 < c95 < 4.8e-5


def test_a_venue_with_few_tests_is_not_told_in_numbers(tmp_path: Path) -> None:
    lines = [_line(n, "negative", None, venue_code="GNT-1" if n < 9 else "GNT-2") for n in range(12)]
    found = field_evaluation.evaluate(field_log.read_logs([_log(tmp_path, *lines)]))
    assert found["venues"] == {"GNT-1": 9, "GNT-2": "<5"}


def test_every_language_has_every_text_and_its_page_shows_them() -> None:
    keys = {language: set(texts) for language, texts in field_report.TEXTS.items()}
    assert keys["nl"] == keys["en"] == keys["fr"]
    for key, words in field_report.TEXTS["en"].items():
        placeholders = {part.split("}")[0] for part in words.split("{")[1:]}
        for language in ("nl", "fr"):
            assert {part.split("}")[0] for part in field_report.TEXTS[language][key].split("{")[1:]} == placeholders


def test_the_command_writes_the_report_of_the_good_lines_and_names_the_bad_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _log(tmp_path, _line(1, "positive", KETAMINE), "{", _line(2, "negative", False, reason="<b>none</b>"))
    words = ["waakzaam", "evaluate", str(path), "--out", str(tmp_path / "out"), "--language", "fr", "--json"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert said.err.count("\n") == 1
    assert f"{path}:2" in said.err
    assert json.loads(said.out)["tests"] == 2
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert 'lang="fr"' in page
    assert "Sensibilité" in page or "sensibilité" in page
    assert "<b>none" not in page
