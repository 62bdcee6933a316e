"""Peak signal against concentration: weighted linear or 4PL, a variance function, each lot's and drink's part."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from sensor_models import group_effects, variance_function
from sensor_models.errors import CalibrationRefused
from sensor_models.group_effects import GroupEffects
from sensor_models.scans import Array
from sensor_models.variance_function import VarianceFunction

ROUNDS = 8
BLANKS_LEAST = 5
LEVELS_LEAST = {"linear": 3, "4pl": 5}
OUTLYING = 6.0  # standard deviations off the curve: not of this distribution (1 in 5e8 of a normal one)
OUTLYING_SHARE_MOST = 0.05
CLEAR_RISE = 3.0  # the top of the curve must stand this many noise standard deviations above the blanks


@dataclass(frozen=True)
class CurveData:
    """Observations: concentration (mol/L), signal (A), lot and matrix names, and what the fit says of its reliability.

    `own` is the standard deviation of each height relative to a usual blank's; `others` (A) the other peaks' heights.
    """

    concentration: Array
    signal: Array
    lot: tuple[str, ...]
    matrix: tuple[str, ...]
    own: Array
    others: Array
    noise_least_a: float = 0.0  # what the readings' own noise lets a blank's height scatter at least, A

    def where(self, keep: npt.NDArray[np.bool_]) -> CurveData:
        """The observations kept."""
        return CurveData(
            self.concentration[keep],
            self.signal[keep],
            tuple(n for n, k in zip(self.lot, keep, strict=True) if k),
            tuple(n for n, k in zip(self.matrix, keep, strict=True) if k),
            self.own[keep],
            self.others[keep],
            self.noise_least_a,
        )


@dataclass
class ResponseCurve:
    """signal = offsets + gains f(c); Var from `variance`, whose noise and leakage are in A.

    f is linear ("linear": [intercept, slope]) or 4PL ("4pl": [bottom, span, log e, slope b]) in scaled units:
    concentration / `unit_c`, signal / `unit_y`. `covariance` is that of the curve's parameters in these units.
    """

    model: str
    parameters: Array
    covariance: Array
    unit_c: float
    unit_y: float
    variance: VarianceFunction
    lots: GroupEffects
    matrices: GroupEffects
    blank_mean: float
    blanks: int
    left_out: int = 0

    @property
    def noise(self) -> float:
        """Standard deviation of a usual blank in a known lot, A."""
        return float(np.sqrt(self.variance.noise**2 + self.lots.offset_sd**2 + self.matrices.offset_sd**2))

    @property
    def degrees(self) -> float:
        """Degrees of freedom of that noise."""
        return self.variance.degrees

    def value(self, concentration: Array) -> Array:
        """f(c) in A."""
        return _value(self.model, self.parameters, concentration / self.unit_c) * self.unit_y

    def sd_of_curve(self, concentration: Array) -> Array:
        """Standard error of f(c), A, by the delta method."""
        rows = _gradient(self.model, self.parameters, concentration / self.unit_c)
        out: Array = np.sqrt(np.maximum(np.einsum("ni,ij,nj->n", rows, self.covariance, rows), 0.0)) * self.unit_y
        return out

    def sd_of_observation(self, concentration: Array) -> Array:
        """Standard deviation of one new observation of a known lot about f(c), A."""
        rise = self.value(concentration) - self.value(np.zeros(1))
        relative2 = self.variance.spread**2 + self.lots.gain_sd**2 + self.matrices.gain_sd**2
        out: Array = np.sqrt(self.noise**2 + relative2 * rise**2)
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


def _spread_out(effects: GroupEffects, names: tuple[str, ...]) -> tuple[Array, Array]:
    pairs = np.array([effects.effects.get(name, (0.0, 1.0)) for name in names])
    return pairs[:, 0], pairs[:, 1]


def _leverage(gradient: Array, effects: tuple[tuple[Array, Array], ...], weight: Array) -> Array:
    """Diagonal of the hat matrix of the curve's parameters (fixed) and the groups' effects (random, with priors)."""
    columns = np.concatenate([gradient, *(made for made, _ in effects)], axis=1) * np.sqrt(weight)[:, None]
    prior = np.concatenate([np.zeros(gradient.shape[1]), *(precision for _, precision in effects)])
    inverse = np.linalg.pinv(columns.T @ columns + np.diag(prior), rcond=1e-12)
    out: Array = np.einsum("ni,ij,nj->n", columns, inverse, columns)
    return out


def _check(analyte: str, model: str, data: CurveData) -> None:
    levels = len(np.unique(data.concentration))
    if levels < LEVELS_LEAST[model]:
        raise CalibrationRefused(
            analyte, f"{levels} concentration levels; a {model} calibration needs at least {LEVELS_LEAST[model]}"
        )
    blanks = int(np.sum(data.concentration == 0))
    if blanks < BLANKS_LEAST:
        raise CalibrationRefused(analyte, f"{blanks} blanks (concentration 0); at least {BLANKS_LEAST} are needed")


def _blanks_own_noise(found: VarianceFunction, standardised: Array) -> VarianceFunction:
    """The blanks' own scatter instead of the pooled one when the two contradict each other (F test, 1 %)."""
    nu = len(standardised) - 1
    ratio = float(np.var(standardised, ddof=1)) if nu > 0 else 1.0
    if nu >= 9 and min(stats.f.cdf(ratio, nu, found.degrees), stats.f.sf(ratio, nu, found.degrees)) < 0.005:
        own = ratio**0.5
        return VarianceFunction(found.noise * own, found.leak * own, found.spread, float(nu), found.spread_degrees)
    return found


