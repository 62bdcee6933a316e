"""Whatever a receiver's line carries: no exception, no position that nobody sent, and bounded memory."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.tracking.core import TrackerCore
from firmware.tracking.nmea import Fix
from firmware.tracking.receiver import ReceiverStream
from firmware.wire import messages
from firmware.wire.errors import MalformedMessage

LOGS = Path(__file__).resolve().parents[2] / "data/nmea"
START_MS = 1_500_000_000_000


@cache
def _log() -> bytes:
    return (LOGS / "ublox-neo-m9n-nmea.log").read_bytes()[400:12_000]


@cache
def _positions() -> frozenset[tuple[int, int]]:
    return frozenset((fix.lat_e7, fix.lon_e7) for fix in _read(_log()) if fix.valid)


def _read(data: bytes) -> list[Fix]:
    stream = ReceiverStream()
    return list(stream.feed(data)) + list(stream.flush())


@settings(max_examples=300)
@given(
    st.lists(st.binary(max_size=60) | st.sampled_from([b"$GNRMC,", b"\xb5\x62", b"*00\r\n", b"$", b",,,A,", b"\xb5"]))
)
def test_any_bytes_are_taken_and_give_no_valid_position(pieces: list[bytes]) -> None:
    assert not [fix for fix in _read(b"".join(pieces)) if fix.valid]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_log_gives_only_positions_of_the_whole_one(data: st.DataObject) -> None:
    """One changed byte is always found by the checksum; bytes lost or added in one place leave its sentence unread."""
    log = bytearray(_log())
    place = data.draw(st.integers(0, len(log) - 1))
    fault = data.draw(st.sampled_from(["change", "lose", "add"]))
    if fault == "change":
        log[place] ^= data.draw(st.integers(1, 255))
    elif fault == "lose":
        del log[place : place + data.draw(st.integers(1, 300))]
    else:
        log[place:place] = data.draw(st.binary(min_size=1, max_size=40))
    told = {(fix.lat_e7, fix.lon_e7) for fix in _read(bytes(log)) if fix.valid}
    assert told <= _positions()
    assert len(told) >= len(_positions()) - 3


FIXES = st.builds(
    lambda valid, ms, lat, lon, accuracy, speed, course, altitude: (
        valid,
        ms,
        lat,
        lon,
        accuracy,
        speed,
        course,
        altitude,
    ),
    st.booleans(),
    st.integers(-(10**9), 10**9),
    st.integers(-900_000_000, 900_000_000),
    st.integers(-1_800_000_000, 1_800_000_000),
    st.none() | st.integers(0, 10**12),
    st.none() | st.integers(0, 10**9),
    st.none() | st.integers(0, 35_999),
    st.none() | st.integers(-(10**9), 10**9),
)
HAPPENINGS = st.lists(
    st.one_of(
        st.tuples(st.just("fix"), FIXES),
        st.tuples(st.just("contacts"), st.booleans(), st.booleans(), st.booleans()),
        st.tuples(st.just("battery"), st.integers(0, 6_000)),
        st.tuples(st.just("radio"), st.none() | st.integers(1, 3), st.none() | st.integers(1, 3)),
        st.tuples(st.just("tick")),
    ),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(HAPPENINGS, st.lists(st.integers(0, 40_000), min_size=60, max_size=60))
def test_whatever_happens_every_message_of_the_tracker_keeps_to_the_wire(
    happenings: list[tuple[object, ...]], pauses_ms: list[int]
) -> None:
    core = TrackerCore(1, "0.1.0")
    now_ms = 0
    numbers = []
    for happening, pause_ms in zip(happenings, pauses_ms, strict=False):
        now_ms += pause_ms
        if happening[0] == "fix":
            fix = Fix()
            (
                fix.valid,
                offset,
                fix.lat_e7,
                fix.lon_e7,
                fix.horizontal_accuracy_mm,
                fix.speed_mm_s,
                fix.course_cdeg,
                fix.altitude_mm,
            ) = happening[1]  # type: ignore[misc]
            fix.time_ms = START_MS + 290_000_000_000 + offset
            happening = ("fix", fix)  # noqa: PLW2901
        for message in core.step(happening, now_ms):
            try:
                assert messages.decode(messages.encode(message)) == message
            except MalformedMessage as error:
                raise AssertionError(f"{message}") from error
            numbers.append(message["seq"])
    assert numbers == sorted(set(numbers))
