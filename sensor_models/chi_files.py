"""Text exports of CH Instruments: a header of settings, a line of columns with units, rows; one scan per channel."""

from __future__ import annotations

import re

import numpy as np

from sensor_models import delimited_text, electrical_units
from sensor_models.errors import MalformedFile
from sensor_models.scans import Array, Read, Stated, unnamed_scan

HEAD = re.compile(r'^\W*"?\s*(?:potential|e)\s*/\s*m?V\b', re.IGNORECASE)
# Between rows: segments of cyclic scans and the peaks that the program has found in them.
BETWEEN = re.compile(r"^\s*(?:segment\s*\d+\s*:?|[A-Za-z]{1,3}p?\s*=.*)\s*$", re.IGNORECASE)
TECHNIQUE = re.compile(r"[a-z -]*\bvoltammetry", re.IGNORECASE)
SETTING = re.compile(r"(amplitude|frequency)\s*\((m?V|Hz)\)\s*=\s*(\d+(?:[.,]\d+)?(?:e[-+]?\d+)?)$", re.IGNORECASE)
FORWARD = {"for(i", "for (i", "i(f)", "if", "forward", "forward current", "ifor", "forward(i", "i for"}
REVERSE = {"rev(i", "rev (i", "i(r)", "ir", "reverse", "reverse current", "irev", "reverse(i", "i rev"}
NET = {"diff(i", "diff (i", "i(d)", "diff", "difference", "current", "i", "difference(i", "idiff", "delta i"}


def _columns(line: str) -> list[str]:
    return [name.strip().strip('"').strip() for name in re.split(r"[,;\t]|\s{2,}", line.strip()) if name.strip()]


def _fields(line: str, wanted: int) -> list[str]:
    """The fields of a row: separated by tabs, semicolons or blanks (decimal commas allowed), or by bare commas."""
    text = line.strip().strip(",;")
    loose = [field for field in re.split(r"\s*[;\t]\s*|,?\s+", text) if field]
    return loose if len(loose) == wanted else [field.strip() for field in text.split(",")]


def _roles(names: list[str], file: str, line: int) -> tuple[float, list[dict[str, tuple[int, float]]]]:
    """(factor of the potential, for each channel the column and factor of forward, reverse and net)."""
    channels: dict[str, dict[str, tuple[int, float]]] = {}
    potential = electrical_units.of_column(names[0])
    for k, name in enumerate(names[1:], 1):
        found = electrical_units.of_column(name)
        if found is None or found[1] != "A":
            continue  # charge, time, a smoothed copy
        digits = re.search(r"i(\d+)$|^current\s*(\d+)$|^i(\d+)", found[0])
        channel = next((d for d in digits.groups() if d), "") if digits else ""
        word = re.sub(r"\d+", "", found[0]).strip()
        for role, words in (("forward", FORWARD), ("reverse", REVERSE), ("net", NET)):
            if word in words:
                channels.setdefault(channel, {}).setdefault(role, (k, found[2]))
    out = [one for one in channels.values() if "net" in one or {"forward", "reverse"} <= one.keys()]
    if potential is None or not out:
        raise MalformedFile(file, line, "Current/A", "no current column")
    return potential[2], out


def _rows(lines: list[str], start: int, names: list[str], file: str) -> tuple[list[list[float]], MalformedFile | None]:
    """(rows of numbers, what is wrong with the file's end)."""
    table: list[list[float]] = []
    last = max((k for k, line in enumerate(lines) if line.strip()), default=0)
    for k in range(start, len(lines)):
        line = lines[k]
        if not line.strip() or BETWEEN.match(line) or line.lstrip().startswith("#"):
            continue
        fields = _fields(line, len(names))
        name, reason = "row", f"has {len(fields)} fields, the header has {len(names)}"
        try:
            if len(fields) == len(names):
                row = []
                for name, text in zip(names, fields, strict=True):  # noqa: B007 - names the field that fails
                    reason = f"{text!r} is not a number"
                    row.append(delimited_text.number(text, decimal_comma=True))
                table.append(row)
                continue
        except ValueError:
            pass
        if k == last and len(table) >= 2 and len(fields) <= len(names):
            reason = "the file ends inside this row: the points before it are kept"
            return table, MalformedFile(file, k + 1, name, reason)
        raise MalformedFile(file, k + 1, name, reason)
    if not table:
        raise MalformedFile(file, start, "Potential/V", "no rows follow the column names")
    return table, None


def _stated(head: list[str]) -> Stated:
    """What the settings above the columns say: "Square Wave Voltammetry", "Amplitude (V) = 0.025"."""
    technique = ""
    found = {"amplitude": 0.0, "frequency": 0.0}
    for line in head:
        words = line.strip().strip('"').strip()
        technique = technique or (words if TECHNIQUE.fullmatch(words) else "")
        named = SETTING.match(words)
        if named:
            value = delimited_text.number(named[3], decimal_comma=True)
            found[named[1].lower()] = value / 1e3 if named[2].startswith("m") else value
    if technique and "square wave" not in technique.lower():
        return Stated(technique)
    return Stated("swv" if technique else "", found["amplitude"], found["frequency"])


def is_export(text: str) -> bool:
    """Whether a text has the line of columns of a CHI export in its head."""
    return any(HEAD.match(line) for line in text[:20_000].splitlines())


def read(text: str, file: str, stem: str) -> Read:
    """The scans of an export, one per channel; raises MalformedFile when there is none."""
    lines = text.splitlines()
    head = next((k for k, line in enumerate(lines) if HEAD.match(line)), None)
    if head is None:
        raise MalformedFile(file, 0, "Potential/V", "no line of column names: not a CHI text export")
    names = _columns(lines[head])
    volt, channels = _roles(names, file, head + 1)
    table, fault = _rows(lines, head + 1, names, file)
    columns: Array = np.array(table, dtype=float).T
    stated = _stated(lines[:head])
    found = []
    for n, roles in enumerate(channels, 1):
        one = {role: columns[k] * scale for role, (k, scale) in roles.items()}
        pair = (one["forward"], one["reverse"]) if {"forward", "reverse"} <= one.keys() else None
        net = one["net"] if "net" in one or pair is None else pair[0] - pair[1]
        name = stem if len(channels) == 1 else f"{stem}/{n}"
        found.append(unnamed_scan(name, columns[0] * volt, net, pair, stated))
    return found, [fault] if fault else []
