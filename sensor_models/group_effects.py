"""What a lot or a drink adds to every signal, and multiplies it with: shrunk towards nothing as the data deserve."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.stats import t as student_t

from sensor_models.scans import Array

Effect = tuple[float, float]  # (offset, gain)

# What lots are assumed to differ by when fewer than three were seen: within the 9.8 % that Papadopoulos 2020 reports
# between strips for flunitrazepam (the project's science notes), counted as if it came from a few degrees of freedom.
PRIOR_GAIN_SD = 0.06  # ASSUMED
PRIOR_DEGREES = 4.0  # ASSUMED


@dataclass(frozen=True)
class GroupEffects:
    """Effects by group name; what is left uncertain within known groups, and how much groups differ at all.

    Offsets in the signal's unit, gains relative to 1. Empty `effects` = the groups have no names.
    """

    effects: dict[str, Effect] = field(default_factory=dict)
    offset_sd: float = 0.0  # of a known group's offset
    gain_sd: float = 0.0
    between_offset_sd: float = 0.0  # how much groups' offsets differ
    between_gain_sd: float = 0.0
    offset_groups: int = 0  # groups that told their offset
    gain_groups: int = 0
    offset_prior_sd: float = 0.0  # what the offsets were shrunk with; 0: there are none
    gain_prior_sd: float = 0.0
    prior: bool = False  # a single group still says that there are others

    def unseen_offset(self, probability: float) -> float:
        """One-sided bound on an unseen group's offset from the others' mean: Student's t with groups - 1."""
        if self.offset_groups < 2 or self.between_offset_sd == 0.0:
            return 0.0
        t = float(student_t.ppf(probability, max(self.offset_groups - 1, 2)))
        return t * self.between_offset_sd * float(np.sqrt(1.0 + 1.0 / self.offset_groups))

    def unseen_gain(self, coverage: float) -> float:
        """Half-width that holds an unseen group's relative gain with the coverage given.

        Prediction of one more draw: t(L - 1) s sqrt(1 + 1/L), s the scatter of the L groups' estimates. With fewer
        than three groups the scatter is pooled with the assumed one (scaled inverse chi-square prior).
        """
        seen = self.gain_groups
        if seen < 2 and not (seen and self.prior):
            return 0.0
        degrees, square = float(seen - 1), self.between_gain_sd**2
        if seen < 3:
            square = (PRIOR_DEGREES * PRIOR_GAIN_SD**2 + degrees * square) / (PRIOR_DEGREES + degrees)
            degrees += PRIOR_DEGREES
        t = float(student_t.ppf(0.5 + 0.5 * coverage, degrees))
        return t * float(np.sqrt(square * (1.0 + 1.0 / seen)))


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
    """(shrunk estimates, standard deviation left, standard deviation between groups that they were shrunk with).

    The variance between groups is never taken as nothing: few groups cannot show that, and an interval that believed it
    would be too short. What is left holds the shrinkage factor's own error (Morris 1983).
    """
    count = len(estimate)
    between = max(between_variance(estimate, variance), float(np.mean(variance)) / count)
    share = between / (between + variance)
    left = share * variance + 2.0 / max(count - 1, 1) * ((1.0 - share) * estimate) ** 2
    return share * estimate, float(np.sqrt(np.mean(left))), float(np.sqrt(between))


def estimate(
    residual: Array, rise: Array, weight: Array, names: tuple[str, ...], *, prior: bool = False
) -> GroupEffects:
    """Effects from residuals about the pooled curve. `rise` is the curve above its blank value, `weight` 1/variance.

    Offsets come from blanks, gains from spiked scans. A group without blanks or without spiked scans gets offset 0 or
    gain 1. `prior`: groups beyond those seen are to be expected (lots), even when only one was.
    """
    groups = sorted(set(names))
    if len(groups) < 2:
        named = {name: (0.0, 1.0) for name in groups if name}
        return GroupEffects(named, gain_groups=len(named), prior=prior)
    label = np.array([groups.index(name) for name in names])
    blank = rise <= 0.0
    size = len(groups)
    w_blank = np.bincount(label[blank], weight[blank], size)
    sums = np.bincount(label[blank], (weight * residual)[blank], size)
    has_blank = w_blank > 0
    offset = np.zeros(size)
    offset_left = offset_between = offset_prior = 0.0
    if has_blank.sum() >= 2:
        variance = 1.0 / w_blank[has_blank]
        means = sums[has_blank] * variance
        shrunk, offset_left, offset_prior = _shrunk(means, variance)
        offset_between = between_variance(means, variance) ** 0.5
        offset[has_blank] = shrunk
    rest = residual - offset[label]
    w_rise = np.bincount(label, weight * rise**2, size)
    has = w_rise > 0
    gain = np.ones(size)
    gain_left = gain_between = gain_prior = 0.0
    if has.sum() >= 2:
        slope = np.bincount(label, weight * rise * rest, size)[has] / w_rise[has]
        shrunk, gain_left, gain_prior = _shrunk(slope, 1.0 / w_rise[has])
        gain_between = float(np.std(slope, ddof=1))
        gain[has] = np.clip(1.0 + shrunk, 0.2, 5.0)
    return GroupEffects(
        effects={name: (float(offset[k]), float(gain[k])) for k, name in enumerate(groups) if name},
        offset_sd=offset_left,
        gain_sd=gain_left,
        between_offset_sd=offset_between,
        between_gain_sd=gain_between,
        offset_groups=int(has_blank.sum()),
        gain_groups=int(has.sum()),
        offset_prior_sd=offset_prior,
        gain_prior_sd=gain_prior,
        prior=prior,
    )


def columns(effects: GroupEffects, rise: Array, names: tuple[str, ...]) -> tuple[Array, Array]:
    """(design (n, m), precision of each column's prior) of the effects as random ones in the signal's regression.

    Blanks tell offsets, spiked scans gains, as in `estimate`. No columns where groups were not told apart.
    """
    groups = sorted(set(names)) if len(set(names)) > 1 else []
    of = [np.array([name == group for name in names]) for group in groups]
    made: list[Array] = []
    precision: list[float] = []
    for prior, column in ((effects.offset_prior_sd, rise <= 0.0), (effects.gain_prior_sd, rise)):
        if prior > 0.0:
            made += [np.where(member, column, 0.0) for member in of]
            precision += [prior**-2] * len(of)
    return np.stack(made, axis=1) if made else np.empty((len(names), 0)), np.array(precision)
