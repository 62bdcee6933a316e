"""Corrects a peak's tabulated shape by what the fits of strong scans leave over, if that holds on scans kept back."""

from __future__ import annotations

from typing import Any

import numpy as np

from sensor_models.batch_fit import BatchFit, polynomial_basis
from sensor_models.scans import Array

FitOfScan = tuple[BatchFit, int, int, Array]

STRONG_SD = 25.0  # only peaks this many standard deviations high teach the shape
SCANS_LEAST = 6
SCANS_MOST = 80
SMOOTHNESS = (1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7)  # weights of the squared second differences tried
GAIN_LEAST = 0.002  # part of the residual sum on the scans kept back that a correction has to remove
CORRECTION_MOST = 0.15


def _design(model: dict[str, Any], k: int, fit: FitOfScan) -> tuple[Array, Array]:
    """(hat-function design (N, nodes) times the height, without baseline; residual) of one scan's peak k."""
    fits, row, _, potential = fit
    peak = model["peaks"][k]
    shape = model["shapes"][peak["shape"]]
    nodes = len(shape["values"])
    centre = peak["potential_v"] + fits.shift[row, k] * peak["shift_sd_v"]
    scale = peak["width"] * np.clip(1.0 + fits.width[row, k] * peak["width_sd"], 0.5, 2.0)
    x = (potential - centre) / scale / shape["step_v"] + 0.5 * (nodes - 1)
    inside = (x >= 0) & (x < nodes - 1)
    at = np.where(inside, x, 0.0).astype(int)
    part = x - at
    rows = np.zeros((len(potential), nodes))
    index = np.arange(len(potential))
    rows[index[inside], at[inside]] += (1.0 - part)[inside]
    rows[index[inside], at[inside] + 1] += part[inside]
    rows *= fits.height[row, k]
    basis = polynomial_basis(potential, model["degree"])
    return rows - basis @ (basis.T @ rows), fits.residual[row]


def _normal(pairs: list[tuple[Array, Array]]) -> tuple[Array, Array]:
    square = sum((a.T @ a for a, _ in pairs), np.zeros((pairs[0][0].shape[1],) * 2))
    right = sum((a.T @ r for a, r in pairs), np.zeros(pairs[0][0].shape[1]))
    return np.asarray(square), np.asarray(right)


def _left(pairs: list[tuple[Array, Array]], correction: Array) -> float:
    return float(sum(np.sum((r - a @ correction) ** 2) for a, r in pairs))


def refined(model: dict[str, Any], fits: list[FitOfScan], k: int, usable: list[int]) -> dict[str, Any]:
    """The model with peak k's shape corrected, or the model itself when no correction holds on scans kept back.

    `usable` are indices of scans whose other peaks do not disturb. Heights keep their meaning: the shape's top is 1.
    """
    strong = [
        n
        for n in usable
        if fits[n][0].converged[fits[n][1]]
        and fits[n][0].height[fits[n][1], k] > STRONG_SD * fits[n][0].height_sd[fits[n][1], k]
    ][:SCANS_MOST]
    if len(strong) < SCANS_LEAST:
        return model
    pairs = [_design(model, k, fits[n]) for n in strong]
    nodes = pairs[0][0].shape[1]
    second = np.diff(np.eye(nodes), 2, axis=0)
    rough = second.T @ second + 1e-3 * np.eye(nodes)
    halves = (pairs[::2], pairs[1::2])
    before = _left(pairs, np.zeros(nodes))
    scores = []
    learned = [(*_normal(learn), test) for learn, test in (halves, halves[::-1])]
    for weight in SMOOTHNESS:
        total = 0.0
        for square, right, test in learned:
            total += _left(test, np.asarray(np.linalg.solve(square + weight * rough, right), dtype=np.float64))
        scores.append(total)
    best = int(np.argmin(scores))
    if scores[best] > (1.0 - GAIN_LEAST) * before:
        return model
    square, right = _normal(pairs)
    correction = np.linalg.solve(square + SMOOTHNESS[best] * rough, right)
    if float(np.max(np.abs(correction))) > CORRECTION_MOST:
        return model
    which = model["peaks"][k]["shape"]
    values = np.array(model["shapes"][which]["values"]) + correction
    values[0] = values[-1] = 0.0
    values /= values.max()
    shapes = list(model["shapes"])
    shapes[which] = {**shapes[which], "values": [round(float(v), 7) for v in values]}
    return {**model, "shapes": shapes}
