"""Decision limit, detection limit, quantification limit and the table the device reads concentrations from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from sensor_models.low_peaks import LowPeaks
from sensor_models.response_curve import ResponseCurve
from sensor_models.scans import Array

AS_READ = LowPeaks()  # small peaks are read as the calibration curve says


@dataclass(frozen=True)
class Limits:
    """LC as signal (A, lot taken out); LC, LD, LQ in mol/L; None where the calibrated range does not reach it."""

    lc_signal_a: float
    lc_signal_unknown_lot_a: float
    lc_mol_l: float | None
    ld_mol_l: float | None
    lq_mol_l: float | None


def _grid(curve: ResponseCurve) -> Array:
    top = curve.unit_c * (1.2 if curve.model == "linear" else 3.0)
    return np.concatenate([[0.0], np.geomspace(curve.unit_c * 1e-5, top, 4000)])


def _first_above(grid: Array, values: Array, limit: float) -> float | None:
    """Where values first stay above limit, linearly between grid points; None when they never do."""
    above = np.nonzero(values >= limit)[0]
    if not len(above):
        return None
    k = int(above[0])
    if k == 0:
        return float(grid[0])
    part = (limit - values[k - 1]) / (values[k] - values[k - 1])
    return float(grid[k - 1] + part * (grid[k] - grid[k - 1]))


def limits(curve: ResponseCurve, alpha: float, beta: float, low_peaks: LowPeaks = AS_READ) -> Limits:
    """Currie 1995 / ISO 11843-2: LC = mean blank + t s0 sqrt(1 + 1/n); LD so that beta of the signals stay below LC.

    s0 and its degrees of freedom come from the variance function; LQ is where the signal is 10 s0 above the blanks.
    LD takes the mean and the scatter of the statistic at LD itself (ISO 11843-1: beta is of the state at the minimum
    detectable value), which `low_peaks` holds, not those of blanks moved up by the calibration curve.
    Concentrations are those of the least sensitive lot (EP17-A2: the largest limit over lots).
    """
    one_sided = float(stats.t.ppf(1.0 - alpha, curve.degrees))
    lc = curve.blank_mean + one_sided * curve.noise * np.sqrt(1.0 + 1.0 / curve.blanks)
    unseen = np.hypot(curve.lots.unseen_offset(1.0 - alpha), curve.matrices.unseen_offset(1.0 - alpha))
    unknown = curve.blank_mean + float(np.hypot(lc - curve.blank_mean, unseen))
    grid = _grid(curve)
    base = float(curve.value(np.zeros(1))[0])
    gain = min([pair[1] for pair in curve.lots.effects.values()], default=1.0)
    rise = gain * (curve.value(grid) - base)
    mean = curve.blank_mean + rise
    read = mean + low_peaks.excess_at(rise / curve.noise) * curve.noise
    scatter = low_peaks.scatter_at(rise / curve.noise) * curve.noise
    deviation = np.sqrt(
        curve.sd_of_observation(grid) ** 2
        + (scatter**2 - curve.noise**2)
        + curve.sd_of_curve(grid) ** 2
        + (curve.matrices.between_gain_sd * rise) ** 2
    )
    miss = float(stats.t.ppf(1.0 - beta, curve.degrees))
    lc_c = _first_above(grid, mean, float(lc))
    ld_c = _first_above(grid, read - miss * deviation, float(lc))
    lq_c = _first_above(grid, mean, curve.blank_mean + 10.0 * curve.noise)
    return Limits(float(lc), float(unknown), lc_c, ld_c, lq_c)


def two_sided(curve: ResponseCurve, coverage: float) -> float:
    """Student's quantile of a two-sided interval with the curve's degrees of freedom."""
    return float(stats.t.ppf(0.5 + 0.5 * coverage, curve.degrees))


def _student(curve: ResponseCurve, concentration: Array, coverage: float) -> Array:
    """Student's quantile at each concentration, with Satterthwaite's degrees of freedom of its variance."""
    noise = curve.noise**2
    rest = np.maximum(curve.sd_of_observation(concentration) ** 2 - noise, 0.0) + curve.sd_of_curve(concentration) ** 2
    degrees = (noise + rest) ** 2 / (noise**2 / curve.degrees + rest**2 / curve.variance.spread_degrees)
    out: Array = stats.t.ppf(0.5 + 0.5 * coverage, np.maximum(degrees, 1.0))
    return out


def table(curve: ResponseCurve, coverage: float) -> dict[str, Any]:
    """Signal -> concentration, interval ends; the interval inverts f(c) -/+ t sd(c) at the coverage given."""
    fine = _grid(curve)
    t = _student(curve, fine, coverage)
    mean = curve.value(fine)
    deviation = np.hypot(curve.sd_of_observation(fine), curve.sd_of_curve(fine))
    upper = np.maximum.accumulate(mean + t * deviation)
    lower = np.maximum.accumulate(mean - t * deviation)
    top_c = curve.unit_c * 1.2
    top = float(np.interp(top_c, fine, mean))
    base = float(mean[0])
    near = np.array([-6.0, -4.0, -3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0])
    far = np.concatenate([np.geomspace(12.0 * curve.noise, max(top - base, 13.0 * curve.noise), 18) + base])
    along = curve.value(np.linspace(0.0, top_c, 13)[1:])
    knots = np.unique(np.concatenate([base + near * curve.noise, upper[:1], far, along]))
    knots = knots[knots <= max(top, base + curve.noise)]
    # Below the blank the curve goes on straight, so that a scan's own noise can widen or narrow the interval there too.
    per_signal = float(np.interp(base + 2.0 * curve.noise, mean, fine)) / (2.0 * curve.noise)
    centre = np.where(knots < base, (knots - base) * per_signal, np.interp(knots, mean, fine))
    low = np.where(knots < upper[0], (knots - upper[0]) * per_signal, np.interp(knots, upper, fine))
    high = np.where(knots < lower[0], (knots - lower[0]) * per_signal, np.interp(knots, lower, fine))
    high = np.maximum(high, per_signal * curve.noise)
    bounded = float(lower[-1])
    return {
        "signal": [float(f"{v:.8g}") for v in knots],
        "concentration": [float(f"{v:.8g}") for v in centre],
        "low": [float(f"{v:.8g}") for v in np.minimum(low, centre)],
        "high": [float(f"{v:.8g}") for v in np.maximum(high, centre)],
        "bounded_signal": float(f"{min(bounded, top):.8g}"),
    }
