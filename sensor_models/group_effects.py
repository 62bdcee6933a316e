"""What a lot or a drink adds to every signal, and multiplies it with: shrunk towards nothing as the data deserve."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.stats import norm
from scipy.stats import t as student_t

from sensor_models.scans import Array

Effect = tuple[float, float]  # (offset, gain)


@dataclass(frozen=True)
class GroupEffects:
    """Effects by group name; what is left uncertain within known groups, and how much groups differ at all.

    Offsets in the signal's unit, gains relative to 1. Empty `effects` = the groups cannot be told apart.
    """

    effects: dict[str, Effect] = field(default_factory=dict)
    offset_sd: float = 0.0  # of a known group's offset
    gain_sd: float = 0.0
    between_offset_sd: float = 0.0  # of an unknown group's offset
    between_gain_sd: float = 0.0


def between_variance(estimate: Array, variance: Array) -> float:
    """Variance between groups by moments (DerSimonian, Laird 1986), at least 0."""
    if len(estimate) < 2:
        return 0.0
    w = 1.0 / variance
    mean = float(np.sum(w * estimate) / np.sum(w))
    q = float(np.sum(w * (estimate - mean) ** 2))
    scale = float(np.sum(w) - np.sum(w**2) / np.sum(w))
    return max(0.0, (q - (len(estimate) - 1)) / scale)


def _shrunk(estimate: Array, variance: Array) -> tuple[Array, float, float]:
    """(shrunk estimates, mean standard deviation left, standard deviation between groups)."""
    between = between_variance(estimate, variance)
    if between == 0.0:
        return np.zeros_like(estimate), 0.0, 0.0
    share = between / (between + variance)
    left = float(np.sqrt(np.mean(share * variance)))
    return share * estimate, left, float(np.sqrt(between))


def _of_an_unseen_group(between_sd: float, groups: int, *, exact: bool) -> float:
    """The deviation to assume for a group that was not seen, from the spread of few that were.

    `exact`: so that 1.96 of it bound 95 % of unseen groups, by Student's t with one degree of freedom less than groups
    and the mean's own error; three lots say little about the fourth. Else only the spread's own error is added.
    """
    if exact:
        return (
            between_sd * float(student_t.ppf(0.975, groups - 1) / norm.ppf(0.975)) * float(np.sqrt(1.0 + 1.0 / groups))
        )
    return between_sd * float(np.sqrt(1.0 + 2.0 / groups))


def estimate(residual: Array, rise: Array, weight: Array, names: tuple[str, ...]) -> GroupEffects:
    """Effects from residuals about the pooled curve. `rise` is the curve above its blank value, `weight` 1/variance.

    Offsets come from blanks, gains from spiked scans. A group without blanks or without spiked scans gets offset 0 or
    gain 1.
    """
    groups = sorted(set(names))
    if len(groups) < 2:
        return GroupEffects()
    label = np.array([groups.index(name) for name in names])
    blank = rise <= 0.0
    size = len(groups)
    w_blank = np.bincount(label[blank], weight[blank], size)
    sums = np.bincount(label[blank], (weight * residual)[blank], size)
    has = w_blank > 0
    offset = np.zeros(size)
    offset_left = offset_between = 0.0
    if has.sum() >= 2:
        shrunk, offset_left, between_sd = _shrunk(sums[has] / w_blank[has], 1.0 / w_blank[has])
        offset_between = _of_an_unseen_group(between_sd, int(has.sum()), exact=False)
        offset[has] = shrunk
    rest = residual - offset[label]
    w_rise = np.bincount(label, weight * rise**2, size)
    has = w_rise > 0
    gain = np.ones(size)
    gain_left = gain_between = 0.0
    if has.sum() >= 2:
        slope = np.bincount(label, weight * rise * rest, size)[has] / w_rise[has]
        shrunk, gain_left, between_sd = _shrunk(slope, 1.0 / w_rise[has])
        gain_between = _of_an_unseen_group(between_sd, int(has.sum()), exact=True)
        gain[has] = np.clip(1.0 + shrunk, 0.2, 5.0)
    if offset_between == 0.0 and gain_between == 0.0:
        return GroupEffects()
    effects = {name: (float(offset[k]), float(gain[k])) for k, name in enumerate(groups) if name}
    return GroupEffects(effects, offset_left, gain_left, offset_between, gain_between)
