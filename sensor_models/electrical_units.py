"""Volts and amperes out of the units that instruments write: V, mV, A, mA, µA, nA, pA, in letters or in words."""

from __future__ import annotations

import re

PREFIXES = {"": 1.0, "m": 1e-3, "u": 1e-6, "\u00b5": 1e-6, "\u03bc": 1e-6, "n": 1e-9, "p": 1e-12, "k": 1e3}
WORDS = {"milli": "m", "micro": "u", "nano": "n", "pico": "p", "kilo": "k"}


def factor(unit: str) -> tuple[str, float] | None:
    """("V" or "A", factor to it) of a unit such as "mV", "\u00b5A" or "MicroAmpere"; None for anything else."""
    text = unit.strip().strip("[]()")
    word = re.fullmatch(r"(milli|micro|nano|pico|kilo)?(volt|ampere|amp)s?", text, re.IGNORECASE)
    if word:
        symbol = "V" if word[2].lower() == "volt" else "A"
        return symbol, PREFIXES[WORDS.get((word[1] or "").lower(), "")]
    found = re.fullmatch(r"([munpk\u00b5\u03bc]?)([VA])(?: vs\.? .*)?", text)
    return (found[2], PREFIXES[found[1]]) if found else None


def of_column(name: str) -> tuple[str, str, float] | None:
    """(quantity, "V" or "A", factor) of a column such as "Potential/V", "Diff(i/\u00b5A)" or "I (nA)"."""
    found = re.fullmatch(r"(.*?)\s*(?:/|\(|\[)\s*([^\s/()\[\]]+(?: vs\.? [^)\]]*)?)[)\]]*", name.strip())
    unit = factor(found[2]) if found else None
    return None if found is None or unit is None else (found[1].strip().lower(), unit[0], unit[1])
