"""Why a drink test ended as it did, in the reader's language.

A record is sealed with its reason in English words, made by the detection core and the bracelet from a fixed set of
sentences. `verdict_reasons.json` has each of them as [English, Dutch, French]: `%s` is a value, `%R` a reason inside
the reason, `%P` what several strips said, `%D` the detail of a fault (kept as it is: codes and numbers).
A sentence that is not there is shown as it is, never hidden; a test holds the file against the firmware's sources.
"""

from __future__ import annotations

import json
import re
from functools import cache

from alarm_backend.console import catalogue
from alarm_backend.console.libraries import CONSOLE

_PLACE = re.compile(r"%([sRPD%])")
_PATTERN = {"s": r"([^();]+?)", "R": r"(.+)", "P": r"(.+)", "D": r"(|[: ].*)", "%": "%"}
_PART = re.compile(r"(.+?): (positive|negative|inconclusive|invalid), (.+)")
_DECIMAL = re.compile(r"-?\d+\.\d+(e[-+]\d+)?")
REASON_MAX = 2000
"""A longer one is no sentence of ours: it is not looked at, only shown."""


@cache
def sentences() -> tuple[tuple[re.Pattern[str], str, dict[str, str]], ...]:
    """(pattern, kinds of its places, the sentence by language), the most telling first."""
    rows = json.loads((CONSOLE / "verdict_reasons.json").read_text(encoding="utf-8"))
    found = []
    for english, dutch, french in rows:
        pattern = "".join(
            _PATTERN[part] if number % 2 else re.escape(part) for number, part in enumerate(_PLACE.split(english))
        )
        kinds = "".join(kind for kind in _PLACE.findall(english) if kind != "%")
        found.append((re.compile(pattern, re.DOTALL), kinds, {"nl": dutch, "fr": french}))
    # What ends in a remark is taken apart before the sentence inside it, which would swallow the remark.
    order = sorted(range(len(found)), key=lambda k: (not rows[k][0].startswith("%R"), -len(_PLACE.sub("", rows[k][0]))))
    return tuple(found[k] for k in order)


def said(language: str, reason: str) -> str:
    """The reason in this language."""
    if language == "en" or len(reason) > REASON_MAX:
        return catalogue.word(language, "verdict_reason", reason)
    for pattern, kinds, forms in sentences():
        if (match := pattern.fullmatch(reason)) is not None:
            return _filled(language, forms[language], list(zip(kinds, match.groups(), strict=True)))
    return catalogue.word(language, "verdict_reason", reason)


def _filled(language: str, form: str, found: list[tuple[str, str]]) -> str:
    values = iter([_value(language, kind, value) for kind, value in found])
    return _PLACE.sub(lambda place: "%" if place[1] == "%" else next(values), form)


def _value(language: str, kind: str, value: str) -> str:
    if kind == "R":
        return said(language, value)
    if kind == "P":
        return "; ".join(_part(language, part) for part in value.split("; "))
    if kind == "D":
        return value
    return value.replace(".", ",") if _DECIMAL.fullmatch(value) else catalogue.word(language, "substance", value)


def _part(language: str, part: str) -> str:
    """What one strip said: its name, its verdict, its reason."""
    match = _PART.fullmatch(part)
    if match is None:
        return said(language, part)
    return f"{match[1]}: {catalogue.word(language, 'verdict', match[2])}, {said(language, match[3])}"
