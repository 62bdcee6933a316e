"""Several strips in one drink: one answer per drug, with the reason in words."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from firmware.detection.fusion import fuse, rule_for
from firmware.detection.verdict import AnalyteVerdict, invalid, together

WORDS = ("positive", "negative", "inconclusive", "invalid")


def _says(name: str, verdict: str, reason: str = "") -> Any:
    return together([AnalyteVerdict(name, verdict, reason or f"{name} {verdict}")])


def _fused(*verdicts: str) -> Any:
    strips = [(f"strip {n}", _says("ketamine", word), ["ketamine"]) for n, word in enumerate(verdicts, 1)]
    return fuse(strips)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["positive", "positive"], "positive"),
        (["positive", "inconclusive"], "positive"),
        (["positive", "invalid"], "positive"),
        (["positive", "negative"], "inconclusive"),
        (["negative", "negative"], "negative"),
        (["negative", "invalid"], "negative"),
        (["negative", "inconclusive"], "inconclusive"),
        (["inconclusive", "invalid"], "inconclusive"),
        (["invalid", "invalid"], "inconclusive"),
    ],
)
def test_the_table_decides(verdicts: list[str], expected: str) -> None:
    for order in (verdicts, verdicts[::-1]):
        found = _fused(*order)
        assert found.verdict == expected
        assert found.reason


def test_every_combination_has_a_rule_and_negative_needs_a_negative_and_no_doubt() -> None:
    for size in (1, 2, 3):
        for verdicts in itertools.product(WORDS, repeat=size):
            found = _fused(*verdicts)
            if found.verdict == "negative":
                assert "negative" in verdicts
                assert not {"positive", "inconclusive"} & set(verdicts)
            if found.verdict == "positive":
                assert "positive" in verdicts
                assert "negative" not in verdicts
    with pytest.raises(ValueError, match="no rule"):
        rule_for(["something new"])


def test_strips_that_contradict_each_other_are_both_quoted() -> None:
    reason = _fused("positive", "negative").reason
    assert "strip 1: positive, ketamine positive" in reason
    assert "strip 2: negative, ketamine negative" in reason


def test_a_strip_that_cannot_see_the_dose_does_not_outvote_one_that_can() -> None:
    blind = _says("GHB", "inconclusive", "not testable: detection limit above the dose")
    found = fuse([("a", _says("GHB", "negative"), ["GHB"]), ("b", blind, ["GHB"])])
    assert found.verdict == "negative"
    assert "1 of 2 strips gave no answer" in found.reason
    assert fuse([("b", blind, ["GHB"])]).verdict == "inconclusive"


def test_a_drug_that_no_strip_saw_is_never_negative() -> None:
    found = fuse(
        [("a", _says("ketamine", "negative"), ["ketamine"]), ("b", invalid("dry strip"), ["GHB"])], ["GHB", "MDMA"]
    )
    assert found.verdict == "inconclusive"
    by_name = {one.analyte: one for one in found.analytes}
    assert "not tested for GHB: b: invalid, dry strip" in by_name["GHB"].reason
    assert "no strip for it was dipped" in by_name["MDMA"].reason
    assert by_name["ketamine"].verdict == "negative"


def test_agreeing_strips_give_the_narrower_interval_and_say_when_they_differ_in_how_much() -> None:
    def measured(low: float, high: float) -> Any:
        one = AnalyteVerdict("GHB", "positive", "found")
        one.concentration_mol_l, one.ci_low, one.ci_high = (low + high) / 2, low, high
        return together([one])

    agree = fuse([("a", measured(0.01, 0.05), ["GHB"]), ("b", measured(0.02, 0.03), ["GHB"])])
    assert (agree.analytes[0].ci_low, agree.analytes[0].ci_high) == (0.02, 0.03)
    assert "differ" not in agree.reason
    apart = fuse([("a", measured(0.01, 0.015), ["GHB"]), ("b", measured(0.02, 0.03), ["GHB"])])
    assert apart.verdict == "positive"
    assert "differ in how much" in apart.reason
