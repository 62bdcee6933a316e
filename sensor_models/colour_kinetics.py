"""A pad's rate constant and activation energy from time courses; its response where the drink has worn its buffer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from sensor_models.scans import Array

GAS_J_MOL_K = 8.314
REFERENCE_K = 298.15
ACTIVATION_J_MOL = 50_000.0  # ASSUMED where the temperatures seen cannot tell: about a doubling per 10 K
TEMPERATURE_SPAN_C = 5.0  # ASSUMED: less spread than this says nothing of the activation energy
POINTS_LEAST = 3
# Without a time course: the whole colour has come by the reading window, at any temperature.
AT_ONCE = {"rate_per_s": 1.0, "activation_j_mol": 0.0}


@dataclass(frozen=True)
class Course:
    """Colour (any unit) over time (s) of one spiked pad at one temperature."""

    temperature_c: float
    time_s: Array
    colour: Array


def _residuals(p: Array, courses: Sequence[Course], activation: float | None) -> Array:
    out = []
    energy = activation if activation is not None else p[1] * 1e4
    for one in courses:
        kelvin = one.temperature_c + 273.15
        rate = np.exp(p[0] + energy / GAS_J_MOL_K * (1.0 / REFERENCE_K - 1.0 / kelvin))
        shape = 1.0 - np.exp(-rate * one.time_s)
        amplitude = float(shape @ one.colour) / float(shape @ shape)
        out.append((one.colour - amplitude * shape) / max(float(np.max(np.abs(one.colour))), 1e-9))
    return np.concatenate(out)


def fit(courses: Sequence[Course]) -> dict[str, float]:
    """{"rate_per_s" at 25 degC, "activation_j_mol"} by least squares, each course with its own final colour.

    Courses of fewer than 3 times say nothing; without any, AT_ONCE. The activation energy is fitted when temperatures
    span 5 K, else ASSUMED; it stays within 0 to 150 kJ/mol.
    """
    told = [one for one in courses if len(one.time_s) >= POINTS_LEAST and float(np.ptp(one.time_s)) > 0.0]
    if not told:
        return dict(AT_ONCE)
    span = max(one.temperature_c for one in told) - min(one.temperature_c for one in told)
    activation = None if span >= TEMPERATURE_SPAN_C else ACTIVATION_J_MOL
    middle = float(np.median(np.concatenate([one.time_s for one in told])))
    size = 2 if activation is None else 1
    found = optimize.least_squares(
        _residuals,
        np.array([-np.log(middle), 5.0])[:size],
        bounds=([-14.0, 0.0][:size], [3.0, 15.0][:size]),
        loss="soft_l1",
        f_scale=0.05,
        args=(told, activation),
    )
    energy = activation if activation is not None else float(found.x[1]) * 1e4
    return {"rate_per_s": float(np.exp(found.x[0])), "activation_j_mol": energy}


SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)  # of the buffer pad's indicator in its basic form
TESTS_LEAST = 24  # ASSUMED: fewer cannot tell a response at each of these from their concentrations
SMOOTH = 0.3  # ASSUMED: weight of neighbouring responses being alike against one test


def response(rows: Array) -> dict[str, list[float]] | None:
    """{"share", "gain"}: response relative to a full buffer, from rows of (mol/L, buffer share, signal); None: too few.

    log signal = cubic in log concentration + piecewise linear in the share, reweighted against outliers (bisquare).
    """
    if len(rows) < TESTS_LEAST:
        return None
    knots = np.array(SHARES)
    x = np.log(rows[:, 0] / np.exp(np.mean(np.log(rows[:, 0]))))
    share = np.clip(rows[:, 1], 0.0, 1.0)
    hats = np.array([np.interp(share, knots, unit) for unit in np.eye(len(knots))[:-1]]).T
    design = np.column_stack([np.ones_like(x), x, x**2, x**3, hats])
    y = np.log(rows[:, 2])
    rough = np.zeros((len(knots) - 1, design.shape[1]))
    for k in range(len(knots) - 1):
        rough[k, 4 + k] = SMOOTH
        if k + 1 < len(knots) - 1:
            rough[k, 5 + k] = -SMOOTH
    weight = np.ones_like(y)
    found = np.zeros(design.shape[1])
    for _ in range(8):
        root = np.sqrt(weight)
        found = np.linalg.lstsq(
            np.vstack([design * root[:, None], rough]), np.concatenate([y * root, np.zeros(len(rough))]), rcond=None
        )[0]
        left = y - design @ found
        scale = 4.7 * 1.4826 * max(float(np.median(np.abs(left))), 0.02)
        weight = np.clip(1.0 - (left / scale) ** 2, 0.0, 1.0) ** 2
    gain = np.clip(np.exp(np.append(found[4:], 0.0)), 0.05, 2.0)
    return {"share": list(SHARES), "gain": [float(v) for v in gain]}
