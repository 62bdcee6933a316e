"""Preconcentration on an activated electrode: how much adsorbs before the scan, and the current it then gives.

Coverage: competitive Langmuir equilibrium of everything that adsorbs, reached no faster than diffusion brings it
(planar, 2 c sqrt(D t / pi)). Current: an irreversible surface reaction, theta' = -k(E) theta, solved exactly over each
half period of a scan, or over each step of time for whatever potentials come (`Gathering`). Half-coverages and the
electrode's capacity are data (chemistry/, strips/), ASSUMED there; what ethanol and warmth do to adsorption is ASSUMED
here.
"""

from __future__ import annotations

import math
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
    settled, speed = _equilibrium(members, contents_mol_l, capacity_mol_m2, around)
    brought = {name: speed[name] * np.sqrt(around.time_s) for name in settled}
    return {name: float(most * -np.expm1(-brought[name] / most)) for name, most in settled.items()}


def _equilibrium(
    members: tuple[Species, ...], contents_mol_l: dict[str, float], capacity_mol_m2: float, around: Surroundings
) -> tuple[dict[str, float], dict[str, float]]:
    """By name: coverage after ever so long, mol/m2, and what diffusion brings, mol/m2 per root second."""
    weaken = np.exp(ETHANOL_PER_PERCENT * around.ethanol_percent + PER_KELVIN * (around.temperature_c - REFERENCE_C))
    drive = {
        m.name: contents_mol_l.get(m.name, 0.0) / (m.half_coverage_mol_l * weaken)
        for m in members
        if m.half_coverage_mol_l is not None
    }
    total = 1.0 + sum(drive.values())
    settled = {name: capacity_mol_m2 * one / total for name, one in drive.items() if one > 0.0}
    speed = {
        m.name: 2.0 * contents_mol_l[m.name] * 1000.0 * np.sqrt(m.diffusion_m2_s * around.diffusion_factor / np.pi)
        for m in members
        if m.name in settled
    }
    return settled, speed


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


@dataclass
class _Held:
    """One adsorbing species on one electrode; plain floats, for it is asked at every step of time."""

    settled_mol_m2: float
    speed: float  # mol/m2 per root second
    place_v: float
    slope: float  # of ln k, 1/V
    at_place: float  # k there, 1/s
    electrons: float
    gathered: float = 0.0  # since the electrode was wetted, mol/m2
    left: float = 0.0  # of it, not reacted yet

    def rate(self, potential_v: float) -> float:
        """Rate constant, 1/s."""
        return self.at_place * math.exp(min(60.0, self.slope * (potential_v - self.place_v)))


class Gathering:
    """Adsorbed species in time, under any potentials: they gather while it is wet and react as k(E) lets them.

    `shift_v` moves each species' peak (by name). Their rate constants are those that give a scan with the strip's own
    waveform its peak where the data say; sites stay taken by what has reacted.
    """

    def __init__(
        self,
        wave: SquareWave,
        members: tuple[Species, ...],
        contents_mol_l: dict[str, float],
        capacity_mol_m2: float,
        around: Surroundings,
        width: float,
        shift_v: dict[str, float],
    ) -> None:
        settled, speed = _equilibrium(members, contents_mol_l, capacity_mol_m2, around)
        per_volt = width * F_OVER_R / (around.temperature_c + 273.15)
        sweep_v_s = wave.step_v * wave.frequency_hz
        self._held = [
            _Held(
                settled_mol_m2=settled[m.name],
                speed=speed[m.name],
                place_v=m.peak_potential_v + shift_v[m.name] - _offset_v(wave, m.alpha, m.sign),
                slope=m.sign * m.alpha * per_volt,
                at_place=sweep_v_s * m.alpha * per_volt,
                electrons=m.sign * m.electrons,
            )
            for m in members
            if m.name in settled
        ]

    def step(self, potential_v: float | None, wet_s: float, dt_s: float) -> None:
        """`dt_s` that end when the electrode has been wet for `wet_s`; None: the cell is open and nothing reacts."""
        root = math.sqrt(wet_s)
        for one in self._held:
            gathered = one.settled_mol_m2 * -math.expm1(-one.speed * root / one.settled_mol_m2)
            one.left += gathered - one.gathered
            one.gathered = gathered
            if potential_v is not None:
                one.left *= math.exp(-one.rate(potential_v) * dt_s)

    def flux(self, potential_v: float) -> float:
        """Electrons that flow at this potential, mol/(m2 s), anodic positive."""
        return sum(one.electrons * one.rate(potential_v) * one.left for one in self._held)
