"""Our MQTT packets as an independent implementation (amqtt) writes and reads them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from amqtt.mqtt.connack import ConnackPacket
from amqtt.mqtt.connect import ConnectPacket
from amqtt.mqtt.pingresp import PingRespPacket
from amqtt.mqtt.puback import PubackPacket
from amqtt.mqtt.publish import PublishPacket
from amqtt.mqtt.suback import SubackPacket
from amqtt.mqtt.subscribe import SubscribePacket
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.tracking import mqtt_codec as ours
from firmware.tracking.errors import ProtocolFault


def read(packet: type, data: bytes) -> Any:
    async def from_bytes() -> Any:
        stream = asyncio.StreamReader()
        stream.feed_data(data)
        stream.feed_eof()
        return await packet.from_stream(stream)  # type: ignore[attr-defined]

    return asyncio.run(from_bytes())


def test_connect_is_read_as_meant() -> None:
    found = read(ConnectPacket, ours.connect("trk-m1", 60, ("wz/1/up/trk-m1", b"\x00will\xff"), "user", "secret"))
    assert found.variable_header.keep_alive == 60
    assert found.variable_header.clean_session_flag
    assert found.variable_header.will_flag
    assert found.variable_header.will_qos == 1
    assert not found.variable_header.will_retain_flag
    payload = found.payload
    assert (payload.client_id, payload.will_topic, bytes(payload.will_message)) == (
        "trk-m1",
        "wz/1/up/trk-m1",
        b"\x00will\xff",
    )
    assert (payload.username, payload.password) == ("user", "secret")


def test_connect_without_will_and_password_has_no_such_flags() -> None:
    found = read(ConnectPacket, ours.connect("trk-m1", 10))
    assert not found.variable_header.will_flag
    assert not found.variable_header.username_flag
    assert not found.variable_header.password_flag


@pytest.mark.parametrize("length", [0, 1, 100, 127, 128, 500, 16_383, 16_384])
@pytest.mark.parametrize("again", [False, True])
def test_publish_is_byte_for_byte_amqtts(length: int, again: bool) -> None:
    theirs = PublishPacket.build("wz/1/up/trk-m1", bytes(length), 4711, again, 1, False)
    assert ours.publish("wz/1/up/trk-m1", bytes(length), 4711, again) == theirs.to_bytes()


def test_subscribe_and_acknowledgement_are_byte_for_byte_amqtts() -> None:
    assert ours.subscribe(9, "wz/1/down/x1") == SubscribePacket.build([("wz/1/down/x1", 1)], 9).to_bytes()
    assert ours.puback(4711) == PubackPacket.build(4711).to_bytes()


def test_the_brokers_packets_are_understood_in_pieces_of_any_size() -> None:
    stream = b"".join(
        (
            ConnackPacket.build(0, 0).to_bytes(),
            SubackPacket.build(1, [1]).to_bytes(),
            PublishPacket.build("wz/1/down/x1", b"p" * 300, 77, False, 1, False).to_bytes(),
            PublishPacket.build("wz/1/down/x1", b"q", None, False, 0, False).to_bytes(),
            PubackPacket.build(65535).to_bytes(),
            PingRespPacket.build().to_bytes(),
        )
    )
    for size in (1, 2, 7, 1000):
        decoder = ours.Decoder()
        packets = [p for i in range(0, len(stream), size) for p in decoder.feed(stream[i : i + size])]
        kinds = [p.kind for p in packets]
        assert kinds == [ours.CONNACK, ours.SUBACK, ours.PUBLISH, ours.PUBLISH, ours.PUBACK, ours.PINGRESP]
        assert (packets[2].packet_id, packets[2].qos, packets[2].payload) == (77, 1, b"p" * 300)
        assert (packets[3].qos, packets[3].payload, packets[4].packet_id) == (0, b"q", 65535)


@settings(max_examples=1000)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6))
def test_any_bytes_from_a_broker_are_packets_or_a_protocol_fault(chunks: list[bytes]) -> None:
    decoder = ours.Decoder()
    try:
        for chunk in chunks:
            decoder.feed(chunk)
    except ProtocolFault as fault:
        assert fault.reason  # noqa: PT017


@pytest.mark.parametrize(
    "data",
    [
        b"\x30\xff\xff\xff\xff\x01",
        b"\x30\xff\x7f",
        b"\x20\x03\x00\x00\x00",
        b"\x36\x05\x00\x01a\x00\x01",
        b"\x41\x02\x00\x01",
        b"\x32\x03\x00\x09a",
    ],
)
def test_what_breaks_the_protocol_or_our_bounds_is_refused(data: bytes) -> None:
    with pytest.raises(ProtocolFault):
        ours.Decoder().feed(data)
