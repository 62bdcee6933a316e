"""Peak signal against concentration: weighted linear or 4PL, a variance function, each lot's offset and gain."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import optimize, stats

from sensor_models.errors import CalibrationRefused
from sensor_models.scans import Array

GROUP_TEST_P = 0.01  # lots (or matrices) get their own offset and gain when pooling them is this improbable
GROUP_SCANS_MIN = 3  # blanks, and spiked scans, that a group needs for an offset and a gain of its own
ROUNDS = 8


@dataclass(frozen=True)
class CurveData:
    """Observations: concentration (mol/L), signal (A), and the name of lot and matrix of each."""

    concentration: Array
    signal: Array
    lot: tuple[str, ...]
    matrix: tuple[str, ...]


@dataclass
class ResponseCurve:
    """signal = offset(lot) + offset(matrix) + gain(lot) gain(matrix) f(c); Var = noise^2 + (spread f(c))^2.

    f is linear ("linear": [intercept, slope]) or 4PL ("4pl": [bottom, span, log e, slope b]) in scaled units:
    concentration / `unit_c`, signal / `unit_y`. `covariance` is that of the curve's parameters in these units.
    """

    model: str
    parameters: Array
    covariance: Array
    unit_c: float
    unit_y: float
    noise: float  # A
    spread: float  # relative
    degrees: float  # effective degrees of freedom of the noise
    lots: dict[str, tuple[float, float]] = field(default_factory=dict)
    matrices: dict[str, tuple[float, float]] = field(default_factory=dict)
    blank_mean: float = 0.0
    blanks: int = 0

    def value(self, concentration: Array) -> Array:
        """f(c) in A."""
        return _value(self.model, self.parameters, concentration / self.unit_c) * self.unit_y

    def sd_of_curve(self, concentration: Array) -> Array:
        """Standard error of f(c), A, by the delta method."""
        rows = _gradient(self.model, self.parameters, concentration / self.unit_c)
        out: Array = np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", rows, self.covariance, rows), 0.0)) * self.unit_y
        return out

    def sd_of_observation(self, concentration: Array) -> Array:
        """Standard deviation of one new observation about f(c), A."""
        rise = self.value(concentration) - self.value(np.zeros(1))
        out: Array = np.sqrt(self.noise**2 + (self.spread * rise) ** 2)
        return out


def _value(model: str, p: Array, x: Array) -> Array:
    if model == "linear":
        out: Array = p[0] + p[1] * x
        return out
    positive = np.maximum(x, 1e-12)
    out = p[0] + p[1] / (1.0 + np.exp(-p[3] * (np.log(positive) - p[2])))
    return np.where(x > 0, out, p[0])


def _gradient(model: str, p: Array, x: Array) -> Array:
    if model == "linear":
        return np.stack([np.ones_like(x), x], axis=1)
    positive = np.maximum(x, 1e-12)
    z = np.log(positive) - p[2]
    s = 1.0 / (1.0 + np.exp(-p[3] * z))
    ds = s * (1.0 - s)
    rows = np.stack([np.ones_like(x), s, -p[1] * ds * p[3], p[1] * ds * z], axis=1)
    rows[x <= 0, 1:] = 0.0
    return rows


def _fit(model: str, x: Array, y: Array, weight: Array, start: Array | None) -> tuple[Array, Array]:
    """Weighted least squares: (parameters, inverse normal matrix)."""
    root = np.sqrt(weight)
    p: Array
    if model == "linear":
        rows = _gradient(model, np.zeros(2), x) * root[:, None]
        p = np.asarray(np.linalg.lstsq(rows, y * root, rcond=None)[0], dtype=np.float64)
    else:
        starts = [start] if start is not None else _starts_4pl(x, y)
        found = [
            optimize.least_squares(
                lambda q: (_value(model, q, x) - y) * root,
                one,
                jac=lambda q: _gradient(model, q, x) * root[:, None],
                bounds=([-np.inf, 1e-9, -12.0, 0.3], [np.inf, np.inf, 6.0, 6.0]),
                x_scale=[0.1, 1.0, 0.5, 0.3],
            )
            for one in starts
        ]
        p = np.asarray(min(found, key=lambda done: float(done.cost)).x, dtype=np.float64)
        rows = _gradient(model, p, x) * root[:, None]
    inverse: Array = np.asarray(np.linalg.pinv(rows.T @ rows, rcond=1e-12), dtype=np.float64)
    return p, inverse


def _starts_4pl(x: Array, y: Array) -> list[Array]:
    low = float(np.mean(y[x == x.min()]))
    span = max(float(y.max()) - low, 1e-3)
    return [
        np.array([low, span * factor, np.log(e), b])
        for factor in (1.1, 1.8)
        for e in (0.1, 0.4, 1.0)
        for b in (1.0, 1.6)
    ]


def _variance(residual: Array, rise: Array, parameters: int) -> tuple[float, float, float]:
    """(noise, spread, effective degrees of freedom of noise^2) by maximum likelihood, for fitted parameters."""
    count = len(residual)
    correction = count / max(count - parameters, 1)
    square = residual**2 * correction
    base = max(float(np.mean(square)), 1e-300)

    def cost(q: Array) -> float:
        v = np.exp(q[0]) + np.exp(q[1]) * rise**2
        return float(np.sum(np.log(v) + square / v))

    top = max(float(np.max(rise**2)), 1e-30)
    best = min(
        (
            optimize.minimize(cost, np.log([base * a, base * b / top]), method="Nelder-Mead", options={"xatol": 1e-4})
            for a, b in ((1.0, 1e-3), (0.1, 1.0), (0.01, 1.0))
        ),
        key=lambda done: float(done.fun),
    )
    noise2, spread2 = np.exp(best.x)
    if spread2 * top < 1e-4 * noise2:
        spread2 = 0.0
    v = noise2 + spread2 * rise**2
    rows = np.stack([1.0 / v, rise**2 / v], axis=1)
    information = 0.5 * rows.T @ rows
    variance = float(np.linalg.pinv(information)[0, 0] if spread2 > 0 else 1.0 / information[0, 0])
    degrees = min(2.0 * noise2**2 / variance, count) - parameters * noise2**2 / max(variance, 1e-300) * 2.0 / count
    return float(np.sqrt(noise2)), float(np.sqrt(spread2)), max(float(degrees), 2.0)


def _groups(data: CurveData, names: tuple[str, ...]) -> dict[str, Array]:
    found = {name: np.array([one == name for one in names]) for name in sorted(set(names)) if name}
    blank = data.concentration == 0
    return {
        name: mask
        for name, mask in found.items()
        if int(np.sum(mask & blank)) >= GROUP_SCANS_MIN and int(np.sum(mask & ~blank)) >= GROUP_SCANS_MIN
    }


def _group_effects(
    rise: Array, y: Array, weight: Array, groups: dict[str, Array], parameters: int
) -> dict[str, tuple[float, float]]:
    """Offset and gain of each group about the pooled curve, or {} when pooling is not contradicted."""
    covered = np.any(list(groups.values()), axis=0) if len(groups) > 1 else np.zeros(len(y), bool)
    if not covered.any():
        return {}
    pooled = float(np.sum(weight[covered] * (y - rise)[covered] ** 2))
    effects: dict[str, tuple[float, float]] = {}
    own = 0.0
    for name, mask in groups.items():
        root = np.sqrt(weight[mask])
        rows = np.stack([np.ones(int(mask.sum())), rise[mask]], axis=1) * root[:, None]
        p, *_ = np.linalg.lstsq(rows, y[mask] * root, rcond=None)
        own += float(np.sum((y[mask] * root - rows @ p) ** 2))
        effects[name] = (float(p[0]), float(p[1]))
    extra = 2 * (len(groups) - 1)
    degrees = int(covered.sum()) - 2 * len(groups)
    if degrees < 5 or own <= 0:
        return {}
    f = (pooled - own) / extra / (own / degrees)
    if stats.f.sf(f, extra, degrees) > GROUP_TEST_P:
        return {}
    if any(not 0.2 < gain < 5.0 for _, gain in effects.values()):
        return {}
    return effects


def fit_curve(analyte: str, model: str, data: CurveData) -> ResponseCurve:
    """Fit the response curve with its variance function and, where the data call for it, each lot's and matrix's part.

    Iteratively reweighted: curve given weights, group effects given curve, variance function given residuals.
    Raises CalibrationRefused for too few levels or a signal that does not rise with concentration.
    """
    levels = np.unique(data.concentration)
    needed = 3 if model == "linear" else 5
    if len(levels) < needed:
        raise CalibrationRefused(
            analyte, f"{len(levels)} concentration levels; a {model} calibration needs at least {needed}"
        )
    blank = data.concentration == 0
    if int(blank.sum()) < 5:
        raise CalibrationRefused(analyte, f"{int(blank.sum())} blanks (concentration 0); at least 5 are needed")
    unit_c = float(levels[-1])
    unit_y = float(np.max(np.abs(data.signal)))
    x = data.concentration / unit_c
    y = data.signal / unit_y
    weight = np.ones_like(y)
    lots: dict[str, tuple[float, float]] = {}
    matrices: dict[str, tuple[float, float]] = {}
    groups = (_groups(data, data.lot), _groups(data, data.matrix))
    offset = np.zeros_like(y)
    gain = np.ones_like(y)
    p: Array | None = None
    noise, spread, degrees = 1.0, 0.0, 1.0
    for _ in range(ROUNDS):
        p, inverse = _fit(model, x, (y - offset) / gain, weight * gain**2, p)
        f = _value(model, p, x)
        base = float(_value(model, p, np.zeros(1))[0])
        found = []
        offset = np.zeros_like(y)
        gain = np.ones_like(y)
        for names, group in ((data.lot, groups[0]), (data.matrix, groups[1])):
            effects = _group_effects(f - base, (y - offset) / gain - base, weight, group, len(p))
            for name, (o, g) in effects.items():
                mask = np.array([one == name for one in names])
                offset[mask] += gain[mask] * (o + base - g * base)
                gain[mask] *= g
            found.append({name: ((o + base - g * base) * unit_y, g) for name, (o, g) in effects.items()})
        lots, matrices = found
        residual = (y - offset) / gain - f
        size = len(p) + 2 * sum(max(len(one) - 1, 0) for one in found)
        noise, spread, degrees = _variance(residual, f - base, size)
        weight = 1.0 / (noise**2 + (spread * (f - base)) ** 2) / gain**2
    assert p is not None
    if float(_value(model, p, np.ones(1))[0]) - base < 3.0 * noise:
        raise CalibrationRefused(analyte, "the signal does not rise with concentration")
    clean = (y - offset) / gain
    blanks = clean[blank]
    own = float(np.var(blanks, ddof=1)) if len(blanks) > 1 else noise**2
    nu = len(blanks) - 1
    ratio = own / noise**2
    if nu >= 9 and min(stats.f.cdf(ratio, nu, degrees), stats.f.sf(ratio, nu, degrees)) < 0.005:
        noise, degrees = float(np.sqrt(own)), float(nu)
    return ResponseCurve(
        model=model,
        parameters=p,
        covariance=inverse,
        unit_c=unit_c,
        unit_y=unit_y,
        noise=noise * unit_y,
        spread=spread,
        degrees=degrees,
        lots=lots,
        matrices=matrices,
        blank_mean=float(np.mean(blanks)) * unit_y,
        blanks=len(blanks),
    )
