"""Reads fixes.csv: good rows become observations, bad ones a complaint each with line, field and reason."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from firmware.wire.messages import EVENTS
from gateway.contract.reading import unix_ms_of
from gateway.errors import FileUnreadable
from gateway.geofence.motion import Observation

COLUMNS = ("time", "device_id", "lat", "lon", "horizontal_accuracy_m", "speed_m_s", "course_deg", "event")
REQUIRED = ("time", "device_id", "lat", "lon")
ACCURACY_MAX_M, SPEED_MAX_M_S = 1_000_000, 1_000
# What lies outside is a receiver's week counter or a slip of the pen, no time of a fix: GPS began in 1980.
TIME_MIN_MS, TIME_MAX_MS = unix_ms_of("1980-01-06T00:00:00Z"), unix_ms_of("2100-01-01T00:00:00Z")


class BadRow(NamedTuple):
    """A row that cannot be used."""

    line: int
    field: str
    reason: str


Complain = Callable[[BadRow], None]


class Unusable(ValueError):
    """Why a row, a point or a line is no observation."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


def _number(row: dict[str, str], field: str, low: float, high: float) -> float | None:
    text = row.get(field, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise Unusable(field, f"{text[:40]!r} is not a number") from None
    if not math.isfinite(value) or not low <= value <= high:
        raise Unusable(field, f"{text[:40]} is outside {low:g} to {high:g}")
    return value


def _observation(row: dict[str, str]) -> Observation:
    try:
        time_ms = unix_ms_of(row.get("time", "").strip())
    except (ValueError, OverflowError) as error:
        raise Unusable("time", str(error)) from None
    if not TIME_MIN_MS <= time_ms < TIME_MAX_MS:
        raise Unusable("time", f"{row['time'].strip()[:40]} is not between 1980 and 2100")
    device_id = row.get("device_id", "").strip()
    if not device_id or len(device_id) > 64:
        raise Unusable("device_id", "missing" if not device_id else "longer than 64 characters")
    event = row.get("event", "").strip()
    if event and event not in EVENTS:
        raise Unusable("event", f"{event[:40]!r} is not one of {', '.join(EVENTS)}")
    lat, lon = _number(row, "lat", -90, 90), _number(row, "lon", -180, 180)
    if (lat is None) != (lon is None):
        raise Unusable("lon" if lon is None else "lat", "missing: a position needs both lat and lon")
    if lat is None and not event:
        raise Unusable("lat", "missing: a row without an event needs a position")
    course = _number(row, "course_deg", -360, 360)
    return Observation(
        device_id,
        time_ms,
        lat,
        lon,
        _number(row, "horizontal_accuracy_m", 0, ACCURACY_MAX_M),
        _number(row, "speed_m_s", 0, SPEED_MAX_M_S),
        None if course is None else course % 360,
        event,
    )


def nothing_wrong(_: Observation) -> str:
    return ""


def parse(
    lines: Iterable[str], where: str, complain: Complain, doubt: Callable[[Observation], str] = nothing_wrong
) -> list[Observation]:
    """The usable observations of CSV text, in file order; raises FileUnreadable when the header does not fit.

    What `doubt` finds wrong with a position is complained of too; the core is to judge it all the same.
    """
    reader = csv.reader(lines)
    try:
        header = next(reader, None)
        if header is None:
            raise FileUnreadable(where, "is empty", f"the first line must be {','.join(COLUMNS)}")
        names = [name.strip().lstrip("\ufeff") for name in header]
        names = [name.lower() if name.lower() in COLUMNS else name for name in names]
        missing = [name for name in REQUIRED if name not in names]
        twice = [name for name in COLUMNS if names.count(name) > 1]
        if twice:
            raise FileUnreadable(f"{where}:1", f"the header names {', '.join(twice)} twice", "leave one of them")
        if missing and len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
            raise FileUnreadable(
                f"{where}:1", "the fields are not separated by commas", f"the first line must be {','.join(COLUMNS)}"
            )
        if missing:
            raise FileUnreadable(
                f"{where}:1", f"the header lacks {', '.join(missing)}", f"the first line must be {','.join(COLUMNS)}"
            )
        observations = []
        for cells in reader:
            if not any(cells):
                continue
            if len(cells) != len(names):
                complain(BadRow(reader.line_num, "row", f"has {len(cells)} fields, the header has {len(names)}"))
                continue
            try:
                observation = _observation(dict(zip(names, cells, strict=True)))
                observations.append(observation)
                if observation.lat is not None and (wrong := doubt(observation)):
                    raise Unusable("lat", wrong)
            except Unusable as error:
                complain(BadRow(reader.line_num, error.field, error.reason))
    except csv.Error as error:
        raise FileUnreadable(f"{where}:{reader.line_num}", f"not CSV: {error}") from None
    return observations


def read(path: Path, complain: Complain, doubt: Callable[[Observation], str] = nothing_wrong) -> list[Observation]:
    """The usable observations of a file, in file order; raises FileUnreadable when it cannot be used as a whole."""
    try:
        with path.open("rb") as start:
            encoding = "utf-16" if start.read(2) in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
        with path.open(encoding=encoding, errors="replace", newline="") as file:
            return parse(file, str(path), complain, doubt)
    except OSError as error:
        raise FileUnreadable(str(path), error.strerror or str(error), "name a fixes.csv that can be read") from None
