"""Several strips in one drink: one answer per drug, with the reason in words."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.detection.fusion import fuse
from firmware.detection.verdict import AnalyteVerdict, invalid, together


def _says(name: str, verdict: str) -> Any:
    return together([AnalyteVerdict(name, verdict, f"{name} {verdict}")])


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["positive", "positive"], "positive"),
        (["negative", "inconclusive"], "negative"),
        (["positive", "negative"], "inconclusive"),
        (["inconclusive", "inconclusive"], "inconclusive"),
    ],
)
def test_strips_that_contradict_each_other_give_no_answer(verdicts: list[str], expected: str) -> None:
    found = fuse([_says("ketamine", verdict) for verdict in verdicts], ["ketamine"])
    assert found.verdict == expected
    assert found.reason


def test_a_drug_that_no_strip_saw_is_never_negative() -> None:
    found = fuse([_says("ketamine", "negative"), invalid("dry strip")], ["ketamine", "GHB"])
    assert found.verdict == "inconclusive"
    assert "not tested for GHB: dry strip" in found.reason
