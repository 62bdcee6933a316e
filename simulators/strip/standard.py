"""The couple dried on a strip: how much of it dissolves, and where its own potential lies. All spreads are ASSUMED."""

from __future__ import annotations

import math

import numpy as np

from simulators.strip.chemistry import Strip
from simulators.strip.electrode import Condition, Dip, rng_of

LOT_SPREAD = 0.08  # of the printed amount, relative
STRIP_SPREAD = 0.12  # of the drop's volume and what has dissolved of it
OWN_SD_V = 0.004  # beside what moves the reference electrode for every couple alike
S_M_PER_MOL_L = 12.9  # conductivity of a KCl solution, S/m for 1 mol/L
USUAL_IONIC_MOL_L = 0.05
# Debye-Hueckel: -0.059 V x 0.51 x (3^2 - 2^2) per sqrt(I) / (1 + sqrt(I)) for a couple of charges +3 and +2.
IONIC_V = -0.150


def _screening(ionic_mol_l: float) -> float:
    root = math.sqrt(ionic_mol_l)
    return root / (1.0 + root)


def standard_of(
    strip: Strip, dipped: Dip, lot: str, condition: Condition, rng: np.random.Generator
) -> tuple[dict[str, float], float]:
    """({couple: mol/L in the drop}, shift of its potential beside everybody's, V); nothing for a strip without one."""
    if strip.standard is None:
        return {}, 0.0
    name, amount = strip.standard
    printed = math.exp(float(rng_of("printed standard", lot).normal(0.0, LOT_SPREAD)))
    dissolved = math.exp(float(rng.normal(0.0, STRIP_SPREAD)))
    radius_m = math.sqrt(strip.area_m2 / math.pi)
    ionic = 1.0 / (4.0 * dipped.solution_ohm * radius_m) / S_M_PER_MOL_L
    shift = IONIC_V * (_screening(ionic) - _screening(USUAL_IONIC_MOL_L)) + float(rng.normal(0.0, OWN_SD_V))
    return {name: amount * printed * dissolved * condition.standard_left}, shift
