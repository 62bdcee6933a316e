"""The questions, and how answers become figures that point at nobody; pure.

No free text: people write names into it. Small numbers are not shown, and neither is what would let them be
worked out from the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SCORES: dict[str, tuple[str, ...]] = {
    "user": ("easy", "clear", "trust", "comfortable", "safer"),
    "staff": ("easy", "clear", "trust", "workload", "safer"),
}
"""Statements that are answered from 1 (not at all) to 5 (wholly), by audience."""
PROBLEMS = ("none", "strip", "light", "strap", "result_unclear", "no_time", "other")
AGAIN = ("yes", "no", "unsure")
SHOWN_MIN = 5
"""Fewer answers than this of a venue and audience are not shown. ASSUMED: the usual floor of official statistics is

between 3 and 10."""


def summary(answers: Sequence[Mapping[str, Any]], audience: str) -> dict[str, Any]:
    """Means and counts of the answers of one audience. Questions left open are not counted."""
    scores: dict[str, Any] = {}
    for name in SCORES[audience]:
        given = [a["scores"][name] for a in answers if name in a["scores"]]
        scores[name] = {"n": len(given), "mean": round(sum(given) / len(given), 2) if given else None}
    again = {word: sum(a.get("again") == word for a in answers) for word in AGAIN}
    problems = {word: sum(word in a["problems"] for a in answers) for word in PROBLEMS}
    return {"n": len(answers), "scores": scores, "again": again, "problems": problems}


def shown(by_venue: Mapping[str, Sequence[Mapping[str, Any]]], audience: str) -> dict[str, Any]:
    """Figures per venue and in all, with small numbers withheld.

    When what is withheld is itself few, the smallest venue shown is withheld as well: else the total would give it
    away. Without anything to hide behind, the total is withheld.
    """
    hidden = sorted(code for code, answers in by_venue.items() if 0 < len(answers) < SHOWN_MIN)
    open_ = sorted((len(answers), code) for code, answers in by_venue.items() if len(answers) >= SHOWN_MIN)
    rest = sum(len(by_venue[code]) for code in hidden)
    if 0 < rest < SHOWN_MIN and open_:
        hidden.append(open_.pop(0)[1])
    everything = [answer for answers in by_venue.values() for answer in answers]
    return {
        "total": summary(everything, audience) if len(everything) >= SHOWN_MIN else None,
        "venues": {code: summary(by_venue[code], audience) for _count, code in sorted(open_, key=lambda o: o[1])},
        "withheld": len(hidden),
        "shown_min": SHOWN_MIN,
    }
