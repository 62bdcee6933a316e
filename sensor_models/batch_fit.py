"""The joint peak fit of `firmware.detection.peaks` for many scans at once, in float64: same steps, same stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from firmware.detection import peaks as core
from sensor_models.scans import Array

CHUNK = 512


@dataclass
class BatchFit:
    """Results for S scans and K peaks; units as in firmware.detection.peaks.Fit."""

    height: Array  # (S, K)
    shift: Array  # (S, K), in prior standard deviations
    width: Array  # (S, K), in prior standard deviations
    converged: Any  # (S,) bool
    iterations: Any  # (S,) int
    mean_square: Array  # (S,)
    roughness: Array  # (S,)
    residual: Array  # (S, N)
    last_step: Array  # (S, K) last change of each height
    height_sd: Array  # (S, K) standard deviation of the height for unit noise, from the last Jacobian

    def one(self, s: int, degrees: int) -> core.Fit:
        """The fit of scan s as the verdict core's own object."""
        fit = core.Fit(self.height.shape[1], self.residual.shape[1])
        fit.height = [float(v) for v in self.height[s]]
        fit.last_step = [float(v) for v in self.last_step[s]]
        fit.height_sd = [float(v) for v in self.height_sd[s]]
        fit.shift = [float(v) for v in self.shift[s]]
        fit.width = [float(v) for v in self.width[s]]
        fit.converged = bool(self.converged[s])
        fit.iterations = int(self.iterations[s])
        fit.mean_square = float(self.mean_square[s])
        fit.roughness = float(self.roughness[s])
        fit.degrees = degrees
        fit.residual = self.residual[s]
        return fit


def fill(values: Array, step_v: float, centre_v: Array, scale: Array, potential_v: Array) -> tuple[Array, Array, Array]:
    """Vectorised firmware.detection.template.fill: (S, N) value, derivative by centre, derivative by scale."""
    count = len(values)
    half = (count - 1) * 0.5 * step_v
    u = (potential_v[None, :] - centre_v[:, None]) / scale[:, None]
    x = (u + half) / step_v + 1.0
    inside = (x >= 0.0) & (x < count + 1)
    at = np.where(inside, x, 0.0).astype(np.int64)
    padded = np.concatenate(([0.0, 0.0], values, [0.0, 0.0]))
    p0, p1, p2, p3 = (padded[at + k] for k in range(4))
    f = np.where(inside, x - at, 0.0)
    a = p2 - p0
    b = 2.0 * p0 - 5.0 * p1 + 4.0 * p2 - p3
    c = 3.0 * (p1 - p2) + p3 - p0
    value = np.where(inside, p1 + 0.5 * f * (a + f * (b + f * c)), 0.0)
    rate = np.where(inside, -0.5 * (a + f * (2.0 * b + 3.0 * f * c)) / (step_v * scale[:, None]), 0.0)
    return value, rate, rate * u


def polynomial_basis(potential_v: Array, degree: int) -> Array:
    """Orthonormal (N, degree + 1) basis of the polynomials on the points."""
    middle = 0.5 * (potential_v[0] + potential_v[-1])
    x = (potential_v - middle) / (0.5 * (potential_v[-1] - potential_v[0]))
    q: Array = np.linalg.qr(np.vander(x, degree + 1, increasing=True))[0]
    return q


class _Problem:
    def __init__(self, model: dict[str, Any], potential_v: Array) -> None:
        self.peaks = model["peaks"]
        self.size = len(self.peaks)
        self.tables = [np.asarray(shape["values"]) for shape in model["shapes"]]
        self.steps = [float(shape["step_v"]) for shape in model["shapes"]]
        self.potential = potential_v
        self.basis = polynomial_basis(potential_v, model["degree"])
        self.degrees = max(len(potential_v) - model["degree"] - 1 - self.size, 1)

    def clear(self, columns: Array) -> Array:
        """Columns (..., N) without their baseline part."""
        out: Array = columns - (columns @ self.basis) @ self.basis.T
        return out

    def shape(self, k: int, centre: Array, scale: Array) -> tuple[Array, Array, Array]:
        which = self.peaks[k]["shape"]
        return fill(self.tables[which], self.steps[which], centre, scale, self.potential)

    def start(self, net: Array) -> tuple[Array, Array]:
        total = np.einsum("sn,sn->s", net, net)
        best_cost = np.full(len(net), np.inf)
        heights = np.zeros((len(net), self.size))
        shifts = np.zeros((len(net), self.size))
        for start in core.START_SHIFTS_V:
            common = np.array([start / peak["shift_sd_v"] for peak in self.peaks])
            rows = []
            for k, peak in enumerate(self.peaks):
                centre = np.array([peak["potential_v"] + common[k] * peak["shift_sd_v"]])
                rows.append(self.clear(self.shape(k, centre, np.array([peak["width"]]))[0])[0])
            matrix = np.array(rows)
            found = np.linalg.lstsq(matrix.T, net.T, rcond=1e-6)[0].T
            cost = np.sum((net - found @ matrix) ** 2, axis=1) + float(np.sum(common**2))
            better = cost < best_cost - 1e-4 * np.where(np.isfinite(best_cost), total, 0.0)
            best_cost = np.where(better, cost, best_cost)
            heights[better] = found[better]
            shifts[better] = common
        return heights, shifts

    def jacobian(self, net: Array, height: Array, shift: Array, width: Array) -> tuple[Array, Array]:
        """(S, 3K, N) derivatives without baseline, and (S, N) residual."""
        rows = np.empty((len(net), 3 * self.size, net.shape[1]))
        residual = net.copy()
        for k, peak in enumerate(self.peaks):
            centre = peak["potential_v"] + shift[:, k] * peak["shift_sd_v"]
            scale = peak["width"] * np.clip(1.0 + width[:, k] * peak["width_sd"], core.WIDTH_LEAST, core.WIDTH_MOST)
            value, slope, stretch = self.shape(k, centre, scale)
            value = self.clear(value)
            rows[:, k] = value
            rows[:, self.size + k] = self.clear(slope) * (height[:, k] * peak["shift_sd_v"])[:, None]
            rows[:, 2 * self.size + k] = (
                self.clear(stretch) * (height[:, k] * peak["width"] * peak["width_sd"])[:, None]
            )
            residual -= value * height[:, k][:, None]
        return rows, residual

    def settled(self, state: Array, step: Array, part: float) -> npt.NDArray[np.bool_]:
        """firmware.detection.peaks._settled for many scans."""
        k = [n for n, peak in enumerate(self.peaks) if peak["role"] == "analyte"]
        allowed = part * np.maximum(core.HEIGHT_CONVERGED, core.HEIGHT_CONVERGED_PART * np.abs(state[:, k]))
        move = np.abs(step[:, [n + self.size for n in k] + [n + 2 * self.size for n in k]])
        out: npt.NDArray[np.bool_] = np.all(np.abs(step[:, k]) <= allowed, axis=1)
        out &= np.all(move <= part * core.CONVERGED, axis=1)
        return out

    def normal(self, rows: Array) -> Array:
        square: Array = rows @ rows.transpose(0, 2, 1)
        square[:, range(self.size, 3 * self.size), range(self.size, 3 * self.size)] += 1.0
        diagonal = square[:, range(3 * self.size), range(3 * self.size)]
        square[:, range(3 * self.size), range(3 * self.size)] = np.where(diagonal > 0.0, diagonal, 1.0)
        return square


