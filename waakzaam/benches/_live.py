"""Figures on the live path: through Mosquitto into the journal and on to a backend, and how fast a restart decides."""

from __future__ import annotations

import os
import queue
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import paho.mqtt.client as paho
from numpy.typing import NDArray
from paho.mqtt.enums import CallbackAPIVersion

from firmware.wire import frame, messages, topics
from gateway.ingest import keys as device_keys
from gateway.journal.store import Journal
from gateway.orders_feed import OrdersFeed
from gateway.worker import Delivery, Worker
from waakzaam import machine
from waakzaam.benches.report import Figure, at_least, at_most
from waakzaam.clock import wall_ms
from waakzaam.rigs import gateway
from waakzaam.rigs.fake_backend import TOKEN, running_backend

KEY = bytes(range(32))
TRACKERS_MAX = 20_000  # at the promised rate each of them reports once in ten seconds
PACE = 2_000
INTERVAL_MS = 10_000
BREACH_EVERY = 50  # so many orders for each one that is breached


def _orders(count: int) -> dict[str, Any]:
    """Orders with a pair and three zones, as a document."""
    place = {"type": "Circle", "radius_m": 300}
    orders = []
    for i in range(count):
        lat, lon = 50.5 + (i % 700) * 0.001, 3.0 + (i // 700) * 0.002
        zones = [
            {"zone_id": f"z{k}", "shape": {**place, "center": [lon, round(lat + 0.2 + 0.02 * k, 6)]}} for k in range(3)
        ]
        orders.append(
            {
                "order_id": f"o-{i}",
                "version": 1,
                "mandate_kind": "probation",
                "timezone": "Europe/Brussels",
                "valid_from": "2020-01-01T00:00:00Z",
                "valid_until": "2099-01-01T00:00:00Z",
                "monitored": {"person_id": f"M{i}", "device_id": f"m-{i}"},
                "protected": [{"person_id": f"P{i}", "device_id": f"p-{i}"}],
                "proximity": {"alert_distance_m": 500, "prealert_distance_m": 1000},
                "zones": zones,
            }
        )
    return {"schema": "waakzaam.orders/1", "orders": orders}


def write_settings(folder: Path, orders: int) -> None:
    gateway.write_files(folder, _orders(orders), {f"{who}-{i}": KEY for i in range(orders) for who in "mp"}, TOKEN)


def _frame(device: str, seq: int, time_ms: int, lat: float, lon: float) -> bytes:
    body = messages.encode(
        {
            "kind": "fix",
            "boot_id": 1,
            "seq": seq,
            "sent_ms": time_ms,
            "fix_time_ms": time_ms,
            "lat_e7": round(lat * 1e7),
            "lon_e7": round(lon * 1e7),
            "horizontal_accuracy_mm": 8_000,
        }
    )
    return frame.seal(body, device, KEY)


def wait(condition: Any, timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.01)


class Run(NamedTuple):
    """One gateway under load: messages a second, seconds from arrival to stored for each alarm, CPU by process."""

    rate: float
    delays_s: NDArray[np.float64]
    cpu_us: dict[str, float]
    """CPU microseconds a message: gateway, broker, and this process (trackers and backend)."""


def live(seed: int, count: int) -> list[Figure]:
    """Signed fixes of 20,000 trackers, journal on; as fast as the broker takes them, then at the promised rate."""
    name = f"live path, Mosquitto QoS 1, journal on, {trackers_of(count)} trackers, {count} messages"
    if machine.find_mosquitto() is None:
        return [Figure(name, None, "msg/s", "needs Mosquitto", False)]
    fast = run(np.random.default_rng(seed), count, None)
    paced = run(np.random.default_rng(seed), count, PACE)
    gateway_us, whole_us = fast.cpu_us["gateway"], sum(fast.cpu_us.values())
    return [
        at_least(name, fast.rate, PACE, "msg/s", load_average=os.getloadavg()[0]),
        Figure("live path: CPU of the gateway a message", gateway_us, "us", detail=fast.cpu_us),
        Figure("live path: what two cores alone would do", 1e6 / max(gateway_us, whole_us / 2), "msg/s, calculated"),
        at_most(
            f"fix received -> alarm stored, p99 at {PACE} msg/s",
            float(np.percentile(paced.delays_s, 99)),
            1.0,
            "s",
            rate=paced.rate,
        ),
        Figure(
            "fix received -> alarm stored, median",
            float(np.median(paced.delays_s)),
            "s",
            detail={"alarms": len(paced.delays_s)},
        ),
    ]


def run(rng: np.random.Generator, count: int, pace: int | None) -> Run:
    """One gateway under load, one order in fifty breached."""
    with (
        tempfile.TemporaryDirectory(prefix="wz-live-") as text,
        socket.socket() as spare,
        running_backend() as backend,
    ):
        folder = Path(text)
        orders = trackers_of(count) // 2
        write_settings(folder, orders)
        breaches = -(-orders // BREACH_EVERY)
        spare.bind(("127.0.0.1", 0))
        port = spare.getsockname()[1]
        spare.close()
        broker = [sys.executable, "-m", "waakzaam", "broker", "--kind", "mosquitto", "--port", str(port)]
        judge = gateway.command(folder, backend.url, "--broker", f"127.0.0.1:{port}")
        log = folder / "gateway.log"
        with gateway.running([*broker, "--data", str(folder / "broker")], folder / "broker.log") as served:
            wait(lambda: listens(port), 30, "the broker does not listen")
            with gateway.running(judge, log) as gate:
                wait(lambda: "connected" in log.read_text(encoding="utf-8"), 60, "the gateway does not connect")
                payloads = payloads_of(rng, count)
                meters = {
                    "gateway": [gate.pid],
                    "broker": family(served.pid),
                    "trackers and backend": [os.getpid()],
                }
                before = {who: sum(map(machine.cpu_s, pids)) for who, pids in meters.items()}
                journal = Journal(folder / "data/gateway.db")
                rate = publish(payloads, port, pace, journal.last_seq)
                journal.close()
                wait(lambda: len(backend.alarm_delays_s) >= breaches, 60, f"{breaches} alarms at the backend")
                used = {who: sum(map(machine.cpu_s, pids)) - before[who] for who, pids in meters.items()}
        return Run(rate, np.array(backend.alarm_delays_s), {who: 1e6 * s / count for who, s in used.items()})


def family(pid: int) -> list[int]:
    """A process and those that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(one for child in children for one in family(int(child)))]


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
    except OSError:
        return False
    return True


def trackers_of(count: int) -> int:
    """Each tracker has at least two messages: one far enough, one in the breach."""
    return min(TRACKERS_MAX, count // 2)


def payloads_of(rng: np.random.Generator, count: int) -> list[tuple[str, bytes]]:
    """Messages of all trackers in turn, timed so that the last is of now: each reports once in INTERVAL_MS."""
    trackers = trackers_of(count)
    start = wall_ms() - INTERVAL_MS * count // trackers
    payloads = []
    for k in range(count):
        number, seq = k % trackers, k // trackers
        i, who = number // 2, "pm"[number % 2]
        lat, lon = 50.5 + (i % 700) * 0.001 + (0.05 if who == "m" else 0.0), 3.0 + (i // 700) * 0.002
        if who == "m" and i % BREACH_EVERY == 0:  # Drives up to the protected person, 16 m/s: 622 m, 462 m, ...
            lat -= 0.05 - 0.00559 + 0.00144 * min(seq, 3)
        time_ms = start + INTERVAL_MS * k // trackers
        payloads.append((topics.up(f"{who}-{i}"), _frame(f"{who}-{i}", seq, time_ms, lat + rng.normal(0, 2e-5), lon)))
    return payloads


def publish(payloads: list[tuple[str, bytes]], port: int, pace: int | None, taken: Callable[[], int]) -> float:
    """Publishes and waits until `taken` has grown by all; messages a second from the first to the last."""
    count = len(payloads)
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="load")
    client.max_inflight_messages_set(500)
    client.connect("127.0.0.1", port)
    client.loop_start()
    before, begin = taken(), time.perf_counter()
    for sent, (topic, payload) in enumerate(payloads, 1):
        client.publish(topic, payload, qos=1)
        while pace is not None and sent / pace > time.perf_counter() - begin:
            time.sleep(0.001)
        while sent - (taken() - before if sent % 500 == 0 else sent) > 4_000:
            time.sleep(0.005)
    wait(lambda: taken() - before >= count, 300, "not every message is taken in")
    rate = count / (time.perf_counter() - begin)
    client.disconnect()
    client.loop_stop()
    return rate


def _started(folder: Path) -> tuple[Journal, Worker]:
    """A worker as `waakzaam gateway` starts it: keys, orders of the file and of the backend, journal, states."""
    keys = device_keys.read(folder / "keys.json")
    journal = Journal(folder / "gateway.db")
    feed = OrdersFeed("http://127.0.0.1:1", "", given=folder / "orders.json", data=folder, now_ms=wall_ms, source="g")
    feed.prepare()
    worker = Worker(journal, keys, feed.orders, wall_ms, wall_ms)
    worker.start()
    return journal, worker


def restart(orders: int) -> Figure:
    """Seconds from reading the files of so many orders to the first decision on a new fix, all of them overdue."""
    with tempfile.TemporaryDirectory(prefix="wz-restart-") as text:
        folder = Path(text)
        write_settings(folder, orders)
        journal, worker = _started(folder)
        journal.close()
        del worker  # Taking the first one apart is no part of a restart.
        begin = time.process_time()
        journal, worker = _started(folder)
        done: queue.Queue[bool] = queue.Queue()
        payload = _frame("m-5", 1, wall_ms(), 50.505 + 0.2, 3.0)
        worker.take([Delivery(topics.up("m-5"), payload, wall_ms(), lambda: done.put(True))])
        took = time.process_time() - begin
        decided = done.get(timeout=1) and any(p.document for p in journal.unsent(10))
        journal.close()
    return at_most(
        f"restart with {orders} orders: to the first decision", took if decided else float("nan"), 10, "CPU s"
    )
