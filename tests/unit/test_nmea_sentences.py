"""What the simulated receiver says is NMEA that others read."""

from __future__ import annotations

from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.gnss.nmea_sentences import Reception, epoch
from simulators.gnss.tracks import Position


def _fields(sentence: bytes) -> list[str]:
    body, _, given_sum = sentence.strip().lstrip(b"$").partition(b"*")
    assert int(given_sum, 16) == reduce(lambda total, byte: total ^ byte, body, 0)
    return body.decode("ascii").split(",")


def _degrees(value: str, letter: str, width: int) -> float:
    degrees = int(value[:width]) + float(value[width:]) / 60
    return -degrees if letter in "SW" else degrees


@given(st.floats(-89.9, 89.9), st.floats(-179.9, 179.9), st.floats(0, 90), st.floats(0, 359.99))
def test_position_and_speed_survive_the_sentence(lat: float, lon: float, speed_m_s: float, course_deg: float) -> None:
    sentences = epoch(1_790_000_000_250, Position(lat, lon, speed_m_s, course_deg), Reception()).splitlines()
    rmc = next(fields for fields in map(_fields, sentences) if fields[0] == "GNRMC")
    assert _degrees(rmc[3], rmc[4], 2) == pytest.approx(lat, abs=2e-7)
    assert _degrees(rmc[5], rmc[6], 3) == pytest.approx(lon, abs=2e-7)
    assert float(rmc[7]) * 1852 / 3600 == pytest.approx(speed_m_s, abs=0.001)


def test_an_epoch_without_a_fix_says_so_in_every_sentence() -> None:
    sentences = [
        _fields(line)
        for line in epoch(1_790_000_000_000, Position(51.0, 3.7, 0.0, 0.0), Reception(fixed=False)).splitlines()
    ]
    by_name = {fields[0]: fields for fields in sentences}
    assert by_name["GNRMC"][2] == "V"
    assert by_name["GNGGA"][6] == "0"
    assert "51" not in "".join(by_name["GNGGA"][2:6])
