"""A strip in a drink as an electrochemical cell in time: what the AD5941 simulator has on its electrodes.

Same physics as the scans (diffusion, double layer, slow surface groups, edges of the window; of a strip that has them
what adsorbs, what a film holds back and the couple dried on it), but driven by whatever potentials the firmware really
applies, when it applies them.
"""

from __future__ import annotations

import math

import numpy as np

from simulators.ad5941.cells import layer_ohm
from simulators.strip.adsorption import SPREAD, Gathering, Surroundings
from simulators.strip.chemistry import Drink, Species, Strip, drink, members_of, species
from simulators.strip.diffusion import FARADAY_C_MOL, Couples, Diffusion
from simulators.strip.electrode import (
    FRESH,
    PEAK_V_PER_K,
    REFERENCE_TEMPERATURE_C,
    Condition,
    Lot,
    behind_the_film,
    dip,
    rng_of,
)
from simulators.strip.responses import IRREVERSIBLE_RATE_M_S, peak_offsets_v
from simulators.strip.saturation import effective_mol_l
from simulators.strip.standard import standard_of

BARE_AREA_M2 = 7.07e-6

LEAKAGE_OHM = 1e10
FIRST_STEP_S = 60e-6
GROWTH = 1.7
LONGEST_STEP_S = 0.5
# Slow surface groups: a resistance that draws about 0.3 uA net at 25 mV and 25 Hz, with a time constant near a half
# period of common scans (ASSUMED).
SURFACE_TAU_S = 0.02
SURFACE_OHM = 90_000.0
DRAWS = 256  # random numbers are drawn by the block: one by one they take as long as the physics


