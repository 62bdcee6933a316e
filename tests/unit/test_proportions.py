"""Intervals of proportions against published values, and the evaluation of a field trial."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sensor_models import field_evaluation, field_log, field_report
from sensor_models.errors import MalformedFile
from sensor_models.proportions import clopper_pearson, predictive_values, trials_without_a_miss, wilson


@pytest.mark.parametrize(
    ("hits", "n", "exact", "score"),
    [
        (60, 60, (0.9404, 1.0), (0.9398, 1.0)),
        (95, 100, (0.8872, 0.9836), (0.8882, 0.9785)),
        (0, 20, (0.0, 0.1684), (0.0, 0.1611)),
        (1, 10, (0.0025, 0.4450), (0.0179, 0.4042)),
    ],
)
def test_intervals_reproduce_published_values(
    hits: int, n: int, exact: tuple[float, float], score: tuple[float, float]
) -> None:
    assert clopper_pearson(hits, n) == pytest.approx(exact, abs=5e-5)
    assert wilson(hits, n) == pytest.approx(score, abs=5e-5)


def test_trials_without_a_miss_and_predictive_values_reproduce_published_values() -> None:
    assert [trials_without_a_miss(rate) for rate in (0.90, 0.95, 0.99)] == [29, 59, 299]
    assert predictive_values(0.95, 0.99, 0.001)[0] == pytest.approx(0.087, abs=5e-4)
    assert predictive_values(0.95, 0.99, 0.01)[0] == pytest.approx(0.49, abs=5e-3)


def _line(number: int, verdict: str, truth: Any, **more: Any) -> str:
    return json.dumps({"record_id": f"r{number}", "device_id": "b1", "verdict": verdict, "truth": truth, **more})


def test_an_evaluation_counts_inconclusives_both_ways_and_keeps_invalids_apart(tmp_path: Path) -> None:
    ketamine = {"ketamine": 1e-3}
    rows = [("positive", ketamine)] * 8 + [("inconclusive", ketamine), ("negative", ketamine), ("invalid", ketamine)]
    rows += [("negative", False)] * 18 + [("positive", {}), ("inconclusive", "clean")] + [("negative", None)]
    path = tmp_path / "log.jsonl"
    lines = [_line(k, verdict, truth, drink_declared="lager") for k, (verdict, truth) in enumerate(rows)]
    path.write_text("\n".join([*lines, lines[0]]) + "\n", encoding="utf-8")
    tests, repeats = field_log.read_logs([path])
    found = field_evaluation.evaluate(tests, repeats)
    accuracy = found["accuracy"]
    assert repeats == 1
    assert accuracy["table"]["spiked"] == {"positive": 8, "inconclusive": 1, "negative": 1, "invalid": 1}
    assert accuracy["table"]["clean"] == {"positive": 1, "inconclusive": 1, "negative": 18, "invalid": 0}
    assert accuracy["sensitivity"]["inconclusive_counted_as_negative"]["value"] == 0.8
    assert accuracy["sensitivity"]["inconclusive_excluded"]["value"] == pytest.approx(8 / 9)
    assert accuracy["specificity"]["inconclusive_excluded"]["value"] == pytest.approx(18 / 19)
    assert accuracy["yield"]["value"] == pytest.approx(28 / 31)
    assert found["by_drug"]["ketamine"]["n_spiked"] == 11
    assert found["by_drink"]["lager"]["n_clean"] == 20
    assert "Clopper-Pearson" in field_report.page(found)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("{not json", ""),
        ('{"record_id": "a", "verdict": "maybe"}', "verdict"),
        ('{"verdict": "negative"}', "record_id"),
        ('{"record_id": "a", "verdict": "negative", "truth": {"x": "y"}}', "truth"),
    ],
)
def test_a_malformed_record_is_named_by_file_line_and_field(tmp_path: Path, line: str, field: str) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(_line(1, "negative", False) + "\n" + line + "\n", encoding="utf-8")
    with pytest.raises(MalformedFile) as caught:
        field_log.read_logs([path])
    assert (caught.value.line, caught.value.field) == (2, field)
