"""What use does to the bracelet: holder, window and, where one is reused, the electrode. All rates are ASSUMED.

A use leaves a film of drink on the contacts (leakage between them), wears them (series resistance), stains the window
and dims the lamp; cleaning takes most of the film and part of the stain away, and nothing else.
"""

from __future__ import annotations

import math

from simulators.strip.chemistry import drink
from simulators.strip.colour import Optics
from simulators.strip.electrode import Condition, rng_of

CLEAN_LEAKAGE_OHM = 1e10
FILM_OHM = 6e7  # leakage at a film of 1
NEW_CONTACT_OHM = 2.0
REFERENCE_OHM = 10_000.0
REFERENCE_OHM_PER_USE = 0.15  # the switch before the reference resistor corrodes


class Wear:
    """State of one bracelet over its uses. Same seed and same history, same wear."""

    def __init__(self, seed: int | str = 0) -> None:
        self._rng = rng_of("wear", seed)
        self.uses = 0
        self.cleanings = 0
        self._film = 0.0
        self._contact_wear = 0.0
        self._stain = 0.0
        self._lamp_loss = 0.0
        self._fouling = 0.0
        self._lost = 0.0

    def use(self, matrix: str) -> None:
        """One test in a drink."""
        pour = drink(matrix)
        scatter = math.exp(float(self._rng.normal(0.0, 0.4)))
        phenols = sum(pour.interferents_mol_l.get(name, 0.0) for name in ("gallic_acid", "vanillin")) / 1e-4
        colour = sum(pour.absorbance_per_cm[:4]) / 4.0
        self.uses += 1
        self._film += (0.02 + 0.1 * pour.conductivity_s_m) * scatter
        self._contact_wear += 0.08 * scatter
        self._stain += 0.0006 * (0.3 + colour) * scatter
        self._lamp_loss += 0.0004
        self._fouling += 0.004 * (1.0 + 0.5 * phenols) * scatter
        self._lost += 0.0008 * scatter

    def clean(self) -> None:
        """Wiped with water or alcohol as the guide says."""
        self.cleanings += 1
        self._film *= 0.12
        self._stain *= 0.45
        self._fouling *= 0.25

    @property
    def contact_ohm(self) -> float:
        return float(NEW_CONTACT_OHM + self._contact_wear**1.5)

    @property
    def leakage_ohm(self) -> float:
        return 1.0 / (1.0 / CLEAN_LEAKAGE_OHM + self._film / FILM_OHM)

    @property
    def reference_ohm(self) -> float:
        """The board's reference resistor as the front end meets it, its switch in series."""
        return REFERENCE_OHM + REFERENCE_OHM_PER_USE * self.uses

    def optics(self, leak_uw_cm2: float = 0.0) -> Optics:
        """Window and lamp as they are now."""
        return Optics(brightness=max(0.2, 1.0 - self._lamp_loss), stain=min(0.6, self._stain), leak_uw_cm2=leak_uw_cm2)

    def electrode(self) -> Condition:
        """An electrode that has been through all these uses (a reused strip, or a permanent electrode)."""
        activity = max(0.05, (1.0 - min(0.9, self._fouling)) * (1.0 - min(0.9, self._lost)))
        return Condition(activity=activity, residue=min(3.0, 2.0 * self._fouling))


def used_strip(matrix: str, spikes_mol_l: dict[str, float], share: float = 0.08) -> Condition:
    """A strip that was already dipped once: dried residue dissolves again, and products block the surface."""
    drink(matrix)
    left = tuple((name, share * amount) for name, amount in sorted(spikes_mol_l.items()))
    return Condition(activity=0.55, residue=0.8, reference_shift_v=-0.02, standard_left=0.15, carry_over_mol_l=left)
