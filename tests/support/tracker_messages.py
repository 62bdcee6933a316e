"""Signed messages as a tracker sends them, and a gateway process that takes them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from firmware.wire import frame, messages, topics
from tests.support.broker import BrokerAddress
from waakzaam.rigs import gateway
from waakzaam.rigs.fake_backend import TOKEN, FakeBackend

KEYS = {"trk-m1": bytes([1]) * 32, "trk-p1": bytes([2]) * 32}
CENTRE = (50.8466, 4.3517)


def order_document(**changes: Any) -> dict[str, Any]:
    """One order as in DESIGN's example, always in force, with changes."""
    order = {
        "order_id": "VL-1",
        "version": 1,
        "mandate_kind": "sentence_execution",
        "timezone": "Europe/Brussels",
        "valid_from": "2020-01-01T00:00:00Z",
        "valid_until": "2099-01-01T00:00:00Z",
        "monitored": {"person_id": "M1", "device_id": "trk-m1"},
        "protected": [{"person_id": "P1", "device_id": "trk-p1"}],
        "proximity": {"alert_distance_m": 500, "prealert_distance_m": 1000},
        "zones": [],
    }
    return {"schema": "waakzaam.orders/1", "orders": [{**order, **changes}]}


def fix_body(seq: int, time_ms: int, north_m: float, *, boot_id: int = 1, **more: Any) -> bytes:
    """The body of a fix this far north of CENTRE."""
    return messages.encode(
        {
            "kind": "fix",
            "boot_id": boot_id,
            "seq": seq,
            "sent_ms": time_ms,
            "fix_time_ms": time_ms,
            "lat_e7": round((CENTRE[0] + north_m / 111_250) * 1e7),
            "lon_e7": round(CENTRE[1] * 1e7),
            "horizontal_accuracy_mm": 5_000,
            **more,
        }
    )


def sealed(device: str, body: bytes) -> bytes:
    return frame.seal(body, device, KEYS[device])


class Trackers:
    """Publishes for any tracker, QoS 1, and waits until the broker has it."""

    def __init__(self, address: BrokerAddress) -> None:
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="trackers")
        self.client.connect(address.host, address.port)
        self.client.loop_start()

    def publish(self, topic: str, payload: bytes) -> None:
        self.client.publish(topic, payload, qos=1).wait_for_publish(10)

    def fix(self, device: str, seq: int, time_ms: int, north_m: float, **more: Any) -> None:
        self.publish(topics.up(device), sealed(device, fix_body(seq, time_ms, north_m, **more)))

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def write_settings(folder: Path, orders: dict[str, Any] | None = None) -> None:
    """Orders, keys and token as the gateway reads them."""
    gateway.write_files(folder, orders or order_document(), KEYS, TOKEN)


def gateway_command(folder: Path, address: BrokerAddress, backend_url: str) -> list[str]:
    return gateway.command(folder, backend_url, "--broker", f"{address.host}:{address.port}")


def start_gateway(folder: Path, address: BrokerAddress, backend: FakeBackend, *more: str) -> subprocess.Popen[bytes]:
    """A gateway in a process of its own; its words go to gateway.log in the folder."""
    return gateway.started([*gateway_command(folder, address, backend.url), *more], folder / "gateway.log")


def wait_connected(folder: Path, times: int = 1) -> None:
    """Returns when the gateway has said so many times that it is connected."""
    deadline = time.monotonic() + 30
    while (folder / "gateway.log").read_text().count("connected to broker") < times:
        if time.monotonic() > deadline:
            raise AssertionError("the gateway does not connect: " + (folder / "gateway.log").read_text())
        time.sleep(0.02)


@contextmanager
def running_gateway(
    folder: Path, address: BrokerAddress, backend: FakeBackend, *more: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A connected gateway until the end of the block."""
    write_settings(folder) if not (folder / "orders.json").exists() else None
    process = start_gateway(folder, address, backend, *more)
    try:
        wait_connected(folder)
        yield process
    finally:
        gateway.end(process)
