"""Messages, topics and frames, case by case."""

from __future__ import annotations

import pytest

from firmware.wire import cbor, frame, messages, topics
from firmware.wire.errors import BadSignature, MalformedMessage, UnsupportedVersion

KEY = bytes(range(32))
FIX = {
    "kind": "fix",
    "boot_id": 3,
    "seq": 4,
    "fix_time_ms": 1_790_000_000_000,
    "lat_e7": 510_543_000,
    "lon_e7": 37_250_000,
}


def test_every_field_has_its_own_name_and_key() -> None:
    names = [field[0] for field in messages.FIELDS]
    keys = [field[1] for field in messages.FIELDS]
    assert len(set(names)) == len(names)
    assert len(set(keys)) == len(keys)


def test_the_events_are_the_words_of_the_fixes_file() -> None:
    assert messages.EVENTS == (
        "panic",
        "strap_cut",
        "strap_restored",
        "case_opened",
        "battery_low",
        "battery_critical",
        "gnss_lost",
        "gnss_back",
        "jamming",
        "spoofing",
        "power_off",
    )


@pytest.mark.parametrize("event", messages.EVENTS)
def test_every_event_survives_the_wire(event: str) -> None:
    message = {"kind": "event", "boot_id": 1, "seq": 2, "event": event}
    assert messages.decode(messages.encode(message)) == message


def test_the_full_fix_fits_in_a_small_frame() -> None:
    full = {
        **FIX,
        "sent_ms": 1_790_000_000_000,
        "horizontal_accuracy_mm": 3200,
        "speed_mm_s": 1400,
        "course_cdeg": 27190,
        "altitude_mm": 24000,
        "satellites_used": 11,
    }
    assert len(frame.seal(messages.encode(full), "trk-p1", KEY)) <= 96


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("lat_e7", 900_000_001),
        ("lon_e7", -1_800_000_001),
        ("fix_time_ms", 315_964_800_000),  # the receiver's default date of 1980
        ("horizontal_accuracy_mm", -1),
        ("course_cdeg", 36_000),
        ("seq", True),
        ("seq", 1.0),
        ("event", "something"),
        ("lat", 1),
    ],
)
def test_a_value_outside_its_range_is_refused_by_its_name(field: str, value: object) -> None:
    with pytest.raises(MalformedMessage) as caught:
        messages.encode({**FIX, field: value})
    assert caught.value.field == field


@pytest.mark.parametrize("field", ["boot_id", "seq", "fix_time_ms", "lat_e7", "lon_e7", "kind"])
def test_a_fix_without_a_required_field_is_refused_by_its_name(field: str) -> None:
    incomplete = {name: value for name, value in FIX.items() if name != field}
    with pytest.raises(MalformedMessage) as caught:
        messages.encode(incomplete)
    assert caught.value.field in {field, "lat_e7"}


def test_an_unknown_field_is_ignored_and_an_unknown_major_version_is_not() -> None:
    body = cbor.decode(messages.encode(FIX))
    assert isinstance(body, dict)
    assert messages.decode(cbor.encode({**body, 250: "new"})) == FIX
    with pytest.raises(UnsupportedVersion) as caught:
        messages.decode(cbor.encode({**body, 0: 2}))
    assert caught.value.major == 2


def test_a_frame_of_another_device_or_another_key_is_refused() -> None:
    sealed = frame.seal(messages.encode(FIX), "trk-p1", KEY)
    for device_id, key in (("trk-m1", KEY), ("trk-p1", bytes(32))):
        with pytest.raises(BadSignature) as caught:
            frame.open_frame(sealed, device_id, key)
        assert caught.value.device_id == device_id


@pytest.mark.parametrize("length", [0, 16, 513, 100_000])
def test_a_frame_of_impossible_length_is_refused_before_anything_is_computed(length: int) -> None:
    with pytest.raises(MalformedMessage):
        frame.open_frame(bytes(length), "trk-p1", KEY)


def test_a_key_of_the_wrong_length_is_the_callers_fault() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        frame.seal(b"x", "trk-p1", b"short")


def test_topics_lead_to_the_device_and_back() -> None:
    assert topics.up("trk-p1") == "wz/1/up/trk-p1"
    assert topics.down("trk-p1") == "wz/1/down/trk-p1"
    assert topics.device_id_of("wz/1/up/trk-p1") == topics.device_id_of("wz/1/down/trk-p1") == "trk-p1"


@pytest.mark.parametrize("device_id", ["", "a", "-a", "A1", "a/b", "a+", "a#", "é1", "a" * 32])
def test_what_is_not_a_device_id_makes_no_topic(device_id: str) -> None:
    with pytest.raises(MalformedMessage):
        topics.up(device_id)


@pytest.mark.parametrize(
    "topic", ["", "wz", "wz/1/up", "wz/1/up/a1/x", "xx/1/up/a1", "wz/1/side/a1", "wz//up/a1", "wz/²/up/a1"]
)
def test_a_topic_of_another_shape_is_malformed(topic: str) -> None:
    with pytest.raises(MalformedMessage):
        topics.device_id_of(topic)


def test_a_topic_of_another_major_version_is_unsupported() -> None:
    with pytest.raises(UnsupportedVersion) as caught:
        topics.device_id_of("wz/2/up/trk-p1")
    assert caught.value.major == 2
