"""Calibration and unknown scans written from plain formulas, so that the detector is not judged by its own model."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

STRIP_TOML = """name = "heldout"
technique = "swv"
alpha = 0.05
beta = 0.05
[waveform]
amplitude_v = 0.025
step_v = 0.004
frequency_hz = 25
[[analyte]]
name = "ketamine"
peak_window_v = [0.70, 1.00]
model = "linear"
"""
CALIBRATION_LEVELS = [0.0] * 60 + [c for c in (5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4) for _ in range(10)]


@dataclass
class Formula:
    """A Gaussian or sech-squared peak on a sloping, curved baseline with white noise; scatter from strip to strip."""

    gaussian: bool = True
    centre_v: float = 0.85
    width_v: float = 0.045
    slope_a_l_mol: float = 1e-2
    noise_a: float = 1e-8
    curvature_a: float = 0.0
    shift_sd_v: float = 0.003
    gain_sd: float = 0.02
    half_saturation_mol_l: float | None = None
    lots: dict[str, float] = field(default_factory=lambda: {"A": 1.0})
    other_peak: tuple[float, float] | None = None  # (potential_v, height_a) of something that is not the analyte
    potential_v: npt.NDArray[np.float64] = field(default_factory=lambda: np.arange(0.5, 1.2001, 0.004))

    def net_a(self, concentration: float, lot: str, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        x = (self.potential_v - 0.85) / 0.35
        wobble = 1.0 + 0.05 * rng.standard_normal(3)
        base = (
            2e-7 * wobble[0] + 1e-7 * wobble[1] * x + 3e-7 * wobble[2] * np.exp(3 * (x - 1)) + self.curvature_a * x**2
        )
        if self.half_saturation_mol_l is not None:
            concentration = concentration / (1.0 + concentration / self.half_saturation_mol_l)
        height = self.slope_a_l_mol * concentration * self.lots[lot] * (1.0 + self.gain_sd * rng.standard_normal())
        u = (self.potential_v - self.centre_v - self.shift_sd_v * rng.standard_normal()) / self.width_v
        peak = np.exp(-u * u / 2) if self.gaussian else 1 / np.cosh(u) ** 2
        other = np.zeros_like(x)
        if self.other_peak is not None:
            v = (self.potential_v - self.other_peak[0]) / self.width_v
            other = self.other_peak[1] * np.exp(-v * v / 2)
        noise = self.noise_a * rng.standard_normal(len(x))
        return np.asarray(base + height * peak + other + noise, dtype=np.float64)


def write(path: Path, formula: Formula, concentrations: list[float], seed: int, **options: Any) -> Path:
    """Write scans.csv; options: known (False leaves the concentration empty), pair (forward and reverse currents)."""
    rng = np.random.default_rng(seed)
    known, pair = options.get("known", True), options.get("pair", False)
    lots = list(formula.lots)
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream)
        labels = ["scan_id", "lot", "matrix", "analyte", "concentration_mol_l", "potential_v"]
        out.writerow(labels + (["forward_a", "reverse_a"] if pair else ["net_a"]))
        for k, concentration in enumerate(concentrations):
            lot = lots[k % len(lots)]
            net = formula.net_a(concentration, lot, rng)
            head = [f"s{k:04d}", lot, "buffer", "ketamine", f"{concentration:g}" if known else ""]
            for e, i in zip(formula.potential_v.tolist(), net.tolist(), strict=True):
                out.writerow([*head, f"{e:.4f}", *([0.7 * i + 1e-6, 1e-6 - 0.3 * i] if pair else [i])])
    return path
