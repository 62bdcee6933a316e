"""Gamry .dta files: every CURVE table of a voltammetry, whole or aborted, with decimal points or commas."""

from __future__ import annotations

import numpy as np

from sensor_models import delimited_text, electrical_units
from sensor_models.errors import MalformedFile
from sensor_models.scans import Array, Read, RecordedScan, Stated, unnamed_scan

# potential column, forward, reverse, net: the first set that a table has
COLUMNS = (
    ("Vstep", "Ifwd", "Irev", "Idif"),
    ("Vfwd", "Ifwd", "Irev", "Idif"),
    ("Vstep", "", "", "Idif"),
    ("Vfwd", "", "", "Idif"),
    ("Vf", "", "", "Im"),
    ("Vm", "", "", "Im"),
)

HEAD_LINES = 400  # settings stand above the first table


def read(text: str, file: str, stem: str) -> Read:
    """The voltammograms of a file; an aborted run gives the points it has. Raises MalformedFile when there is none."""
    lines = text.splitlines()
    if not lines or lines[0].strip().upper() != "EXPLAIN":
        raise MalformedFile(file, 1, "", "is not a Gamry file (first line is not EXPLAIN)")
    found: list[RecordedScan] = []
    faults: list[MalformedFile] = []
    tables = 0
    stated = _stated(lines)
    for k, line in enumerate(lines):
        fields = line.strip().split("\t")
        if len(fields) < 2 or not fields[0].startswith("CURVE") or fields[1] != "TABLE":
            continue  # OCVCURVE and ZCURVE tables are other measurements
        tables += 1
        try:
            scan, fault = _table(file, lines, k, f"{stem}/{fields[0]}", stated)
        except MalformedFile as error:
            error.scan_id = f"{stem}/{fields[0]}"
            faults.append(error)
            continue
        found.append(scan)
        faults += [fault] if fault else []
    if not tables:
        raise MalformedFile(file, 0, "CURVE", "holds no curve table")
    if not found:
        raise faults[0]
    return found, faults


def _stated(lines: list[str]) -> Stated:
    """What the head says of the pulses: TAG, PULSESIZE (mV, half of peak to peak) and FREQUENCY (Hz)."""
    said: dict[str, str] = {}
    for line in lines[:HEAD_LINES]:
        fields = line.strip().split("\t")
        if fields[0] == "TAG" and len(fields) > 1:
            said["TAG"] = fields[1]
        elif len(fields) > 2 and fields[0] in ("PULSESIZE", "FREQUENCY"):
            said[fields[0]] = fields[2]
    technique = said.get("TAG", "").strip()

    def number(name: str) -> float:
        try:
            return max(0.0, delimited_text.number(said.get(name, ""), decimal_comma=True))
        except ValueError:
            return 0.0

    if technique.upper() not in ("", "SQUARE_WAVE"):
        return Stated(technique.lower())
    return Stated("swv" if technique else "", number("PULSESIZE") / 1e3, number("FREQUENCY"))


def _table(
    file: str, lines: list[str], at: int, name: str, stated: Stated
) -> tuple[RecordedScan, MalformedFile | None]:
    """(scan, what is wrong with its end) of the table whose first line is lines[at]."""
    if at + 2 >= len(lines):
        raise MalformedFile(file, at + 1, "CURVE", "the table has no header")
    header, units = (lines[at + k].strip().split("\t") for k in (1, 2))
    chosen = next((one for one in COLUMNS if all(name in header for name in one if name)), None)
    if chosen is None:
        raise MalformedFile(file, at + 2, "CURVE", "has neither Ifwd and Irev, nor Idif, nor Vf and Im")
    index = {column: k for k, column in enumerate(header)}
    wanted = [column for column in chosen if column]
    scale = {}
    for column in wanted:
        unit = electrical_units.factor(units[index[column]]) if index[column] < len(units) else None
        if unit is None or unit[0] != ("V" if column.startswith("V") else "A"):
            raise MalformedFile(file, at + 3, column, "has no unit of volt or ampere")
        scale[column] = unit[1]
    values: dict[str, list[float]] = {column: [] for column in wanted}
    fault = None
    for number, line in enumerate(lines[at + 3 :], at + 4):
        if not line.startswith("\t") or not line.strip():
            break
        fields = line[1:].split("\t")
        try:
            row = {column: _cell(fields, index[column], column, file, number) for column in wanted}
        except MalformedFile as error:
            if number != len(lines) or len(values[wanted[0]]) < 2:
                raise
            fault = MalformedFile(
                file, number, error.field, "the file ends inside this row: the points before it are kept"
            )
            fault.scan_id = ""
            break
        for column, value in row.items():
            values[column].append(value * scale[column])
    if not values[wanted[0]]:
        raise MalformedFile(file, at + 1, "CURVE", "the table has no rows")
    columns: dict[str, Array] = {column: np.array(one) for column, one in values.items()}
    pair = (columns[chosen[1]], columns[chosen[2]]) if chosen[1] else None
    net = pair[0] - pair[1] if pair else columns[chosen[3]]
    return unnamed_scan(name, columns[chosen[0]], net, pair, stated), fault


def _cell(fields: list[str], k: int, column: str, file: str, number: int) -> float:
    if k >= len(fields):
        raise MalformedFile(file, number, column, f"the row has {len(fields)} fields only")
    try:
        return delimited_text.number(fields[k], decimal_comma=True)
    except ValueError:
        raise MalformedFile(file, number, column, f"{fields[k]!r} is not a number") from None
