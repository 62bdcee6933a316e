"""PalmSens files: sessions of PSTrace 5 (JSON, keys in small or capital letters) and its CSV export."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from sensor_models import delimited_text, electrical_units
from sensor_models.errors import MalformedFile
from sensor_models.scans import Array, Read, RecordedScan, Stated, unnamed_scan

CURRENT_A, POTENTIAL_V = "A", "V"


def _lower(value: Any) -> Any:
    """The same JSON with keys in small letters: later versions of the software capitalise them."""
    if isinstance(value, dict):
        return {key.lower(): _lower(one) for key, one in value.items()}
    return [_lower(one) for one in value] if isinstance(value, list) else value


def _salvaged(text: str, file: str) -> tuple[list[Any], list[MalformedFile]]:
    """(the measurements that are whole, what is wrong) of a session; a file that was cut keeps those before the cut."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        start = re.search(r'"measurements"\s*:\s*\[', text, re.IGNORECASE)
        found: list[Any] = []
        at = start.end() if start else len(text)
        decoder = json.JSONDecoder()
        while start and at < len(text):
            try:
                one, at = decoder.raw_decode(text, at + len(text[at:]) - len(text[at:].lstrip(" \r\n\t,")))
            except json.JSONDecodeError:
                break
            found.append(one)
        fault = MalformedFile(file, error.lineno, "", f"is not a whole PalmSens session: {error.msg}")
        if not found:
            raise fault from None
        return found, [fault]
    document = _lower(document)
    measurements = document.get("measurements") if isinstance(document, dict) else None
    if not isinstance(measurements, list) or not measurements:
        raise MalformedFile(file, 0, "measurements", "is missing or empty")
    return measurements, []


def _values(array: Any) -> tuple[str, Array] | None:
    """("V" or "A", values in it) of a data array; None when it is neither a potential nor a current."""
    if not isinstance(array, dict) or not isinstance(array.get("datavalues"), list):
        return None
    unit = array.get("unit") or {}
    # The unit's class counts: currents are stored in microampere while the symbol says A.
    kind = electrical_units.factor(str(unit.get("type", "")).rsplit(".", 1)[-1])
    kind = kind or electrical_units.factor(str(unit.get("s", "")))
    if kind is None:
        return None
    values = [one.get("v") if isinstance(one, dict) else one for one in array["datavalues"]]
    if not values or not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values):
        return None
    return kind[0], np.array(values, dtype=float) * kind[1]


def _spoilt(curve: Any) -> bool:
    """Whether a curve of current over potential has values that are no numbers, where others of it are."""
    for name in ("xaxisdataarray", "yaxisdataarray"):
        array = curve.get(name) if isinstance(curve, dict) else None
        values = array.get("datavalues") if isinstance(array, dict) else None
        if isinstance(array, dict) and isinstance(values, list) and _values(array) is None:
            sound = [one for one in values if isinstance(one.get("v") if isinstance(one, dict) else one, (int, float))]
            if sound and len(sound) < len(values) and _values({**array, "datavalues": sound}) is not None:
                return True
    return False


def _pair(dataset: Any, points: int) -> tuple[Array, Array] | None:
    """(forward, reverse) currents of a square wave, where the session keeps them."""
    found: dict[str, Array] = {}
    arrays = dataset.get("values") if isinstance(dataset, dict) else None
    for array in arrays if isinstance(arrays, list) else []:
        name = str(array.get("description", "")).lower() if isinstance(array, dict) else ""
        values = _values(array)
        for word in ("forward", "reverse"):
            if word in name and values is not None and values[0] == CURRENT_A and len(values[1]) == points:
                found[word] = values[1]
    return (found["forward"], found["reverse"]) if len(found) == 2 else None


def _stated(method: Any) -> Stated:
    """What a measurement's method (lines of NAME=VALUE) says of its pulses."""
    lines = (line.partition("=") for line in str(method or "").splitlines())
    said = {name.strip().upper(): value.strip() for name, _, value in lines}

    def number(*names: str) -> float:
        for name in names:
            try:
                return max(0.0, float(said[name]))
            except (KeyError, ValueError):
                continue
        return 0.0

    technique = said.get("METHOD_ID", "").lower()
    if technique != "swv":  # another technique's amplitude is something else
        return Stated(technique)
    return Stated(technique, number("E_AMP", "E_AMPL", "E_AMPLITUDE"), number("FREQ", "FREQUENCY"))


