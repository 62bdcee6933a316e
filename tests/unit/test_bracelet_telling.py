"""How verdicts are told: apart in each sense, in three languages, and never as the word that promises too much."""

from __future__ import annotations

import itertools
import re

import pytest

from firmware.bracelet import telling
from firmware.bracelet.catalogue import LANGUAGES, sentences, texts_of

VERDICTS = ("positive", "inconclusive", "invalid", "negative")
PROMISES = re.compile(r"\b(safe|veilig|sûre?|sans danger|clear|clean|onschadelijk|harmless)\b", re.IGNORECASE)


def rhythm(verdict: str) -> tuple[int, ...]:
    return tuple(ms for ms, colour, _ in telling.PATTERNS[verdict] if colour != telling.DARK)


@pytest.mark.parametrize("pair", list(itertools.combinations(VERDICTS, 2)), ids=str)
def test_two_verdicts_differ_in_colour_and_in_rhythm(pair: tuple[str, str]) -> None:
    one, other = pair
    colours = [{c for _, c, _ in telling.PATTERNS[v]} - {telling.DARK} for v in pair]
    assert not colours[0] & colours[1]
    assert rhythm(one) != rhythm(other)


def test_the_vibration_follows_the_light_so_that_it_alone_tells() -> None:
    for verdict in VERDICTS:
        for _, colour, vibration in telling.PATTERNS[verdict]:
            assert (vibration > 0) == (colour != telling.DARK)


def test_telling_a_verdict_begins_at_once_and_one_round_takes_under_three_seconds() -> None:
    for verdict in VERDICTS:
        assert telling.PATTERNS[verdict][0][1] != telling.DARK
        *told, rest = telling.PATTERNS[verdict]
        assert rest[1] == telling.DARK
        assert telling.duration_ms(tuple(told)) < 3_000


def test_an_unknown_verdict_is_told_as_a_failed_test() -> None:
    assert telling.pattern_of("splendid") == telling.pattern_of("invalid")


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_promises_that_a_drink_can_be_drunk(language: str) -> None:
    wrong = [text for text in texts_of(language).values() if PROMISES.search(text)]
    assert not wrong


def test_the_three_languages_say_the_same_things() -> None:
    keys = [set(texts_of(language)) for language in LANGUAGES]
    assert keys[0] == keys[1] == keys[2]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("verdict", ["positive", "inconclusive"])
def test_a_suspect_drink_comes_with_what_to_do_now(language: str, verdict: str) -> None:
    said = " ".join(sentences(texts_of(language), verdict, ""))
    for word in ("112", "1712", "ZSG"):
        assert word in said


def test_a_reason_is_told_in_words_when_there_are_words_for_it() -> None:
    assert (
        sentences(texts_of("en"), "invalid", "short")[1]
        == "The contacts are bridged: dry the holder, take a new strip."
    )
    assert "checked" in sentences(texts_of("en"), "invalid", "bus: AD5941: spi_stuck")[1]


def test_negative_says_what_the_strip_does_not_see() -> None:
    assert "other drugs" in sentences(texts_of("en"), "negative", "")[0]
