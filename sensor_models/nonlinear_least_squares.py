"""Nonlinear least squares to certified accuracy: Jacobians by complex step, several starts, deviations by QR.

The last steps work on residuals in extended precision where the machine has it (x86): of data that a model meets to the
thirteenth digit, double precision leaves too little of a residual to take a standard deviation from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import optimize

from sensor_models.scans import Array

Complex = npt.NDArray[np.complexfloating]
Real = npt.NDArray[np.floating]
Model = Callable[[Complex, Real], Complex]  # (parameters, x) -> values; must accept complex numbers

STEP = 1e-30  # complex step: derivatives exact to rounding (Squire, Trapp 1998)
ITERATIONS_MAX = 2000
SCATTERED_ITERATIONS_MAX = 300  # of a start that was not given
GAIN_LEAST = 1e-15
FINISHING_STEPS = 200  # Gauss-Newton steps after the damped search, as long as each is shorter than the one before
SHRINKS = 0.98
EQUAL = 1e-3  # relative difference of residual sums below which two minima are the same one, or mirror images
IMAGE = 1e-6  # relative difference of residual sums below which an exchange of parameters changes nothing
EXCHANGED_MOST = 9  # parameters: 2,620 exchanges
SECOND_LOOKS = 8  # starts around the one given that are tried even when that one came to rest


@dataclass(frozen=True)
class Solution:
    """Parameters, standard deviations, residual sum of squares, degrees of freedom, and whether it came to rest."""

    parameters: Array
    deviations: Array
    residual_sum: float
    degrees: int
    converged: bool
    iterations: int


def jacobian(model: Model, parameters: Real, x: Real) -> Array:
    """(N, P) derivatives of the model by complex step."""
    columns = []
    with np.errstate(all="ignore"):
        for k in range(len(parameters)):
            moved = parameters.astype(np.complex128)
            moved[k] += 1j * STEP
            columns.append(np.imag(model(moved, x.astype(np.float64))) / STEP)
    return np.stack(columns, axis=1).astype(np.float64)


def _values(model: Model, parameters: Real, x: Real) -> Real:
    """The model in the parameters' own precision."""
    wide = np.clongdouble if parameters.dtype == np.longdouble else np.complex128
    with np.errstate(all="ignore"):
        return np.real(model(parameters.astype(wide), x if wide is np.clongdouble else x.astype(np.float64)))


def _cost(residual: Real) -> float:
    with np.errstate(all="ignore"):
        return float(np.sum(residual**2))


def _from_one_start(model: Model, x: Real, y: Real, start: Array, most: int = ITERATIONS_MAX) -> Solution:
    """Levenberg-Marquardt on scaled columns, ended by plain Gauss-Newton steps while they still gain."""
    p = start.astype(float).copy()
    fine_y, y = y, y.astype(np.float64)
    residual = y - _values(model, p, x)
    cost = _cost(residual)
    damping = 1e-3
    for iteration in range(1, most + 1):
        with np.errstate(all="ignore"):
            rows = jacobian(model, p, x)
            scale = np.linalg.norm(rows, axis=0)
        if not np.all(np.isfinite(scale)) or not np.isfinite(cost):
            return Solution(p, np.full_like(p, np.nan), np.inf, len(y) - len(p), False, iteration)
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
            return _finished(model, x, fine_y, p, iteration)
        gain = cost - trial_cost
        small = float(np.max(np.abs(step) / np.maximum(np.abs(p), 1e-300))) < 1e-13
        p, residual, cost = p + step, trial, trial_cost
        damping = damping / 9.0 if damping > 1e-14 else 0.0
        if small or (gain <= GAIN_LEAST * cost and damping < 1e-9):
            return _finished(model, x, fine_y, p, iteration)
    return Solution(p, np.full_like(p, np.nan), cost, len(y) - len(p), False, most)


