"""Figures on the gateway of many workers: what one intake and one worker make of messages, each as a process."""

from __future__ import annotations

import os
import socket
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from gateway.partitions import sharing
from gateway.partitions.stream import Stream, StreamAway
from waakzaam import machine
from waakzaam.benches import _live
from waakzaam.benches.report import Figure
from waakzaam.clock import wall_ms
from waakzaam.rigs import gateway, nats, postgres
from waakzaam.rigs.fake_backend import running_backend

PARTITIONS = 4
BEGUN = 200  # a worker's rate counts from so many messages on: what it does before is its start


def rates(seed: int, count: int) -> list[Figure]:
    """Signed fixes through Mosquitto and an intake into JetStream; then a worker on what waits there, to a backend.

    One after the other, so that neither takes the other's processor; every message is new, one order in fifty is
    breached. PostgreSQL writes through to its disk. Rates are by the clock, so CPU of each part stands beside them.
    """
    names = "one intake: Mosquitto -> JetStream", "one worker: JetStream -> decision -> PostgreSQL -> backend"
    if machine.find_mosquitto() is None or machine.find_nats() is None or machine.find_postgres() is None:
        return [Figure(name, None, "msg/s", detail={"why": "needs Mosquitto, NATS and PostgreSQL"}) for name in names]
    with (
        tempfile.TemporaryDirectory(prefix="wz-partitions-") as text,
        nats.running() as streams,
        postgres.running(durable=True) as database,
        running_backend() as backend,
    ):
        folder = Path(text)
        _live.write_settings(folder, _live.trackers_of(count) // 2)
        rig = gateway.Partitioned(folder, streams.url, database.fresh(), backend.url, PARTITIONS)
        intake_rate, intake_us = _intake(rig, streams, _live.payloads_of(np.random.default_rng(seed), count))
        worker_rate, worker_us = _worker(rig, streams, database, count)
        alarms = len(backend.alarm_delays_s)
    given = {"messages": count, "trackers": _live.trackers_of(count), "partitions": PARTITIONS}
    loaded = {"load_average": os.getloadavg()[0]}
    return [
        Figure(names[0], intake_rate, "msg/s", detail={**given, "cpu_us": intake_us, **loaded}),
        Figure(names[1], worker_rate, "msg/s", detail={**given, "cpu_us": worker_us, "alarms": alarms}),
    ]


class _Meter:
    """CPU of some processes, and of all that they started, since the beginning; microseconds a message."""

    def __init__(self, **pids: int) -> None:
        self._of = pids
        self._before = self._now()

    def _now(self) -> dict[str, float]:
        return {who: sum(map(machine.cpu_s, _live.family(pid))) for who, pid in self._of.items()}

    def a_message(self, count: int) -> dict[str, float]:
        return {who: round(1e6 * (s - self._before[who]) / count, 1) for who, s in self._now().items()}


def _intake(
    rig: gateway.Partitioned, streams: nats.Server, payloads: list[tuple[str, bytes]]
) -> tuple[float, dict[str, float]]:
    with socket.socket() as spare:
        spare.bind(("127.0.0.1", 0))
        port = int(spare.getsockname()[1])
    served = [sys.executable, "-m", "waakzaam", "broker", "--kind", "mosquitto", "--port", str(port)]
    reader = Stream(streams.url, "bench", wall_ms)
    reader.start()

    def stored() -> int:
        try:
            return sum(reader.count(sharing.stream_of(partition)) for partition in range(PARTITIONS))
        except StreamAway:
            return 0

    try:
        with gateway.running([*served, "--data", str(rig.folder / "broker")], rig.log("broker")) as broker:
            _live.wait(lambda: _live.listens(port), 30, "the broker does not listen")
            command = rig.command("intake", "intake", "--broker", f"127.0.0.1:{port}")
            with gateway.running(command, rig.log("intake")) as intake:
                _live.wait(lambda: "connected to broker" in rig.said("intake"), 60, "the intake does not connect")
                meter = _Meter(intake=intake.pid, nats=streams.pid, broker=broker.pid, trackers=os.getpid())
                rate = _live.publish(payloads, port, None, stored)
                return rate, meter.a_message(len(payloads))
    finally:
        reader.stop()


def _worker(
    rig: gateway.Partitioned, streams: nats.Server, database: postgres.Server, count: int
) -> tuple[float, dict[str, float]]:
    worker = rig.start("worker", "worker")
    try:
        _live.wait(lambda: rig.journalled() >= BEGUN, 60, "the worker does not begin")
        meter = _Meter(worker=worker.pid, nats=streams.pid, postgres=database.pid)
        before, begin = rig.journalled(), time.perf_counter()
        _live.wait(lambda: rig.journalled() >= count, 120, "not every message is in the journal")
        _live.wait(lambda: rig.unsent() == 0, 60, "not every transition is with the backend")
        done = count - before
        return done / (time.perf_counter() - begin), meter.a_message(done)
    finally:
        gateway.end(worker)
