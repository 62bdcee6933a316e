"""Limits by published procedures: Currie 1995, ISO 11843-2 and -5, CLSI EP17-A2 (parametric, rank), probit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize, special, stats

from sensor_models.scans import Array


@dataclass(frozen=True)
class Currie:
    """Decision, detection and quantification limit in the signal's unit above the mean blank."""

    decision: float
    detection: float
    quantification: float


def currie(blanks: Sequence[float], alpha: float = 0.05, beta: float = 0.05) -> Currie:
    """Currie/IUPAC 1995 with unknown sigma: LC = t s sqrt(1 + 1/n), LD = LC + t s sqrt(1 + 1/n), LQ = 10 s.

    The factor sqrt(1 + 1/n) is for a blank mean known from n blanks. n >= 2.
    """
    n = len(blanks)
    s = float(np.std(np.asarray(blanks, dtype=float), ddof=1))
    wide = s * math.sqrt(1.0 + 1.0 / n)
    decision = float(stats.t.ppf(1.0 - alpha, n - 1)) * wide
    return Currie(decision, decision + float(stats.t.ppf(1.0 - beta, n - 1)) * wide, 10.0 * s)


def currie_known(sigma: float, alpha: float = 0.05, beta: float = 0.05) -> Currie:
    """Currie with a known sigma: LC = z s, LD = (z_alpha + z_beta) s, LQ = 10 s (1.645, 3.29, 10 at 5 %)."""
    decision = float(stats.norm.ppf(1.0 - alpha)) * sigma
    return Currie(decision, decision + float(stats.norm.ppf(1.0 - beta)) * sigma, 10.0 * sigma)


def iso_11843_2(
    concentration: Sequence[float],
    signal: Sequence[float],
    replicates: int = 1,
    alpha: float = 0.05,
    beta: float = 0.05,
) -> tuple[float, float]:
    """(critical, minimum detectable) net concentration from an unweighted linear calibration, constant sigma.

    ISO 11843-2 equations for the blank mean of `replicates` readings: x_c = t s/b sqrt(1/K + 1/N + xbar^2/Sxx);
    x_d = delta s/b times the same root, delta the non-centrality at which beta of the readings stay below (N - 2
    degrees of freedom).
    """
    x, y = np.asarray(concentration, dtype=float), np.asarray(signal, dtype=float)
    n = len(x)
    sxx = float(np.sum((x - x.mean()) ** 2))
    slope = float(np.sum((x - x.mean()) * (y - y.mean())) / sxx)
    residual = y - y.mean() - slope * (x - x.mean())
    s = math.sqrt(float(residual @ residual) / (n - 2))
    root = math.sqrt(1.0 / replicates + 1.0 / n + float(x.mean()) ** 2 / sxx)
    t = float(stats.t.ppf(1.0 - alpha, n - 2))
    delta = float(optimize.brentq(lambda d: float(special.nctdtr(n - 2, d, t)) - beta, 0.0, 60.0))
    return t * s / slope * root, delta * s / slope * root


def iso_11843_5(
    value: Callable[[Array], Array],
    deviation: Callable[[Array], Array],
    highest: float,
    blanks: tuple[int, float],
    alpha: float = 0.05,
    beta: float = 0.05,
) -> tuple[float | None, float | None]:
    """(critical, minimum detectable) concentration of a curve that may bend, with a scatter that may grow.

    ISO 11843-5: y_c = f(0) + t s(0) sqrt(1 + 1/J); x_c = f^-1(y_c); x_d solves f(x) - t s(x) = y_c. `value` and
    `deviation` take concentrations up to `highest`; `blanks` = (J, degrees of freedom). None = not reached.
    """
    grid = np.concatenate([[0.0], np.geomspace(highest * 1e-6, highest, 6000)])
    f, s = value(grid), deviation(grid)
    critical = float(f[0] + stats.t.ppf(1.0 - alpha, blanks[1]) * s[0] * math.sqrt(1.0 + 1.0 / blanks[0]))
    t = float(stats.t.ppf(1.0 - beta, blanks[1]))

    def first(values: Array) -> float | None:
        above = np.nonzero(values >= critical)[0]
        return float(grid[above[0]]) if len(above) else None

    return first(f), first(f - t * s)


