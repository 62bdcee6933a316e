"""Split-conformal decision tables by drug and drink group: what was promised, from how many tests, until when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

SCHEMA = "waakzaam.conformal/1"


def n_least(alpha: float) -> int:
    """Fewest scores with which a threshold keeps its promise: 1/alpha - 1."""
    return math.ceil(1.0 / alpha - 1.0 - 1e-9)


def threshold(scores: Sequence[float], alpha: float) -> float | None:
    """The ceil((n+1)(1-alpha))-th smallest score; None when n < 1/alpha - 1: no finite threshold keeps the promise."""
    n = len(scores)
    rank = math.ceil((n + 1) * (1.0 - alpha) - 1e-9)
    if rank > n:
        return None
    return float(np.sort(np.asarray(scores, dtype=float))[rank - 1])


@dataclass(frozen=True)
class Cell:
    """One drug in one drink group: thresholds on the detection statistic; None = too few tests for a promise."""

    drug: str
    group: str
    alpha: float
    n_clean: int
    n_spiked: int
    clean_most: float | None
    spiked_least: float | None

    def decide(self, statistic: float) -> str:
        """negative, positive, or inconclusive: the verdict whose conformal set holds one answer only."""
        if self.clean_most is None or self.spiked_least is None:
            return "inconclusive"
        may_be_clean = statistic <= self.clean_most
        may_be_spiked = statistic >= self.spiked_least
        if may_be_clean == may_be_spiked:
            return "inconclusive"
        return "negative" if may_be_clean else "positive"

    def covers(self, statistic: float, spiked: bool) -> bool:
        """Whether the conformal set holds the truth (it always does without a threshold)."""
        if spiked:
            return self.spiked_least is None or statistic >= self.spiked_least
        return self.clean_most is None or statistic <= self.clean_most


def cell(drug: str, group: str, clean: Sequence[float], spiked: Sequence[float], alpha: float) -> Cell:
    """The table's cell from the statistics of clean drinks and of drinks with an incapacitating dose."""
    low = threshold([-value for value in spiked], alpha)
    return Cell(drug, group, alpha, len(clean), len(spiked), threshold(clean, alpha), None if low is None else -low)


def table(cells: Sequence[Cell], expiry: str) -> dict[str, Any]:
    """The decision table as JSON: n, stated coverage and expiry with every cell."""
    return {
        "schema": SCHEMA,
        "expiry": expiry,
        "cells": [{**vars(one), "coverage": 1.0 - one.alpha} for one in cells],
    }


def coverage_bounds(n: int, alpha: float, probability: float = 0.997) -> tuple[float, float]:
    """Range of the coverage of one table of n scores: Beta(n + 1 - l, l) with l = floor((n + 1) alpha)."""

    l_ = math.floor((n + 1) * alpha)
    if l_ < 1:
        return 1.0, 1.0
    a = 0.5 * (1.0 - probability)
    low, high = stats.beta.ppf([a, 1.0 - a], n + 1 - l_, l_)
    return float(low), float(high)
