"""Recorded voltammetric scans in memory, and the reader of scans.csv."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from firmware.detection import Scan
from firmware.detection.scan import EDGE_V, POINTS_MAX
from sensor_models.delimited_text import Table
from sensor_models.electrical_units import PREFIXES
from sensor_models.errors import MalformedFile
from sensor_models.grouped_rows import Group, grouped

Array = npt.NDArray[np.float64]

LABELS = ("scan_id", "lot", "matrix", "analyte", "concentration_mol_l", "strip_id", "amplitude_v", "frequency_hz")
FORWARD_REVERSE = ("forward_a", "reverse_a")


class Stated(NamedTuple):
    """How a file says that a scan was run; "" or 0: not said.

    `technique` is "swv" for a square wave, `amplitude_v` half of peak to peak.
    """

    technique: str = ""
    amplitude_v: float = 0.0
    frequency_hz: float = 0.0


UNSTATED = Stated()


@dataclass(frozen=True)
class RecordedScan:
    """One scan: potentials in V, currents in A, in the order measured; `concentration_mol_l` is None when unknown."""

    scan_id: str
    lot: str
    matrix: str
    analyte: str
    concentration_mol_l: float | None
    potential_v: Array
    forward_a: Array | None
    reverse_a: Array | None
    net_a: Array
    line: int = 0
    strip_id: str = ""
    stated: Stated = UNSTATED

    def renamed(self, scan_id: str) -> RecordedScan:
        """The same scan by another name."""
        return replace(self, scan_id=scan_id)

    def for_detector(self) -> Scan:
        """The same scan as the verdict core takes it."""
        pair = self.forward_a is not None and self.reverse_a is not None
        return Scan(
            self.potential_v.tolist(),
            self.forward_a.tolist() if pair and self.forward_a is not None else None,
            self.reverse_a.tolist() if pair and self.reverse_a is not None else None,
            net_a=None if pair else self.net_a.tolist(),
            lot=self.lot,
            matrix=self.matrix,
            scan_id=self.scan_id,
            **self.stated._asdict(),
        )


Read = tuple[list[RecordedScan], list[MalformedFile]]  # sound scans, and what is wrong with the others


def cut_scan(scan: RecordedScan, window_v: list[float], scale_a: float) -> tuple[Array, Array]:
    """firmware.detection.scan.cut for a recorded scan: same bins, same float32 rounding of what goes into the fit."""
    low, high = window_v[0] - EDGE_V, window_v[1] + EDGE_V
    inside = np.nonzero((scan.potential_v >= low) & (scan.potential_v <= high))[0]
    if not len(inside):
        return np.empty(0), np.empty(0)
    first, stop = int(inside[0]), int(inside[-1]) + 1
    width = (stop - first + POINTS_MAX - 1) // POINTS_MAX
    bins = (stop - first) // width
    chosen = slice(first, first + bins * width)
    potential = scan.potential_v[chosen].reshape(bins, width).sum(axis=1) / width
    net = scan.net_a[chosen].reshape(bins, width).sum(axis=1) / width / scale_a
    return potential.astype(np.float32).astype(float), net.astype(np.float32).astype(float)


def unnamed_scan(
    scan_id: str,
    potential_v: Array,
    net_a: Array,
    pair: tuple[Array, Array] | None,
    stated: Stated = UNSTATED,
) -> RecordedScan:
    """A scan of which an instrument's file tells neither lot, drink nor content."""
    forward, reverse = pair if pair is not None else (None, None)
    return RecordedScan(scan_id, "", "", "", None, potential_v, forward, reverse, net_a, stated=stated)


class _Traces:
    """Potentials and currents of one scan while its rows come in."""

    __slots__ = ("currents", "potential")

    def __init__(self, traces: int) -> None:
        self.potential: list[float] = []
        self.currents: list[list[float]] = [[] for _ in range(traces)]


def _named_and_scaled(name: str) -> tuple[str, float]:
    """(the column's name as the format spells it, factor to its unit) of a name in capitals or with a scaled unit."""
    lower = name.lower()
    found = re.fullmatch(r"(potential_(?=.?v$)|(?:forward|reverse|net)_(?=.?a$))(.?)([va])", lower)
    if found and found[2] in PREFIXES:
        return found[1] + found[3], PREFIXES[found[2]]
    known = lower in (*LABELS, "net_a")
    return (lower if known else name), 1.0


