"""How far the diffusion solver is from the closed form and from a second method: figures for benchmarks and tests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from simulators.strip.diffusion import FARADAY_C_MOL, GAS_J_MOL_K, Couples
from simulators.strip.finite_differences import Kinetics, current_density
from simulators.strip.responses import solve
from simulators.strip.waveform import SquareWave

Array = NDArray[np.float64]

# n E_sw and n dE in mV of the table in SCIENCE.md.
TABLE_MV = ((50.0, 10.0), (50.0, 5.0), (25.0, 10.0), (25.0, 4.0))
MECHANISMS = {
    "reversible": (Kinetics(), -0.35, 0.35),
    "quasi-reversible": (Kinetics(rate_m_s=1e-4, alpha=0.6), -0.35, 0.35),
    "irreversible": (Kinetics(rate_m_s=1e-6, alpha=0.5, backward=0.0), -0.25, 0.65),
    "following reaction": (Kinetics(following_s=200.0), -0.45, 0.3),
}
REVERSIBLE_ABOVE_M_S = 1.0


@dataclass(frozen=True)
class Deviation:
    """Ours against theirs: net peak height as a fraction, peak potential in volt."""

    name: str
    against: str
    height_fraction: float
    potential_v: float


def peak(potential_v: Array, net: Array) -> tuple[float, float, float]:
    """Height, potential and width at half height of the highest peak, by spline."""
    order = np.argsort(potential_v)
    fine = np.linspace(potential_v.min(), potential_v.max(), 40_001)
    values = CubicSpline(potential_v[order], net[order])(fine)
    top = int(np.argmax(values))
    above = fine[values > values[top] / 2]
    return float(values[top]), float(fine[top]), float(above[-1] - above[0])


def closed_form(wave: SquareWave, formal_v: float = 0.0, temperature_c: float = 25.0) -> Array:
    """Flux (2, steps) of a reversible oxidation by superposition of potential steps, exact, sampled at `wave.sampling`.

    The surface concentration of the product is f = 1 / (1 + exp(-F (E - E0) / R T)); each change of f at t_j adds
    df / sqrt(pi (t - t_j)) (Osteryoung and O'Dea 1986).
    """
    per_volt = FARADAY_C_MOL / (GAS_J_MOL_K * (temperature_c + 273.15))
    potentials = np.concatenate(([wave.start_v], wave.halves_v()))
    product = 1.0 / (1.0 + np.exp(-per_volt * (potentials - formal_v)))
    changes = np.diff(product, prepend=0.0)
    half = wave.half_period_s
    times = np.concatenate(([-wave.rest_s], half * np.arange(potentials.size - 1)))
    flux = np.empty(potentials.size - 1)
    for index in range(flux.size):
        now = times[index + 1] + wave.sampling * half
        flux[index] = float(np.sum(changes[: index + 2] / np.sqrt(np.pi * (now - times[: index + 2]))))
    return np.stack((flux[::2], flux[1::2]))


def _compare(name: str, against: str, steps: Array, ours: Array, theirs: Array) -> Deviation:
    mine, other = peak(steps, ours[0] - ours[1]), peak(steps, theirs[0] - theirs[1])
    return Deviation(name, against, mine[0] / other[0] - 1.0, mine[1] - other[1])


def against_closed_form() -> list[Deviation]:
    """The rows of SCIENCE.md's table, solver against superposition."""
    out = []
    for amplitude_mv, step_mv in TABLE_MV:
        wave = SquareWave(-0.45, 0.45, step_mv / 1e3, amplitude_mv / 1e3, 25.0, sampling=1.0)
        ours = solve(wave, Couples.of(0.0))[:, :, 0]
        out.append(_compare(f"{amplitude_mv:g}/{step_mv:g} mV", "closed form", wave.steps_v(), ours, closed_form(wave)))
    return out


def against_second_method() -> list[Deviation]:
    """Four mechanisms, solver against finite volumes."""
    out = []
    for name, (kinetics, start_v, end_v) in MECHANISMS.items():
        wave = SquareWave(start_v, end_v, 0.01, 0.025, 25.0, sampling=1.0)
        raw = current_density(wave.halves_v(), wave.half_period_s, kinetics, rest_s=wave.rest_s)
        theirs = np.stack((raw[::2], raw[1::2])) / np.sqrt(kinetics.diffusion_m2_s)
        reversible = kinetics.rate_m_s > REVERSIBLE_ABOVE_M_S
        couple = Couples.of(
            0.0,
            alpha=kinetics.alpha,
            rate_m_s=np.inf if reversible else kinetics.rate_m_s,
            diffusion_m2_s=kinetics.diffusion_m2_s,
            backward=kinetics.backward,
            following_s=kinetics.following_s,
        )
        ours = solve(wave, couple)[:, :, 0]
        out.append(_compare(name, "finite volumes", wave.steps_v(), ours, theirs))
    return out
