"""What a drink of a trial really held, from any of the shapes in which people write it down."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CLEAN_WORDS = frozenset({"", "clean", "negative", "blank", "none", "unspiked", "false", "no"})
SPIKED_WORDS = frozenset({"spiked", "positive", "true", "yes"})
SUBSTANCE_KEYS = ("analyte", "drug", "substance", "name")
MOLAR_KEY = "concentration_mol_l"
AMOUNT_KEYS = (MOLAR_KEY, "dose_mg", "concentration", "amount")


@dataclass(frozen=True)
class Truth:
    """`spiked` None = unknown; `drugs` what was in it, sorted; `molar` the concentrations (mol/L) that were stated."""

    spiked: bool | None
    drugs: tuple[str, ...] = ()
    molar: tuple[tuple[str, float], ...] = ()


def truth_of(value: Any) -> Truth:
    """Truth from yes/no, a drug's name, {drug: amount}, {"analyte", "concentration_mol_l"}; a list means all of them.

    Raises ValueError with the reason; an amount that is negative or no number is refused, never read as clean.
    """
    if value is None or isinstance(value, bool):
        return Truth(value)
    if isinstance(value, (int, float)):
        return Truth(_amount(value) > 0)
    if isinstance(value, str):
        word = value.strip().lower()
        named = word not in CLEAN_WORDS | SPIKED_WORDS
        return Truth(word not in CLEAN_WORDS, (value.strip(),) if named else ())
    if isinstance(value, list):
        return _all_of([truth_of(one) for one in value])
    if isinstance(value, Mapping):
        return _of_table(value)
    raise ValueError(f"{value!r} says neither what was in the drink nor that it was clean")


def _amount(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError(f"the amount {value!r} is not a number of 0 or more")
    return float(value)


def _all_of(parts: list[Truth]) -> Truth:
    """Several statements about one drink: spiked when one says so, unknown when one is unknown and none says so."""
    spiked = True if any(part.spiked for part in parts) else None if any(p.spiked is None for p in parts) else False
    drugs = sorted({drug for part in parts for drug in part.drugs})
    return Truth(spiked, tuple(drugs), tuple(sorted({pair for part in parts for pair in part.molar})))


def _of_table(table: Mapping[str, Any]) -> Truth:
    name = next((table[key] for key in SUBSTANCE_KEYS if key in table), None)
    key = next((key for key in AMOUNT_KEYS if table.get(key) is not None), None)
    amount = None if key is None else _amount(table[key])
    if isinstance(table.get("spiked"), bool):
        spiked = bool(table["spiked"])
        if spiked and amount == 0:
            raise ValueError("says spiked and an amount of 0")
        return _named(name, amount if key == MOLAR_KEY else None) if spiked and name else Truth(spiked)
    if isinstance(table.get("analytes"), list):
        return truth_of(table["analytes"])
    if name is not None:
        if amount == 0:
            return Truth(False)
        return _named(name, amount if key == MOLAR_KEY else None)
    if amount is not None:
        return Truth(amount > 0)
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in table.values()):
        raise ValueError(f"cannot tell what was in the drink from the keys {', '.join(map(str, table))}")
    drugs = tuple(sorted(str(drug) for drug, quantity in table.items() if _amount(quantity) > 0))
    return Truth(bool(drugs), drugs)


def _named(name: Any, molar: float | None) -> Truth:
    told = truth_of(str(name))
    if molar is None or not told.drugs:
        return told
    return Truth(True, told.drugs, tuple((drug, molar) for drug in told.drugs))
