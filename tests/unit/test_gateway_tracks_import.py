"""GPX and NMEA files as observations, against what gpsd decoded of the same logs."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gateway.contract.reading import unix_ms_of
from gateway.errors import FileUnreadable
from gateway.geofence.motion import Observation
from gateway.replay import gpx, nmea
from gateway.replay.fixes import BadRow

# neo-m8n is not among them: gpsd moved its date by a roll-over of GPS weeks.
LOGS = ("ublox-8.log", "quectel-l76k-nmea.log", "ublox-neo-m9n-nmea.log")


def taken(reader: Any, path: Path) -> tuple[list[Observation], list[BadRow]]:
    complaints: list[BadRow] = []
    return reader.read(path, "trk-1", complaints.append), complaints


@pytest.mark.parametrize("name", LOGS)
def test_an_nmea_log_gives_the_positions_that_gpsd_decoded(root: Path, name: str) -> None:
    rows, _ = taken(nmea, root / "data/nmea" / name)
    known: dict[int, list[tuple[float, float]]] = {}
    for line in (root / "data/nmea" / f"{name}.chk").read_text(encoding="latin-1").splitlines():
        if not line.startswith('{"class":"TPV"'):
            continue
        fix = json.loads(line)
        if "lat" in fix and "time" in fix:
            known.setdefault(unix_ms_of(fix["time"]), []).append((fix["lat"], fix["lon"]))
    shared = [row for row in rows if row.time_ms in known]
    assert len(shared) >= 1
    for row in shared:
        assert row.lat is not None
        assert row.lon is not None
        assert min(abs(row.lat - lat) + abs(row.lon - lon) for lat, lon in known[row.time_ms]) < 2e-6


def test_a_gpx_track_is_read_whole_and_points_without_time_are_counted(root: Path) -> None:
    rows, unusable = taken(gpx, root / "data/tracks/hike.gpx")
    assert (len(rows), len(unusable)) == (513, 358)
    assert {(row.field, row.reason) for row in unusable} == {("time", "missing")}
    assert all(a.time_ms <= b.time_ms for a, b in pairwise(rows))


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.gpx", b"<gpx", "not XML"),
        ("b.gpx", b"<html/>", "not <gpx>"),
        ("c.gpx", b'<!DOCTYPE x [<!ENTITY a "b">]><gpx/>', "entities"),
        ("d.gpx", b"<gpx/>", "no track point"),
        ("e.nmea", b"$GPRMC,1,A*00\n\x00\xff\n", "no valid RMC"),
    ],
)
def test_a_file_without_a_usable_point_says_why(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(FileUnreadable) as raised:
        taken(gpx if name.endswith("gpx") else nmea, path)
    assert reason in str(raised.value)


def gpx_with(tmp_path: Path, *points: str) -> Path:
    path = tmp_path / "walk.gpx"
    body = "".join(f'<trkpt lat="50.85" lon="4.35">{inside}</trkpt>' for inside in points)
    path.write_text(f'<gpx xmlns="http://www.topografix.com/GPX/1/0"><trk><trkseg>{body}</trkseg></trk></gpx>')
    return path


@pytest.mark.parametrize("time", ["2026-03-10T05:00:00-05:00", "2026-03-10T11:00:00+01:00", "2026-03-10T10:00:00"])
def test_a_time_with_any_offset_is_read(tmp_path: Path, time: str) -> None:
    rows, unusable = taken(gpx, gpx_with(tmp_path, f"<time>{time}</time>"))
    assert (rows[0].time_ms, unusable) == (unix_ms_of("2026-03-10T10:00:00Z"), [])


@pytest.mark.parametrize("word", ["nan", "inf", "1e12", "-1e12", "x"])
def test_what_a_point_cannot_mean_is_unknown_and_its_place_is_judged(tmp_path: Path, word: str) -> None:
    inside = f"<time>2026-03-10T10:00:00Z</time><hdop>{word}</hdop><speed>{word}</speed><course>{word}</course>"
    (row,), unusable = taken(gpx, gpx_with(tmp_path, inside))
    assert (row.lat, row.accuracy_m, row.speed_m_s, row.course_deg, unusable) == (50.85, None, None, None, [])


def test_a_point_before_gps_began_is_counted_as_unusable(tmp_path: Path) -> None:
    path = gpx_with(tmp_path, "<time>1970-01-01T00:00:00Z</time>", "<time>2026-03-10T10:00:00Z</time>")
    rows, unusable = taken(gpx, path)
    assert (len(rows), [row.reason for row in unusable]) == (1, ["1970-01-01T00:00:00.000Z is before GPS began (1980)"])


def test_a_route_whose_clock_begins_at_zero_is_read(root: Path) -> None:
    rows, unusable = taken(gpx, root / "data/tracks/car_city.gpx")
    assert (rows[0].time_ms, unusable) == (0, [])
    assert rows[-1].time_ms > 60_000


def test_a_point_of_a_gpx_that_cannot_be_used_is_named_with_its_line_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "walk.gpx"
    good = '<trkpt lat="50.85" lon="4.35"><time>2026-03-10T10:00:00Z</time></trkpt>'
    wrong = [
        '<trkpt lat="x" lon="4.35"><time>2026-03-10T10:00:00Z</time></trkpt>',
        '<trkpt lat="50.85"><time>2026-03-10T10:00:00Z</time></trkpt>',
        '<trkpt lat="50.85" lon="4.35"/>',
        '<trkpt lat="50.85" lon="4.35"><time>noon</time></trkpt>',
    ]
    path.write_text(
        "\n".join(["<g:gpx xmlns:g='http://x'><g:trk>", good, *wrong, "</g:trk></g:gpx>"]).replace("trkpt", "g:trkpt")
    )
    rows, unusable = taken(gpx, path)
    assert len(rows) == 1
    assert [(row.line, row.field) for row in unusable] == [(3, "lat"), (4, "lon"), (5, "time"), (6, "time")]
    assert unusable[0].reason == "'x' is no latitude"


def test_a_line_of_an_nmea_log_that_cannot_be_used_is_named_with_its_line_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "walk.log"
    path.write_bytes(
        b"\n".join(
            [
                b"# a log",
                sealed(b"GPRMC,100000.00,A,5050.796,N,00421.102,E,0.0,,100326,,,A"),
                b"$GPRMC,100001.00,A,5050.796,N,00421.102,E,0.0,,100326,,,A*00",
                b"garbage \xff\x1b[31m",
                sealed(b"GPRMC,100002.00,A,9950.796,N,00421.102,E,0.0,,100326,,,A"),
                sealed(b"GPRMC,100003.00,V,,,,,,,100326,,,N"),
            ]
        )
    )
    rows, unusable = taken(nmea, path)
    assert len(rows) == 1
    assert [(row.line, row.field) for row in unusable] == [(3, "checksum"), (4, "sentence"), (5, "sentence")]
    assert "\x1b" not in unusable[1].reason


def sealed(body: bytes) -> bytes:
    total = 0
    for byte in body:
        total ^= byte
    return b"$%s*%02X" % (body, total)
