"""A story of many orders through real streams and workers, and what one process makes of the same story."""

from __future__ import annotations

import json
import math
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from firmware.wire import frame, messages, topics
from gateway.contract import orders
from gateway.contract.transitions import Transition
from gateway.geofence import ellipsoid
from gateway.ingest import decoder
from gateway.orders_file import OrdersFile
from gateway.partitions.intake import Intake
from gateway.partitions.stream import Stream, StreamAway
from gateway.replay.run import replay
from gateway.worker import Delivery
from tests.support.waiting import wait_until
from waakzaam.rigs import gateway, nats, postgres
from waakzaam.rigs.fake_backend import TOKEN, FakeBackend

BEGIN_MS = 1_780_300_000_000
PARTITIONS = 4
STEP_MS = 20_000
HOME = (50.8466, 4.3517)


def key_of(device: str) -> bytes:
    return device.encode().ljust(32, b"k")[:32]


class Story:
    """`pairs` orders; each monitored person walks in and out of reach of the protected one, one sometimes panics."""

    def __init__(self, seed: int, pairs: int, steps: int) -> None:
        self.seed = seed
        self.pairs = pairs
        rng = random.Random(seed)
        self.document = {"schema": "waakzaam.orders/1", "orders": [self.order(i) for i in range(pairs)]}
        self.deliveries: list[Delivery] = []
        for k in range(steps):
            for i in range(pairs):
                for who in "mp":
                    at_ms = BEGIN_MS + k * STEP_MS + (2 * i + (who == "p")) * 37
                    north = 1_400 * (1 + math.cos(k / 9 + i)) + rng.gauss(0, 5) if who == "m" else rng.gauss(0, 5)
                    event = "panic" if who == "p" and rng.random() < 0.01 else ""
                    self.deliveries.append(self.delivery(f"{who}-{i}", k, at_ms, north, event))

    def order(self, i: int) -> dict[str, Any]:
        return {
            "order_id": f"VL-{i}",
            "version": 1,
            "mandate_kind": "probation",
            "timezone": "Europe/Brussels",
            "valid_from": "2020-01-01T00:00:00Z",
            "valid_until": "2099-01-01T00:00:00Z",
            "monitored": {"person_id": f"M{i}", "device_id": f"m-{i}"},
            "protected": [{"person_id": f"P{i}", "device_id": f"p-{i}"}],
            "proximity": {"alert_distance_m": 500, "prealert_distance_m": 1000},
        }

    def delivery(self, device: str, seq: int, at_ms: int, north_m: float, event: str = "") -> Delivery:
        lat, lon = ellipsoid.moved(*HOME, north_m, 0)
        fields = {
            "kind": "event" if event else "fix",
            "boot_id": 1,
            "seq": seq,
            "sent_ms": at_ms,
            "fix_time_ms": at_ms,
            "lat_e7": round(lat * 1e7),
            "lon_e7": round(lon * 1e7),
            "horizontal_accuracy_mm": 6_000,
        }
        if event:
            fields |= {"event": event, "event_time_ms": at_ms}
        payload = frame.seal(messages.encode(fields), device, key_of(device))
        return Delivery(topics.up(device), payload, time.time_ns() // 1_000_000, lambda: None, at_ms)

    @cached_property
    def told_by_one_process(self) -> list[str]:
        """What a replay in one process tells of the same messages, each line with its keys in order."""
        rows = []
        for one in self.deliveries:
            assert one.now_ms is not None
            device = one.topic.rpartition("/")[2]
            opened = decoder.open_message(one.topic, one.payload, {device: key_of(device)}, one.now_ms, one.now_ms)
            rows += decoder.observations(device, opened.fields, one.now_ms)
        found: Iterator[Transition] = replay(orders.parse(self.document), rows)
        return sorted(canonical(json.loads(one.to_line())) for one in found)


def canonical(document: dict[str, Any]) -> str:
    added = ("idempotency_key", "fix_received_ms", "traceparent")  # by the sender
    known = {k: v for k, v in document.items() if k not in added}
    return json.dumps(known, sort_keys=True)


class Rig(gateway.Partitioned):
    """Real NATS and PostgreSQL, an intake in this process with the story's clock, workers as processes."""

    def __init__(self, folder: Path, story: Story, server: nats.Server, database: str, backend: FakeBackend) -> None:
        super().__init__(folder, server.url, database, backend.url, PARTITIONS)
        self.story, self.nats, self.backend = story, server, backend
        devices = [f"{who}-{i}" for i in range(story.pairs + 8) for who in "mp"]
        self.keys = {device: key_of(device) for device in devices}
        gateway.write_files(folder, story.document, self.keys, TOKEN)
        self.stream = Stream(server.url, "test-intake", lambda: BEGIN_MS)
        self.stream.start()
        assert self.stream.connected.wait(20)
        orders_file = OrdersFile(folder / "orders.json")
        self.intake = Intake(self.stream, self.keys, orders_file, PARTITIONS, "test", lambda: BEGIN_MS)
        self.intake.open_streams()
        self.published = 0

    def write_orders(self, document: dict[str, Any]) -> None:
        gateway.write_orders(self.folder, document)

    def publish(self, deliveries: list[Delivery]) -> None:
        """As an intake does: again until it is certain."""
        for start in range(0, len(deliveries), 200):
            part = deliveries[start : start + 200]

            def certain(part: list[Delivery] = part) -> bool:
                try:
                    self.intake.take(part)
                except StreamAway:
                    return False
                return True

            wait_until(certain, "the stream takes the messages", 30)
        self.published += len(deliveries)

    def start_worker(self, name: str, lease_s: float = 2.0) -> subprocess.Popen[bytes]:
        # The story's clock stands still at its beginning: only what the intake stamped lets time pass.
        clock = f"{BEGIN_MS}:{time.time_ns() // 1_000_000}:1e-12"
        return self.start("worker", name, "--lease-s", str(lease_s), clock=clock)

    def wait_done(self, timeout_s: float = 60) -> None:
        """Returns when every published message is journalled and everything decided has reached the backend."""
        wait_until(lambda: self.journalled() >= self.published, "every message is in the journal", timeout_s)
        wait_until(lambda: self.unsent() == 0, "every transition is sent", timeout_s)

    def told(self) -> list[str]:
        return sorted(canonical(one) for one in self.backend.transitions)


@contextmanager
def running(folder: Path, story: Story, server: postgres.Server, backend: FakeBackend) -> Iterator[Rig]:
    """The rig with a NATS server and a database of its own."""
    with nats.running() as streams:
        rig = Rig(folder, story, streams, server.fresh(), backend)
        try:
            yield rig
        finally:
            rig.stream.stop()


@contextmanager
def workers(
    rig: Rig, *names: str, lease_s: float = 2.0, share: int | None = None
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Workers that have `share` partitions each, all together by default; ended with the block."""
    processes = [rig.start_worker(name, lease_s) for name in names]
    try:
        for name in names:
            wait_until(
                lambda name=name: rig.held_by(name) == (share or PARTITIONS // len(names)), f"{name} has its share", 30
            )
        yield processes
    finally:
        for process in processes:
            gateway.end(process)
