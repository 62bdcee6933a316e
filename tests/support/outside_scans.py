"""Scans as another laboratory would write them: plain formulas, many shapes and habits, nothing of the strip simulator.

A `World` is one laboratory's strip, drinks, lots and file habits; `world(seed)` draws one. The detector sees only the
smallest strip definition and the scans.csv; the truth stays here.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
SHAPES = ("gaussian", "sech squared", "logistic derivative", "two-sided gaussian", "lorentz-gauss")
BASELINES = ("line", "parabola", "exponential", "two exponentials", "wave")
ALPHA = BETA = 0.05


@dataclass(frozen=True)
class World:
    """Everything that one laboratory's scans have in common; A, V and mol/L."""

    seed: int
    shape: str
    asymmetry: float
    centre_v: float
    width_v: float
    window_v: tuple[float, float]
    grid_v: tuple[float, float, float]
    descending: bool
    sign: int
    pair: bool
    slope_a_l_mol: float
    saturation: tuple[float, float] | None  # (half-saturation mol/L, Hill exponent)
    baseline: str
    baseline_a: float
    noise_a: float
    noise_of_signal: float
    correlated: float  # lag-one correlation of the noise
    shift_sd_v: float
    width_sd: float
    strip_sd: float
    lots: dict[str, float]
    matrices: dict[str, float]
    outliers: float  # share of calibration scans that are spoilt
    levels: tuple[float, ...]
    blanks: int
    repeats: int
    name_lots: bool

    @property
    def toml(self) -> str:
        """The smallest strip definition of the contract."""
        low, high = self.window_v
        return (
            f'name = "heldout"\ntechnique = "swv"\nalpha = {ALPHA}\nbeta = {BETA}\n'
            "[waveform]\namplitude_v = 0.025\nstep_v = 0.004\nfrequency_hz = 25\n"
            f'[[analyte]]\nname = "ketamine"\npeak_window_v = [{low:g}, {high:g}]\n'
            f'model = "{"4pl" if self.saturation else "linear"}"\n'
        )

    @property
    def scans(self) -> int:
        """Number of calibration scans."""
        return self.blanks + self.repeats * len(self.levels)

    def potential_v(self) -> Array:
        """Potentials in the order measured."""
        low, high, step = self.grid_v
        rising = np.arange(low, high + 0.5 * step, step)
        return rising[::-1].copy() if self.descending else rising

    def _peak(self, u: Array) -> Array:
        if self.shape == "gaussian":
            return np.exp(-0.5 * u * u)
        if self.shape == "sech squared":
            return 1.0 / np.cosh(u) ** 2
        if self.shape == "logistic derivative":
            e = np.exp(-np.abs(u) * 1.8)
            return 4.0 * e / (1.0 + e) ** 2
        if self.shape == "two-sided gaussian":
            wide = np.where(u < 0.0, 1.0 + self.asymmetry, 1.0 - self.asymmetry)
            return np.exp(-0.5 * (u / wide) ** 2)
        return 0.5 * np.exp(-0.5 * u * u) + 0.5 / (1.0 + (u / 1.18) ** 2)

    def _base(self, x: Array, rng: np.random.Generator, matrix: str) -> Array:
        a, b, c = 1.0 + 0.08 * rng.standard_normal(3)
        size = self.baseline_a * (1.0 + 0.3 * (self.matrices[matrix] - 1.0))
        if self.baseline == "line":
            out = a + 0.5 * b * x
        elif self.baseline == "parabola":
            out = a + 0.4 * b * x + 0.6 * c * x * x
        elif self.baseline == "exponential":
            out = a + 0.3 * b * x + 1.5 * c * np.exp(3.0 * (x - 1.0))
        elif self.baseline == "two exponentials":
            out = a + b * np.exp(2.5 * (x - 1.0)) + c * np.exp(-2.5 * (x + 1.0))
        else:
            out = a + 0.4 * b * np.sin(1.5 * x + 0.2 * rng.standard_normal()) + 0.2 * c * x
        return size * out

    def net_a(self, concentration: float, lot: str, matrix: str, rng: np.random.Generator) -> Array:
        """One scan's net current, in the order of `potential_v`."""
        e = self.potential_v()
        low, high, _ = self.grid_v
        x = (e - 0.5 * (low + high)) / (0.5 * (high - low))
        amount = concentration
        if self.saturation is not None and concentration > 0.0:
            half, hill = self.saturation
            amount = half * hill / (1.0 + (half / concentration) ** hill)
        gain = self.lots[lot] * self.matrices[matrix] * np.exp(self.strip_sd * rng.standard_normal())
        width = self.width_v * (1.0 + self.width_sd * rng.standard_normal())
        u = (e - self.centre_v - self.shift_sd_v * rng.standard_normal()) / width
        peak = self.slope_a_l_mol * amount * gain * self._peak(u)
        noise = rng.standard_normal(len(e))
        for k in range(1, len(e)):
            noise[k] = self.correlated * noise[k - 1] + np.sqrt(1.0 - self.correlated**2) * noise[k]
        return self.sign * (
            peak + self._base(x, rng, matrix) + noise * np.hypot(self.noise_a, self.noise_of_signal * peak)
        )

    def unseen_lot(self, gain: float) -> World:
        """The same laboratory with one more lot, "new"."""
        return replace(self, lots={**self.lots, "new": gain})


