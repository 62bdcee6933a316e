"""The gateway as a running service: broker, worker, outbox and their orderly end."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable

from gateway.downlink import Downlink
from gateway.errors import JournalFailed
from gateway.ingest import keys as device_keys
from gateway.journal.store import FileOutbox, Journal
from gateway.mqtt import TICK_S
from gateway.outbox import degraded
from gateway.settings import HOUSEKEEPING_WALL_MS, Inlet, Settings, take_over_given
from gateway.worker import Worker, say


def serve(
    settings: Settings,
    inlet: Inlet,
    now_ms: Callable[[], int],
    wall_ms: Callable[[], int],
    stopping: threading.Event,
) -> None:
    """Runs until `stopping` is set; raises FileUnreadable when a file cannot be used at the start, JournalFailed later.

    What the journal did not take is not acknowledged: the broker keeps it for the next start.
    """
    try:
        _serve(settings, inlet, now_ms, wall_ms, stopping)
    except sqlite3.Error as error:
        raise JournalFailed(settings.data / "gateway.db", error) from error


def _serve(
    settings: Settings,
    inlet: Inlet,
    now_ms: Callable[[], int],
    wall_ms: Callable[[], int],
    stopping: threading.Event,
) -> None:
    keys = device_keys.read(settings.keys)
    journal = Journal(settings.data / "gateway.db")
    feed = settings.feed(now_ms)
    worker = Worker(journal, keys, feed.orders, now_ms, wall_ms)
    feed.loaded = lambda: worker.versions
    try:
        feed.prepare()
        worker.start()
    except BaseException:
        journal.close()
        raise
    # The sender has a connection of its own: it reads while the worker writes.
    outbox = FileOutbox(settings.data / "gateway.db")
    broker = inlet.broker(settings.source, wall_ms)
    worker.downlink = Downlink(keys, broker.publish)
    sender = settings.sender(outbox, worker.positions, now_ms, broker)
    sender.start()
    feed.start()
    housekeeping_ms, more_due = wall_ms(), False
    try:
        while not stopping.is_set():
            batch = broker.gather(0 if more_due else TICK_S)
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