def _bias_corrected(degrees: float, probability: float = 0.95) -> float:
    """EP17-A2 multiplier c = z / (1 - 1/(4 f)): a percentile without bias from f degrees of freedom (ASSUMED)."""
    return float(stats.norm.ppf(probability)) / (1.0 - 1.0 / (4.0 * degrees))


def limit_of_blank(blanks: Sequence[float], parametric: bool = True) -> float:
    """LoB of one lot: mean + c SD, or the 0.5 + 0.95 B-th ranked blank, linearly between ranks (EP17-A2)."""
    values = np.sort(np.asarray(blanks, dtype=float))
    n = len(values)
    if parametric:
        return float(values.mean() + _bias_corrected(n - 1) * values.std(ddof=1))
    rank = 0.5 + 0.95 * n
    low = min(max(int(rank), 1), n)
    high = min(low + 1, n)
    return float(values[low - 1] + (rank - int(rank)) * (values[high - 1] - values[low - 1]))


def limit_of_detection(lob: float, samples: Sequence[Sequence[float]]) -> float:
    """LoD = LoB + c SD_L, SD_L pooled over low-level samples of several readings each (EP17-A2)."""
    degrees = sum(len(one) - 1 for one in samples)
    pooled = math.sqrt(sum((len(one) - 1) * float(np.var(np.asarray(one), ddof=1)) for one in samples) / degrees)
    return lob + _bias_corrected(degrees) * pooled


def over_lots(
    blanks: Mapping[str, Sequence[float]], samples: Mapping[str, Sequence[Sequence[float]]], parametric: bool = True
) -> tuple[float, float]:
    """(LoB, LoD): the largest over 2 or 3 lots; with 4 lots or more, or one, all lots together (EP17-A2)."""
    if len(blanks) in (2, 3):
        lobs = {lot: limit_of_blank(values, parametric) for lot, values in blanks.items()}
        lob = max(lobs.values())
        return lob, max(limit_of_detection(lob, samples[lot]) for lot in samples)
    lob = limit_of_blank([value for values in blanks.values() for value in values], parametric)
    return lob, limit_of_detection(lob, [one for groups in samples.values() for one in groups])


def probit(concentration: Sequence[float], positive: Sequence[int], total: Sequence[int]) -> tuple[float, float, float]:
    """(C5, C50, C95): concentrations with 5, 50 and 95 % positives, by probit on log concentration, maximum likelihood.

    Concentrations > 0; at least two must have some but not only positives between them. Raises ValueError otherwise.
    """
    x = np.log(np.asarray(concentration, dtype=float))
    hits, n = np.asarray(positive, dtype=float), np.asarray(total, dtype=float)
    share = hits / n
    if len(np.unique(x)) < 2 or share.max() - share.min() < 0.2:
        raise ValueError("the shares of positives do not rise over the concentrations")

    def unlikely(p: Array) -> float:
        z = (x - p[0]) * math.exp(p[1])
        return -float(np.sum(hits * special.log_ndtr(z) + (n - hits) * special.log_ndtr(-z)))

    middle = float(np.interp(0.5, np.sort(share), x[np.argsort(share)]))
    found = min(
        (
            optimize.minimize(
                unlikely,
                [middle, start],
                method="Nelder-Mead",
                options={"xatol": 1e-9, "fatol": 1e-10, "maxiter": 4000},
            )
            for start in (-1.0, 0.5, 2.0)
        ),
        key=lambda done: float(done.fun),
    )
    place, spread = float(found.x[0]), math.exp(-float(found.x[1]))
    z = float(stats.norm.ppf(0.95))
    return math.exp(place - z * spread), math.exp(place), math.exp(place + z * spread)
