"""The gateway as a running service: broker, worker, outbox and their orderly end."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gateway.downlink import Downlink
from gateway.errors import JournalFailed
from gateway.ingest import keys as device_keys
from gateway.journal.store import FileOutbox, Journal
from gateway.mqtt import Broker
from gateway.orders_feed import OrdersFeed
from gateway.outbox import degraded
from gateway.outbox.sender import Sender
from gateway.worker import BATCH_MAX, Delivery, Worker, say

TICK_S = 0.05
GATHER_S = 0.005
HOUSEKEEPING_WALL_MS = 2_000


@dataclass(frozen=True)
class Settings:
    """Everything the gateway is told, once, at its start."""

    broker_host: str
    broker_port: int
    orders: Path
    keys: Path
    backend_url: str
    token: str
    data: Path
    owntracks: bool
    source: str
    follow_backend: bool = True
    """Take over the orders that are signed off at the backend, beside those of the file."""


def serve(settings: Settings, now_ms: Callable[[], int], wall_ms: Callable[[], int], stopping: threading.Event) -> None:
    """Runs until `stopping` is set; raises FileUnreadable when a file cannot be used at the start, JournalFailed later.

    What the journal did not take is not acknowledged: the broker keeps it for the next start.
    """
    try:
        _serve(settings, now_ms, wall_ms, stopping)
    except sqlite3.Error as error:
        raise JournalFailed(settings.data / "gateway.db", error) from error


def _serve(
    settings: Settings, now_ms: Callable[[], int], wall_ms: Callable[[], int], stopping: threading.Event
) -> None:
    keys = device_keys.read(settings.keys)
    journal = Journal(settings.data / "gateway.db")
    feed = OrdersFeed(
        settings.backend_url,
        settings.token,
        given=settings.orders,
        data=settings.data,
        now_ms=now_ms,
        source=settings.source,
        follow=settings.follow_backend,
    )
    worker = Worker(journal, keys, feed.orders, now_ms, wall_ms)
    feed.loaded = lambda: worker.versions
    try:
        feed.prepare()
        worker.start()
    except BaseException:
        journal.close()
        raise
    extra = ("owntracks/+/+",) if settings.owntracks else ()
    # The sender has a connection of its own: it reads while the worker writes.
    outbox = FileOutbox(settings.data / "gateway.db")
    broker = Broker(settings.broker_host, settings.broker_port, f"waakzaam-{settings.source}", wall_ms, extra)
    worker.downlink = Downlink(keys, broker.publish)
    sender = Sender(
        settings.backend_url,
        settings.token,
        outbox,
        worker.positions,
        now_ms,
        source=settings.source,
        broker_alive=broker.connected.is_set,
    )
    broker.start()
    sender.start()
    feed.start()
    housekeeping_ms, more_due = wall_ms(), False
    try:
        while not stopping.is_set():
            batch = gather(broker.arrived, 0 if more_due else TICK_S)
            if batch:
                worker.take(batch)
            more_due = worker.pass_time()
            outbox.mark_confirmed(journal)
            if sender.failure is not None:
                raise sender.failure
            sender.notify()
            if wall_ms() - housekeeping_ms >= HOUSEKEEPING_WALL_MS:
                housekeeping_ms = wall_ms()
                take_over_given(feed)
                worker.reload_orders()
                if sender.away.is_set():
                    worker.wake_alarmed()
                    degraded.write(settings.data, [worker.partition], now_ms())
                else:
                    degraded.remove(settings.data)
    finally:
        broker.stop()
        feed.stop()
        worker.checkpoint()
        sender.stop()
        outbox.mark_confirmed(journal)
        outbox.close()
        journal.close()
    say(f"stopped; {worker.seen} messages seen, {worker.repeats} repeats, {sender.sent} transitions sent")


def take_over_given(feed: OrdersFeed) -> None:
    """Lets a changed orders file in, also while the backend is away; one that is not there leaves the old in force."""
    try:
        feed.refresh()
    except OSError as error:
        say(f"orders not reloaded, the ones before stay in force: {error}")


def gather(arrived: queue.Queue[Delivery], wait_s: float = TICK_S) -> list[Delivery]:
    """What has arrived, after a short wait for the first: a batch shares one transaction."""
    batch: list[Delivery] = []
    try:
        batch.append(arrived.get(timeout=wait_s) if wait_s else arrived.get_nowait())
        batch.append(arrived.get(timeout=GATHER_S))
        while len(batch) < BATCH_MAX:
            batch.append(arrived.get_nowait())
    except queue.Empty:
        return batch
    return batch
