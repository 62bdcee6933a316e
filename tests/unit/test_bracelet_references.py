"""The reference check: told in time, never by one odd test, and never in the way of a verdict."""

from __future__ import annotations

import math
import os
import random
from pathlib import Path

import pytest

from firmware.bracelet.catalogue import texts_of
from firmware.bracelet.references import KEPT, LEARNT, LIMITS, References, judge
from simulators.strip.ageing import Wear

SEED = 20261128
NEW = {"rtia": 1.02, "leak_a": 1e-9, "contact_ohm": 300.0, "white": 9000.0, "tilt": 1.4, "dark": 0.001}


@pytest.fixture
def check(tmp_path: Path) -> References:
    return References(os, open, {}, str(tmp_path / "references.json"))


def noted(check: References, times: int, **changed: float) -> tuple[str, str, float]:
    standing = ("", "", 0.0)
    for _ in range(times):
        standing = check.note({**NEW, **changed})
    return standing


def test_a_new_bracelet_is_good(check: References) -> None:
    assert check.standing()[0] == ""
    assert noted(check, 3 * KEPT)[0] == ""


@pytest.mark.parametrize(
    ("changed", "state", "by"),
    [
        ({"rtia": 1.02 * 1.05}, "replace", "rtia"),
        ({"rtia": 1.02 * 0.88}, "worn", "rtia"),
        ({"leak_a": 8e-9}, "clean", "leak_a"),
        ({"leak_a": 2e-8}, "replace", "leak_a"),
        ({"contact_ohm": 750.0}, "replace", "contact_ohm"),
        ({"white": 9000.0 * 0.7}, "replace", "white"),
        ({"white": 9000.0 * 0.5}, "worn", "white"),
        ({"tilt": 1.4 * 0.9}, "clean", "tilt"),
        ({"dark": 0.08}, "replace", "dark"),
    ],
)
def test_what_drifts_for_good_is_asked_for_by_its_measure(
    check: References, changed: dict[str, float], state: str, by: str
) -> None:
    noted(check, KEPT)
    assert noted(check, KEPT, **changed)[:2] == (state, by)


def test_who_tests_nothing_but_spirits_is_not_asked_to_replace_a_new_bracelet(check: References) -> None:
    rng = random.Random(SEED)  # whisky and vodka conduct least of all drinks: 607 ohm in the middle, 20 % each way
    asked = [check.note({**NEW, "contact_ohm": 607.0 * math.exp(rng.gauss(0.0, 0.2))})[0] for _test in range(60 * KEPT)]
    assert set(asked) == {""}, f"seed {SEED}"


def test_worn_contacts_are_not_told_before_eight_strips_say_so(check: References) -> None:
    assert noted(check, KEPT - 1, contact_ohm=750.0)[0] == ""
    assert noted(check, 1, contact_ohm=750.0)[:2] == ("replace", "contact_ohm")


def test_one_odd_test_asks_for_nothing_and_what_gets_better_is_good_again(check: References) -> None:
    noted(check, KEPT)
    assert noted(check, 1, white=100.0, leak_a=1e-6, contact_ohm=9000.0)[0] == ""
    noted(check, KEPT)
    assert noted(check, KEPT, leak_a=8e-9)[0] == "clean"
    assert noted(check, KEPT)[0] == ""


def test_the_factorys_references_count_from_the_first_tests_on(tmp_path: Path) -> None:
    worn = References(os, open, {"white": 18_000.0}, str(tmp_path / "references.json"))
    assert noted(worn, LEARNT)[:2] == ("worn", "white")


def test_a_power_cut_while_it_is_written_leaves_what_was_there(check: References, tmp_path: Path) -> None:
    noted(check, KEPT, leak_a=8e-9)
    (tmp_path / "references.json.new").write_text('{"first": {', encoding="utf-8")
    assert check.standing()[:2] == ("clean", "leak_a")


def test_a_damaged_file_is_told_and_not_taken_for_a_new_bracelet(check: References, tmp_path: Path) -> None:
    (tmp_path / "references.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="line 1"):
        check.standing()


def test_every_measure_is_judged_and_every_state_has_words_in_every_language() -> None:
    for name, (_, clean, replace, worn) in LIMITS.items():
        assert name in NEW
        assert replace < worn
        assert clean is None or clean < replace
    for language in ("nl", "en", "fr"):
        assert {"care.clean", "care.replace", "care.worn", "reason.worn"} <= set(texts_of(language))
    assert judge({}, {}) == ("", "", 0.0)


def test_the_reference_resistors_switch_ages_with_use() -> None:
    wear = Wear(seed=1)
    before = wear.reference_ohm
    wear.use("lager")
    assert wear.reference_ohm > before