def world(seed: int, lots: int | None = None) -> World:
    """A laboratory drawn at random; `lots` fixes how many lots it has."""
    rng = np.random.default_rng(seed)

    def pick(*values: object) -> object:
        return values[int(rng.integers(len(values)))]

    shape, baseline = str(pick(*SHAPES)), str(pick(*BASELINES))
    sign = int(str(pick(1, 1, 1, -1)))
    centre = float(rng.uniform(0.75, 0.95)) if sign > 0 else float(rng.uniform(-0.95, -0.6))
    width = float(rng.uniform(0.030, 0.052)) * (0.6 if shape == "lorentz-gauss" else 1.0)
    reach = float(rng.uniform(0.28, 0.40))
    step = float(str(pick(0.002, 0.004, 0.005)))
    count = int(lots if lots is not None else str(pick(1, 1, 2, 3, 4)))
    lot_sd = float(str(pick(0.0, 0.03, 0.05, 0.1)))
    drinks = ("buffer", "beer", "wine", "cola")[: int(str(pick(1, 1, 2, 4)))]
    noise = float(rng.uniform(3e-9, 1.5e-8))
    slope = float(rng.uniform(4e-3, 2e-2))
    saturated = bool(rng.uniform() < 0.35)
    top = float(rng.uniform(80.0, 300.0)) * noise / slope  # highest level, mol/L: a peak of 80 to 300 noise units
    parts = (0.02, 0.05, 0.12, 0.3, 0.6, 1.0) if saturated or rng.uniform() < 0.6 else (0.05, 0.2, 0.5, 1.0)
    return World(
        seed=seed,
        shape=shape,
        asymmetry=float(rng.uniform(-0.3, 0.3)),
        centre_v=centre,
        width_v=width,
        window_v=(round(centre - float(rng.uniform(0.1, 0.17)), 2), round(centre + float(rng.uniform(0.1, 0.17)), 2)),
        grid_v=(round(centre - reach, 3), round(centre + reach, 3), step),
        descending=bool(rng.uniform() < (0.8 if sign < 0 else 0.2)),
        sign=sign,
        pair=bool(rng.uniform() < 0.5),
        slope_a_l_mol=slope,
        saturation=(float(rng.uniform(0.25, 1.0)) * top, float(rng.uniform(0.9, 1.4))) if saturated else None,
        baseline=baseline,
        baseline_a=float(rng.uniform(1e-7, 6e-7)),
        noise_a=noise,
        noise_of_signal=float(str(pick(0.0, 0.0, 0.01))),
        correlated=float(str(pick(0.0, 0.0, 0.0, 0.3))),
        shift_sd_v=float(rng.uniform(0.0, 0.008)),
        width_sd=float(rng.uniform(0.0, 0.04)),
        strip_sd=float(rng.uniform(0.01, 0.06)),
        lots={f"L{k + 1}": float(np.exp(lot_sd * rng.standard_normal())) for k in range(count)},
        matrices={name: float(np.exp(0.04 * rng.standard_normal())) if k else 1.0 for k, name in enumerate(drinks)},
        outliers=float(str(pick(0.0, 0.0, 0.02, 0.04))),
        levels=tuple(part * top for part in parts),
        blanks=int(str(pick(10, 15, 20, 30, 60))),
        repeats=int(str(pick(3, 4, 6, 10))),
        name_lots=bool(rng.uniform() < 0.85),
    )


def _spoil(net: Array, rng: np.random.Generator) -> Array:
    """A calibration scan gone wrong: a knock, half a signal, or another peak."""
    kind = int(rng.integers(3))
    span = float(np.ptp(net)) + 1e-9
    if kind == 0:
        net[int(rng.integers(len(net)))] += 3.0 * span
    elif kind == 1:
        net *= 0.45
    else:
        net += 0.5 * span * np.exp(-0.5 * (np.arange(len(net)) / len(net) - rng.uniform(0.1, 0.9)) ** 2 / 0.04**2)
    return net


def write(
    path: Path, one: World, amounts: Sequence[tuple[float, str]], seed: int, *, known: bool, spoil: float = 0.0
) -> Path:
    """Write scans.csv with (concentration, lot) rows; unknown scans leave the concentration empty."""
    rng = np.random.default_rng(seed)
    potential = one.potential_v()
    matrices = list(one.matrices)
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        head = ["scan_id", "lot", "matrix", "analyte", "concentration_mol_l", "potential_v"]
        out.writerow(head + (["forward_a", "reverse_a"] if one.pair else ["net_a"]))
        for k, (amount, lot) in enumerate(amounts):
            matrix = matrices[int(rng.integers(len(matrices)))]
            net = one.net_a(amount, lot, matrix, rng)
            if rng.uniform() < spoil:
                net = _spoil(net, rng)
            labels = [f"s{k:05d}", lot if one.name_lots else "", matrix, "ketamine", f"{amount:.8g}" if known else ""]
            for e, i in zip(potential.tolist(), net.tolist(), strict=True):
                out.writerow(
                    [*labels, f"{e:.5f}", *([f"{0.6 * i:.6e}", f"{-0.4 * i:.6e}"] if one.pair else [f"{i:.6e}"])]
                )
    return path


def calibration_rows(one: World) -> list[tuple[float, str]]:
    """(concentration, lot) of the laboratory's calibration: blanks and every level, dealt over its lots in turn."""
    amounts = [0.0] * one.blanks + [c for c in one.levels for _ in range(one.repeats)]
    lots = list(one.lots)
    return [(amount, lots[k % len(lots)]) for k, amount in enumerate(amounts)]
