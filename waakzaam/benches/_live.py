"""Figures on the live path: through Mosquitto into the journal and on to a backend, and how fast a restart decides."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

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

KEY = bytes(range(32))
TRACKERS = 400
PACE = 2_000


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


def _settings(folder: Path, orders: int) -> None:
    (folder / "orders.json").write_text(json.dumps(_orders(orders)), encoding="utf-8")
    keys = {f"{who}-{i}": KEY.hex() for i in range(orders) for who in "mp"}
    path = folder / "keys.json"
    path.write_text(json.dumps({"schema": "waakzaam.keys/1", "keys": keys}), encoding="utf-8")
    path.chmod(0o600)
    (folder / "token").write_text("bench", encoding="utf-8")


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


class _Sink(ThreadingHTTPServer):
    """A backend that notes how long after a fix's arrival its alarm was stored."""

    daemon_threads = True

    def __init__(self) -> None:
        self.delays_ms: list[int] = []
        sink = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                document = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                now = wall_ms()
                results = []
                for one in document.get("transitions", []):
                    if one["fix_received_ms"] is not None and one["kind"] == "proximity_alert":
                        sink.delays_ms.append(now - one["fix_received_ms"])
                    results.append({"idempotency_key": one["idempotency_key"], "status": "stored", "stored_ms": now})
                text = json.dumps({"results": results}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        super().__init__(("127.0.0.1", 0), Handler)


@contextmanager
def _process(command: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(condition: Any, timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(what)
        time.sleep(0.01)


def live(seed: int, count: int) -> list[Figure]:
    """Signed fixes of 400 trackers, journal on; as fast as the broker takes them, then at the promised rate."""
    name = f"live path, Mosquitto QoS 1, journal on, {count} messages"
    if machine.find_mosquitto() is None:
        return [Figure(name, None, "msg/s", "needs Mosquitto", False)]
    rate, _ = _run(np.random.default_rng(seed), count, None)
    paced, delays = _run(np.random.default_rng(seed), count, PACE)
    return [
        at_least(name, rate, PACE, "msg/s", load_average=os.getloadavg()[0]),
        at_most(
            f"fix received -> alarm stored, p99 at {PACE} msg/s", float(np.percentile(delays, 99)), 1.0, "s", rate=paced
        ),
        Figure("fix received -> alarm stored, median", float(np.median(delays)), "s", detail={"alarms": len(delays)}),
    ]


def _run(rng: np.random.Generator, count: int, pace: int | None) -> tuple[float, NDArray[np.float64]]:
    """One gateway under load, one order in ten breached: messages a second, and seconds from arrival to stored."""
    with tempfile.TemporaryDirectory(prefix="wz-live-") as text, socket.socket() as spare:
        folder = Path(text)
        _settings(folder, TRACKERS // 2)
        spare.bind(("127.0.0.1", 0))
        port = spare.getsockname()[1]
        spare.close()
        sink = _Sink()
        threading.Thread(target=sink.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        broker = [sys.executable, "-m", "waakzaam", "broker", "--kind", "mosquitto", "--port", str(port)]
        gateway = [
            *(sys.executable, "-m", "waakzaam", "gateway", "--broker", f"127.0.0.1:{port}"),
            *("--orders", str(folder / "orders.json"), "--keys", str(folder / "keys.json")),
            *("--token-file", str(folder / "token"), "--data", str(folder / "data")),
            *("--backend", f"http://127.0.0.1:{sink.server_address[1]}"),
        ]
        log = folder / "gateway.log"
        try:
            with _process([*broker, "--data", str(folder / "broker")], folder / "broker.log"):
                _wait(lambda: _listens(port), 30, "the broker does not listen")
                with _process(gateway, log):
                    _wait(lambda: "connected" in log.read_text(encoding="utf-8"), 30, "the gateway does not connect")
                    rate = _publish(rng, port, count, pace, folder / "data/gateway.db")
                    _wait(lambda: len(sink.delays_ms) >= 1, 30, "no alarm arrived")
        finally:
            sink.shutdown()
            sink.server_close()
        return rate, np.array(sink.delays_ms) / 1000


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
    except OSError:
        return False
    return True


def _publish(rng: np.random.Generator, port: int, count: int, pace: int | None, database: Path) -> float:
    """Publishes and waits until all is journalled; messages a second from the first to the last."""
    start = wall_ms() - 10_000 * (count // TRACKERS + 2)
    payloads = []
    for k in range(count):
        number, seq = k % TRACKERS, k // TRACKERS
        i, who = number // 2, "mp"[number % 2]
        lat, lon = 50.5 + (i % 700) * 0.001 + (0.05 if who == "m" else 0.0), 3.0
        if who == "m" and i % 10 == 0:  # Drives up to the protected person, 16 m/s.
            lat -= 0.038 + 0.00144 * min(max(seq - 2, 0), 7)
        time_ms = start + seq * 10_000
        payloads.append((topics.up(f"{who}-{i}"), _frame(f"{who}-{i}", seq, time_ms, lat + rng.normal(0, 2e-5), lon)))
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="load")
    client.max_inflight_messages_set(500)
    client.connect("127.0.0.1", port)
    client.loop_start()
    journal = Journal(database)
    begin = time.perf_counter()
    before = journal.last_seq()
    for sent, (topic, payload) in enumerate(payloads, 1):
        client.publish(topic, payload, qos=1)
        while pace is not None and sent / pace > time.perf_counter() - begin:
            time.sleep(0.001)
        while sent - (journal.last_seq() - before if sent % 500 == 0 else sent) > 4_000:
            time.sleep(0.005)
    _wait(lambda: journal.last_seq() - before >= count, 300, "not every message is in the journal")
    rate = count / (time.perf_counter() - begin)
    journal.close()
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
        _settings(folder, orders)
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
