"""Preconcentration on an activated electrode: how much adsorbs before the scan, and the current it then gives.

Coverage: competitive Langmuir equilibrium of everything that adsorbs, reached no faster than diffusion brings it
(planar, 2 c sqrt(D t / pi)). Current: an irreversible surface reaction, solved exactly over each half period,
theta' = -k(E) theta. Half-coverages and the electrode's capacity are data (chemistry/, strips/), ASSUMED there; what
ethanol and warmth do to adsorption is ASSUMED here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from simulators.strip.chemistry import Species
from simulators.strip.waveform import SquareWave

Array = NDArray[np.float64]

F_OVER_R = 11604.518  # K/V
ETHANOL_PER_PERCENT = 0.03  # logarithm of the half-coverage per percent ethanol: it keeps molecules in solution
PER_KELVIN = 0.015  # ... and per kelvin: adsorption gives heat off
REFERENCE_C = 25.0
SPREAD = 0.06  # of an electrode's active surface, beside what its sensitivity already varies
WETTING_S = 1.0  # between the liquid's arrival and the rest at the start potential


@dataclass(frozen=True)
class Surroundings:
    """What adsorption depends on beside the concentrations."""

    temperature_c: float
    ethanol_percent: float
    diffusion_factor: float
    time_s: float


def coverage_mol_m2(
    members: tuple[Species, ...], contents_mol_l: dict[str, float], capacity_mol_m2: float, around: Surroundings
) -> dict[str, float]:
    """Surface excess of every adsorbing species when the scan starts, mol/m2."""
    weaken = np.exp(ETHANOL_PER_PERCENT * around.ethanol_percent + PER_KELVIN * (around.temperature_c - REFERENCE_C))
    drive = {
        m.name: contents_mol_l.get(m.name, 0.0) / (m.half_coverage_mol_l * weaken)
        for m in members
        if m.half_coverage_mol_l is not None
    }
    total = 1.0 + sum(drive.values())
    out = {}
    for m in members:
        share = drive.get(m.name, 0.0) / total
        if share <= 0.0:
            continue
        settled = capacity_mol_m2 * share
        amount = contents_mol_l[m.name] * 1000.0
        brought = 2.0 * amount * np.sqrt(m.diffusion_m2_s * around.diffusion_factor * around.time_s / np.pi)
        out[m.name] = float(settled * -np.expm1(-brought / settled))
    return out


def _rate(wave: SquareWave, potential_v: Array, peak_v: Array, slope: Array, sign: int) -> Array:
    """Rate constant, 1/s: such that the staircase alone would peak at `peak_v` (k = v alpha F / RT there)."""
    speed = wave.step_v * wave.frequency_hz
    return np.asarray(speed * slope * np.exp(np.clip(sign * slope * (potential_v - peak_v), -60.0, 60.0)))


def surface_flux(wave: SquareWave, alpha: Array, temperature_c: Array, peak_v: Array, sign: int) -> Array:
    """Current per n F A Gamma, 1/s, shape (2, steps, conditions): forward and reverse samples of each step."""
    slope = alpha * F_OVER_R / (temperature_c + 273.15)
    rate = _rate(wave, wave.halves_v()[:, None], peak_v, slope, sign)
    used = np.cumsum(rate, axis=0) - rate  # of every half period before
    flux = rate * np.exp(-(used + rate * wave.sampling) * wave.half_period_s)
    return np.stack((flux[::2], flux[1::2]))


@cache
def _offset_v(wave: SquareWave, alpha: float, sign: int) -> float:
    """How far the net peak lies from the potential given to `surface_flux`, V."""
    middle = np.array([0.5 * (wave.start_v + wave.end_v)])
    forward, reverse = surface_flux(wave, np.array([alpha]), np.array([REFERENCE_C]), middle, sign)[:, :, 0]
    return float(wave.steps_v()[int(np.argmax(forward - reverse))] - middle[0])


def adsorbed_flux(wave: SquareWave, member: Species, temperature_c: float, width: float, shift_v: float) -> Array:
    """(2, steps) 1/s of one adsorbed species whose peak lies where its data say, moved by `shift_v`."""
    alpha = member.alpha * width
    place = member.peak_potential_v + shift_v - _offset_v(wave, member.alpha, member.sign)
    flux = surface_flux(wave, np.array([alpha]), np.array([temperature_c]), np.array([place]), member.sign)
    return np.asarray(flux[:, :, 0])
