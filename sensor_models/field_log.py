"""Reads field-test logs (JSON lines): what was said of each drink, and what was true where that is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware.wire import record
from firmware.wire.errors import WireError
from sensor_models.errors import MalformedFile

VERDICTS = ("positive", "inconclusive", "negative", "invalid")
CLEAN_WORDS = frozenset({"", "clean", "negative", "blank", "none", "unspiked", "false", "no"})
SPIKED_WORDS = frozenset({"spiked", "positive", "true", "yes"})
SUBSTANCE_KEYS = ("analyte", "drug", "substance", "name")
AMOUNT_KEYS = ("concentration_mol_l", "dose_mg", "concentration", "amount")


@dataclass(frozen=True)
class Truth:
    """What the drink really held: `spiked` None = unknown; `drugs` the substances in it, sorted."""

    spiked: bool | None
    drugs: tuple[str, ...] = ()


@dataclass(frozen=True)
class FieldTest:
    """One line of a log. `verified` is None when no key was given."""

    record_id: str
    device_id: str
    time: str
    verdict: str
    reason: str
    lot: str
    drink: str
    venue: str
    analytes: tuple[dict[str, Any], ...]
    truth: Truth
    verified: bool | None
    where: str


def truth_of(value: Any) -> Truth:
    """Truth from any of the shapes in use: yes/no, a drug's name, {drug: amount}, {"analyte", "concentration_mol_l"}.

    A list of these means all of them. Raises ValueError with the reason.
    """
    if value is None or isinstance(value, bool):
        return Truth(value)
    if isinstance(value, (int, float)):
        return Truth(value > 0)
    if isinstance(value, str):
        word = value.strip().lower()
        named = word not in CLEAN_WORDS | SPIKED_WORDS
        return Truth(word not in CLEAN_WORDS, (value.strip(),) if named else ())
    if isinstance(value, list):
        parts = [truth_of(one) for one in value]
        drugs = tuple(sorted({drug for part in parts for drug in part.drugs}))
        return Truth(any(part.spiked for part in parts), drugs)
    if isinstance(value, Mapping):
        return _truth_of_table(value)
    raise ValueError(f"{value!r} says neither what was in the drink nor that it was clean")


def _truth_of_table(table: Mapping[str, Any]) -> Truth:
    name = next((table[key] for key in SUBSTANCE_KEYS if key in table), None)
    amount = next((table[key] for key in AMOUNT_KEYS if key in table), None)
    if amount is not None and (isinstance(amount, bool) or not isinstance(amount, (int, float))):
        raise ValueError(f"the amount {amount!r} is not a number")
    if isinstance(table.get("spiked"), bool):
        return Truth(table["spiked"], (str(name),) if name and table["spiked"] else ())
    if isinstance(table.get("analytes"), list):
        return truth_of(table["analytes"])
    if name is not None:
        named = truth_of(str(name))
        if amount is None:
            return named
        return Truth(amount > 0, named.drugs if amount > 0 else ())
    if amount is not None:
        return Truth(amount > 0)
    if not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in table.values()):
        raise ValueError(f"cannot tell what was in the drink from the keys {', '.join(map(str, table))}")
    drugs = tuple(sorted(str(drug) for drug, quantity in table.items() if quantity > 0))
    return Truth(bool(drugs), drugs)


def _verified(line: str, device_id: str, keys: Mapping[str, bytes] | None) -> bool | None:
    if keys is None:
        return None
    if device_id not in keys:
        return False
    try:
        record.open_record(line, keys[device_id])
    except WireError:
        return False
    return True


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return "" if value is None else str(value)


def _parse(line: str, where: tuple[str, int], keys: Mapping[str, bytes] | None) -> FieldTest:
    file, number = where
    if line.startswith(record.SERIAL_PREFIX):
        line = line[len(record.SERIAL_PREFIX) :]
    try:
        document = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise MalformedFile(file, number, "", f"is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise MalformedFile(file, number, "", "is not a JSON object")
    verdict = document.get("verdict")
    if verdict not in VERDICTS:
        raise MalformedFile(file, number, "verdict", f"{verdict!r} is not one of {', '.join(VERDICTS)}")
    if not isinstance(document.get("record_id"), (str, int)) or document["record_id"] == "":
        raise MalformedFile(file, number, "record_id", "is missing")
    try:
        truth = truth_of(document.get("truth"))
    except ValueError as error:
        raise MalformedFile(file, number, "truth", str(error)) from None
    analytes = document.get("analytes") or []
    if not isinstance(analytes, list) or not all(isinstance(one, dict) for one in analytes):
        raise MalformedFile(file, number, "analytes", "is not a list of objects")
    device = _text(document, "device_id")
    return FieldTest(
        record_id=str(document["record_id"]),
        device_id=device,
        time=_text(document, "time"),
        verdict=str(verdict),
        reason=_text(document, "reason"),
        lot=_text(document, "strip_lot"),
        drink=_text(document, "drink_declared"),
        venue=_text(document, "venue_code"),
        analytes=tuple(analytes),
        truth=truth,
        verified=_verified(line, device, keys),
        where=f"{file}:{number}",
    )


def read_logs(paths: list[Path], keys: Mapping[str, bytes] | None = None) -> tuple[list[FieldTest], int]:
    """(tests, repeats left out). A record met twice (same device and id) counts once. Raises MalformedFile."""
    found: dict[tuple[str, str], FieldTest] = {}
    repeats = 0
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8-sig")
        except OSError as error:
            raise MalformedFile(str(path), 0, "", error.strerror or "cannot be read") from None
        except UnicodeDecodeError:
            raise MalformedFile(str(path), 0, "", "is not UTF-8 text") from None
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            one = _parse(line.strip(), (str(path), number), keys)
            earlier = found.setdefault((one.device_id, one.record_id), one)
            if earlier is not one:
                repeats += 1
                if (earlier.verdict, earlier.time) != (one.verdict, one.time):
                    raise MalformedFile(str(path), number, "record_id", f"differs from {earlier.where} of the same id")
    if not found:
        raise MalformedFile(str(paths[0]), 0, "", "holds no record")
    return list(found.values()), repeats
