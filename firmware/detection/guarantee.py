"""What a verdict may promise in this drink: decision tables by drug and drink group, from tests kept apart.

A calibration entry carries `drinks` ({declared drink: group}), and, when its strip states a dose and enough tests were
kept back, `guarantee`: {"coverage", "n_least", "cells": {group: [clean tests, spiked tests, clean_most, spiked_least]}}
(thresholds on the detection statistic, None where too few tests; the cell "" is all drinks together, judged without
being told which, for an undeclared drink). Split-conformal, conditional on the truth: at most 1 - coverage of a
group's clean drinks lie above `clean_most` and of its spiked ones below `spiked_least`.
"""

from firmware.detection.verdict import NEGATIVE, POSITIVE

UNDECLARED = ("", "unknown", "?")


def outside(entry: dict, drink: str):
    """Why this drink is outside what the calibration was made with, and what to do, in words, or None.

    A calibration whose scans name no drink claims no domain.
    """
    known = entry.get("drinks")
    if not known or drink in UNDECLARED or drink in known:
        return None
    # Nothing of the other drinks: a bracelet keeps only its own drink's line, and says the same to the letter.
    return (
        "the calibration was not made with %s: the strip's answer there is not known"
        " (calibrate with clean and spiked scans of %s)" % (drink, drink)
    )


def doubt(entry: dict, verdict: str, statistic: float, drink: str):
    """Why this verdict cannot be promised in this drink, in words, or None.

    `statistic` is the signal above the mean blank in this scan's own standard deviations.
    """
    table = entry.get("guarantee")
    if not table:
        return None
    group = entry["drinks"].get(drink, "")
    words = group if group else "any drink"
    cell = table["cells"].get(group)
    if cell is None or cell[2] is None or cell[3] is None:
        seen = (cell[0], cell[1]) if cell is not None else (0, 0)
        return "%d clean and %d spiked tests of %s are too few to promise %.0f %% (at least %d each)" % (
            seen[0],
            seen[1],
            words,
            100.0 * table["coverage"],
            table["n_least"],
        )
    if verdict == POSITIVE and statistic <= cell[2]:
        return "%s without %s can look like this" % (words, entry["name"])
    if verdict == NEGATIVE and statistic >= cell[3]:
        return "%s with a dose of %s can look like this" % (words, entry["name"])
    return None
