"""Recorded voltammetric scans in memory, and the reader of scans.csv."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from firmware.detection import Scan
from firmware.detection.scan import POINTS_MAX
from sensor_models.errors import MalformedFile

Array = npt.NDArray[np.float64]

LABELS = ("scan_id", "lot", "matrix", "analyte", "concentration_mol_l")
FORWARD_REVERSE = ("forward_a", "reverse_a")


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

    def for_detector(self) -> Scan:
        """The same scan as the verdict core takes it."""
        if self.forward_a is not None and self.reverse_a is not None:
            return Scan(
                self.potential_v.tolist(),
                self.forward_a.tolist(),
                self.reverse_a.tolist(),
                lot=self.lot,
                matrix=self.matrix,
                scan_id=self.scan_id,
            )
        return Scan(
            self.potential_v.tolist(), net_a=self.net_a.tolist(), lot=self.lot, matrix=self.matrix, scan_id=self.scan_id
        )


def cut_scan(scan: RecordedScan, window_v: list[float], scale_a: float) -> tuple[Array, Array]:
    """firmware.detection.scan.cut for a recorded scan: same bins, same float32 rounding of what goes into the fit."""
    inside = np.nonzero((scan.potential_v >= window_v[0]) & (scan.potential_v <= window_v[1]))[0]
    if not len(inside):
        return np.empty(0), np.empty(0)
    first, stop = int(inside[0]), int(inside[-1]) + 1
    width = (stop - first + POINTS_MAX - 1) // POINTS_MAX
    bins = (stop - first) // width
    chosen = slice(first, first + bins * width)
    potential = scan.potential_v[chosen].reshape(bins, width).sum(axis=1) / width
    net = scan.net_a[chosen].reshape(bins, width).sum(axis=1) / width / scale_a
    return potential.astype(np.float32).astype(float), net.astype(np.float32).astype(float)


class _Gathered:
    __slots__ = ("currents", "labels", "line", "potential")

    def __init__(self, labels: tuple[str, ...], line: int, traces: int) -> None:
        self.labels = labels
        self.line = line
        self.potential: list[float] = []
        self.currents: list[list[float]] = [[] for _ in range(traces)]


def _number(text: str, file: str, line: int, field: str) -> float:
    try:
        return float(text)
    except ValueError:
        what = "is empty" if not text.strip() else f"{text!r} is not a number"
        raise MalformedFile(file, line, field, what) from None


def _columns(header: list[str], file: str) -> tuple[dict[str, int], tuple[str, ...]]:
    names = [name.strip() for name in header]
    at = {name: k for k, name in enumerate(names)}
    if len(at) != len(names):
        raise MalformedFile(file, 1, "header", "a column name appears twice")
    for name in ("scan_id", "potential_v"):
        if name not in at:
            raise MalformedFile(file, 1, name, "column is missing")
    if all(name in at for name in FORWARD_REVERSE):
        return at, FORWARD_REVERSE
    if "net_a" in at:
        return at, ("net_a",)
    missing = [name for name in FORWARD_REVERSE if name not in at]
    raise MalformedFile(file, 1, missing[0], "column is missing (give forward_a and reverse_a, or net_a)")


def _gather(rows: Iterator[list[str]], reader: object, file: str) -> dict[str, _Gathered]:
    header = next(rows, None)
    if header is None:
        raise MalformedFile(file, 0, "", "the file is empty")
    at, traces = _columns(header, file)
    width = len(header)
    label_at = [at.get(name) for name in LABELS]
    trace_at = [at[name] for name in traces]
    potential_at = at["potential_v"]
    found: dict[str, _Gathered] = {}
    current: _Gathered | None = None
    current_id = ""
    for row in rows:
        if not row:
            continue
        line: int = reader.line_num  # type: ignore[attr-defined]
        if len(row) != width:
            raise MalformedFile(file, line, "row", f"has {len(row)} fields, the header has {width}")
        labels = tuple(row[k].strip() if k is not None else "" for k in label_at)
        if current is None or labels[0] != current_id:
            current_id = labels[0]
            if not current_id:
                raise MalformedFile(file, line, "scan_id", "is empty")
            current = found.get(current_id)
            if current is None:
                current = found[current_id] = _Gathered(labels, line, len(traces))
        if labels != current.labels:
            field = next(n for n, a, b in zip(LABELS, labels, current.labels, strict=True) if a != b)
            raise MalformedFile(file, line, field, f"differs from line {current.line} of the same scan {current_id!r}")
        current.potential.append(_number(row[potential_at], file, line, "potential_v"))
        for trace, k, name in zip(current.currents, trace_at, traces, strict=True):
            trace.append(_number(row[k], file, line, name))
    return found


def _concentration(text: str, file: str, line: int) -> float | None:
    if not text:
        return None
    value = _number(text, file, line, "concentration_mol_l")
    if not math.isfinite(value) or value < 0:
        raise MalformedFile(file, line, "concentration_mol_l", f"{text!r} is not a concentration (0 or more)")
    return value


def read_csv(path: Path) -> list[RecordedScan]:
    """The scans of a scans.csv in order of first appearance; raises MalformedFile with file, line, field and reason."""
    file = str(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.reader(stream)
            found = _gather(iter(reader), reader, file)
    except OSError as error:
        raise MalformedFile(file, 0, "", error.strerror or "cannot be read") from None
    except UnicodeDecodeError:
        raise MalformedFile(file, 0, "", "is not UTF-8 text") from None
    except csv.Error as error:
        raise MalformedFile(file, 0, "", f"is not CSV: {error}") from None
    if not found:
        raise MalformedFile(file, 0, "", "holds no scan")
    scans = []
    for scan_id, one in found.items():
        traces = [np.array(trace) for trace in one.currents]
        pair = len(traces) == 2
        scans.append(
            RecordedScan(
                scan_id=scan_id,
                lot=one.labels[1],
                matrix=one.labels[2],
                analyte=one.labels[3],
                concentration_mol_l=_concentration(one.labels[4], file, one.line),
                potential_v=np.array(one.potential),
                forward_a=traces[0] if pair else None,
                reverse_a=traces[1] if pair else None,
                net_a=traces[0] - traces[1] if pair else traces[0],
                line=one.line,
            )
        )
    return scans
