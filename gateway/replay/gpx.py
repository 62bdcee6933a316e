"""Reads GPX tracks: the points that have a time, as observations of one tracker."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from gateway.contract.reading import unix_ms_of
from gateway.errors import FileUnreadable
from gateway.geofence.motion import Observation
from gateway.replay.fixes import ACCURACY_MAX_M, SPEED_MAX_M_S, TIME_MAX_MS, TIME_MIN_MS

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


def _observation(point: ElementTree.Element, device_id: str) -> Observation | None:
    """The point as an observation; None when it has no usable time or position."""
    lat, lon = _number(point.get("lat"), -90, 90), _number(point.get("lon"), -180, 180)
    values = {_plain(child.tag): (child.text or "").strip() for child in point.iter()}
    if lat is None or lon is None or "time" not in values:
        return None
    time = values["time"] if OFFSET.search(values["time"]) else values["time"] + "Z"
    try:
        time_ms = unix_ms_of(time)
    except (ValueError, OverflowError):
        return None
    if not 0 <= time_ms < TIME_MAX_MS:
        return None
    accuracy = accuracy_m(_number(values.get("hdop"), 0, float("inf")))
    speed = _number(values.get("speed"), 0, SPEED_MAX_M_S)
    course = _number(values.get("course"), -360, 360)
    return Observation(
        device_id, time_ms, lat, lon, accuracy, speed, None if course is None else course % 360, "", "gpx"
    )


def read(path: Path, device_id: str) -> tuple[list[Observation], int]:
    """The observations of all track points, in time order, and how many points were unusable.

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
    points = [element for element in root.iter() if _plain(element.tag) == "trkpt"]
    found = [observation for point in points if (observation := _observation(point, device_id)) is not None]
    dated = [observation for observation in found if observation.time_ms >= TIME_MIN_MS]
    found = dated or found
    if not found:
        raise FileUnreadable(str(path), "holds no track point with a time and a position")
    return sorted(found, key=lambda o: o.time_ms), len(points) - len(found)
