"""Counts turned into rates with honest intervals: Clopper-Pearson, Wilson, bootstrap by lot, predictive values."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from sensor_models.scans import Array


def clopper_pearson(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Exact two-sided interval of a proportion (Clopper, Pearson 1934); (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    a = 0.5 * (1.0 - confidence)
    low = float(stats.beta.ppf(a, hits, n - hits + 1)) if hits > 0 else 0.0
    high = float(stats.beta.ppf(1.0 - a, hits + 1, n - hits)) if hits < n else 1.0
    return low, high


def wilson(hits: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Score interval of a proportion (Wilson 1927); (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    z = float(stats.norm.ppf(0.5 + 0.5 * confidence))
    p = hits / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    low = 0.0 if hits == 0 else centre - half
    return low, 1.0 if hits == n else centre + half


def trials_without_a_miss(least_rate: float, confidence: float = 0.95) -> int:
    """Trials that must all succeed to show a rate of at least `least_rate` (one-sided)."""
    return math.ceil(math.log(1.0 - confidence) / math.log(least_rate) - 1e-12)


def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> tuple[float | None, float | None]:
    """(positive, negative) predictive value at a prevalence (Bayes); None where no result of that kind can occur."""
    positive = sensitivity * prevalence + (1 - specificity) * (1 - prevalence)
    negative = specificity * (1 - prevalence) + (1 - sensitivity) * prevalence
    return (
        sensitivity * prevalence / positive if positive > 0 else None,
        specificity * (1 - prevalence) / negative if negative > 0 else None,
    )


def clustered(hits: Array, n: Array, seed: int, confidence: float = 0.95, draws: int = 4000) -> tuple[float, float]:
    """Bootstrap interval of a rate whose trials come in clusters (strips of one lot): whole clusters are redrawn."""
    rng = np.random.default_rng(seed)
    pick = rng.integers(len(n), size=(draws, len(n)))
    total = n[pick].sum(axis=1)
    rate = hits[pick].sum(axis=1)[total > 0] / total[total > 0]
    a = 0.5 * (1.0 - confidence)
    low, high = np.quantile(rate, [a, 1.0 - a])
    return float(low), float(high)


@dataclass(frozen=True)
class Rate:
    """A proportion with both intervals."""

    hits: int
    n: int

    def to_json(self) -> dict[str, Any]:
        """Value and intervals; value None when there was no trial."""
        return {
            "hits": self.hits,
            "n": self.n,
            "value": self.hits / self.n if self.n else None,
            "clopper_pearson_95": list(clopper_pearson(self.hits, self.n)),
            "wilson_95": list(wilson(self.hits, self.n)),
        }