def _finished(model: Model, x: Real, y: Real, p: Array, iterations: int) -> Solution:
    earlier = np.inf
    fine: Real = p.astype(np.longdouble)
    residual = y - _values(model, fine, x)
    for _ in range(FINISHING_STEPS):
        rows = jacobian(model, fine, x)
        scale = np.linalg.norm(rows, axis=0)
        if not np.all(np.isfinite(rows)) or np.any(scale == 0.0):
            break
        size_of = max(float(np.max(np.abs(residual))), 1e-300)
        step = np.linalg.lstsq(rows / scale, (residual / size_of).astype(np.float64), rcond=None)[0] / scale * size_of
        size = float(np.max(np.abs(step) / np.maximum(np.abs(fine), 1e-300)))
        trial = y - _values(model, fine + step, x)
        if not size < SHRINKS * earlier or _cost(trial) > _cost(residual) * (1 + 1e-9):
            break
        fine, earlier, residual = fine + step, size, trial
    rows = jacobian(model, fine, x)
    cost = float(residual @ residual)
    degrees = len(y) - len(p)
    p = fine.astype(np.float64)
    if not np.all(np.isfinite(rows)):
        return Solution(p, np.full_like(p, np.nan), cost, degrees, False, iterations)
    scale = np.linalg.norm(rows, axis=0)
    flat = bool(np.any(scale == 0.0))
    scale[scale == 0.0] = 1.0
    q, r = np.linalg.qr(rows / scale)
    small = max(float(np.sqrt(cost)), 1e-300)
    rest = float(np.linalg.norm(q.T @ (residual / small).astype(np.float64))) <= 1e-6
    singular = flat or abs(np.diag(r)).min() < 1e-13
    inverse = np.full((len(p), len(p)), np.nan) if singular else np.linalg.inv(r)
    deviations = np.sqrt(np.sum(inverse**2, axis=1) * cost / max(degrees, 1)) / scale
    return Solution(p, deviations, cost, degrees, rest and not singular, iterations)


def _linear_ones(model: Model, x: Real, start: Array) -> list[int]:
    """Parameters that the model is linear in, all of them together: their derivatives do not change with them."""
    found: list[int] = []
    for k in range(len(start)):
        moved = start.copy()
        moved[k] = 1.7 * moved[k] + 0.1
        with np.errstate(all="ignore"):
            before, after = jacobian(model, start, x), jacobian(model, moved, x)
        trial = [*found, k]
        if np.all(np.isfinite(before[:, trial])) and np.allclose(
            before[:, trial], after[:, trial], rtol=1e-10, atol=0.0
        ):
            found = trial
    return found


def _with_linear_solved(model: Model, x: Real, y: Real, start: Array, linear: list[int]) -> Array:
    """The start with the linear parameters at their best for the others; the start itself where that fails."""
    if not linear:
        return start
    out = start.copy()
    out[linear] = 0.0
    rows = jacobian(model, start, x)[:, linear]
    with np.errstate(all="ignore"):
        left = y.astype(np.float64) - _values(model, out, x)
        scale = np.linalg.norm(np.where(np.abs(rows) < 1e150, rows, np.inf), axis=0)
    if not np.all(np.isfinite(scale)) or not np.all(np.isfinite(left)) or np.any(scale == 0.0):
        return start
    out[linear] = np.linalg.lstsq(rows / scale, left, rcond=None)[0] / scale
    return out if np.all(np.isfinite(out)) else start


def _projected(model: Model, x: Real, y: Real, start: Array, linear: list[int]) -> Array:
    """The start after a search over the nonlinear parameters' logarithms alone, the linear ones solved at every step.

    Variable projection (Golub, Pereyra 1973): of use where the linear ones make a long curved valley.
    """
    others = [k for k in range(len(start)) if k not in linear]
    if not linear or not others or np.any(start[others] == 0.0):
        return start
    sign = np.sign(start[others])
    large = 1e6 * float(np.linalg.norm(y.astype(np.float64)))

    def whole(logs: Array) -> Array:
        trial = start.copy()
        trial[others] = sign * np.exp(np.clip(logs, -300.0, 300.0))
        return _with_linear_solved(model, x, y, trial, linear)

    def residual(logs: Array) -> Array:
        left = (y - _values(model, whole(logs), x)).astype(np.float64)
        return np.nan_to_num(np.clip(left, -large, large), nan=large, posinf=large, neginf=-large)

    done = optimize.least_squares(residual, np.log(np.abs(start[others])), method="trf", x_scale="jac", max_nfev=200)
    return whole(done.x)


