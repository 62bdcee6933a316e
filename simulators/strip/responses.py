"""Unit responses: what one mol/m3 of a species gives under a waveform, for a grid of conditions, computed once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from simulators.strip.chemistry import Species
from simulators.strip.diffusion import Couples, Diffusion, pulse_times
from simulators.strip.waveform import SquareWave

Array = NDArray[np.float64]

SUBSTEPS = 12
FIRST_FRACTION = 0.02
# Conditions between which a scan interpolates.
TEMPERATURES_C = np.array([0.0, 12.0, 24.0, 36.0])
WIDTHS = np.array([0.85, 1.0, 1.18])  # factor on the slope of ln k (alpha), or on n for a reversible couple
SHIFTS_V = np.array([-0.08, 0.0, 0.08])
# Rate constant at the formal potential that irreversible couples are solved with; only the peak's place depends on it.
IRREVERSIBLE_RATE_M_S = 1e-6
REFERENCE_WAVE = SquareWave(start_v=-0.2, end_v=0.6, step_v=0.004, amplitude_v=0.025, frequency_hz=25.0)


def solve(wave: SquareWave, couples: Couples, temperature_c: float | Array = 25.0) -> Array:
    """Flux at the sampling instants, s^-1/2, shape (2, steps, couples): forward and reverse."""
    diffusion = Diffusion(couples, temperature_c)
    diffusion.hold(wave.start_v, max(wave.rest_s, 1e-3), 1e-4)
    before_s = wave.sampling * wave.half_period_s
    times = pulse_times(before_s, SUBSTEPS, FIRST_FRACTION)
    after_s = wave.half_period_s - before_s
    out = []
    for potential in wave.halves_v():
        diffusion.jump()
        for dt in times:
            diffusion.step(potential, dt)
        out.append(diffusion.flux.copy())
        if after_s > 1e-9:
            diffusion.step(potential, after_s)
    flux = np.array(out)
    return np.stack((flux[::2], flux[1::2]))


def peak_offsets_v(members: tuple[Species, ...]) -> dict[str, float]:
    """Peak minus formal potential under the reference waveform, as if each were an oxidation; volt, by name."""
    return {m.name: 0.0 if m.reversible else _offset_v(m.alpha, m.diffusion_m2_s) for m in members}


@cache
def _offset_v(alpha: float, diffusion_m2_s: float) -> float:
    """The offset of one irreversible couple, V; only slope and diffusion coefficient count.

    Solved by itself: the grid of a solution fits all its couples, so company would move the peak by a little.
    """
    couple = Couples.of(
        0.0,
        alpha=np.array([alpha]),
        rate_m_s=IRREVERSIBLE_RATE_M_S,
        diffusion_m2_s=np.array([diffusion_m2_s]),
        backward=0.0,
    )
    forward, reverse = solve(REFERENCE_WAVE, couple)
    net = (forward - reverse)[:, 0]
    k = int(np.argmax(net))
    left, top, right = net[k - 1 : k + 2]
    vertex = 0.5 * (left - right) / (left - 2.0 * top + right)
    return float(REFERENCE_WAVE.steps_v()[k] + vertex * REFERENCE_WAVE.step_v)


@dataclass(frozen=True)
class UnitResponse:
    """Flux table of one species: shape (temperatures, widths, shifts, 2, steps), s^-1/2."""

    steps_v: Array
    table: Array

    def at(self, temperature_c: float, width: float, shift_v: float) -> Array:
        """Flux (2, steps) with the peak moved by `shift_v`, by linear interpolation between the solved conditions."""
        table = self.table
        for axis_values, value in ((TEMPERATURES_C, temperature_c), (WIDTHS, width)):
            position = float(np.clip(value, axis_values[0], axis_values[-1]))
            k = int(np.clip(np.searchsorted(axis_values, position) - 1, 0, axis_values.size - 2))
            f = (position - axis_values[k]) / (axis_values[k + 1] - axis_values[k])
            table = (1.0 - f) * table[k] + f * table[k + 1]
        position = float(np.clip(shift_v, SHIFTS_V[0], SHIFTS_V[-1]))
        k = int(np.clip(np.searchsorted(SHIFTS_V, position) - 1, 0, SHIFTS_V.size - 2))
        f = (position - SHIFTS_V[k]) / (SHIFTS_V[k + 1] - SHIFTS_V[k])
        below = self._moved(table[k], position - float(SHIFTS_V[k]))
        above = self._moved(table[k + 1], position - float(SHIFTS_V[k + 1]))
        return np.asarray((1.0 - f) * below + f * above)

    def _moved(self, rows: Array, by_v: float) -> Array:
        rising = self.steps_v[-1] > self.steps_v[0]
        grid = self.steps_v if rising else self.steps_v[::-1]
        out = np.empty_like(rows)
        for i in (0, 1):
            row = rows[i] if rising else rows[i][::-1]
            moved = np.interp(grid - by_v, grid, row)
            out[i] = moved if rising else moved[::-1]
        return out


@cache
def unit_responses(wave: SquareWave, members: tuple[Species, ...]) -> dict[str, UnitResponse]:
    """Tables of several species under one waveform, solved together."""
    conditions = [(species, t, w, s) for species in members for t in TEMPERATURES_C for w in WIDTHS for s in SHIFTS_V]
    peaks = peak_offsets_v(members)
    formal, alpha, electrons = [], [], []
    for species, _, width, shift in conditions:
        formal.append(species.peak_potential_v + shift - species.sign * peaks[species.name])
        alpha.append(species.alpha * width)
        electrons.append(species.electrons * (width if species.reversible else 1.0))
    # Another slope or temperature around the formal potential would move the peak: turn about the peak instead. How
    # the peak itself moves with temperature is the scan's business (electrode.PEAK_V_PER_K).
    offsets = np.array([peaks[c[0].name] for c in conditions])
    turned = np.array([(c[1] + 273.15) / 298.15 / c[2] for c in conditions])
    irreversible = np.array([not c[0].reversible for c in conditions])
    sign = np.array([float(c[0].sign) for c in conditions])
    moved = np.where(irreversible, sign * offsets * (1.0 - turned), 0.0)
    couples = Couples.of(
        np.array(formal) + moved,
        sign=sign,
        electrons=np.array(electrons),
        alpha=np.array(alpha),
        rate_m_s=np.where(irreversible, IRREVERSIBLE_RATE_M_S, np.inf),
        diffusion_m2_s=np.array([c[0].diffusion_m2_s for c in conditions]),
        backward=np.where(irreversible, 0.0, 1.0),
    )
    flux = solve(wave, couples, np.array([c[1] for c in conditions]))
    shape = (TEMPERATURES_C.size, WIDTHS.size, SHIFTS_V.size)
    steps = wave.steps_v()
    out = {}
    per = int(np.prod(shape))
    for index, species in enumerate(members):
        block = flux[:, :, index * per : (index + 1) * per]
        out[species.name] = UnitResponse(steps, np.moveaxis(block, -1, 0).reshape(*shape, 2, steps.size))
    return out
