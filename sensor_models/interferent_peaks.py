"""Finds the peaks of other substances in the blanks of a calibration: declared ones, and ones nobody declared."""

from __future__ import annotations

import numpy as np

from sensor_models import peak_shape
from sensor_models.batch_fit import polynomial_basis
from sensor_models.peak_shape import PeakShape
from sensor_models.scans import Array

UNDECLARED_MOST = 3
CLEAR_SD = 10.0  # a scan shows a peak when its matched filter is this many noise standard deviations
SCANS_LEAST = 3  # ... and a peak counts when this many blanks show it
SHARE_LEAST = 0.03
APART_HALF_WIDTHS = 1.6  # nearer to an analyte than this, an undeclared peak cannot be told from it
APART_FROM_OTHERS = 1.3  # half-widths between two peaks of other substances
UNEXPLAINED_SHARE = 0.3  # less of a peak left standing is a known peak whose shape is not quite right
DECLARED_REACH_V = 0.07  # a declared peak is looked for this far around its stated potential
WIDTH_RATIO = (0.4, 2.0)  # half-width of another substance's peak relative to the analyte's


def _matched(curves: Array, grid: Array, shape: PeakShape, reach: float) -> Array:
    """Height in noise standard deviations of a peak at its place in each curve, over its own neighbourhood."""
    near = np.abs(grid - shape.centre_v) <= reach
    if near.sum() < 9:
        return np.zeros(len(curves))
    x = grid[near]
    basis = polynomial_basis(x, 1)
    row = shape.value(x)
    row = row - (row @ basis) @ basis.T
    local = curves[:, near]
    norm = float(np.linalg.norm(row))
    noise = float(np.median(np.std(np.diff(local, 3, axis=1), axis=1))) / np.sqrt(20.0)
    out: Array = (local @ row) / norm / max(noise, 1e-300)
    return out


def _shape_at(curves: Array, grid: Array, guess: PeakShape, reach_v: float) -> PeakShape | None:
    """The shape of a peak near a guess from the curves that show it best; None when too few do."""
    reach = 2.2 * guess.half_width_v
    found = [
        (float(np.sum(np.sort(z)[-12:])), shifted)
        for shifted in (
            PeakShape(guess.centre_v + d, guess.half_width_v, guess.exponent, 0.0)
            for d in np.arange(-reach_v, reach_v + 1e-9, 0.01)
        )
        for z in (_matched(curves, grid, shifted, reach),)
    ]
    best = max(found, key=lambda one: one[0])[1]
    z = _matched(curves, grid, best, reach)
    strongest = np.argsort(z)[-12:]
    strongest = strongest[z[strongest] > CLEAR_SD]
    if len(strongest) < max(SCANS_LEAST, round(SHARE_LEAST * len(curves))):
        return None
    near = np.abs(grid - best.centre_v) <= reach
    shape = peak_shape.refine(curves[strongest][:, near], np.zeros(len(strongest)), grid[near], best, 1)
    ratio = shape.half_width_v / guess.half_width_v
    if abs(shape.centre_v - best.centre_v) > 0.05 or not WIDTH_RATIO[0] <= ratio <= WIDTH_RATIO[1]:
        return best
    return shape


def _explained(curves: Array, grid: Array, shapes: list[PeakShape], degree: int) -> Array:
    """What is left of the curves after a common baseline polynomial and the peaks known so far (shifts not fitted)."""
    columns = [polynomial_basis(grid, degree)]
    for shape in shapes:
        slope = (shape.value(grid, 0.005) - shape.value(grid, -0.005)) / 0.01
        columns.append(np.stack([shape.value(grid), slope], axis=1))
    q, _ = np.linalg.qr(np.concatenate(columns, axis=1))
    out: Array = curves - (curves @ q) @ q.T
    return out


def _taken(centre_v: float, found: dict[str, PeakShape], half_width_v: float) -> bool:
    return any(abs(centre_v - shape.centre_v) < APART_FROM_OTHERS * half_width_v for shape in found.values())


def _unexplained(left: Array, blanks: Array, grid: Array, guess: PeakShape) -> int:
    """How many blanks show a peak at the guess that the peaks known so far leave standing."""
    reach = 2.2 * guess.half_width_v
    rest, raw = _matched(left, grid, guess, reach), _matched(blanks, grid, guess, reach)
    return int(np.sum((rest > CLEAR_SD) & (rest > UNEXPLAINED_SHARE * np.abs(raw))))


def discover(
    grid: Array, blanks: Array, analytes_v: list[float], half_width_v: float, declared: dict[str, float]
) -> dict[str, PeakShape]:
    """Peaks of other substances in blanks (B, N) on `grid`, signed so that peaks point up.

    A declared peak that no blank shows keeps its stated potential and the analyte's width. Undeclared ones are named
    "unknown at <potential> V".
    """
    found: dict[str, PeakShape] = {}
    for name, potential in declared.items():
        if not grid[0] - half_width_v < potential < grid[-1] + half_width_v:
            continue
        guess = PeakShape(potential, half_width_v, 5.0, 0.0)
        found[name] = _shape_at(blanks, grid, guess, DECLARED_REACH_V) or guess
    known = [PeakShape(v, half_width_v, 5.0, 0.0) for v in analytes_v]
    for _ in range(UNDECLARED_MOST):
        left = _explained(blanks, grid, known + list(found.values()), 2)
        scores = []
        for centre in np.arange(grid[0], grid[-1], 0.01):
            if min(abs(centre - v) for v in analytes_v) < APART_HALF_WIDTHS * half_width_v:
                continue
            if _taken(float(centre), found, half_width_v):
                continue
            guess = PeakShape(float(centre), half_width_v, 5.0, 0.0)
            z = _matched(left, grid, guess, 2.2 * half_width_v)
            scores.append((float(np.sum(np.clip(z, 0.0, 200.0) ** 2)), guess))
        if not scores:
            break
        guess = max(scores, key=lambda one: one[0])[1]
        if _unexplained(left, blanks, grid, guess) < SCANS_LEAST:
            break
        shape = _shape_at(blanks, grid, guess, 0.02)
        if shape is None or _taken(shape.centre_v, found, half_width_v):
            break
        if min(abs(shape.centre_v - v) for v in analytes_v) < APART_HALF_WIDTHS * half_width_v:
            break
        found[f"unknown at {shape.centre_v:.2f} V"] = shape
    return found