def fit_curve(analyte: str, model: str, data: CurveData) -> ResponseCurve:
    """Fit the response curve with its variance function and each lot's and matrix's offset and gain.

    Iterated: curve given weights and effects, effects given curve, variance function given residuals. Raises
    CalibrationRefused for too few levels or blanks, or a signal that does not rise with concentration.
    """
    _check(analyte, model, data)
    left_out = 0
    while True:
        curve, standardised = _fit_once(analyte, model, data)
        outlying = np.abs(standardised) > OUTLYING
        if not outlying.any() or left_out + outlying.sum() > OUTLYING_SHARE_MOST * (len(outlying) + left_out):
            break
        left_out += int(outlying.sum())
        data = data.where(~outlying)
        _check(analyte, model, data)
    curve.left_out = left_out
    base = float(curve.value(np.zeros(1))[0])
    if float(curve.value(np.array([curve.unit_c]))[0]) - base < CLEAR_RISE * curve.noise:
        raise CalibrationRefused(analyte, "the signal does not rise with concentration")
    return curve


def _fit_once(analyte: str, model: str, data: CurveData) -> tuple[ResponseCurve, Array]:
    """(curve, standardised residuals)."""
    unit_c = float(data.concentration.max())
    unit_y = float(np.max(np.abs(data.signal)))
    x, y, others = data.concentration / unit_c, data.signal / unit_y, data.others / unit_y
    found = VarianceFunction(1.0, 0.0, 0.0, 1.0, 1.0)
    lots, matrices = GroupEffects(), GroupEffects()
    offset, gain = np.zeros_like(y), np.ones_like(y)
    weight = 1.0 / (data.own**2 + (others / max(float(np.median(others)), 1e-12)) ** 2 + 1.0)
    p: Array | None = None
    for _ in range(ROUNDS):
        p, inverse = _fit(model, x, (y - offset) / gain, weight * gain**2, p)
        base = float(_value(model, p, np.zeros(1))[0])
        rise = np.where(x > 0, np.maximum(_value(model, p, x) - base, 1e-12), 0.0)
        o1, g1 = _spread_out(lots, data.lot)
        o2, g2 = _spread_out(matrices, data.matrix)
        lots = group_effects.estimate(y - o2 - base - g2 * rise, g2 * rise, weight, data.lot, prior=True)
        o1, g1 = _spread_out(lots, data.lot)
        matrices = group_effects.estimate(y - o1 - base - g1 * rise, g1 * rise, weight, data.matrix)
        o2, g2 = _spread_out(matrices, data.matrix)
        gain = g1 * g2
        offset = o1 + o2 + base - gain * base
        residual = y - o1 - o2 - base - gain * rise
        effects = (
            group_effects.columns(lots, g2 * rise, data.lot),
            group_effects.columns(matrices, g1 * rise, data.matrix),
        )
        leverage = _leverage(_gradient(model, p, x) * gain[:, None], effects, weight)
        found = variance_function.fit(residual, data.own, others, rise, leverage)
        weight = 1.0 / np.maximum(found.variance(data.own, others, rise), 1e-300)
    assert p is not None
    blank = x == 0
    clean = (y - o1 - o2)[blank]
    sd = np.sqrt(found.variance(data.own, others, rise))[blank]
    mean = float(np.sum(clean / sd**2) / np.sum(1.0 / sd**2))
    found = _blanks_own_noise(found, (clean - mean) / sd)
    curve = ResponseCurve(
        model=model,
        parameters=p,
        covariance=inverse,
        unit_c=unit_c,
        unit_y=unit_y,
        variance=replace(found, noise=max(found.noise * unit_y, data.noise_least_a)),
        lots=_in_ampere(lots, unit_y),
        matrices=_in_ampere(matrices, unit_y),
        blank_mean=mean * unit_y,
        blanks=int(blank.sum()),
    )
    return curve, residual * np.sqrt(weight)


def _in_ampere(one: GroupEffects, unit_y: float) -> GroupEffects:
    return replace(
        one,
        effects={name: (offset * unit_y, gain) for name, (offset, gain) in one.effects.items()},
        offset_sd=one.offset_sd * unit_y,
        between_offset_sd=one.between_offset_sd * unit_y,
    )