def _relaxed(part: Array, before: Array, step: Array) -> Array:
    """firmware.detection.peaks._relaxed for many scans."""
    square = np.sum(before**2, axis=1)
    rest = 1.0 - np.sum(before * step, axis=1) / np.where(square > 0.0, square, 1.0)
    most = np.minimum(1.0, part * core.REGAIN)
    far = rest * most <= part
    out: Array = np.maximum(part / np.where(far, 1.0, rest), np.minimum(core.PART_LEAST, most))
    return np.where(square > 0.0, np.where(far, most, out), 1.0)


def _fit_chunk(problem: _Problem, net: Array) -> BatchFit:
    size = problem.size
    net = problem.clear(net)
    height, shift = problem.start(net)
    state = np.concatenate([height, shift, np.zeros_like(height)], axis=1)
    converged = np.zeros(len(net), dtype=bool)
    stopped = np.zeros(len(net), dtype=bool)
    iterations = np.zeros(len(net), dtype=int)
    best = np.full(len(net), np.inf)
    part = np.ones(len(net))
    step = np.zeros_like(state)
    active = np.arange(len(net))
    for _ in range(core.ITERATIONS_MAX):
        if not len(active):
            break
        now = state[active]
        rows, residual = problem.jacobian(net[active], now[:, :size], now[:, size : 2 * size], now[:, 2 * size :])
        cost = np.sum(residual**2, axis=1) + np.sum(now[:, size:] ** 2, axis=1)
        iterations[active] += 1
        worse = cost > best[active] * core.WORSE
        back = active[worse]
        part[back] *= 0.5
        state[back] -= part[back][:, None] * step[back]
        on = active[~worse]
        best[on] = cost[~worse]
        right = np.einsum("spn,sn->sp", rows[~worse], residual[~worse])
        right[:, size:] -= now[~worse][:, size:]
        change = np.linalg.solve(problem.normal(rows[~worse]), right[:, :, None])[:, :, 0]
        largest = np.max(np.abs(change[:, size:]), axis=1)
        change *= np.minimum(1.0, core.STEP_MAX / np.maximum(largest, core.STEP_MAX))[:, None]
        part[on] = _relaxed(part[on], step[on], change)
        step[on] = change
        state[on] += part[on][:, None] * change
        converged[on] = problem.settled(state[on], change, 1.0)
        stopped[on] = problem.settled(state[on], change, core.STOPPED)
        active = active[~stopped[active]]
    height, shift, width = state[:, :size], state[:, size : 2 * size], state[:, 2 * size :]
    rows, residual = problem.jacobian(net, height, shift, width)
    covariance = np.linalg.inv(problem.normal(rows))
    total = np.sum(residual**2, axis=1)
    change_square = np.sum(np.diff(residual, axis=1) ** 2, axis=1)
    return BatchFit(
        height=height,
        shift=shift,
        width=width,
        converged=converged,
        iterations=iterations,
        mean_square=total / problem.degrees,
        last_step=step[:, :size] * part[:, None],
        roughness=np.where(total > 0, change_square / np.where(total > 0, total, 1.0), 2.0),
        residual=residual,
        height_sd=np.sqrt(covariance[:, range(size), range(size)]),
    )


def fit_batch(model: dict[str, Any], potential_v: Array, net: Array) -> BatchFit:
    """Fit S scans that share their potentials. `net` (S, N) in noise units (signed as the model's peaks)."""
    problem = _Problem(model, potential_v)
    parts = [_fit_chunk(problem, net[at : at + CHUNK]) for at in range(0, len(net), CHUNK)]
    return BatchFit(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])})
