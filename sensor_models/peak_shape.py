"""Learns what one substance's peak looks like from its own calibration scans: place, width, flatness, asymmetry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize

from sensor_models.batch_fit import polynomial_basis
from sensor_models.errors import CalibrationRefused
from sensor_models.scans import Array

TABLE_HALF_POINTS = 40
TABLE_REACH = 5.0  # the table ends this many half-widths from the centre
LEARNING_MARGIN_V = 0.15  # ASSUMED: room beside the peak window that shows the baseline


@dataclass(frozen=True)
class PeakShape:
    """Pearson VII with two half-widths: centre, mean half-width at half height (V), exponent, skewness (-0.6..0.6)."""

    centre_v: float
    half_width_v: float
    exponent: float
    skewness: float

    def value(self, potential_v: Array, shift_v: float | Array = 0.0) -> Array:
        """The peak of height 1 at the potentials given."""
        u = potential_v - (self.centre_v + shift_v)
        half = self.half_width_v * np.where(u < 0, 1.0 + self.skewness, 1.0 - self.skewness)
        out: Array = (1.0 + (2.0 ** (1.0 / self.exponent) - 1.0) * (u / half) ** 2) ** -self.exponent
        return out

    def table(self) -> dict[str, Any]:
        """The peak as the detector's table, centred at 0, brought to 0 at both ends."""
        reach = TABLE_REACH * self.half_width_v
        u = np.linspace(-reach, reach, 2 * TABLE_HALF_POINTS + 1)
        values = self.value(u + self.centre_v)
        fade = np.clip((reach - np.abs(u)) / (0.2 * reach), 0.0, 1.0)
        return {
            "step_v": float(reach / TABLE_HALF_POINTS),
            "values": [round(float(v), 7) for v in values * fade * fade * (3.0 - 2.0 * fade)],
        }


def _shape(parameters: Array) -> PeakShape:
    return PeakShape(
        float(parameters[0]), float(np.exp(parameters[1])), float(np.exp(parameters[2])), float(parameters[3])
    )


def _residual(curves: Array, shift_v: Array, potential_v: Array, basis: Array, parameters: Array) -> Array:
    """Residuals of all curves after their own baseline and their own height (variable projection)."""
    shape = _shape(parameters)
    rows = np.array([shape.value(potential_v, float(d)) for d in shift_v])
    rows = rows - (rows @ basis) @ basis.T
    norm = np.maximum(np.sum(rows**2, axis=1), 1e-12)
    height = np.sum(rows * curves, axis=1) / norm
    out: Array = (curves - rows * height[:, None]).ravel()
    return out


def refine(curves: Array, shift_v: Array, potential_v: Array, guess: PeakShape, degree: int) -> PeakShape:
    """The shape that fits all curves (C, N), each with its own height, baseline and known shift, in least squares."""
    basis = polynomial_basis(potential_v, degree)
    flat: Array = curves - (curves @ basis) @ basis.T
    scale = max(float(np.sqrt(np.mean(flat**2))), 1e-300)
    start = np.array([guess.centre_v, np.log(guess.half_width_v), np.log(guess.exponent), guess.skewness])
    lower = np.array([potential_v.min(), np.log(0.008), np.log(0.8), -0.6])
    upper = np.array([potential_v.max(), np.log(0.20), np.log(60.0), 0.6])
    done = optimize.least_squares(
        lambda p: _residual(flat / scale, shift_v, potential_v, basis, p),
        np.clip(start, lower + 1e-6, upper - 1e-6),
        bounds=(lower, upper),
        x_scale=[0.01, 0.2, 0.5, 0.1],
    )
    return _shape(done.x)


def cleanest(curves: Array, potential_v: Array, shape: PeakShape, share: float) -> npt.NDArray[np.intp]:
    """Indices of the share of curves (at least 4) that a peak and a straight baseline leave least unexplained."""
    basis = polynomial_basis(potential_v, 1)
    flat = curves - (curves @ basis) @ basis.T
    left = np.full(len(curves), np.inf)
    for shift in np.linspace(-0.03, 0.03, 13):
        row = shape.value(potential_v, float(shift))
        row = row - (row @ basis) @ basis.T
        height = flat @ row / max(float(row @ row), 1e-12)
        rest = np.sum((flat - height[:, None] * row) ** 2, axis=1)
        up = height > 0
        left[up] = np.minimum(left[up], rest[up] / height[up] ** 2)
    return np.argsort(left)[: max(round(share * len(curves)), 4)]


def _first_guesses(difference: Array, potential_v: Array, window_v: tuple[float, float]) -> list[PeakShape]:
    inside = (potential_v >= window_v[0]) & (potential_v <= window_v[1])
    line = np.polyval(np.polyfit(potential_v, difference, 1), potential_v)
    peak = int(np.argmax(np.where(inside, difference - line, -np.inf)))
    places = (float(potential_v[peak]), 0.5 * (window_v[0] + window_v[1]))
    return [PeakShape(centre, half, 5.0, 0.0) for centre in places for half in (0.025, 0.05, 0.08)]


def learn(
    analyte: str, difference: Array, potential_v: Array, window_v: tuple[float, float], degree: int = 2
) -> tuple[PeakShape, int]:
    """(shape, sign) from the mean difference between strong scans and blanks.

    sign is +1 when the net current rises with concentration, -1 when it falls. Raises CalibrationRefused when no peak
    stands in the window.
    """
    basis = polynomial_basis(potential_v, degree)
    best: tuple[float, PeakShape, int] | None = None
    for sign in (1, -1):
        curve = sign * difference
        flat = curve - (curve @ basis) @ basis.T
        for guess in _first_guesses(curve, potential_v, window_v):
            shape = refine(curve[None, :], np.zeros(1), potential_v, guess, degree)
            row = shape.value(potential_v)
            row = row - (row @ basis) @ basis.T
            height = float(row @ flat) / max(float(row @ row), 1e-12)
            cost = float(np.sum((flat - height * row) ** 2))
            if height <= 0 or not window_v[0] <= shape.centre_v <= window_v[1]:
                continue
            if best is None or cost < best[0] * (1 - 1e-9):
                best = (cost, shape, sign)
    if best is None:
        raise CalibrationRefused(
            analyte, f"no peak grows with concentration between {window_v[0]:g} and {window_v[1]:g} V"
        )
    return best[1], best[2]
