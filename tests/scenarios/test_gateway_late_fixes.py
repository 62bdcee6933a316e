"""What a tracker kept while it had no network comes after its newest fix: the way that it shows is judged as well."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import shapely

from gateway.contract.orders import Order
from gateway.contract.transitions import Transition
from gateway.geofence import ellipsoid
from gateway.geofence.case import begin, case_of
from gateway.geofence.motion import Observation
from gateway.geofence.step import step
from gateway.journal import states
from tests.support.contact_orders import LAT, LON, MONDAY_NOON_MS, at, circle, order

HOME = order(protected=[], proximity=None, zones=[circle(150)])


def heard(one: Order, messages: list[tuple[float, Observation]], *, stored: bool = False) -> list[Transition]:
    """What is told of messages that arrive at these seconds after noon."""
    state, found = begin(case_of(one), MONDAY_NOON_MS), []
    for second, message in sorted(messages, key=lambda pair: pair[0]):
        state, effects = step(state, message, MONDAY_NOON_MS + round(1000 * second))
        found += effects
        state = states.thaw(states.freeze(state), state.case) if stored else state
    return found


def entries(one: Order, messages: list[tuple[float, Observation]]) -> list[Transition]:
    return [t for t in heard(one, messages) if t.kind == "zone_entry" and t.transition == "raised"]


def in_turn(rows: list[Observation]) -> list[tuple[float, Observation]]:
    return [((row.time_ms - MONDAY_NOON_MS) / 1000, row) for row in rows]


# He drives east at 20 m/s, 350 m north of the house; what comes late lies as far south, 300 m beside it: the way there
# or the way on from there runs through the house.
def drive(beside_m: float) -> list[Observation]:
    return [at("trk-m1", s, 350, 20 * s - 600 + beside_m) for s in range(-120, 300, 60)]


@pytest.mark.parametrize("beside_m", [300, -300])
def test_a_late_fix_shows_the_zone_that_was_crossed_on_the_way_to_it_or_on_from_it(beside_m: float) -> None:
    on_time, late = in_turn(drive(beside_m)), at("trk-m1", 30, -350, beside_m)
    assert entries(HOME, on_time) == []
    (alarm,) = entries(HOME, [*on_time, (250, late)])
    assert alarm.reason == "late_fix"
    (place,) = alarm.evidence["places_between"]
    assert place["time"] == alarm.evidence["numbers"]["closest_at"]
    assert ellipsoid.distance(place["lat"], place["lon"], LAT, LON) < 150


def test_it_is_told_once_and_not_when_the_rule_rested_then() -> None:
    late = at("trk-m1", 30, -350, 300)
    twice = [*in_turn(drive(300)), (100, late), (101, late), (235, late)]
    assert len(entries(HOME, twice)) == 1
    schedule = [{"days": ["mon"], "from": "12:01", "until": "18:00"}]
    resting = order(protected=[], proximity=None, zones=[circle(150, schedule=schedule)])
    assert entries(resting, [*in_turn(drive(300)), (250, late)]) == []
    agreed = {
        "exception_id": "e",
        "from": "2026-03-02T11:50:00+01:00",
        "until": "2026-03-02T12:01:00+01:00",
        "reason": "r",
    }
    excused = order(protected=[], proximity=None, zones=[circle(150)], exceptions=[agreed])
    assert entries(excused, [*in_turn(drive(300)), (250, late)]) == []


def outage(seed: int) -> tuple[list[Observation], list[tuple[float, Observation]]]:
    """A drive at 15 m/s, a fix each 30 s, ten minutes of it without a network; and what arrives when.

    The newest fix goes first, then those that waited, the oldest of them first, while new ones come.
    """
    rng = np.random.default_rng(seed)
    turns = np.cumsum(rng.normal(0, 0.5, 60))
    north, east = np.cumsum(450 * np.stack((np.sin(turns), np.cos(turns))), axis=1)
    k = int(rng.integers(22, 38))
    middle, aside = [(v[k] + v[k + 1]) / 2 + rng.uniform(-50, 50) for v in (north, east)]
    rows = [
        at("trk-m1", 30 * n, float(y), float(x))
        for n, (y, x) in enumerate(zip(north - middle, east - aside, strict=True))
    ]
    waited, live = rows[21:40], [*rows[:21], *rows[40:]]
    return rows, [*in_turn(live), *((1_200.5 + n / 3, row) for n, row in enumerate(waited))]


def passes(rows: list[Observation]) -> bool:
    """Whether the straight way between two fixes that waited, both outside, runs through the heart of the house."""
    heart, house = shapely.Point(0, 0).buffer(70), shapely.Point(0, 0).buffer(150)
    plane = [ellipsoid.offset(LAT, LON, row.lat or 0, row.lon or 0) for row in rows[20:41]]
    legs = [
        shapely.LineString(leg) for leg in pairwise(plane) if not any(house.contains(shapely.Point(p)) for p in leg)
    ]
    return any(leg.intersection(heart).length > 70 for leg in legs)


def test_every_passage_between_fixes_that_waited_in_the_tracker_is_told() -> None:
    seeds = [seed for seed in range(60) if passes(outage(seed)[0])]
    assert len(seeds) > 25
    for seed in seeds:
        assert entries(HOME, outage(seed)[1]), f"seed {seed}"


def test_a_passage_is_told_also_where_the_track_has_lain_down_or_begins_with_its_newest_fix() -> None:
    rows = next(rows for rows, _ in map(outage, range(60)) if passes(rows))
    for far_m in (0.0, 9_000.0):
        newest = [at("trk-m1", 1_200 + 30 * k, 9_000 + far_m, 300 * k) for k in range(4)]
        kept = [(1_290.5 + k / 3, row) for k, row in enumerate(rows[21:40])]
        assert entries(HOME, [*in_turn(newest), *kept])


def test_a_late_leap_is_no_way_and_a_restart_between_late_fixes_changes_nothing() -> None:
    still = [at("trk-m1", s, 900, 0) for s in range(0, 600, 60)]
    assert entries(HOME, [*in_turn(still), (545, at("trk-m1", 270, -3_000, 0))]) == []
    for seed in (2, 3):
        sent = outage(seed)[1]
        assert heard(HOME, sent, stored=True) == heard(HOME, sent)


def test_a_late_fix_that_stands_alone_is_judged_as_one_on_time() -> None:
    """60 m outside of the border with 150 m of accuracy: no other fix of that minute shows it better."""
    late = at("trk-m1", 30, 210, 0, accuracy_m=150.0)
    on_time = in_turn([at("trk-m1", s, 1_500, 0) for s in range(-120, 300, 60)])
    dense = in_turn([at("trk-m1", s, 300, 0) for s in range(-120, 300, 6)])
    assert len(entries(order(protected=[], proximity=None, zones=[circle(250)]), [*on_time, (250, late)])) == 1
    assert entries(order(protected=[], proximity=None, zones=[circle(250)]), [*dense, (250, late)]) == []