def fit(model: Model, x: Real, y: Real, start: Sequence[float], spread: float = 3.0, seed: int = 1) -> Solution:
    """The best minimum from the start given and from starts around it; more of those when that one is doubtful.

    Scattered starts vary each parameter over `spread` (natural logarithm); parameters that the model is linear in are
    then solved for. A solution counts as doubtful when it did not come to rest or has a parameter whose standard
    deviation exceeds it a hundredfold. Equal minima (exchanged exponentials) go to the one nearest to the start.
    """
    first = np.asarray(start, dtype=float)
    linear = _linear_ones(model, x, first)
    rng = np.random.default_rng(seed)
    best = _from_one_start(model, x, y, _with_linear_solved(model, x, y, first, linear))
    plain = _from_one_start(model, x, y, first, ITERATIONS_MAX if not _sound(best) else SCATTERED_ITERATIONS_MAX)
    best = _better(best, plain, first)
    best = _better(best, _from_one_start(model, x, y, _projected(model, x, y, first, linear)), first)
    tries = 0
    while tries < (SECOND_LOOKS if _sound(best) else 60):
        reach = spread if tries % 2 else spread / 3.0
        scattered = first * np.exp(rng.uniform(-reach, reach, len(first)))
        scattered = (_projected if tries % 4 == 3 else _with_linear_solved)(model, x, y, scattered, linear)
        best = _better(best, _from_one_start(model, x, y, scattered, SCATTERED_ITERATIONS_MAX), first)
        tries += 1
    return _nearest_image(model, x, y, best, first)


def _exchanges(count: int) -> Iterator[tuple[int, ...]]:
    """Every way to exchange parameters in pairs, none of them in two pairs; the first changes nothing."""

    def pairs(left: tuple[int, ...]) -> Iterator[tuple[tuple[int, int], ...]]:
        if not left:
            yield ()
            return
        one, rest = left[0], left[1:]
        yield from pairs(rest)
        for other in rest:
            for more in pairs(tuple(k for k in rest if k != other)):
                yield ((one, other), *more)

    for chosen in pairs(tuple(range(count))):
        order = list(range(count))
        for one, other in chosen:
            order[one], order[other] = other, one
        yield tuple(order)


def _nearest_image(model: Model, x: Real, y: Real, best: Solution, start: Array) -> Solution:
    """The solution with exchangeable parameters (two exponentials, two peaks) in the order nearest to the start.

    Which of two mirror images a search comes to is a matter of rounding, and so of the machine.
    """
    if not _sound(best) or len(start) > EXCHANGED_MOST:
        return best
    fine: Real = best.parameters.astype(np.longdouble)
    least = _cost(y - _values(model, fine, x))
    found = best
    for order in _exchanges(len(start)):
        moved = list(order)
        if abs(_cost(y - _values(model, fine[moved], x)) - least) <= IMAGE * least:
            image = replace(found, parameters=found.parameters[moved], deviations=found.deviations[moved])
            best = _better(best, image, start)
    return best


def _better(best: Solution, other: Solution, start: Array) -> Solution:
    """The sound one, the deeper minimum, or of equally deep ones the nearer to the start."""
    if _sound(best) != _sound(other):
        return other if _sound(other) else best
    if not _sound(other) or not np.isfinite(other.residual_sum):
        return best
    if abs(other.residual_sum - best.residual_sum) <= EQUAL * best.residual_sum:
        flipped, away = _distance(other, start)
        best_flipped, best_away = _distance(best, start)
        nearer = away < best_away * (1.0 - 1e-6) if flipped == best_flipped else flipped < best_flipped
        return other if nearer else best
    return other if other.residual_sum < best.residual_sum else best


def _distance(solution: Solution, start: Array) -> tuple[int, float]:
    """How far from the start: parameters whose sign is another one, then the sum of the logarithms' differences.

    The sum alone does not tell exchanged terms apart where all parameters shrank or all grew.
    """
    with np.errstate(all="ignore"):
        ratios = solution.parameters / start
        return int(np.sum(ratios < 0.0)), float(np.sum(np.abs(np.log(np.abs(ratios)))))


def _sound(solution: Solution) -> bool:
    return bool(
        solution.converged
        and np.all(np.isfinite(solution.deviations))
        and np.all(solution.deviations <= 100.0 * np.abs(solution.parameters))
    )
