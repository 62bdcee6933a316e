"""Nonlinear least squares to certified accuracy: Jacobians by complex step, several starts, deviations by QR."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sensor_models.scans import Array

Complex = npt.NDArray[np.complex128]
Model = Callable[[npt.NDArray[np.complex128], Array], Complex]  # (parameters, x) -> values; must accept complex numbers

STEP = 1e-30  # complex step: derivatives exact to rounding (Squire, Trapp 1998)
ITERATIONS_MAX = 2000
GAIN_LEAST = 1e-15
FINISHING_STEPS = 25  # Gauss-Newton steps after the damped search, as long as each is less than half of the one before


@dataclass(frozen=True)
class Solution:
    """Parameters, standard deviations, residual sum of squares, degrees of freedom, and whether it came to rest."""

    parameters: Array
    deviations: Array
    residual_sum: float
    degrees: int
    converged: bool
    iterations: int


def jacobian(model: Model, parameters: Array, x: Array) -> Array:
    """(N, P) derivatives of the model by complex step."""
    columns = []
    for k in range(len(parameters)):
        moved = parameters.astype(np.complex128)
        moved[k] += 1j * STEP
        columns.append(np.imag(model(moved, x)) / STEP)
    return np.stack(columns, axis=1)


def _values(model: Model, parameters: Array, x: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.real(model(parameters.astype(np.complex128), x))


def _cost(residual: Array) -> float:
    with np.errstate(all="ignore"):
        return float(np.sum(residual**2))


def _from_one_start(model: Model, x: Array, y: Array, start: Array) -> Solution:
    """Levenberg-Marquardt on scaled columns, ended by plain Gauss-Newton steps while they still gain."""
    p = start.astype(float).copy()
    residual = y - _values(model, p, x)
    cost = _cost(residual)
    damping = 1e-3
    for iteration in range(1, ITERATIONS_MAX + 1):
        with np.errstate(all="ignore"):
            rows = jacobian(model, p, x)
        if not np.all(np.isfinite(rows)) or not np.isfinite(cost):
            return Solution(p, np.full_like(p, np.nan), np.inf, len(y) - len(p), False, iteration)
        scale = np.linalg.norm(rows, axis=0)
        scale[scale == 0.0] = 1.0
        for _ in range(60):
            wide = np.concatenate([rows / scale, np.sqrt(damping) * np.eye(len(p))])
            step = np.linalg.lstsq(wide, np.concatenate([residual, np.zeros(len(p))]), rcond=None)[0] / scale
            trial = y - _values(model, p + step, x)
            trial_cost = _cost(trial)
            if np.isfinite(trial_cost) and trial_cost <= cost:
                break
            damping = max(damping, 1e-12) * 4.0
        else:
            return _finished(model, x, y, p, iteration)
        gain = cost - trial_cost
        small = float(np.max(np.abs(step) / np.maximum(np.abs(p), 1e-300))) < 1e-13
        p, residual, cost = p + step, trial, trial_cost
        damping = damping / 9.0 if damping > 1e-14 else 0.0
        if small or (gain <= GAIN_LEAST * cost and damping < 1e-9):
            return _finished(model, x, y, p, iteration)
    return Solution(p, np.full_like(p, np.nan), cost, len(y) - len(p), False, ITERATIONS_MAX)


def _finished(model: Model, x: Array, y: Array, p: Array, iterations: int) -> Solution:
    earlier = np.inf
    for _ in range(FINISHING_STEPS):
        rows = jacobian(model, p, x)
        scale = np.linalg.norm(rows, axis=0)
        if not np.all(np.isfinite(rows)) or np.any(scale == 0.0):
            break
        residual = y - _values(model, p, x)
        step = np.linalg.lstsq(rows / scale, residual, rcond=None)[0] / scale
        size = float(np.max(np.abs(step) / np.maximum(np.abs(p), 1e-300)))
        if not size < 0.5 * earlier or _cost(y - _values(model, p + step, x)) > _cost(residual) * (1 + 1e-9):
            break
        p, earlier = p + step, size
    rows = jacobian(model, p, x)
    residual = y - _values(model, p, x)
    cost = float(residual @ residual)
    degrees = len(y) - len(p)
    if not np.all(np.isfinite(rows)):
        return Solution(p, np.full_like(p, np.nan), cost, degrees, False, iterations)
    scale = np.linalg.norm(rows, axis=0)
    flat = bool(np.any(scale == 0.0))
    scale[scale == 0.0] = 1.0
    q, r = np.linalg.qr(rows / scale)
    rest = float(np.linalg.norm(q.T @ residual)) <= 1e-6 * max(float(np.sqrt(cost)), 1e-300)
    singular = flat or abs(np.diag(r)).min() < 1e-13
    inverse = np.full((len(p), len(p)), np.nan) if singular else np.linalg.inv(r)
    deviations = np.sqrt(np.sum(inverse**2, axis=1) * cost / max(degrees, 1)) / scale
    return Solution(p, deviations, cost, degrees, rest and not singular, iterations)


def fit(model: Model, x: Array, y: Array, start: Sequence[float], spread: float = 3.0, seed: int = 1) -> Solution:
    """The best minimum from the start given and, where that fails or is doubtful, from starts around it.

    `spread` is the natural logarithm over which scattered starts vary each parameter. A solution counts as doubtful
    when it did not come to rest or has a parameter whose standard deviation exceeds it a hundredfold.
    """
    first = np.asarray(start, dtype=float)
    best = _from_one_start(model, x, y, first)
    rng = np.random.default_rng(seed)
    tries = 0
    while tries < 60 and not _sound(best):
        scattered = first * np.exp(rng.uniform(-spread, spread, len(first)))
        one = _from_one_start(model, x, y, scattered)
        if _sound(one) and (not _sound(best) or one.residual_sum < best.residual_sum):
            best = one
        tries += 1
    if tries:
        for _ in range(20):
            one = _from_one_start(model, x, y, first * np.exp(rng.uniform(-spread, spread, len(first))))
            if _sound(one) and one.residual_sum < best.residual_sum * (1 - 1e-12):
                best = one
    return best


def _sound(solution: Solution) -> bool:
    return bool(
        solution.converged
        and np.all(np.isfinite(solution.deviations))
        and np.all(solution.deviations <= 100.0 * np.abs(solution.parameters))
    )
