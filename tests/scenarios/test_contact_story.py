"""The demo's story does what it says, judged by GeographicLib."""

from __future__ import annotations

from pathlib import Path

import pytest
from geographiclib.geodesic import Geodesic

from simulators.gnss.story import ALERT_DISTANCE_M, PREALERT_DISTANCE_M, Story, contact_story
from simulators.gnss.tracks import Track, read_gpx


@pytest.fixture(scope="module")
def story(root: Path) -> Story:
    return contact_story(root / "data/tracks", 1_790_000_000_000)


def _distance_m(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    return float(Geodesic.WGS84.Inverse(lat1, lon1, lat2, lon2)["s12"])


def _apart_m(story: Story) -> list[float]:
    moments = range(0, int(story.duration_s) + 1)
    pairs = ((story.monitored.at(t), story.protected.at(t)) for t in moments)
    return [_distance_m(a.lat_deg, a.lon_deg, b.lat_deg, b.lon_deg) for a, b in pairs]


def test_the_monitored_person_approaches_breaches_and_leaves(story: Story) -> None:
    apart_m = _apart_m(story)
    assert apart_m[0] > PREALERT_DISTANCE_M + 200
    assert min(apart_m) < ALERT_DISTANCE_M - 300
    assert apart_m[-1] > PREALERT_DISTANCE_M + 1000


def test_the_breach_lasts_longer_than_a_minute(story: Story) -> None:
    assert sum(distance_m < ALERT_DISTANCE_M for distance_m in _apart_m(story)) > 60


def test_the_drive_crosses_the_forbidden_zone(story: Story) -> None:
    shape = story.orders["orders"][0]["zones"][0]["shape"]
    lon, lat = shape["center"]
    inside = 0
    for t in range(0, int(story.duration_s) + 1):
        place = story.monitored.at(t)
        inside += _distance_m(place.lat_deg, place.lon_deg, lat, lon) < shape["radius_m"]
    assert inside > 30


def test_everything_that_happens_lies_within_the_story(story: Story) -> None:
    assert [event.kind for event in story.events] == ["panic", "strap_cut", "power_off"]
    assert all(0 < event.t_s < story.duration_s for event in story.events)


def _path_m(track: Track) -> float:
    steps = zip(track.lat_deg, track.lon_deg, track.lat_deg[1:], track.lon_deg[1:], strict=False)
    return sum(_distance_m(*step) for step in steps)


@pytest.mark.parametrize("name", ["car_city", "commute_liverpool_1s", "hike"])
def test_a_moved_track_keeps_its_length_and_its_turns(root: Path, name: str) -> None:
    track = read_gpx(root / "data/tracks" / f"{name}.gpx")
    moved = track.moved(track.duration_s / 2, 50.85, 4.35, turn_deg=73.0)
    assert _path_m(moved) == pytest.approx(_path_m(track), rel=0.002)
    middle = moved.at(track.duration_s / 2)
    assert _distance_m(middle.lat_deg, middle.lon_deg, 50.85, 4.35) < 0.01
