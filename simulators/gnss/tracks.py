"""Recorded GPX tracks as functions of time, and the moves that make a new story of a real walk or drive."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

WGS84_A_M = 6_378_137.0
WGS84_E2 = 6.694_379_990_141_316e-3  # first eccentricity squared, WGS 84 (NIMA TR8350.2)


class TrackUnreadable(Exception):
    """A GPX file cannot be used; `path` and `reason` say why."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")


@dataclass(frozen=True)
class Position:
    """Where a receiver is at one moment. Speed in m/s, course in degrees clockwise from true north."""

    lat_deg: float
    lon_deg: float
    speed_m_s: float
    course_deg: float


def metres_per_degree(lat_deg: float) -> tuple[float, float]:
    """(north, east) metres per degree on WGS 84, from the radii of curvature M and N (Bowring)."""
    sine = math.sin(math.radians(lat_deg))
    w2 = 1.0 - WGS84_E2 * sine * sine
    meridian_m = WGS84_A_M * (1.0 - WGS84_E2) / w2**1.5
    normal_m = WGS84_A_M / math.sqrt(w2)
    return math.radians(1.0) * meridian_m, math.radians(1.0) * normal_m * math.cos(math.radians(lat_deg))


@dataclass(frozen=True)
class Track:
    """Positions over time: `t_s` strictly increasing from 0, `lat_deg` and `lon_deg` of the same length (>= 2)."""

    name: str
    t_s: Array
    lat_deg: Array
    lon_deg: Array

    @property
    def duration_s(self) -> float:
        return float(self.t_s[-1])

    def at(self, t_s: float) -> Position:
        """Position by linear interpolation; before the start and after the end the person stands still."""
        t = min(max(t_s, 0.0), self.duration_s)
        lat = float(np.interp(t, self.t_s, self.lat_deg))
        lon = float(np.interp(t, self.t_s, self.lon_deg))
        if not 0.0 <= t_s <= self.duration_s:
            return Position(lat, lon, 0.0, 0.0)
        i = min(max(int(np.searchsorted(self.t_s, t, side="right")) - 1, 0), len(self.t_s) - 2)
        north_m, east_m = metres_per_degree(lat)
        dt = self.t_s[i + 1] - self.t_s[i]
        v_north = float((self.lat_deg[i + 1] - self.lat_deg[i]) * north_m / dt)
        v_east = float((self.lon_deg[i + 1] - self.lon_deg[i]) * east_m / dt)
        course_deg = math.degrees(math.atan2(v_east, v_north)) % 360.0
        return Position(lat, lon, math.hypot(v_north, v_east), course_deg)

    def between(self, start_s: float, end_s: float) -> Track:
        """The part from start_s to end_s, with its time starting at 0 again."""
        inner = self.t_s[(self.t_s > start_s) & (self.t_s < end_s)]
        t = np.concatenate(([start_s], inner, [end_s]))
        lat = np.interp(t, self.t_s, self.lat_deg)
        lon = np.interp(t, self.t_s, self.lon_deg)
        return Track(self.name, t - start_s, lat, lon)

    def moved(self, at_s: float, lat_deg: float, lon_deg: float, turn_deg: float = 0.0) -> Track:
        """The same walk elsewhere: its position at `at_s` lands on (lat, lon), turned clockwise by turn_deg.

        Distances and speeds are kept: offsets are taken in metres at the old place and laid out in metres at the new.
        """
        pivot = self.at(at_s)
        north_m, east_m = metres_per_degree(pivot.lat_deg)
        north = (self.lat_deg - pivot.lat_deg) * north_m
        east = (self.lon_deg - pivot.lon_deg) * east_m
        angle = math.radians(turn_deg)
        new_north = north * math.cos(angle) - east * math.sin(angle)
        new_east = north * math.sin(angle) + east * math.cos(angle)
        north_m, east_m = metres_per_degree(lat_deg)
        return Track(self.name, self.t_s, lat_deg + new_north / north_m, lon_deg + new_east / east_m)


def read_gpx(path: Path) -> Track:
    """The timed track points of a GPX 1.0 or 1.1 file, repeated moments dropped.

    Raises TrackUnreadable when the file is not GPX or holds fewer than two timed track points.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise TrackUnreadable(path, str(error)) from None
    rows: list[tuple[float, float, float]] = []
    for point in root.iter():
        if not point.tag.endswith("}trkpt"):
            continue
        stamp = next((child.text for child in point if child.tag.endswith("}time")), None)
        if stamp is None:
            continue
        try:
            moment = datetime.fromisoformat(stamp.strip()).timestamp()
            rows.append((moment, float(point.attrib["lat"]), float(point.attrib["lon"])))
        except (KeyError, ValueError) as error:
            raise TrackUnreadable(path, f"track point {len(rows) + 1}: {error}") from None
    rows = [row for i, row in enumerate(rows) if i == 0 or row[0] > rows[i - 1][0]]
    if len(rows) < 2:
        raise TrackUnreadable(path, "fewer than two timed track points")
    table = np.array(rows, dtype=np.float64)
    return Track(path.stem, table[:, 0] - table[0, 0], table[:, 1], table[:, 2])
