"""Recorded receivers' output against what gpsd, an independent decoder, made of it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from firmware.tracking.calendar import GPS_WEEKS_MS
from firmware.tracking.nmea import Fix, NmeaParser

# log: (epochs we tell, valid ones, gpsd's positions with mode >= 2, of these without a time we can know)
LOGS = {
    "haicom-305N": (74, 68, 248, 2),
    "magellan-ec10": (38, 21, 21, 0),
    "neo-m8n": (23, 23, 23, 1),
    "quectel-l76k-nmea": (151, 151, 150, 0),
    "rx210": (62, 40, 57, 0),
    "ublox-8": (72, 72, 76, 0),
    "ublox-neo-m9n-nmea": (61, 61, 67, 0),
}
LAT_LON_E7_MAX = 1  # gpsd prints nine decimals; ours is rounded once to seven


def _told(log: Path, chunk: int) -> list[Fix]:
    parser = NmeaParser()
    raw = log.read_bytes()
    found: list[Fix] = []
    for start in range(0, len(raw), chunk):
        found += parser.feed(raw[start : start + chunk])
    return found + list(parser.flush())


def _of_gpsd(log: Path) -> list[dict[str, object]]:
    lines = Path(f"{log}.chk").read_bytes().splitlines()
    reports = [json.loads(line) for line in lines if line.startswith(b'{"class":"TPV"')]
    return [report for report in reports if report["mode"] >= 2]


def _matches(fix: Fix, report: dict[str, object]) -> bool:
    lat_e7, lon_e7 = (round(float(str(report[name])) * 1e7) for name in ("lat", "lon"))
    return abs(fix.lat_e7 - lat_e7) <= LAT_LON_E7_MAX and abs(fix.lon_e7 - lon_e7) <= LAT_LON_E7_MAX


@pytest.mark.parametrize("name", LOGS)
@pytest.mark.parametrize("chunk", [1, 37, 100_000])
def test_every_position_of_gpsd_is_one_of_ours_at_the_same_moment(root: Path, name: str, chunk: int) -> None:
    log = root / "data/nmea" / f"{name}.log"
    told = _told(log, chunk)
    valid = {fix.time_ms: fix for fix in told if fix.valid}
    reports = _of_gpsd(log)
    untimed = 0
    for report in reports:
        if "time" not in report:  # before the first RMC nobody knows the date
            untimed += 1
            continue
        time_ms = round(datetime.fromisoformat(str(report["time"])).timestamp() * 1000)
        # gpsd moves dates that lie 1024 weeks before its own build; the log's own date is the truth here
        ours = [valid[t] for t in (time_ms, time_ms - GPS_WEEKS_MS) if t in valid]
        assert len(ours) == 1, report
        assert _matches(ours[0], report), report
    assert (len(told), sum(fix.valid for fix in told), len(reports), untimed) == LOGS[name]


@pytest.mark.parametrize("name", LOGS)
def test_no_position_is_ours_alone_but_for_an_epoch_cut_by_the_logs_end(root: Path, name: str) -> None:
    log = root / "data/nmea" / f"{name}.log"
    reports = _of_gpsd(log)
    told = [fix for fix in _told(log, 4096) if fix.valid]
    alone = [fix for fix in told if not any(_matches(fix, report) for report in reports)]
    assert alone == (told[-1:] if name == "neo-m8n" else [])


@pytest.mark.parametrize("name", ["ublox-8", "ublox-neo-m9n-nmea", "rx210"])
def test_the_speed_is_gpsds(root: Path, name: str) -> None:
    """Not for the Haicom: gpsd derives a speed of its own there before the epoch's RMC has come."""
    log = root / "data/nmea" / f"{name}.log"
    valid = {fix.time_ms: fix for fix in _told(log, 4096) if fix.valid}
    compared = 0
    for report in _of_gpsd(log):
        if "time" in report and "speed" in report:
            time_ms = round(datetime.fromisoformat(str(report["time"])).timestamp() * 1000)
            assert valid[time_ms].speed_mm_s == pytest.approx(1000 * float(str(report["speed"])), abs=1.0)
            compared += 1
    assert compared > 20
