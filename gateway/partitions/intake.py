"""The intake of a gateway of many workers: from the trackers' broker into the streams of the partitions.

It authenticates, finds the orders of a tracker and publishes to each partition concerned. The broker gets its
acknowledgement only when JetStream has stored the message; until then broker and tracker keep it. It decides nothing
and keeps nothing, so there may be several.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from firmware.wire import topics
from gateway.errors import FileUnreadable
from gateway.ingest import decoder, owntracks
from gateway.ingest import keys as device_keys
from gateway.journal.port import Message, Pending, Signs, StoreAway
from gateway.mqtt import Broker
from gateway.orders_feed import OrdersFeed
from gateway.orders_file import OrdersFile
from gateway.outbox.sender import Sender
from gateway.partitions import sharing
from gateway.partitions.stream import ASIDE, Outgoing, Stream, StreamAway
from gateway.settings import HOUSEKEEPING_WALL_MS, Inlet, Settings, Streams, take_over_given
from gateway.worker import Delivery, say

TRY_AGAIN_S = 0.25
DOWN_ALL = "down.*"


# A worker may have an order, and say that it is active, up to three seconds before the intake: each asks the backend by
# itself, every second, and looks for changes every two. So long the messages of trackers without an order are kept.
STRANGERS_MS = 10_000
STRANGERS_MAX = 2_000


class _Heard(NamedTuple):
    """An authentic message and how it travels."""

    message: Message
    enclosed: sharing.Enclosed


class Intake:
    """From deliveries to the streams; acknowledges each delivery once it is stored there or set aside there."""

    def __init__(
        self,
        stream: Stream,
        keys: dict[str, bytes],
        orders: OrdersFile,
        partitions: int,
        source: str,
        now_ms: Callable[[], int],
    ) -> None:
        self.stream, self.keys, self.orders, self.partitions, self.source = stream, keys, orders, partitions, source
        self.now_ms = now_ms
        self.directory = sharing.Directory(orders.read(), partitions)
        self.published = 0
        self.without_order = 0
        self._strangers: deque[_Heard] = deque(maxlen=STRANGERS_MAX)
        self._stamp = orders.stamp()

    def open_streams(self) -> None:
        """Raises StreamAway."""
        for partition in range(self.partitions):
            self.stream.open_partition(partition)
        self.stream.open_aside()

    def reload_orders(self) -> None:
        """Takes over a changed orders file; one that cannot be used leaves the old in force. Raises StreamAway."""
        try:
            stamp = self.orders.stamp()
            if stamp != self._stamp:
                self._stamp = stamp
                self.directory = sharing.Directory(self.orders.read(), self.partitions)
        except (FileUnreadable, OSError) as error:
            say(f"orders not reloaded, the ones before stay in force: {error}", trouble=True)
        self._introduce()

    def _introduce(self) -> None:
        """Hands on what was heard just now of trackers that have an order since; raises StreamAway, try again."""
        outgoing = [out for one in self._strangers for out in self._outgoing(one)]
        if outgoing:
            self.stream.publish(outgoing)
            self.published += len(outgoing)
            still = [one for one in self._strangers if not self.directory.places(one.message.device_id)]
            self.without_order -= len(self._strangers) - len(still)
            self._strangers = deque(still, STRANGERS_MAX)

    def _outgoing(self, one: _Heard) -> list[Outgoing]:
        message, data = one.message, sharing.enclose(one.enclosed)
        name = f"{message.device_id}.{message.boot_id}.{message.msg_seq}"
        places = self.directory.places(message.device_id)
        return [Outgoing(sharing.subject(p, order_id), f"{name}.{p}", data) for p, order_id in places.items()]

    def take(self, deliveries: Sequence[Delivery]) -> None:
        """Raises StreamAway when it is not certain that all are stored; nothing is acknowledged then, try again."""
        now_ms = self.now_ms()
        outgoing: list[Outgoing] = []
        strangers: list[_Heard] = []
        for delivery in deliveries:
            stamped = now_ms if delivery.now_ms is None else delivery.now_ms
            try:
                message = self._open(delivery, stamped)
            except decoder.Unusable as error:
                fault = json.dumps(
                    {"topic": delivery.topic[:200], "fault": error.fault, "payload": delivery.payload.hex()}
                )
                identity = f"{self.source}.{delivery.received_wall_ms}.{len(outgoing)}"
                outgoing.append(Outgoing(f"{ASIDE}.{_word(self.source)}", identity, fault.encode()))
                continue
            enclosed = sharing.Enclosed(delivery.topic, delivery.payload, stamped, delivery.received_wall_ms)
            heard = _Heard(message, enclosed)
            found = self._outgoing(heard)
            outgoing += found
            if not found:
                strangers.append(heard)
        self.stream.publish(outgoing)
        for delivery in deliveries:
            delivery.acknowledge()
        self.published += len(outgoing)
        self.without_order += len(strangers)
        self._strangers += strangers
        while self._strangers and self._strangers[0].enclosed.now_ms < now_ms - STRANGERS_MS:
            self._strangers.popleft()

    def _open(self, delivery: Delivery, now_ms: int) -> Message:
        if delivery.topic.startswith(owntracks.TOPIC_PREFIX):
            return owntracks.open_message(delivery.topic, delivery.payload, now_ms, delivery.received_wall_ms)[0]
        return decoder.open_message(
            delivery.topic, delivery.payload, self.keys, now_ms, delivery.received_wall_ms
        ).message

    # ---- what the heartbeat says (the sender's port; an intake has no alarms of its own) -----------------------------
    def unsent(self, _at_most: int) -> list[Pending]:
        return []

    def confirmed(self, _ids: Sequence[int]) -> None:
        """Nothing was sent."""

    def signs(self) -> Signs:
        try:
            return Signs(self.published, 0, self.stream.count(ASIDE))
        except StreamAway as error:
            raise StoreAway(str(error)) from error


def _word(text: str) -> str:
    return "".join(c if c in sharing.PLAIN else "_" for c in text)


def serve(
    settings: Settings,
    inlet: Inlet,
    streams: Streams,
    now_ms: Callable[[], int],
    wall_ms: Callable[[], int],
    stopping: threading.Event,
) -> None:
    """Runs until `stopping` is set; raises FileUnreadable when a file cannot be used at the start."""
    keys = device_keys.read(settings.keys)
    feed = settings.feed(now_ms)
    feed.prepare()
    stream = Stream(streams.url, settings.source, now_ms, streams.replicas)
    intake = Intake(stream, keys, feed.orders, streams.partitions, settings.source, now_ms)
    broker = inlet.broker(settings.source, wall_ms)
    sender = settings.sender(intake, queue.Queue(), now_ms, broker)
    stream.start()
    try:
        _until_there(stream, intake, broker, stopping)
        if stopping.is_set():
            return
        sender.start()
        feed.start()
        _serve(feed, intake, broker, sender, wall_ms, stopping)
    finally:
        broker.stop()
        feed.stop()
        if sender.ident is not None:
            sender.stop()
        stream.stop()
    say(f"stopped; {intake.published} messages published, {intake.without_order} of trackers without an order")


def _until_there(stream: Stream, intake: Intake, broker: Broker, stopping: threading.Event) -> None:
    """Only an intake that can hand on takes anything from the broker."""

    def down(subject: str, payload: bytes) -> None:
        broker.publish(topics.down(subject.split(".")[1]), payload)

    while not stopping.is_set():
        try:
            intake.open_streams()
            stream.listen(DOWN_ALL, down)
            return
        except StreamAway:
            stopping.wait(TRY_AGAIN_S)


def _serve(
    feed: OrdersFeed,
    intake: Intake,
    broker: Broker,
    sender: Sender,
    wall_ms: Callable[[], int],
    stopping: threading.Event,
) -> None:
    housekeeping_ms, told = wall_ms(), False
    batch: list[Delivery] = []
    while not stopping.is_set():
        batch = batch or broker.gather()
        if batch:
            try:
                intake.take(batch)
                batch, told = [], False
            except StreamAway as error:
                if not told:
                    say(f"{error}; {len(batch)} messages wait, the broker keeps the rest")
                told = True
                broker.gather(0, at_most=0)
                time.sleep(TRY_AGAIN_S)
        if sender.failure is not None:
            raise sender.failure
        if wall_ms() - housekeeping_ms >= HOUSEKEEPING_WALL_MS:
            housekeeping_ms = wall_ms()
            take_over_given(feed)
            try:
                intake.reload_orders()
            except StreamAway:
                time.sleep(TRY_AGAIN_S)
