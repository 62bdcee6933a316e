"""What varies from lot to lot, strip to strip and dip to dip. Every spread here is ASSUMED unless a source is named."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from simulators.strip.chemistry import Drink, Strip

# Sensitivity spread of strips within a lot and of lots: together 9.8 % relative, as reported between strips for
# flunitrazepam (Papadopoulos 2020, SCIENCE.md).
STRIP_SENSITIVITY_SD = 0.075
LOT_SENSITIVITY_SD = 0.06
INTERFERENT_SPREAD = 0.35
FILM_SPREAD = 0.15
REFERENCE_TEMPERATURE_C = 25.0
# A slow charge transfer needs more overpotential when cold; volts per kelvin in the direction of the reaction.
PEAK_V_PER_K = -0.5e-3


def rng_of(*key: object) -> np.random.Generator:
    """A generator that depends on its key alone."""
    digest = hashlib.sha256("|".join(map(str, key)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


@dataclass(frozen=True)
class Lot:
    """What the strips of one lot share."""

    name: str
    sensitivity: float
    shift_v: float
    width: float
    background: float
    half_response: float

    @staticmethod
    def named(name: str) -> Lot:
        """Same name, same lot."""
        rng = rng_of("lot", name)
        return Lot(
            name=name,
            sensitivity=float(np.exp(rng.normal(0.0, LOT_SENSITIVITY_SD))),
            shift_v=float(rng.normal(0.0, 0.005)),
            width=float(np.exp(rng.normal(0.0, 0.02))),
            background=float(np.exp(rng.normal(0.0, 0.15))),
            half_response=float(np.exp(rng.normal(0.0, 0.12))),
        )


@dataclass(frozen=True)
class Dip:
    """One strip in one pour: everything that is drawn once per test."""

    sensitivity: float
    shift_v: float
    shift_drift_v: float  # over the whole scan
    width: float
    background: float
    half_response: float
    solution_ohm: float
    capacitance_f: float
    diffusion_factor: float
    ph: float
    interferents_mol_l: dict[str, float]
    wetted: float = 1.0


@dataclass(frozen=True)
class Condition:
    """How worn, fouled or badly dipped the strip is. The defaults are a fresh strip, fully wetted."""

    wetted: float = 1.0
    activity: float = 1.0  # what ageing and fouling leave of the electrode's activity
    residue: float = 0.0  # background factor added by an earlier use
    reference_shift_v: float = 0.0  # a damaged or chloride-starved reference
    bubble: float = 0.0  # share of the electrode that a bubble covers from somewhere in the scan on
    glitches: int = 0  # single samples spoilt by a knock on the contacts
    standard_left: float = 1.0  # of the internal standard: the drink of an earlier use washes it off
    carry_over_mol_l: tuple[tuple[str, float], ...] = ()  # what an earlier drink left behind


FRESH = Condition()


def diffusion_factor(temperature_c: float, ethanol_percent: float) -> float:
    """Diffusion coefficient relative to water at 25 degC: 2.2 % per kelvin, viscosity of ethanol mixtures (ASSUMED)."""
    return float(np.exp(0.022 * (temperature_c - REFERENCE_TEMPERATURE_C)) / (1.0 + 0.045 * min(ethanol_percent, 45.0)))


def dip(
    drink: Drink,
    lot: Lot,
    rng: np.random.Generator,
    *,
    area_m2: float,
    temperature_c: float,
    condition: Condition = FRESH,
) -> Dip:
    """Draw one test."""
    conductivity = drink.conductivity_s_m * 0.5 + 0.6 * float(np.exp(rng.normal(0.0, 0.2)))  # dry KCl dissolves
    conductivity /= 1.0 + 0.03 * drink.ethanol_percent
    radius_m = float(np.sqrt(area_m2 / np.pi))
    spread = {
        name: value * float(np.exp(rng.normal(-0.5 * INTERFERENT_SPREAD**2, INTERFERENT_SPREAD)))
        for name, value in drink.interferents_mol_l.items()
    }
    strip = float(np.exp(rng.normal(0.0, STRIP_SENSITIVITY_SD)))
    return Dip(
        sensitivity=lot.sensitivity * strip * condition.activity,
        shift_v=lot.shift_v
        + float(rng.normal(0.0, 0.006))
        + 2.5e-4 * drink.ethanol_percent
        + condition.reference_shift_v,
        shift_drift_v=float(rng.normal(0.0, 0.0015)),
        width=lot.width * float(np.exp(rng.normal(0.0, 0.03))) * condition.activity**0.1,
        background=lot.background * float(np.exp(rng.normal(0.0, 0.25))) * (1.0 + condition.residue),
        half_response=lot.half_response,
        solution_ohm=1.0 / (4.0 * conductivity * radius_m),
        capacitance_f=0.2 * area_m2 * lot.background * float(np.exp(rng.normal(0.0, 0.15))),
        diffusion_factor=diffusion_factor(temperature_c, drink.ethanol_percent),
        ph=float(rng.normal(drink.ph, drink.ph_sd)),
        interferents_mol_l=spread,
        wetted=condition.wetted,
    )


def behind_the_film(strip: Strip, contents_mol_l: dict[str, float], rng: np.random.Generator) -> dict[str, float]:
    """What comes through the film over the electrode, no two equally thick; without a film nothing is drawn."""
    if not strip.film:
        return contents_mol_l
    through = dict(strip.film)
    leaky = float(np.exp(rng.normal(0.0, FILM_SPREAD)))
    return {name: value * min(1.0, through.get(name, 1.0) * leaky) for name, value in contents_mol_l.items()}
