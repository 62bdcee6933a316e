"""Reads NMEA 0183 logs: every valid RMC is an observation; the HDOP of the GGA before it gives its accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from gateway.errors import FileUnreadable
from gateway.geofence.motion import Observation
from gateway.replay.fixes import SPEED_MAX_M_S, BadRow, Complain, Unusable, nothing_wrong
from gateway.replay.gpx import accuracy_m

BYTES_MAX = 200_000_000
KNOT_M_S = 1852 / 3600
SENTENCE_LENGTH_MAX = 120


def _shown(line: bytes) -> str:
    """The beginning of a line, fit to be printed."""
    return ascii(line[:24].decode("ascii", "replace"))


def _fields(line: bytes) -> list[str]:
    """The fields of a sentence whose checksum holds; raises Unusable for anything else."""
    start = line.rfind(b"$")
    star = line.rfind(b"*")
    if start < 0 or star < start or len(line) - start > SENTENCE_LENGTH_MAX:
        raise Unusable("sentence", f"{_shown(line)} is no sentence with a checksum")
    body, stated = line[start + 1 : star], line[star + 1 : star + 3]
    total = 0
    for byte in body:
        total ^= byte
    try:
        holds = int(stated, 16) == total
        text = body.decode("ascii")
    except ValueError:
        holds, text = False, ""
    if not holds:
        raise Unusable("checksum", f"{_shown(line)} ends with {_shown(stated)}, its bytes give {total:02X}")
    return text.split(",")


def _degrees(text: str, hemisphere: str) -> float:
    """Degrees of `[d]ddmm.mmmm` and a hemisphere; raises ValueError."""
    whole, _, _ = text.partition(".")
    degrees = int(whole[:-2]) + float(text[len(whole) - 2 :]) / 60
    if hemisphere not in ("N", "S", "E", "W"):
        raise ValueError(hemisphere)
    return -degrees if hemisphere in "SW" else degrees


def _number(text: str) -> float | None:
    value = float(text) if text else None
    return None if value is None or not math.isfinite(value) else value


def _observation(fields: list[str], device_id: str, hdop: float | None) -> Observation:
    """The observation of a valid RMC; raises ValueError or IndexError where a field cannot be read."""
    clock, day = fields[1], fields[9]
    year = int(day[4:6])
    moment = datetime(
        2000 + year if year < 80 else 1900 + year,
        int(day[2:4]),
        int(day[0:2]),
        int(clock[0:2]),
        int(clock[2:4]),
        min(int(clock[4:6]), 59),
        tzinfo=UTC,
    )
    time_ms = round(moment.timestamp() * 1000) + round(1000 * float("0" + clock[6:]))
    lat, lon = _degrees(fields[3], fields[4]), _degrees(fields[5], fields[6])
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise ValueError("position")
    knots, course = _number(fields[7]), _number(fields[8])
    speed = None if knots is None or not 0 <= knots * KNOT_M_S <= SPEED_MAX_M_S else knots * KNOT_M_S
    if course is not None:
        course = course % 360 if -360 <= course <= 360 else None
    return Observation(device_id, time_ms, lat, lon, accuracy_m(hdop), speed, course, "", "nmea")


def read(
    path: Path, device_id: str, complain: Complain, doubt: Callable[[Observation], str] = nothing_wrong
) -> list[Observation]:
    """The observations of a log in time order; of lines that cannot be used it complains (void fixes are none of them).

    Of what `doubt` finds wrong with a position too. Raises FileUnreadable when the file cannot be read or holds no
    valid fix.
    """
    try:
        if path.stat().st_size > BYTES_MAX:
            raise FileUnreadable(str(path), f"is larger than {BYTES_MAX} bytes")
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise FileUnreadable(str(path), error.strerror or str(error)) from None
    found: list[Observation] = []
    hdop = None
    for number, line in enumerate(lines, 1):
        if line.startswith(b"#") or not line.strip():
            continue
        try:
            fields = _fields(line)
            if fields[0].endswith("GGA"):
                hdop = _number(fields[8])
            elif fields[0].endswith("RMC") and fields[2] == "A":
                observation = _observation(fields, device_id, hdop)
                found.append(observation)
                if wrong := doubt(observation):
                    raise Unusable("lat", wrong)
        except Unusable as error:
            complain(BadRow(number, error.field, error.reason))
        except (ValueError, IndexError) as error:
            complain(BadRow(number, "sentence", f"{_shown(line)} has a field that cannot be read: {error}"))
    if not found:
        raise FileUnreadable(str(path), "holds no valid RMC sentence with a position")
    return sorted(found, key=lambda o: o.time_ms)
