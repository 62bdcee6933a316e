"""Colour pads on paper: Kubelka-Munk reflectance, kinetics, drink colour, pH, wetting and age.

A pad's absorption over scattering K/S is the sum of paper, dye formed, and the drink soaked in; reflectance follows
from Kubelka and Munk. Everything here is ASSUMED but what chemistry/*.toml states (dye spectra, half saturation, doses,
drinks) and the reading window of 10 to 15 minutes (SCIENCE.md).
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulators.chips.light import WAVELENGTHS_NM, warm_white
from simulators.strip.chemistry import DATA, Drink, UnknownSubstance, drink
from simulators.strip.colour_ph import BROMOCRESOL_GREEN, PHENOL_RED, indicator, pad_ph, poured_ph
from simulators.strip.electrode import rng_of

Array = NDArray[np.float64]

ANCHORS_NM = (415.0, 445.0, 480.0, 515.0, 555.0, 590.0, 630.0, 680.0)
PAPER_REFLECTANCE = 0.86
DYE_STRENGTH = 1.3  # K/S of a fully developed pad where its dye absorbs most
SOAK_CM = 0.035  # length of drink that light crosses in a wet pad
WET_DARKENING = 1.35  # scattering falls when air in the paper is replaced by water
ALKALINE_PH = 9.2  # above it, tetrazolium is reduced without enzyme and iron falls out brown
LATE_S = 900.0  # after this, colour comes without the drug (air, drying)
LAMP_UW_CM2_PER_MA = 6.0
FLICKER_DEPTH = 0.5
REFERENCE_PADS = ("white", "ph", "buffer")


@dataclass(frozen=True)
class PadChemistry:
    """A pad that a drug colours. `peak` is its dye's relative absorption at F1..F8."""

    drug: str
    pad: str
    peak: tuple[float, ...]
    half_saturation_mol_l: float
    rate_per_s: float  # at 25 degC
    optimum_ph: float
    ph_width: float
    reductant_response: float  # share of full colour per mol/L of ascorbate or sulfite
    alkaline_response: float  # share of full colour per pH unit above ALKALINE_PH, without any drug


# Kinetics and side reactions by pad (ASSUMED): the enzyme is slow and its formazan dye is also formed by reductants;
# iron hydroxamate is fast once mixed and needs its alkaline buffer.
_BEHAVIOUR = {
    "ghb_dehydrogenase": {"rate_per_s": 1 / 180.0, "optimum_ph": 8.2, "ph_width": 2.2, "reductant_response": 40.0,
                          "alkaline_response": 0.35},
    "hydroxamate_iron": {"rate_per_s": 1 / 70.0, "optimum_ph": 9.0, "ph_width": 2.8, "reductant_response": 6.0,
                         "alkaline_response": 0.2},
}  # fmt: skip


@cache
def pads() -> dict[str, PadChemistry]:
    """Colour pads by drug."""
    with (DATA / "chemistry" / "drugs.toml").open("rb") as file:
        rows: list[dict[str, Any]] = tomllib.load(file)["drug"]
    return {
        row["name"]: PadChemistry(
            drug=row["name"],
            pad=row["pad"],
            peak=tuple(row["colour"]),
            half_saturation_mol_l=row["half_saturation_mol_l"],
            **_BEHAVIOUR[row["pad"]],
        )
        for row in rows
        if row["technique"] == "colour"
    }


def spread_over_wavelengths(at_anchors: tuple[float, ...]) -> Array:
    """Eight values at the sensor's channels as a spectrum; it fades out beyond the last anchor."""
    values = np.interp(WAVELENGTHS_NM, ANCHORS_NM, at_anchors)
    beyond_nm = np.clip(WAVELENGTHS_NM - ANCHORS_NM[-1], 0.0, 120.0)
    return np.asarray(values * (1.0 - beyond_nm / 120.0))


def reflectance(k_over_s: Array) -> Array:
    """Kubelka and Munk: R = 1 + K/S - sqrt((K/S)^2 + 2 K/S)."""
    return np.asarray(1.0 + k_over_s - np.sqrt(k_over_s * k_over_s + 2.0 * k_over_s))


def k_over_s(reflected: Array | float) -> Array:
    """The inverse: K/S = (1 - R)^2 / 2R."""
    r = np.asarray(reflected, dtype=float)
    return np.asarray((1.0 - r) ** 2 / (2.0 * r))


