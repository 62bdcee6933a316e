"""Which partition an order belongs to, which partitions must hear a tracker, and how a message travels there."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import NamedTuple

from gateway.contract.orders import Order
from gateway.errors import GatewayError

PARTITIONS = 16
PARTITIONS_MAX = 1_024
ENVELOPE = struct.Struct(">BqqH")  # version, now_ms, received_wall_ms, length of the topic
ENVELOPE_VERSION = 1
PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


class EnvelopeUnusable(GatewayError):
    """What came through a partition's stream was not put there by an intake of this version."""


class Enclosed(NamedTuple):
    """A tracker's message on its way to a worker: as the broker handed it over, with the intake's two clocks."""

    topic: str
    payload: bytes
    now_ms: int
    received_wall_ms: int


def partition_of(order_id: str, partitions: int) -> int:
    """The partition that judges this order: the same on every machine, for as long as the number stays the same."""
    return zlib.crc32(order_id.encode()) % partitions


def stream_of(partition: int) -> str:
    return f"fix-{partition}"


def subject(partition: int, order_id: str) -> str:
    """`fix.<partition>.<order>`; what a subject cannot carry is written as `=` and two hexadecimal digits."""
    return f"fix.{partition}." + "".join(
        c if c in PLAIN else "".join(f"={b:02X}" for b in c.encode()) for c in order_id
    )


def order_of(subject_text: str) -> str:
    """The order that a subject names."""
    first, *rest = subject_text.split(".")[2].split("=")
    return (first.encode() + b"".join(bytes([int(part[:2], 16)]) + part[2:].encode() for part in rest)).decode()


def enclose(message: Enclosed) -> bytes:
    topic = message.topic.encode()
    head = ENVELOPE.pack(ENVELOPE_VERSION, message.now_ms, message.received_wall_ms, len(topic))
    return head + topic + message.payload


def disclose(data: bytes) -> Enclosed:
    """Raises EnvelopeUnusable."""
    try:
        version, now_ms, received_wall_ms, length = ENVELOPE.unpack_from(data)
        topic = data[ENVELOPE.size : ENVELOPE.size + length].decode()
    except (struct.error, UnicodeDecodeError) as error:
        raise EnvelopeUnusable(f"not a message of an intake: {error}") from None
    if version != ENVELOPE_VERSION:
        raise EnvelopeUnusable(f"envelope {version}, this program knows {ENVELOPE_VERSION}")
    return Enclosed(topic, data[ENVELOPE.size + length :], now_ms, received_wall_ms)


class Directory:
    """For each tracker, the partitions that must hear it, each with one of its orders there."""

    def __init__(self, orders: Iterable[Order], partitions: int) -> None:
        self._places: dict[str, dict[int, str]] = {}
        for order in orders:
            partition = partition_of(order.order_id, partitions)
            for device in order.devices():
                self._places.setdefault(device, {}).setdefault(partition, order.order_id)

    def places(self, device_id: str) -> dict[int, str]:
        return self._places.get(device_id, {})
