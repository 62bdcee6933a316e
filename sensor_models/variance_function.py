"""How the scatter of a signal grows: own noise, leakage of other peaks, and a part proportional to the signal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from sensor_models.scans import Array

ROUNDS = 40
NEGLIGIBLE = 1e-4
FREE_LEAST = 0.05  # a scan that its own effects explain wholly says next to nothing of the scatter
DEGREES_LEAST = 2.0


def _mean(values: Array) -> float:
    return float(np.mean(values)) if len(values) else 0.0


@dataclass(frozen=True)
class VarianceFunction:
    """Var = (noise own)^2 + (leak others)^2 + (spread rise)^2; degrees of freedom of noise^2 and of spread^2."""

    noise: float
    leak: float
    spread: float
    degrees: float
    spread_degrees: float = 1e6

    def variance(self, own: Array, others: Array, rise: Array) -> Array:
        """Variance of each observation."""
        out: Array = (self.noise * own) ** 2 + (self.leak * others) ** 2 + (self.spread * rise) ** 2
        return out


def fit(residual: Array, own: Array, others: Array, rise: Array, leverage: Array) -> VarianceFunction:
    """Maximum likelihood of the three components by reweighted non-negative least squares on squared residuals.

    `own` is each scan's standard deviation relative to a usual blank's, `others` the size of other peaks, `rise` the
    signal above the blank. `leverage` (0..1) is how far the curve and the groups' effects that were fitted to
    a scan pulled its residual to nothing: E r^2 = v (1 - h) is put right scan by scan (MacKinnon and White 1985, HC2),
    and a scan counts as 1 - h of one for the degrees of freedom. Taking the number of parameters off the number of
    scans would trust few strong scans that many effects were fitted to as much as the many weak ones beside them.
    """
    count = len(residual)
    blank = rise <= 0.0
    free = np.clip(1.0 - leverage, FREE_LEAST, 1.0)
    square = residual**2 / free
    columns = np.stack([own**2, others**2, rise**2], axis=1)
    scale = np.maximum(columns.max(axis=0), 1e-300)
    z = columns / scale
    usual = _mean(square[blank] / own[blank] ** 2)
    v = usual * own**2 + _mean(square[~blank] / np.maximum(rise[~blank], 1e-300) ** 2) * rise**2
    floor = 1e-3 * usual + 1e-300
    v = np.maximum(v, floor)
    theta = np.zeros(3)
    best = np.inf
    for _ in range(ROUNDS):
        trial, _ = optimize.nnls(z * free[:, None] / v[:, None], square * free / v)
        expected = np.maximum(z @ trial, floor)
        unlikely = float(np.sum(free * (np.log(expected) + square / expected)))
        if unlikely < best:
            best, theta = unlikely, trial
        v = np.sqrt(v * expected)  # half-way in the logarithm: full steps may swing between two answers
    v = np.maximum(z @ theta, floor)
    usual = float(np.median((z @ theta)[blank])) if blank.any() else float(np.mean(z @ theta))
    theta = np.where(theta * np.max(z, axis=0) < NEGLIGIBLE * usual, 0.0, theta)
    if theta[0] == 0.0:
        # Blanks whose scatter is all leakage still have some noise of their own.
        theta[0] = floor
    active = theta > 0.0
    rows = z[:, active] / v[:, None]
    information = 0.5 * (rows * free[:, None]).T @ rows
    variance = np.full(3, np.inf)
    variance[active] = np.diag(np.linalg.pinv(information))
    degrees, _, spread_degrees = 2.0 * theta**2 / np.maximum(variance, 1e-300)
    noise, leak, spread = np.sqrt(theta / scale)
    return VarianceFunction(
        float(noise),
        float(leak),
        float(spread),
        float(np.clip(degrees, DEGREES_LEAST, count)),
        float(np.clip(spread_degrees, DEGREES_LEAST, count)),
    )
