"""A process that works on partitions: takes leases, runs one `Worker` for each, shares with whoever else is there."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psycopg

from firmware.wire import topics
from firmware.wire.errors import WireError
from gateway.contract.orders import Order
from gateway.contract.transitions import time_text
from gateway.downlink import Downlink
from gateway.errors import FileUnreadable, GatewayError
from gateway.ingest import decoder, owntracks
from gateway.ingest import keys as device_keys
from gateway.journal.leases import Lease, Leases
from gateway.journal.port import StoreAway
from gateway.journal.postgres import LeaseLost, PostgresJournal, PostgresOutbox, connect, flushes, prepare
from gateway.orders_feed import OrdersFeed
from gateway.orders_file import Stamp
from gateway.outbox import degraded
from gateway.partitions import sharing
from gateway.partitions.stream import Pulled, Stream, StreamAway
from gateway.settings import HOUSEKEEPING_WALL_MS, Settings, Streams, take_over_given
from gateway.worker import BATCH_MAX, POSITIONS_MAX, Delivery, Worker, say

# A message is in its stream this long after the intake stamped it, at the latest (ASSUMED; later ones still count).
ON_ITS_WAY_MS = 1_000
# NATS may restart; when it is away for longer, silence is judged without it (ASSUMED, below the shortest overdue time).
AWAY_MS = 15_000
TICK_S = 0.05
RENEWALS_PER_LEASE = 4
RECONNECT_S = 0.5


@dataclass(frozen=True)
class Journals:
    """The PostgreSQL that workers keep their journals in, and for how long a silent one keeps its partitions."""

    url: str
    lease_s: float


@dataclass
class Held:
    """A partition that is ours: its lease, its journal and the worker on it."""

    lease: Lease
    journal: PostgresJournal
    worker: Worker
    last_seq: int
    unreachable_ms: int | None = None
    waiting: list[Pulled] = field(default_factory=list)


class Workers:
    """All calls come from one thread. When the database fails everything is let go, and taken up again from there."""

    def __init__(
        self,
        settings: Settings,
        journals: Journals,
        partitions: int,
        stream: Stream,
        keys: dict[str, bytes],
        feed: OrdersFeed,
        now_ms: Callable[[], int],
        wall_ms: Callable[[], int],
    ) -> None:
        self.settings, self.journals, self.stream, self.keys = settings, journals, stream, keys
        self.now_ms, self.wall_ms = now_ms, wall_ms
        self.feed, self.orders = feed, feed.orders
        self.positions: queue.Queue[dict[str, Any]] = queue.Queue(POSITIONS_MAX)
        self.held: dict[int, Held] = {}
        self.partitions = partitions
        self._db: psycopg.Connection[Any] | None = None
        self._leases: Leases | None = None
        self._renewed_wall_ms = 0
        self._directory: tuple[Stamp, sharing.Directory] | None = None

    # ---- leases -----------------------------------------------------------------------------------------------------
    def keep_leases(self) -> None:
        """Renews, gives back what is more than the fair share, takes what is free; raises StoreAway."""
        renew_ms = self.journals.lease_s * 1000 / RENEWALS_PER_LEASE
        if self.wall_ms() - self._renewed_wall_ms < renew_ms:
            return
        leases = self._connected()
        self._renewed_wall_ms = self.wall_ms()
        ours = leases.renew((h.lease.partition, h.lease.token) for h in self.held.values())
        for partition in self.held.keys() - ours:
            say(f"partition {partition}: its lease ran out and another worker has it")
            self._drop(partition)
        share = leases.fair_share()
        for partition in sorted(self.held)[share:]:
            self._give_back(partition)
        for lease in leases.acquire(share - len(self.held)):
            try:
                self._take_up(lease)
            except (StreamAway, FileUnreadable, LeaseLost) as error:
                say(f"partition {lease.partition} is not taken up: {error}")
                self._drop(lease.partition)
                leases.release(lease)
            leases.renew((h.lease.partition, h.lease.token) for h in self.held.values())

    def _connected(self) -> Leases:
        if self._leases is None:
            self._db = connect(self.journals.url, round(self.journals.lease_s * 1000))
            known = prepare(self._db, self.partitions)
            if known != self.partitions:
                raise GatewayError(
                    f"the journal is for {known} partitions, not {self.partitions}: the number never changes"
                    f" (--partitions {known})"
                )
            if not flushes(self._db):
                say("PostgreSQL runs with fsync off: a power cut would lose what was confirmed")
            self._leases = Leases(self._db, self.settings.source, self.journals.lease_s)
        return self._leases

    def _take_up(self, lease: Lease) -> None:
        if self._db is None or self._leases is None:
            raise StoreAway("PostgreSQL: not connected")
        partition = lease.partition
        last_seq = self._leases.begin_stream(lease, self.stream.open_partition(partition))
        self.held[partition] = Held(lease, *self._begin(lease), last_seq)
        self.stream.follow(partition, lease.token, last_seq)
        say(f"partition {partition} is ours (token {lease.token}), from message {last_seq + 1}")

    def _begin(self, lease: Lease) -> tuple[PostgresJournal, Worker]:
        """A worker as the journal has it."""
        if self._db is None:
            raise StoreAway("PostgreSQL: not connected")
        journal = PostgresJournal(self._db, lease.partition, lease.token)

        def mine(order: Order) -> bool:
            return sharing.partition_of(order.order_id, self.partitions) == lease.partition

        worker = Worker(journal, self.keys, self.orders, self.now_ms, self.wall_ms, mine)
        worker.positions = self.positions
        worker.downlink = Downlink(self.keys, self._tell)
        worker.start()
        return journal, worker

    def _tell(self, topic: str, payload: bytes) -> None:
        """To a tracker, by way of the intake; not when workers of several partitions would tell it different things."""
        device = topic.rpartition("/")[2]
        stamp = self.orders.stamp()
        if self._directory is None or self._directory[0] != stamp:
            self._directory = stamp, sharing.Directory(self.orders.read(), self.partitions)
        if len(self._directory[1].places(device)) == 1:
            self.stream.tell(f"down.{device}", payload)

    def _drop(self, partition: int) -> None:
        """Forgets a partition without a word to the journal."""
        self.held.pop(partition, None)
        self.stream.leave(partition)

    def _give_back(self, partition: int) -> None:
        held = self.held[partition]
        self._drop(partition)
        try:
            held.worker.checkpoint()
        except LeaseLost as error:
            say(str(error))
            return
        if self._leases is not None:
            self._leases.release(held.lease)
        say(f"partition {partition} given back")

    def let_go(self) -> None:
        """After a failure of the database: nothing in memory can be trusted to be what the journal has."""
        for partition in list(self.held):
            self._drop(partition)
        if self._db is not None:
            self._db.close()
        self._db = self._leases = None
        self._renewed_wall_ms = 0

    def end(self) -> None:
        """Leaves every partition as a successor wants to find it."""
        for partition in list(self.held):
            self._give_back(partition)
        if self._leases is not None:
            self._leases.leave()

    def versions(self) -> dict[str, int] | None:
        """The version of each order that is judged here; None before anything is. Called from other threads."""
        found = [held.worker.versions or {} for held in list(self.held.values())]
        return {order_id: version for one in found for order_id, version in one.items()} if found else None

    # ---- messages ---------------------------------------------------------------------------------------------------
    def take(self, pulled: list[Pulled]) -> None:
        """Decides on what was pulled, each partition in a transaction of its own; raises StoreAway."""
        for one in pulled:
            held = self.held.get(one.partition)
            if held is None or held.lease.token != one.token:
                continue
            if one.data is not None:
                held.waiting.append(one)
                held.unreachable_ms = None
            else:
                self._while_ours(held, self._work_off)
                self._while_ours(held, partial(self._pass_time, one))
        for held in list(self.held.values()):
            self._while_ours(held, self._work_off)

    def _while_ours(self, held: Held, work: Callable[[Held], None]) -> None:
        """Drops the partition when another worker has it: what it did not confirm is there for that one."""
        if self.held.get(held.lease.partition) is not held:
            return
        try:
            work(held)
        except LeaseLost as error:
            say(f"{error}: refused, and left to its new worker", trouble=True)
            self._drop(held.lease.partition)

    def _work_off(self, held: Held) -> None:
        batch, held.waiting = [one for one in held.waiting if one.seq > held.last_seq], []
        if not batch:
            return
        try:
            if any(_is_news(held.worker, one) for one in batch):
                take_over_given(self.feed)
                held.worker.reload_orders()  # The intake knows an order, or a tracker in it, that we do not know yet.
            self._commit(held, batch)
        except (StoreAway, LeaseLost):
            raise
        except Exception as error:
            kind = type(error).__name__
            say(f"partition {held.lease.partition}: {kind}; its messages are tried one by one", trouble=True)
            self._one_by_one(held, batch)

    def _commit(self, held: Held, batch: list[Pulled]) -> None:
        held.journal.stream_seq = batch[-1].seq
        held.worker.take([_delivery(one) for one in batch])
        held.last_seq = batch[-1].seq
        self.stream.confirm([one.reply for one in batch])

    def _one_by_one(self, held: Held, batch: list[Pulled]) -> None:
        """A message that no worker can take is set aside alone; what the failure left in memory is thrown away."""
        held.journal, held.worker = self._begin(held.lease)
        for one in batch:
            try:
                self._commit(held, [one])
            except (StoreAway, LeaseLost):
                raise
            except Exception as error:
                fault = f"our fault: {type(error).__name__}: {error}"
                kind = type(error).__name__
                say(
                    f"partition {held.lease.partition}, message {one.seq} is set aside: our fault: {kind}", trouble=True
                )
                held.journal, held.worker = self._begin(held.lease)
                held.journal.stream_seq = held.last_seq = one.seq
                with held.journal.transaction():
                    held.journal.set_aside(self.wall_ms(), one.subject, one.data or b"", fault)
                self.stream.confirm([one.reply])

    def _pass_time(self, idle: Pulled, held: Held) -> None:
        """Lets time pass to where the stream is known to hold nothing more; without the stream, after a while too."""
        if idle.reachable:
            held.unreachable_ms = None
            until_ms = idle.asked_ms - ON_ITS_WAY_MS
        else:
            held.unreachable_ms = held.unreachable_ms or idle.asked_ms
            until_ms = held.unreachable_ms - ON_ITS_WAY_MS
            if idle.asked_ms - held.unreachable_ms > AWAY_MS:
                until_ms = idle.asked_ms
        held.worker.pass_time(until_ms)

    def keep_house(self, backend_away: bool) -> None:
        """Takes over changed orders; lists the pairs at risk while the backend is away."""
        take_over_given(self.feed)
        for held in list(self.held.values()):
            self._while_ours(held, lambda held: held.worker.reload_orders())
        if backend_away:
            for held in self.held.values():
                held.worker.wake_alarmed()
            partitions = [held.worker.partition for held in self.held.values()]
            degraded.write(self.settings.data, partitions, self.now_ms())
        else:
            degraded.remove(self.settings.data)


def _delivery(one: Pulled) -> Delivery:
    """What the intake enclosed; anything else goes to quarantine like every message that does not open."""
    try:
        message = sharing.disclose(one.data or b"")
    except sharing.EnvelopeUnusable:
        return Delivery(one.subject, one.data or b"", one.asked_ms, _nothing, one.asked_ms)
    return Delivery(message.topic, message.payload, message.received_wall_ms, _nothing, message.now_ms)


def _is_news(worker: Worker, one: Pulled) -> bool:
    """Whether the intake sent this for an order in which its tracker takes no part as far as this worker knows."""
    topic = _delivery(one).topic
    try:
        device = (
            owntracks.device_id_of(topic) if topic.startswith(owntracks.TOPIC_PREFIX) else topics.device_id_of(topic)
        )
    except (decoder.Unusable, WireError):
        return False
    return sharing.order_of(one.subject) not in worker.partition.orders_of(device)


def _nothing() -> None:
    """Confirmed together, after the transaction."""


def gather(pulled: queue.Queue[Pulled]) -> list[Pulled]:
    """What has arrived, after a short wait for the first."""
    batch: list[Pulled] = []
    try:
        batch.append(pulled.get(timeout=TICK_S))
        while len(batch) < BATCH_MAX:
            batch.append(pulled.get_nowait())
    except queue.Empty:
        return batch
    return batch


def serve(
    settings: Settings,
    streams: Streams,
    journals: Journals,
    now_ms: Callable[[], int],
    wall_ms: Callable[[], int],
    stopping: threading.Event,
) -> None:
    """Runs until `stopping` is set; raises FileUnreadable when a file cannot be used at the start."""
    keys = device_keys.read(settings.keys)
    settings.data.mkdir(parents=True, exist_ok=True)
    stream = Stream(streams.url, settings.source, now_ms, streams.replicas)
    feed = settings.feed(now_ms)
    feed.prepare()
    workers = Workers(settings, journals, streams.partitions, stream, keys, feed, now_ms, wall_ms)
    workers.orders.read()
    feed.loaded = workers.versions
    outbox = PostgresOutbox(journals.url, lambda: sorted(workers.held), round(journals.lease_s * 1000))
    sender = settings.sender(outbox, workers.positions, now_ms)
    stream.start()
    sender.start()
    feed.start()
    told = False
    housekeeping_ms = wall_ms()
    try:
        while not stopping.is_set():
            try:
                workers.keep_leases()
                workers.take(gather(stream.pulled))
                if wall_ms() - housekeeping_ms >= HOUSEKEEPING_WALL_MS:
                    housekeeping_ms = wall_ms()
                    workers.keep_house(sender.away.is_set())
                told = False
            except StoreAway as error:
                if not told:
                    say(f"{error}; every partition is let go and taken up again from the journal", trouble=True)
                told = True
                workers.let_go()
                stopping.wait(RECONNECT_S)
            if sender.failure is not None:
                raise sender.failure
            sender.notify()
    finally:
        feed.stop()
        try:
            workers.end()
        except StoreAway as error:
            say(f"{error}; the leases run out by themselves")
        sender.stop()
        outbox.close()
        stream.stop()
    say(f"stopped at {time_text(now_ms())}; {sender.sent} transitions sent")
