"""GPX and NMEA files as observations, against what gpsd decoded of the same logs."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from gateway.contract.reading import unix_ms_of
from gateway.errors import FileUnreadable
from gateway.replay import gpx, nmea

# neo-m8n is not among them: gpsd moved its date by a roll-over of GPS weeks.
LOGS = ("ublox-8.log", "quectel-l76k-nmea.log", "ublox-neo-m9n-nmea.log")


@pytest.mark.parametrize("name", LOGS)
def test_an_nmea_log_gives_the_positions_that_gpsd_decoded(root: Path, name: str) -> None:
    rows, _ = nmea.read(root / "data/nmea" / name, "trk-1")
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
    rows, unusable = gpx.read(root / "data/tracks/hike.gpx", "trk-1")
    assert (len(rows), unusable) == (513, 358)
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
        (gpx if name.endswith("gpx") else nmea).read(path, "trk-1")
    assert reason in str(raised.value)


def gpx_with(tmp_path: Path, *points: str) -> Path:
    path = tmp_path / "walk.gpx"
    body = "".join(f'<trkpt lat="50.85" lon="4.35">{inside}</trkpt>' for inside in points)
    path.write_text(f'<gpx xmlns="http://www.topografix.com/GPX/1/0"><trk><trkseg>{body}</trkseg></trk></gpx>')
    return path


@pytest.mark.parametrize("time", ["2026-03-10T05:00:00-05:00", "2026-03-10T11:00:00+01:00", "2026-03-10T10:00:00"])
def test_a_time_with_any_offset_is_read(tmp_path: Path, time: str) -> None:
    rows, unusable = gpx.read(gpx_with(tmp_path, f"<time>{time}</time>"), "trk-1")
    assert (rows[0].time_ms, unusable) == (unix_ms_of("2026-03-10T10:00:00Z"), 0)


@pytest.mark.parametrize("word", ["nan", "inf", "1e12", "-1e12", "x"])
def test_what_a_point_cannot_mean_is_unknown_and_its_place_is_judged(tmp_path: Path, word: str) -> None:
    inside = f"<time>2026-03-10T10:00:00Z</time><hdop>{word}</hdop><speed>{word}</speed><course>{word}</course>"
    (row,), unusable = gpx.read(gpx_with(tmp_path, inside), "trk-1")
    assert (row.lat, row.accuracy_m, row.speed_m_s, row.course_deg, unusable) == (50.85, None, None, None, 0)


def test_a_point_before_gps_began_is_counted_as_unusable(tmp_path: Path) -> None:
    path = gpx_with(tmp_path, "<time>1970-01-01T00:00:00Z</time>", "<time>2026-03-10T10:00:00Z</time>")
    rows, unusable = gpx.read(path, "trk-1")
    assert (len(rows), unusable) == (1, 1)


def test_a_route_whose_clock_begins_at_zero_is_read(root: Path) -> None:
    rows, unusable = gpx.read(root / "data/tracks/car_city.gpx", "trk-1")
    assert (rows[0].time_ms, unusable) == (0, 0)
    assert rows[-1].time_ms > 60_000