class StripCell:
    """Cell protocol of simulators.ad5941. Wetted from `wet_at_us` on; `never` (inf) is a dry strip.

    `strip` says what electrode it is and what lies on it; without one it is a bare disc of 3 mm.
    `contact_ohm` and `leakage_ohm` are the holder's (ageing.Wear). `noise_a` is the rms of slow wander, `mains_a` the
    amplitude of 50 Hz pickup.
    """

    def __init__(
        self,
        matrix: str,
        spikes_mol_l: dict[str, float],
        *,
        strip: Strip | None = None,
        temperature_c: float = 22.0,
        lot: str = "L1",
        seed: int | str = 0,
        condition: Condition = FRESH,
        wet_at_us: float = 0.0,
        wetting_s: float = 1.5,
        contact_ohm: float = 0.0,
        leakage_ohm: float = LEAKAGE_OHM,
        noise_a: float = 3e-9,
        mains_a: float = 4e-9,
    ) -> None:
        pour: Drink = drink(matrix)
        area_m2 = BARE_AREA_M2 if strip is None else strip.area_m2
        which = () if strip is None else (strip.name,)
        rng = rng_of("cell", *which, matrix, sorted(spikes_mol_l.items()), temperature_c, lot, seed)
        self._rng = rng
        self._draws: list[float] = []
        self.dip = dip(pour, Lot.named(lot), rng, area_m2=area_m2, temperature_c=temperature_c, condition=condition)
        contents = dict(self.dip.interferents_mol_l)
        for name, value in (*spikes_mol_l.items(), *condition.carry_over_mol_l):
            contents[name] = contents.get(name, 0.0) + value
        self._film: Gathering | None = None
        own_shift_v = 0.0
        if strip is not None:
            contents = behind_the_film(strip, contents, rng)
            if strip.adsorption_mol_m2 > 0.0:
                self._film = self._gathering(strip, contents, pour.ethanol_percent, temperature_c)
            standard, own_shift_v = standard_of(strip, self.dip, lot, condition, rng)
            contents |= standard
        members = [species()[name] for name, amount in contents.items() if amount > 0.0 and name in species()]
        self._diffusion = Diffusion(self._couples(members, temperature_c, own_shift_v), temperature_c)
        self._scale_a = np.array([self._ampere_per_flux(m, contents[m.name], area_m2) for m in members])
        self._film_a = FARADAY_C_MOL * area_m2 * self.dip.sensitivity
        self._area = area_m2 / BARE_AREA_M2
        self.wet_at_us = wet_at_us
        self._wetting_s = max(1e-6, wetting_s)
        self._contact_ohm, self._leakage_ohm = contact_ohm, leakage_ohm
        self._noise_a, self._mains_a = noise_a, mains_a
        self._mains_phase = float(rng.uniform(0.0, 2.0 * math.pi))
        self._mains_hz = 50.0 * (1.0 + float(rng.normal(0.0, 0.0004)))
        self._edges = (1.45 + rng.normal(0.0, 0.03), rng.uniform(0.055, 0.085), -1.25, rng.uniform(0.06, 0.1))
        self._hump = (rng.uniform(-0.2, 0.5), rng.uniform(0.18, 0.35), rng.uniform(0.0, 0.7))
        self._applied_v: float | None = None
        self._series_ohm = 0.0
        self._layer_v = 0.0
        self._surface_v = 0.0
        self._wander_a = 0.0
        self._dissolved_a: float | None = None  # of the flux as it stands; None: to be worked out
        self._now_s = 0.0
        self._dt_s = FIRST_STEP_S
        self._liquid = False

    def _gathering(
        self, strip: Strip, contents_mol_l: dict[str, float], ethanol_percent: float, temperature_c: float
    ) -> Gathering:
        members = members_of(strip)
        shift_v = {m.name: self._shift_v(m, temperature_c) for m in members}
        capacity = strip.adsorption_mol_m2 * math.exp(float(self._rng.normal(0.0, SPREAD)))
        around = Surroundings(temperature_c, ethanol_percent, self.dip.diffusion_factor, 0.0)
        return Gathering(strip.waveform, members, contents_mol_l, capacity, around, self.dip.width, shift_v)

    def _shift_v(self, member: Species, temperature_c: float) -> float:
        """How far reference, acidity and temperature move a couple's peak; a fast one needs no overpotential."""
        warm = 0.0 if member.reversible else PEAK_V_PER_K * (temperature_c - REFERENCE_TEMPERATURE_C)
        return self.dip.shift_v + member.ph_slope_v * (self.dip.ph - 7.0) + member.sign * warm

    def _couples(self, members: list[Species], temperature_c: float, own_shift_v: float) -> Couples:
        d = self.dip
        turned = (temperature_c + 273.15) / 298.15 / d.width
        peaks = peak_offsets_v(tuple(members))
        offsets = np.array([peaks[m.name] * turned for m in members])
        sign = np.array([float(m.sign) for m in members])
        shift = np.array([self._shift_v(m, temperature_c) + (own_shift_v if m.standard else 0.0) for m in members])
        irreversible = np.array([not m.reversible for m in members])
        return Couples.of(
            np.array([m.peak_potential_v for m in members]) + shift - sign * offsets,
            sign=sign,
            electrons=np.array([m.electrons * (d.width if m.reversible else 1.0) for m in members]),
            alpha=np.array([m.alpha * d.width for m in members]),
            rate_m_s=np.where(irreversible, IRREVERSIBLE_RATE_M_S, np.inf),
            diffusion_m2_s=np.array([m.diffusion_m2_s for m in members]),
            backward=np.where(irreversible, 0.0, 1.0),
        )

    def _ampere_per_flux(self, member: Species, amount_mol_l: float, area_m2: float) -> float:
        d = self.dip
        amount = effective_mol_l(member.name, amount_mol_l, d.half_response) * 1000.0
        root = math.sqrt(member.diffusion_m2_s * d.diffusion_factor)
        return member.sign * member.electrons * FARADAY_C_MOL * area_m2 * d.sensitivity * root * amount

    # -- Cell protocol -------------------------------------------------------------------------------------------
    def apply(self, potential_v: float | None, series_ohm: float, now_us: float) -> None:
        if self._now_s == 0.0:  # nothing can have happened before the strip was first looked at
            self._now_s = max(0.0, min(now_us, self.wet_at_us) * 1e-6)
        self._advance(now_us * 1e-6)
        if potential_v != self._applied_v:
            self._dt_s = FIRST_STEP_S
            self._diffusion.jump()
        self._applied_v = potential_v
        self._series_ohm = series_ohm

    def current_a(self, now_us: float) -> float:
        self._advance(now_us * 1e-6)
        if self._applied_v is None:
            return 0.0
        wetted = self.wetted(self._now_s)
        if wetted <= 0.0:
            return self._applied_v / self._leakage_ohm
        source_ohm = self._source_ohm(wetted)
        faradaic = self._faradaic_a() * wetted
        charging = (self._applied_v - faradaic * source_ohm - self._layer_v) / source_ohm
        hum = self._mains_a * math.sin(2.0 * math.pi * self._mains_hz * self._now_s + self._mains_phase)
        leakage = self._applied_v / self._leakage_ohm
        return faradaic + charging + self._spreading_a(wetted) + hum + self._wander_a + leakage

    def impedance_ohm(self, frequency_hz: float, now_us: float, *, at_counter: bool) -> complex:
        """Contact, solution and double layer, and the leakage beside them. From 1 kHz on that is all: the couples and
        the surface groups are slower. The counter contact is taken to be as worn as the working one (ASSUMED).
        """
        wetted = self.wetted(now_us * 1e-6)
        if wetted <= 0.0:
            return complex(self._leakage_ohm)
        contacts_ohm = self._contact_ohm * (2.0 if at_counter else 1.0)
        series_ohm = self.dip.solution_ohm / math.sqrt(wetted) + contacts_ohm
        layer = layer_ohm(self.dip.capacitance_f * wetted, self._leakage_ohm, frequency_hz)
        return 1.0 / (1.0 / self._leakage_ohm + 1.0 / (series_ohm + layer))

    # -- physics ---------------------------------------------------------------------------------------------------
    def wetted(self, now_s: float) -> float:
        """Fraction of the electrode that liquid covers."""
        since_s = now_s - self.wet_at_us * 1e-6
        if since_s <= 0.0:
            return 0.0
        if since_s >= self._wetting_s:
            return self.dip.wetted
        return self.dip.wetted * (since_s / self._wetting_s)

    def _spreading_a(self, covered: float) -> float:
        """Charging of the area that liquid reaches just now: the pulse by which wetting is seen."""
        if not 0.0 < covered < self.dip.wetted:
            return 0.0
        return self.dip.capacitance_f * self._layer_v * self.dip.wetted / self._wetting_s

    def _source_ohm(self, wetted: float) -> float:
        return self.dip.solution_ohm / math.sqrt(wetted) + self._series_ohm + self._contact_ohm

    def _faradaic_a(self) -> float:
        up, up_width, down, down_width = self._edges
        e = self._layer_v
        centre, width, height = self._hump
        scale = self.dip.background * self._area
        above, below = (e - up) / up_width, (down - e) / down_width
        edge = 5.5e-7 * (math.exp(above if above < 6.0 else 6.0) - math.exp(below if below < 6.0 else 6.0))
        groups = (1.0 + height * math.exp(-0.5 * ((e - centre) / width) ** 2)) / SURFACE_OHM
        adsorbed = 0.0 if self._film is None else self._film_a * self._film.flux(e)
        dissolved = self._dissolved_a
        if dissolved is None:
            dissolved = self._dissolved_a = float(self._scale_a.dot(self._diffusion.flux))
        return dissolved + adsorbed + scale * (edge + groups * (e - self._surface_v))

    def _advance(self, to_s: float) -> None:
        while (left_s := to_s - self._now_s) > 1e-9:
            if not self._liquid:
                self._start_of_wetting()
            dt_s = self._dt_s if self._dt_s < left_s else left_s
            if not self._liquid:
                dt_s = min(dt_s, self.wet_at_us * 1e-6 - self._now_s)
            if dt_s == self._dt_s:
                self._dt_s = min(LONGEST_STEP_S, self._dt_s * GROWTH)
            self._step(dt_s)
            self._now_s += dt_s
        self._now_s = max(self._now_s, to_s)

    def _start_of_wetting(self) -> None:
        """Liquid arrives: short steps again."""
        if not self._liquid and self._now_s >= self.wet_at_us * 1e-6 - 1e-9:
            self._liquid = True
            self._dt_s = FIRST_STEP_S
            self._diffusion.jump()

    def _step(self, dt_s: float) -> None:
        wetted = self.wetted(self._now_s + dt_s)
        if wetted <= 0.0:
            return
        film = self._film
        if self._applied_v is None:
            self._diffusion.relax(dt_s)
            self._dissolved_a = None
            if film is not None:
                film.step(None, self._now_s + dt_s - self.wet_at_us * 1e-6, dt_s)
            return
        source_ohm = self._source_ohm(wetted)
        tau_s = source_ohm * self.dip.capacitance_f * wetted
        target_v = self._applied_v - self._faradaic_a() * wetted * source_ohm
        layer_v = self._layer_v = target_v + (self._layer_v - target_v) * math.exp(-dt_s / tau_s)
        self._surface_v = layer_v + (self._surface_v - layer_v) * math.exp(-dt_s / SURFACE_TAU_S)
        self._diffusion.step(layer_v, dt_s)
        self._dissolved_a = None
        if film is not None:
            film.step(layer_v, self._now_s + dt_s - self.wet_at_us * 1e-6, dt_s)
        keep = math.exp(-dt_s / 2.0)
        self._wander_a = self._wander_a * keep + self._draw() * self._noise_a * math.sqrt(1.0 - keep * keep)

    def _draw(self) -> float:
        if not self._draws:
            self._draws = self._rng.standard_normal(DRAWS).tolist()[::-1]
        return self._draws.pop()
