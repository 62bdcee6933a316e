"""Readers of instruments' own files: PalmSens .pssession, CHI text export, Gamry .dta; all give RecordedScan."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sensor_models import scans
from sensor_models.errors import MalformedFile
from sensor_models.scans import Array, RecordedScan


def _text(path: Path) -> str:
    file = str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise MalformedFile(file, 0, "", error.strerror or "cannot be read") from None
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff") or data[1:2] == b"\x00"
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-16-le" if wide else "utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _scan(scan_id: str, potential: Array, forward: Array | None, reverse: Array | None, net: Array) -> RecordedScan:
    return RecordedScan(scan_id, "", "", "", None, potential, forward, reverse, net)


def _column(table: list[list[float]], k: int) -> Array:
    return np.array([row[k] for row in table], dtype=float)


# -- PalmSens ----------------------------------------------------------------------------------------------------------
def _values(array: Any) -> Array | None:
    if not isinstance(array, dict):
        return None
    found = array.get("datavalues")
    if not isinstance(found, list) or not found or not all(isinstance(one, dict) and "v" in one for one in found):
        return None
    return np.array([one["v"] for one in found], dtype=float)


def _curve_scan(curve: dict[str, Any], name: str) -> RecordedScan | None:
    x, y = _values(curve.get("xaxisdataarray")), _values(curve.get("yaxisdataarray"))
    if x is None or y is None:
        return None
    unit = (curve.get("yaxisdataarray") or {}).get("unit") or {}
    symbol = str(unit.get("s", "A"))
    factor = {"A": 1.0, "mA": 1e-3, "uA": 1e-6, "µA": 1e-6, "nA": 1e-9}.get(symbol, 1e-6)
    length = min(len(x), len(y))
    return _scan(name, x[:length], None, None, y[:length] * factor)


def read_pssession(path: Path) -> list[RecordedScan]:
    """Every curve of a PalmSens session (JSON in UTF-16); currents in microampere there, in ampere here."""
    file = str(path)
    try:
        document = json.loads(_text(path).strip().rstrip("\ufeff\x00").strip())
    except json.JSONDecodeError as error:
        raise MalformedFile(file, error.lineno, "", f"is not a PalmSens session: {error.msg}") from None
    measurements = document.get("measurements") if isinstance(document, dict) else None
    if not isinstance(measurements, list) or not measurements:
        raise MalformedFile(file, 0, "measurements", "is missing or empty")
    found = []
    for n, measurement in enumerate(measurements, 1):
        title = str(measurement.get("title") or f"measurement {n}")
        for m, curve in enumerate(measurement.get("curves") or [], 1):
            one = _curve_scan(curve, f"{path.stem}/{title}/{m}")
            if one is not None:
                found.append(one)
    if not found:
        raise MalformedFile(file, 0, "curves", "holds no curve with potentials and currents")
    return found


# -- Gamry -------------------------------------------------------------------------------------------------------------
def read_dta(path: Path) -> list[RecordedScan]:
    """The curve tables of a Gamry .dta; an aborted run gives the points it has, fewer than announced."""
    file = str(path)
    lines = _text(path).splitlines()
    if not lines or lines[0].strip() != "EXPLAIN":
        raise MalformedFile(file, 1, "", "is not a Gamry file (first line is not EXPLAIN)")
    found = []
    for k, line in enumerate(lines):
        fields = line.strip().split("\t")
        if len(fields) >= 2 and fields[0].startswith("CURVE") and fields[1] == "TABLE":
            found.append(_gamry_table(file, lines, k, f"{path.stem}/{fields[0]}"))
    if not found:
        raise MalformedFile(file, 0, "CURVE", "holds no curve table")
    return found


def _gamry_table(file: str, lines: list[str], at: int, name: str) -> RecordedScan:
    if at + 2 >= len(lines):
        raise MalformedFile(file, at + 1, "CURVE", "the table has no header")
    header = lines[at + 1].strip().split("\t")
    table = []
    for number, line in enumerate(lines[at + 3 :], at + 4):
        if not line.startswith("\t"):
            break
        fields = line.strip().split("\t")
        if len(fields) < len(header) - 1:
            raise MalformedFile(file, number, "row", f"has {len(fields)} fields, the header has {len(header)}")
        row = []
        for column, text in zip(header, fields, strict=False):
            try:
                row.append(float(text))
            except ValueError:
                if column in {"Vfwd", "Vrev", "Vstep", "Ifwd", "Irev", "Idif", "Vf", "Im"}:
                    raise MalformedFile(file, number, column, f"{text!r} is not a number") from None
                row.append(float("nan"))
        table.append(row)
    if not table:
        raise MalformedFile(file, at + 1, "CURVE", "the table has no rows")
    index = {column: k for k, column in enumerate(header)}
    if {"Ifwd", "Irev"} <= index.keys():
        forward, reverse = _column(table, index["Ifwd"]), _column(table, index["Irev"])
        place = index.get("Vstep", index.get("Vfwd", 0))
        return _scan(name, _column(table, place), forward, reverse, forward - reverse)
    if {"Vf", "Im"} <= index.keys():
        return _scan(name, _column(table, index["Vf"]), None, None, _column(table, index["Im"]))
    raise MalformedFile(file, at + 2, "CURVE", "has neither Ifwd and Irev nor Vf and Im")


# -- CHI ---------------------------------------------------------------------------------------------------------------
_NUMBER = re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")


def read_chi(path: Path) -> list[RecordedScan]:
    """A CH Instruments text export: a header, a line of column names with Potential/V, rows of numbers."""
    file = str(path)
    lines = _text(path).splitlines()
    head = next((k for k, line in enumerate(lines) if re.match(r"\s*Potential/V\b", line)), None)
    if head is None:
        raise MalformedFile(file, 0, "Potential/V", "no line of column names: not a CHI text export")
    names = [re.sub(r"\s+", "", name).lower() for name in re.split(r"[,\t]|\s{2,}", lines[head].strip()) if name]
    table = []
    for number, line in enumerate(lines[head + 1 :], head + 2):
        fields = [text for text in re.split(r"[,\s]+", line.strip()) if text]
        if not fields:
            continue
        if len(fields) != len(names):
            raise MalformedFile(file, number, "row", f"has {len(fields)} fields, the header has {len(names)}")
        for name, text in zip(names, fields, strict=True):
            if not _NUMBER.match(text):
                raise MalformedFile(file, number, name, f"{text!r} is not a number")
        table.append([float(text) for text in fields])
    if not table:
        raise MalformedFile(file, head + 1, "Potential/V", "no rows follow the column names")
    forward = next((k for k, name in enumerate(names) if name in {"i(f)/a", "if/a", "forwardcurrent/a"}), None)
    reverse = next((k for k, name in enumerate(names) if name in {"i(r)/a", "ir/a", "reversecurrent/a"}), None)
    net = next((k for k, name in enumerate(names) if name in {"i(d)/a", "diff/a", "current/a", "difference/a"}), None)
    potential = _column(table, 0)
    if forward is not None and reverse is not None:
        i_forward, i_reverse = _column(table, forward), _column(table, reverse)
        difference = _column(table, net) if net is not None else i_forward - i_reverse
        return [_scan(path.stem, potential, i_forward, i_reverse, difference)]
    if net is None:
        raise MalformedFile(file, head + 1, "Current/A", "no current column")
    return [_scan(path.stem, potential, None, None, _column(table, net))]


_READERS: dict[str, Callable[[Path], list[RecordedScan]]] = {
    ".csv": scans.read_csv,
    ".pssession": read_pssession,
    ".dta": read_dta,
    ".txt": read_chi,
}


def read(path: Path) -> list[RecordedScan]:
    """The scans of a file in any format known, chosen by the file name's ending; raises MalformedFile."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        known = ", ".join(_READERS)
        raise MalformedFile(
            str(path), 0, "", f"no reader for {path.suffix or 'a name without ending'} (known: {known})"
        )
    return reader(path)
