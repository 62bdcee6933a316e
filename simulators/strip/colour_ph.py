"""What a drink's acid, a salt of GHB and added acid or base make of the pH, in the drink and behind a pad's dry buffer.

Buffer capacities by drink group and the pad's buffer are ASSUMED; the pKa of 4-hydroxybutanoic acid is 4.7.
"""

from __future__ import annotations

import math

GHB_PKA = 4.7
# mol/L of base per pH unit: titratable acidity of such drinks in order of magnitude (ASSUMED)
CAPACITY_MOL_L = {
    "clear": 0.0006, "soda": 0.004, "energy": 0.012, "soft": 0.004, "juice": 0.03, "beer": 0.009, "cider": 0.015,
    "wine": 0.025, "spirit": 0.001, "mixed": 0.006,
}  # fmt: skip
PAD_PH = 8.4


def poured_ph(ph: float, group: str, salt_mol_l: float, base_mol_l: float) -> float:
    """pH of a drink with a GHB salt and a strong base (negative: acid) in it, by the proton balance."""
    capacity = CAPACITY_MOL_L.get(group, 0.006)

    def excess(trial: float) -> float:
        protonated = salt_mol_l / (1.0 + math.pow(10.0, trial - GHB_PKA)) if salt_mol_l else 0.0
        water = math.pow(10.0, trial - 14.0) - math.pow(10.0, ph - 14.0) - math.pow(10.0, -trial) + math.pow(10.0, -ph)
        return capacity * (trial - ph) + water - protonated - base_mol_l

    low, high = 0.5, 13.5
    for _ in range(50):
        middle = 0.5 * (low + high)
        if excess(middle) > 0.0:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)


def pad_ph(ph: float, group: str, base_mol_l: float, buffer_capacity: float) -> float:
    """What the dry buffer (pH 8.4) makes of a drink of this pH; it holds against acid better than against base."""
    acid = 10.0**-ph * 40.0 + max(0.0, 4.5 - ph) * 0.018
    spare = max(0.0, base_mol_l - CAPACITY_MOL_L.get(group, 0.006) * max(0.0, 7.0 - ph))
    down = 2.6 * (1.0 - math.exp(-acid / (0.06 * buffer_capacity)))
    up = 2.8 * (1.0 - math.exp(-spare / (0.03 * buffer_capacity)))
    return PAD_PH - down + up


# Indicator dyes at F1..F8, relative: acid form, basic form, pKa. Bromocresol green on the "ph" pad; phenol red on the
# "buffer" pad, whose colour turns on both sides of the pad's pH.
BROMOCRESOL_GREEN = (
    (0.9, 1.0, 0.5, 0.12, 0.03, 0.02, 0.01, 0.0), (0.35, 0.12, 0.06, 0.12, 0.45, 0.9, 1.0, 0.35), 4.7
)  # fmt: skip
PHENOL_RED = (
    (0.75, 0.9, 0.55, 0.15, 0.03, 0.01, 0.0, 0.0), (0.2, 0.12, 0.15, 0.5, 1.0, 0.55, 0.08, 0.02), 7.9
)  # fmt: skip


def indicator(dye: tuple[tuple[float, ...], tuple[float, ...], float], ph: float) -> tuple[float, ...]:
    """Absorption of an indicator at a pH, at the sensor's channels."""
    acid, basic, pka = dye
    share = 1.0 / (1.0 + 10.0 ** (pka - ph))
    return tuple((1.0 - share) * a + share * b for a, b in zip(acid, basic, strict=True))
