"""A drink test's reason is read in the reader's language, whatever sentence of the firmware it is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from alarm_backend.console.verdict_reasons import said, sentences
from firmware.bracelet.table import TIMEOUTS

DETECTION = Path(__file__).resolve().parents[2] / "firmware" / "detection"
SENSOR_MODELS = DETECTION.parents[1] / "sensor_models"
NOT_TOLD = {  # a caller's error, a name inside a sentence, or a beginning that another test below completes
    "a scan needs forward_a and reverse_a, or net_a",
    "more than %d readings of one strip",
    "not testable",
    "no rule fits ",
    "the calibration's schema is not ",
    " current",
    " is",
    "s are",
    "any drink",
}
ENDS = {"not testable: ": "%P", "clean pour: ": "%R", "the calibration expired on ": "%s"}
ENDS |= {"the strips contradict each other: ": "%P", "one strip is in doubt: ": "%P", "not tested for %s: ": "%P"}
PARTS = {": test a clean pour beside it", ", the clean pour did not", "; they differ in how much", "%s: %s, %s"}
SUFFIXES = {" (%d strips agree)", " (%d of %d strips gave no answer)"}
PLACE = re.compile(r"%(?:\.\d)?[sdfg]")


def _sentences_of(path: Path) -> set[str]:
    """The texts with a space in a module that are not documentation."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in documentation)
    return {node.value for node in constants if isinstance(node.value, str) and " " in node.value.strip("; ,:")}


def _filled(template: str) -> list[str]:
    """The sentence as the firmware would say it."""
    values = iter(["ketamine", "3", "0.842", "12", "5"] * 2)
    template = re.sub(r"(?<=[a-z])%s$", "", template)  # a hint that is not always there
    text = PLACE.sub(lambda _place: next(values), template).replace("%%", "%")
    text = text.replace("peak3", "peak is").replace("%R", "the fit of the peaks did not converge")
    return [text.replace("%P", "nitro_screen: negative, no diazepam above the decision limit")]


def test_every_sentence_of_the_detection_core_has_a_dutch_and_a_french_form() -> None:
    missing = []
    for path in sorted(DETECTION.glob("*.py")):
        for template in _sentences_of(path) - NOT_TOLD - PARTS - SUFFIXES:
            if " | " in template or "known peak%s" in template:
                continue
            for text in _filled(template + ENDS.get(template, "")):
                for language in ("nl", "fr"):
                    if said(language, text) == text:
                        missing.append((path.name, language, text))
    assert missing == []


@pytest.mark.parametrize("reason", sorted({timeout[3] for timeout in TIMEOUTS.values()} - {""} | {"strip_pulled"}))
def test_every_word_of_the_drink_tests_table_has_one_too(reason: str) -> None:
    assert said("nl", reason) not in {reason, reason.replace("_", " ")}


def _reasons_of_feasibility() -> list[str]:
    """Each reason that feasibility gives, with its numbers filled in."""
    appended = (
        node.args[0]
        for node in ast.walk(ast.parse((SENSOR_MODELS / "feasibility.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "append"
        and ast.unparse(node.func.value) == "reasons"
    )
    return [
        "".join(
            str(part.value) if isinstance(part, ast.Constant) else "0.5" for part in getattr(text, "values", [text])
        )
        for text in appended
    ]


def test_every_reason_why_a_strip_cannot_see_a_dose_is_told_also_when_there_are_several() -> None:
    reasons = _reasons_of_feasibility()
    assert len(reasons) >= 8
    for language in ("nl", "fr"):
        assert [one for one in reasons if said(language, one) == one] == []
        together = said(language, "not testable: " + "; ".join(reasons))
        assert together.endswith("; ".join(said(language, one) for one in reasons))


def test_several_strips_are_told_in_one_language() -> None:
    peak = "peak of ketamine at 0.842 V above the decision limit"
    agree = f"{peak} (2 strips agree); they differ in how much (1 of 3 strips gave no answer)"
    assert said("nl", agree) == (
        "piek van ketamine bij 0,842 V boven de beslissingsgrens (2 strips zijn het eens); ze verschillen over hoeveel "
        "(1 van 3 strips gaven geen antwoord)"
    )
    against = (
        f"the strips contradict each other: a: positive, {peak}; b: negative, no ketamine above the decision limit"
    )
    found, nothing = said("fr", peak), said("fr", "no ketamine above the decision limit")
    assert found == "pic de kétamine à 0,842 V au-dessus de la limite de décision"
    assert said("fr", against) == f"les bandelettes se contredisent : a: TROUVÉ, {found}; b: rien trouvé, {nothing}"


def test_a_fault_keeps_its_detail_and_an_unknown_reason_its_words() -> None:
    assert said("nl", "chip: AD5941: offset (12 codes)").endswith(": AD5941: offset (12 codes)")
    assert said("nl", "something nobody wrote down") == "something nobody wrote down"
    assert said("nl", "x" * 70_000) == "x" * 70_000


def test_dutch_and_french_have_the_same_places_as_the_english_sentence() -> None:
    for _pattern, kinds, forms in sentences():
        for form in forms.values():
            assert "".join(kind for kind in re.findall("%([sRPD%])", form) if kind != "%") == kinds, form