def _curve(curve: Any, dataset: Any, alone: bool, name: str, stated: Stated) -> RecordedScan | None:
    if not isinstance(curve, dict):
        return None
    x, y = _values(curve.get("xaxisdataarray")), _values(curve.get("yaxisdataarray"))
    if x is None or y is None or x[0] != POTENTIAL_V or y[0] != CURRENT_A:
        return None  # a current over time, an impedance: no voltammogram
    count = min(len(x[1]), len(y[1]))
    pair = _pair(dataset, count) if alone else None
    return unnamed_scan(name, x[1][:count], y[1][:count], pair, stated)


def read_session(text: str, file: str, stem: str) -> Read:
    """Every voltammogram of a session; raises MalformedFile when there is none."""
    measurements, faults = _salvaged(text.strip().strip("\ufeff\x00").strip(), file)
    found: list[RecordedScan] = []
    for n, measurement in enumerate(_lower(measurements), 1):
        if not isinstance(measurement, dict):
            faults.append(MalformedFile(file, 0, f"measurements[{n}]", "is not an object"))
            continue
        title = str(measurement.get("title") or f"measurement {n}")
        curves = measurement.get("curves")
        curves = curves if isinstance(curves, list) else []
        stated = _stated(measurement.get("method"))
        before = len(found)
        for m, curve in enumerate(curves, 1):
            one = _curve(curve, measurement.get("dataset"), len(curves) == 1, f"{stem}/{title}/{m}", stated)
            if one is not None:
                found.append(one)
            elif len(curves) > 1 and _spoilt(curve):
                fault = MalformedFile(file, 0, f"measurements[{n}].curves[{m}]", "has a value that is not a number")
                fault.scan_id = f"{stem}/{title}/{m}"
                faults.append(fault)
        if len(found) == before:
            faults.append(MalformedFile(file, 0, f"measurements[{n}]", "holds no curve of current over potential"))
    if not found:
        raise faults[0]
    return found, faults


def _units(lines: list[str], file: str) -> tuple[int, str, list[tuple[str, float]]]:
    """(index, separator, units) of the line of units that precedes the rows of an export."""
    for at, line in enumerate(lines[:40]):
        separator = max(delimited_text.SEPARATORS, key=line.count)
        fields = [field.strip().strip('"') for field in line.split(separator)]
        units = [electrical_units.factor(field) for field in fields if field]
        if len(units) >= 2 and None not in units:
            return at, separator, [unit for unit in units if unit is not None]
    reason = "column is missing, and no line of units (V, \u00b5A) as PSTrace exports"
    raise MalformedFile(file, 0, "scan_id", reason)


def read_export(text: str, file: str, stem: str) -> Read:
    """The CSV export of PSTrace: a line of units ("V,\u00b5A,V,\u00b5A"), then rows; each pair of columns is a scan."""
    lines = text.splitlines()
    at, separator, units = _units(lines, file)
    columns: list[list[float]] = [[] for _ in units]
    faults: list[MalformedFile] = []
    for number, line in enumerate(lines[at + 1 :], at + 2):
        fields = [field.strip().strip('"') for field in line.split(separator)]
        for k, field in enumerate(fields[: len(columns)]):
            if not field:
                continue
            try:
                value = delimited_text.number(field, decimal_comma=separator != ",")
            except ValueError:
                raise MalformedFile(file, number, f"column {k + 1}", f"{field!r} is not a number") from None
            columns[k].append(value * units[k][1])
    found = []
    for k in range(0, len(units) - 1, 2):
        if units[k][0] != POTENTIAL_V or units[k + 1][0] != CURRENT_A or not columns[k]:
            faults.append(MalformedFile(file, at + 1, f"column {k + 1}", "is no potential beside a current"))
            continue
        if len(columns[k]) != len(columns[k + 1]):
            faults.append(MalformedFile(file, len(lines), f"column {k + 2}", "has fewer rows than its potential"))
            continue
        found.append(unnamed_scan(f"{stem}/{k // 2 + 1}", np.array(columns[k]), np.array(columns[k + 1]), None))
    if not found:
        raise faults[0] if faults else MalformedFile(file, at + 1, "", "no rows follow the units")
    return found, faults
