"""Reads GPX tracks: the points that have a time, as observations of one tracker."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree
from xml.parsers import expat

from gateway.contract.reading import unix_ms_of
from gateway.contract.transitions import time_text
from gateway.errors import FileUnreadable
from gateway.geofence.motion import Observation
from gateway.replay.fixes import (
    ACCURACY_MAX_M,
    SPEED_MAX_M_S,
    TIME_MAX_MS,
    TIME_MIN_MS,
    BadRow,
    Complain,
    Unusable,
    nothing_wrong,
)

BYTES_MAX = 200_000_000
# GPX states no accuracy; hdop times this gives a 68 % radius (ASSUMED user range error of 5 m).
METRES_PER_HDOP = 5.0
OFFSET = re.compile(r"[Zz]$|[+-]\d\d:\d\d$")


def _plain(tag: str) -> str:
    return tag.rpartition("}")[2]


def _number(text: str | None, low: float, high: float) -> float | None:
    """The number, or None where there is none that can be meant: not in [low, high], not finite, not a number."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if low <= value <= high else None


def accuracy_m(hdop: float | None) -> float | None:
    """The accuracy that a dilution of precision stands for; None (unknown) where it stands for none."""
    if hdop is None or not 0 < hdop <= ACCURACY_MAX_M / METRES_PER_HDOP:
        return None
    return METRES_PER_HDOP * hdop


def _observation(point: ElementTree.Element, device_id: str) -> Observation:
    """The point as an observation; raises Unusable when it has no usable time or position."""
    lat, lon = _number(point.get("lat"), -90, 90), _number(point.get("lon"), -180, 180)
    values = {_plain(child.tag): (child.text or "").strip() for child in point.iter()}
    if lat is None or lon is None:
        name = "lat" if lat is None else "lon"
        raise Unusable(name, f"{point.get(name)!r} is no {'latitude' if lat is None else 'longitude'}")
    if not values.get("time"):
        raise Unusable("time", "missing")
    text = values["time"]
    try:
        time_ms = unix_ms_of(text if OFFSET.search(text) else text + "Z")
    except (ValueError, OverflowError) as error:
        raise Unusable("time", str(error)) from None
    if not 0 <= time_ms < TIME_MAX_MS:
        raise Unusable("time", f"{text[:40]} is not between 1970 and 2100")
    accuracy = accuracy_m(_number(values.get("hdop"), 0, float("inf")))
    speed = _number(values.get("speed"), 0, SPEED_MAX_M_S)
    course = _number(values.get("course"), -360, 360)
    return Observation(
        device_id, time_ms, lat, lon, accuracy, speed, None if course is None else course % 360, "", "gpx"
    )


def _lines(raw: bytes) -> list[int]:
    """The line on which each track point begins."""
    found: list[int] = []
    parser = expat.ParserCreate()

    def begins(name: str, _: object) -> None:
        if name.rpartition(":")[2] == "trkpt":
            found.append(parser.CurrentLineNumber)

    parser.StartElementHandler = begins
    parser.Parse(raw, True)
    return found


def read(
    path: Path, device_id: str, complain: Complain, doubt: Callable[[Observation], str] = nothing_wrong
) -> list[Observation]:
    """The observations of all usable track points, in time order; complains of the others and of what `doubt` finds.

    A date before GPS is that of a receiver that did not know it yet, and unusable; where no point has another, the
    track's clock begins at zero, as a planned route's does.
    Raises FileUnreadable when the file is no GPX or holds no usable point.
    """
    try:
        if path.stat().st_size > BYTES_MAX:
            raise FileUnreadable(str(path), f"is larger than {BYTES_MAX} bytes")
        raw = path.read_bytes()
    except OSError as error:
        raise FileUnreadable(str(path), error.strerror or str(error)) from None
    if b"<!ENTITY" in raw:
        raise FileUnreadable(str(path), "defines entities, which GPX does not need")
    try:
        root = ElementTree.fromstring(raw)
    except ElementTree.ParseError as error:
        raise FileUnreadable(f"{path}:{error.position[0]}", f"not XML: {error}") from None
    if _plain(root.tag) != "gpx":
        raise FileUnreadable(str(path), f"is <{_plain(root.tag)}>, not <gpx>")
    found: list[tuple[int, Observation]] = []
    wrong: list[tuple[int, str, str]] = []
    for number, point in enumerate(element for element in root.iter() if _plain(element.tag) == "trkpt"):
        try:
            found.append((number, _observation(point, device_id)))
        except Unusable as error:
            wrong.append((number, error.field, error.reason))
    dated = [(number, one) for number, one in found if one.time_ms >= TIME_MIN_MS]
    if dated:
        before = ((n, time_text(one.time_ms)) for n, one in found if one.time_ms < TIME_MIN_MS)
        wrong += [(number, "time", f"{text} is before GPS began (1980)") for number, text in before]
        found = dated
    wrong += [(number, "lat", reason) for number, one in found if (reason := doubt(one))]
    lines = _lines(raw) if wrong else []
    for number, field, reason in sorted(wrong):
        complain(BadRow(lines[number], field, reason))
    if not found:
        raise FileUnreadable(str(path), "holds no track point with a time and a position")
    return sorted((one for _, one in found), key=lambda o: o.time_ms)