@dataclass(frozen=True)
class Optics:
    """Lamp, window and room. `brightness` falls with age, `stain` is a yellow film, `leak` lets room light in."""

    brightness: float = 1.0
    stain: float = 0.0
    leak_uw_cm2: float = 0.0
    mains_flicker_hz: float = 100.0


CLEAN_OPTICS = Optics()


class ColourStrip:
    """Scene for the AS7341: pads `white`, `ph`, `buffer` and one per drug; `select` puts one before the sensor.

    `wet_at_us` is when the drink reaches the pads, inf for a dry strip. Strips in the same `bottle` meet the same drink
    (default: each seed its own). `base_mol_l` is strong base added to the pour (negative: acid). A strip `used_before`
    has dried with a spiked drink on it. Same arguments, same strip.
    """

    def __init__(
        self,
        matrix: str,
        spikes_mol_l: dict[str, float],
        *,
        wet_at_us: float = 0.0,
        temperature_c: float = 22.0,
        lot: str = "C1",
        seed: int | str = 0,
        optics: Optics = CLEAN_OPTICS,
        bottle: int | str | None = None,
        base_mol_l: float = 0.0,
        used_before: bool = False,
    ) -> None:
        for name in spikes_mol_l:
            if name not in pads():
                raise UnknownSubstance("colour pad for", name)
        self._drink: Drink = drink(matrix)
        self._spikes = dict(spikes_mol_l)
        self.wet_at_us = wet_at_us
        self._temperature_c = temperature_c
        self._optics = optics
        lots = rng_of("colour lot", lot)
        own = rng_of("colour strip", matrix, sorted(spikes_mol_l.items()), temperature_c, lot, seed)
        poured = rng_of("bottle", matrix, seed if bottle is None else bottle)
        self._strength = {name: math.exp(lots.normal(0.0, 0.06) + own.normal(0.0, 0.05)) for name in pads()}
        self._speed = math.exp(lots.normal(0.0, 0.1) + own.normal(0.0, 0.05))
        self._stretch = 1.0 + own.normal(0.0, 0.04)  # real pads are not quite of first order
        self._buffer_capacity = math.exp(lots.normal(0.0, 0.15) + own.normal(0.0, 0.1))
        self._paper = PAPER_REFLECTANCE * (1.0 + lots.normal(0.0, 0.01) + own.normal(0.0, 0.008))
        soak = SOAK_CM * math.exp(own.normal(0.0, 0.12))
        self._soak = {name: soak * math.exp(own.normal(0.0, 0.08)) for name in self.pad_names}
        self._shade = {name: 1.0 + own.normal(0.0, 0.004) for name in self.pad_names}
        self._base_mol_l = base_mol_l
        ph = float(poured.normal(self._drink.ph, self._drink.ph_sd))
        self._ph = poured_ph(ph, self._drink.group, self._spikes.get("GHB", 0.0), base_mol_l)
        self._reductant = {
            name: self._drink.interferents_mol_l.get(name, 0.0) * math.exp(poured.normal(-0.06, 0.35))
            for name in ("ascorbate", "sulfite")
        }
        self._left = 0.35 if used_before else 0.0
        self._tilt = own.normal(0.0, 0.004)
        self.pad = "white"
        self._kept: dict[tuple[Any, ...], Array] = {}  # spectra that do not change with time

    @property
    def pad_names(self) -> tuple[str, ...]:
        return (*REFERENCE_PADS, *pads())

    def select(self, pad: str) -> None:
        """Put a pad before the sensor."""
        if pad not in self.pad_names:
            raise UnknownSubstance("pad", pad)
        self.pad = pad

    # -- chemistry -------------------------------------------------------------------------------------------------
    @cached_property
    def buffered_ph(self) -> float:
        """What the dry buffer (pH 8.4) makes of the drink."""
        return pad_ph(self._ph, self._drink.group, self._base_mol_l, self._buffer_capacity)

    def extent(self, drug: str, now_us: float) -> float:
        """Share of full colour on a drug's pad."""
        since_s = (now_us - self.wet_at_us) * 1e-6
        if since_s <= 0.0:
            return self._left
        pad = pads()[drug]
        amount = self._spikes.get(drug, 0.0)
        level = amount / (amount + pad.half_saturation_mol_l)
        activity = math.exp(-(((self.buffered_ph - pad.optimum_ph) / pad.ph_width) ** 2))
        rate = pad.rate_per_s * self._speed * 2.0 ** ((self._temperature_c - 25.0) / 10.0)
        formed = level * activity * (1.0 - math.exp(-((rate * since_s) ** self._stretch)))
        reduced = pad.reductant_response * (self._reductant["ascorbate"] + 0.5 * self._reductant["sulfite"])
        formed += min(0.4, reduced) * (1.0 - math.exp(-since_s / 60.0))
        alkaline = pad.alkaline_response * max(0.0, self.buffered_ph - ALKALINE_PH)
        formed += min(0.6, alkaline) * (1.0 - math.exp(-since_s / 200.0))
        if since_s > LATE_S:
            formed += 0.35 * (1.0 - math.exp(-(since_s - LATE_S) / 600.0))
        return min(1.0, formed + self._left)

    def pad_reflectance(self, now_us: float) -> Array:
        """Spectrum of the pad before the sensor, 0..1."""
        wet = now_us >= self.wet_at_us
        total = self._keep(("pad", self.pad, wet), lambda: self._before_any_dye(wet))
        if self.pad in pads():
            dye = self._keep(("dye", self.pad), lambda: spread_over_wavelengths(pads()[self.pad].peak))
            total = total + DYE_STRENGTH * self._strength[self.pad] * self.extent(self.pad, now_us) * dye
        return np.clip(reflectance(total) * self._shade[self.pad], 0.0, 1.0)

    def _keep(self, what: tuple[Any, ...], make: Callable[[], Array]) -> Array:
        found = self._kept.get(what)
        if found is None:
            found = self._kept[what] = make()
        return found

    def _before_any_dye(self, wet: bool) -> Array:
        """K/S of the paper, of the drink in it, and of a reference pad's indicator."""
        paper = self._paper + self._tilt * (WAVELENGTHS_NM - 550.0) / 150.0
        total = k_over_s(np.clip(paper, 0.3, 0.98))
        if wet:
            total = total * WET_DARKENING
            soaked = spread_over_wavelengths(self._drink.absorbance_per_cm)
            total = total + math.log(10.0) * soaked * self._soak[self.pad] * 2.0
        if self.pad == "ph":
            shown = indicator(BROMOCRESOL_GREEN, self._ph if wet else 7.0)
            total = total + 0.9 * spread_over_wavelengths(shown)
        elif self.pad == "buffer":
            shown = indicator(PHENOL_RED, self.buffered_ph if wet else 8.4)
            total = total + 0.9 * spread_over_wavelengths(shown)
        return total

    # -- Scene -----------------------------------------------------------------------------------------------------
    def lamp(self, led_ma: float) -> Array:
        """What a perfectly white pad would return, behind the window."""
        optics = self._optics
        return self._keep(
            ("lamp", led_ma, optics),
            lambda: np.asarray(warm_white() * LAMP_UW_CM2_PER_MA * led_ma * optics.brightness * self._film()),
        )

    def room(self) -> Array:
        """Mean of the light that leaks in."""
        optics = self._optics
        return self._keep(("room", optics), lambda: np.asarray(warm_white() * optics.leak_uw_cm2 * self._film()))

    def _film(self) -> Array:
        return np.asarray(1.0 - self._optics.stain * np.clip((560.0 - WAVELENGTHS_NM) / 160.0, 0.0, 1.0))

    def room_wave(self, now_us: float, integration_us: float = 0.0) -> float:
        """The room's light relative to its mean, averaged over an integration that starts at `now_us`."""
        hz = self._optics.mains_flicker_hz
        if not hz:
            return 1.0
        phase = 2.0 * math.pi * hz * 1e-6
        if integration_us <= 0.0:
            return 1.0 + FLICKER_DEPTH * math.sin(phase * now_us)
        swing = math.cos(phase * now_us) - math.cos(phase * (now_us + integration_us))
        return 1.0 + FLICKER_DEPTH * swing / (phase * integration_us)

    def irradiance(self, now_us: float, led_ma: float) -> Array:
        return np.asarray(self.lamp(led_ma) * self.pad_reflectance(now_us) + self.room() * self.room_wave(now_us))

    def flicker_hz(self, now_us: float) -> float:
        return self._optics.mains_flicker_hz if self._optics.leak_uw_cm2 > 0.0 else 0.0