def _trace_columns(table: Table) -> tuple[tuple[str, float], ...]:
    """(name, factor to ampere) of the currents' columns; the header is put right on the way."""
    scaled = [_named_and_scaled(name) for name in table.header]
    table.header = names = [name for name, _ in scaled]
    factors = dict(scaled)
    if len(set(names)) != len(names):
        raise MalformedFile(table.file, table.header_line, "header", "a column name appears twice")
    for name in ("scan_id", "potential_v"):
        if name not in names:
            raise MalformedFile(table.file, table.header_line, name, "column is missing")
    if all(name in names for name in FORWARD_REVERSE):
        return tuple((name, factors[name]) for name in FORWARD_REVERSE)
    if "net_a" in names:
        return (("net_a", factors["net_a"]),)
    missing = next(name for name in FORWARD_REVERSE if name not in names)
    reason = "column is missing (give forward_a and reverse_a, or net_a)"
    raise MalformedFile(table.file, table.header_line, missing, reason)


def _begins_anew(potential_v: list[float]) -> int | None:
    """Index at which the potentials start again as they began (two scans under one name), or None."""
    if len(potential_v) < 2 or potential_v[0] == potential_v[1]:
        return None
    first, second = potential_v[:2]
    for k in range(2, len(potential_v) - 1):
        if potential_v[k] == first and potential_v[k + 1] == second:
            return k
    return None


def _setting(table: Table, text: str, name: str) -> float:
    """A setting that a scan's rows state, 0 when they do not."""
    value = table.number(text, name) if text else 0.0
    if not math.isfinite(value) or value < 0.0 or (text and value == 0.0):
        raise MalformedFile(table.file, table.line, name, f"{text!r} is not positive")
    return value


def _finished(table: Table, group: Group[_Traces]) -> RecordedScan:
    if group.fault is not None:
        raise group.fault
    anew = _begins_anew(group.content.potential)
    if anew is not None:
        reason = (
            f"{group.scan_id!r} names two scans: its potentials begin anew at its point {anew + 1} (name each apart)"
        )
        raise MalformedFile(table.file, group.line, "scan_id", reason)
    lot, matrix, analyte, concentration, strip_id, amplitude, frequency = group.labels
    table.line = group.line
    amount = table.number(concentration, "concentration_mol_l") if concentration else None
    stated = Stated(
        amplitude_v=_setting(table, amplitude, "amplitude_v"), frequency_hz=_setting(table, frequency, "frequency_hz")
    )
    if amount is not None and (not math.isfinite(amount) or amount < 0):
        reason = f"{concentration!r} is not a concentration (0 or more)"
        raise MalformedFile(table.file, group.line, "concentration_mol_l", reason)
    traces = [np.array(trace) for trace in group.content.currents]
    pair = (traces[0], traces[1]) if len(traces) == 2 else None
    return RecordedScan(
        scan_id=group.scan_id,
        lot=lot,
        matrix=matrix,
        analyte=analyte,
        concentration_mol_l=amount,
        potential_v=np.array(group.content.potential),
        forward_a=pair[0] if pair else None,
        reverse_a=pair[1] if pair else None,
        net_a=pair[0] - pair[1] if pair else traces[0],
        line=group.line,
        strip_id=strip_id,
        stated=stated,
    )


def read(path: Path) -> Read:
    """(the sound scans of a scans.csv in order of first appearance, what is wrong with the others).

    Columns may carry a scaled unit (`potential_mv`, `net_ua`, `forward_na`) and capitals in their names.
    Raises MalformedFile with file, line, field and reason when the file as a whole or every scan of it is unusable.
    """
    table = Table(path)
    header = table.header
    try:
        names = _trace_columns(table)
    except MalformedFile:
        table.close()
        raise
    potential_at = table.header.index("potential_v")
    to_volt = _named_and_scaled(header[potential_at])[1]
    traces_at = [(k, table.header.index(name), name, factor) for k, (name, factor) in enumerate(names)]
    number = table.number

    def take(traces: _Traces, row: list[str]) -> None:
        traces.potential.append(number(row[potential_at], "potential_v") * to_volt)
        for k, at, name, factor in traces_at:
            traces.currents[k].append(number(row[at], name) * factor)

    groups, faults = grouped(table, LABELS[1:], lambda: _Traces(len(names)), take)
    found = []
    for group in groups:
        try:
            found.append(_finished(table, group))
        except MalformedFile as fault:
            fault.scan_id = group.scan_id
            faults.append(fault)
    if not found:
        raise faults[0] if faults else MalformedFile(table.file, 0, "", "holds no scan")
    return found, faults


def read_csv(path: Path) -> list[RecordedScan]:
    """The scans of a scans.csv of which every row must be sound; raises MalformedFile."""
    found, faults = read(path)
    if faults:
        raise faults[0]
    return found
