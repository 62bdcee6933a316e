"""One connection's life: asks, publishes, keeps alive, notices when nobody answers any more."""

from __future__ import annotations

import pytest

from firmware.tracking import mqtt_codec as codec
from firmware.tracking.errors import LinkLost, ProtocolFault
from firmware.tracking.mqtt_session import ANSWER_MS, BACKOFF_MOST_MS, WINDOW, MqttSession, backoff_ms

CONNACK = b"\x20\x02\x00\x00"
SUBACK = b"\x90\x03\x00\x01\x01"
PINGRESP = b"\xd0\x00"


def connected() -> MqttSession:
    session = MqttSession("trk-m1", "wz/1/down/trk-m1", keep_alive_s=60)
    session.start(0)
    assert session.receive(CONNACK, 10) == [("connected",)]
    session.receive(SUBACK, 20)
    session.outgoing = bytearray()
    return session


def test_it_connects_and_listens() -> None:
    session = MqttSession("trk-m1", "wz/1/down/trk-m1")
    session.start(0, ("wz/1/up/trk-m1", b"will"))
    assert bytes(session.outgoing) == codec.connect("trk-m1", 60, ("wz/1/up/trk-m1", b"will"))
    assert not session.may_publish()
    session.outgoing = bytearray()
    session.receive(CONNACK, 5)
    assert bytes(session.outgoing) == codec.subscribe(1, "wz/1/down/trk-m1")
    assert session.may_publish()


@pytest.mark.parametrize("code", [1, 2, 3, 4, 5, 77])
def test_a_refusal_is_said_in_words(code: int) -> None:
    session = MqttSession("trk-m1", "wz/1/down/trk-m1")
    session.start(0)
    with pytest.raises(LinkLost, match="refused"):
        session.receive(bytes([0x20, 2, 0, code]), 5)


def test_a_message_is_acknowledged_by_the_token_it_was_given() -> None:
    session = connected()
    session.publish("wz/1/up/trk-m1", b"a", "token a", 30)
    session.publish("wz/1/up/trk-m1", b"b", "token b", 30)
    first, second = codec.Decoder().feed(bytes(session.outgoing))
    assert session.receive(codec.puback(second.packet_id), 40) == [("acknowledged", "token b")]
    assert session.receive(codec.puback(first.packet_id), 40) == [("acknowledged", "token a")]
    assert session.receive(codec.puback(first.packet_id), 40) == []


def test_the_window_bounds_what_is_under_way() -> None:
    session = connected()
    for number in range(WINDOW):
        session.publish("wz/1/up/trk-m1", b"", number, 30)
    assert not session.may_publish()
    with pytest.raises(LinkLost):
        session.publish("wz/1/up/trk-m1", b"", 99, 30)
    assert session.receive(codec.puback(2), 40)
    assert session.may_publish()


def test_packet_ids_wrap_and_skip_those_in_use() -> None:
    session = connected()
    session.publish("wz/1/up/trk-m1", b"", "kept", 30)
    kept = codec.Decoder().feed(bytes(session.outgoing))[0].packet_id
    seen = set()
    for number in range(66_000):
        session.outgoing = bytearray()
        session.publish("t", b"", number, 30)
        packet_id = session.outgoing[-2] << 8 | session.outgoing[-1]
        assert packet_id not in {0, kept}
        seen.add(packet_id)
        session.receive(codec.puback(packet_id), 30)
    assert len(seen) == 65_534


def test_a_message_from_the_gateway_is_handed_on_and_acknowledged() -> None:
    session = connected()
    assert session.receive(codec.publish("wz/1/down/trk-m1", b"x", 7), 30) == [("message", "wz/1/down/trk-m1", b"x")]
    assert bytes(session.outgoing) == codec.puback(7)


def test_a_quiet_connection_is_kept_alive_before_the_broker_gives_up() -> None:
    session = connected()
    for now_ms in range(1_000, 45_000, 1_000):
        session.tick(now_ms)
    assert not session.outgoing
    session.tick(45_100)
    assert bytes(session.outgoing) == codec.PINGREQ_BYTES
    session.receive(PINGRESP, 45_200)
    session.tick(45_200 + ANSWER_MS + 1)


@pytest.mark.parametrize("what", ["connection", "subscription", "ping", "acknowledgement"])
def test_silence_ends_the_connection_whatever_was_waited_for(what: str) -> None:
    session = MqttSession("trk-m1", "wz/1/down/trk-m1")
    session.start(0)
    begin_ms = 0
    if what != "connection":
        session.receive(CONNACK, 10)
    if what in {"ping", "acknowledgement"}:
        session.receive(SUBACK, 20)
    if what == "ping":
        session.tick(begin_ms := 50_000)
    if what == "acknowledgement":
        session.publish("t", b"", 1, begin_ms := 100)
    session.tick(begin_ms + ANSWER_MS)
    with pytest.raises(LinkLost, match=what):
        session.tick(begin_ms + ANSWER_MS + 100)


def test_a_broker_that_speaks_before_it_accepts_is_at_fault() -> None:
    session = MqttSession("trk-m1", "wz/1/down/trk-m1")
    session.start(0)
    with pytest.raises(ProtocolFault):
        session.receive(SUBACK, 10)


def test_a_new_connection_starts_clean() -> None:
    session = connected()
    session.publish("t", b"", 1, 30)
    session.start(1_000)
    assert not session.may_publish()
    session.receive(CONNACK, 1_010)
    session.tick(1_000 + ANSWER_MS - 1)
    assert session.receive(codec.puback(2), 1_020) == []


def test_pauses_double_up_to_a_minute_and_differ_between_trackers() -> None:
    assert [backoff_ms(n, 0) for n in range(1, 9)] == [750, 1500, 3000, 6000, 12000, 24000, 45000, 45000]
    for attempt in range(1, 50):
        assert backoff_ms(attempt, 0) <= backoff_ms(attempt, 255) <= BACKOFF_MOST_MS
    assert len({backoff_ms(5, chance) for chance in range(256)}) > 200
