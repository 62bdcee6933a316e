"""JetStream from a thread of its own: publish and be sure, pull a partition's messages in order, confirm them.

Each partition has a work-queue stream: a message stays until a worker has it in its journal, however long that takes.
The stream's sequence has no holes: a message that did not arrive shows, and what is not confirmed is asked for again.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple, TypeVar

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext, api
from nats.js import errors as js_errors

from gateway.errors import GatewayError
from gateway.partitions import sharing
from gateway.worker import say

ASIDE = "aside"
ASIDE_ROWS_MAX = 10_000
DUPLICATES_S = 600.0
FETCH_MAX, FETCH_S = 300, 0.25
UNCONFIRMED_MAX = 20_000
CONFIRM_S = 60.0
ANSWER_S = 5.0
RECONNECT_S = 0.25
QUEUE_MAX = 5_000
IDLE_MAX = 40  # so many empty answers (10 s) and the consumer is made anew, lest one that went dumb stays
# Failures that pass when the server is back; the client raises its own and asyncio's.
AWAY = (nats.errors.Error, OSError, asyncio.TimeoutError)
T = TypeVar("T")


class StreamAway(GatewayError):
    """NATS did not answer: what was asked may or may not have happened. Asking again is safe."""


class Superseded(GatewayError):
    """A worker with a later lease follows this partition now."""


class Pulled(NamedTuple):
    """What a partition's stream gave: a message, or (with `data` None) that nothing waits as of `asked_ms`.

    `reachable` is False when not even that could be asked.
    """

    partition: int
    token: int
    seq: int
    subject: str
    data: bytes | None
    reply: str
    asked_ms: int
    reachable: bool = True


class Outgoing(NamedTuple):
    """A message to publish; the same `identity` twice within ten minutes is stored once."""

    subject: str
    identity: str
    data: bytes


class Stream:
    """The thread. `pulled` is where followed partitions' messages arrive; everything else waits for its answer."""

    def __init__(self, url: str, name: str, now_ms: Callable[[], int], replicas: int = 1) -> None:
        self.url, self.name, self.now_ms, self.replicas = url, name, now_ms, replicas
        self.pulled: queue.Queue[Pulled] = queue.Queue(QUEUE_MAX)
        self.connected = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stream", daemon=True)
        self._following: dict[int, asyncio.Task[None]] = {}
        self._client: Client | None = None
        self._connection = 0
        self._ending = False
        self._connecting: asyncio.Task[Any] | None = None

    # ---- from the owner's thread ------------------------------------------------------------------------------------
    def start(self) -> None:
        """Begins to connect in the background and keeps trying."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._connect(), self._loop)

    def stop(self) -> None:
        with contextlib.suppress(StreamAway):
            self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(ANSWER_S)

    def open_partition(self, partition: int) -> str:
        """Makes the partition's stream where there is none; returns what tells it from one made anew later."""
        return self._call(
            self._ensure(sharing.stream_of(partition), f"fix.{partition}.*", api.RetentionPolicy.WORK_QUEUE)
        )

    def open_aside(self) -> None:
        """Makes the stream of what an intake could not use."""
        self._call(self._ensure(ASIDE, f"{ASIDE}.*", api.RetentionPolicy.LIMITS, ASIDE_ROWS_MAX))

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Returns when every message is stored; raises StreamAway when that is not certain."""
        self._call(self._publish(messages))

    def count(self, stream: str) -> int:
        """How many messages ever went into a stream."""
        return self._call(self._last_seq(stream))

    def follow(self, partition: int, token: int, after_seq: int) -> None:
        """Begins to pull a partition's messages after this sequence into `pulled`."""
        self._loop.call_soon_threadsafe(self._follow, partition, token, after_seq)

    def leave(self, partition: int) -> None:
        self._loop.call_soon_threadsafe(self._leave, partition)

    def confirm(self, replies: Sequence[str]) -> None:
        """These messages are in the journal; when the server misses it they only come again."""
        asyncio.run_coroutine_threadsafe(self._confirm(replies), self._loop)

    def tell(self, subject: str, data: bytes) -> None:
        """A message that is worth nothing later: while NATS is away it is dropped."""
        asyncio.run_coroutine_threadsafe(self._tell(subject, data), self._loop)

    def listen(self, subject: str, hear: Callable[[str, bytes], None]) -> None:
        """Calls `hear(subject, data)` on the stream's thread for what others `tell`."""
        self._call(self._listen(subject, hear))

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, 2 * ANSWER_S), self._loop)
        try:
            return future.result()
        except AWAY as error:
            raise StreamAway(f"NATS: {type(error).__name__}: {error}") from error

    # ---- on the stream's thread -------------------------------------------------------------------------------------
    async def _connect(self) -> None:
        async def lost() -> None:
            self.connected.clear()
            if not self._ending:
                say("NATS is away; trying again")

        async def back() -> None:
            self._connection += 1
            self.connected.set()
            say("NATS is back")

        async def quiet(_error: Exception) -> None:
            """Every failed try to connect ends here; what matters is said by the two above."""

        self._connecting = asyncio.current_task()
        while self._client is None:
            try:
                self._client = await nats.connect(
                    self.url,
                    name=self.name,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RECONNECT_S,
                    connect_timeout=ANSWER_S,
                    ping_interval=5,
                    max_outstanding_pings=2,
                    disconnected_cb=lost,
                    reconnected_cb=back,
                    error_cb=quiet,
                )
            except AWAY as error:
                say(f"NATS cannot be reached: {type(error).__name__}: {error}")
                await asyncio.sleep(1)
        self.connected.set()
        say("connected to NATS")

    def _there(self) -> Client:
        if self._client is None or not self._client.is_connected:
            raise nats.errors.ConnectionClosedError
        return self._client

    def _jetstream(self) -> JetStreamContext:
        return self._there().jetstream(timeout=ANSWER_S)

    async def _close(self) -> None:
        self._ending = True
        if self._client is not None:
            with contextlib.suppress(*AWAY):
                await asyncio.wait_for(self._client.flush(1), 2)
            await self._client.close()
        others = [task for task in (self._connecting, *self._following.values()) if task is not None]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _ensure(self, name: str, subjects: str, retention: api.RetentionPolicy, rows: int = -1) -> str:
        js = self._jetstream()
        try:
            info = await js.stream_info(name)
        except js_errors.NotFoundError:
            config = api.StreamConfig(
                name=name,
                subjects=[subjects],
                retention=retention,
                max_msgs=rows,
                storage=api.StorageType.FILE,
                num_replicas=self.replicas,
                duplicate_window=DUPLICATES_S,
            )
            info = await js.add_stream(config)
        return f"{info.created}"

    async def _publish(self, messages: Sequence[Outgoing]) -> None:
        js = self._jetstream()
        sent = [
            await js.publish_async(one.subject, one.data, headers={api.Header.MSG_ID: one.identity}) for one in messages
        ]
        await asyncio.wait_for(asyncio.gather(*sent), ANSWER_S)

    async def _last_seq(self, stream: str) -> int:
        return int((await self._jetstream().stream_info(stream)).state.last_seq)

    async def _confirm(self, replies: Sequence[str]) -> None:
        with contextlib.suppress(*AWAY):
            client = self._there()
            for reply in replies:
                await client.publish(reply, b"+ACK")

    async def _tell(self, subject: str, data: bytes) -> None:
        with contextlib.suppress(*AWAY):
            await self._there().publish(subject, data)

    async def _listen(self, subject: str, hear: Callable[[str, bytes], None]) -> None:
        async def heard(message: Any) -> None:
            hear(message.subject, message.data)

        await self._there().subscribe(subject, cb=heard)

    def _follow(self, partition: int, token: int, after_seq: int) -> None:
        self._leave(partition)
        self._following[partition] = self._loop.create_task(self._pull(partition, token, after_seq))

    def _leave(self, partition: int) -> None:
        task = self._following.pop(partition, None)
        if task is not None:
            task.cancel()

    async def _pull(self, partition: int, token: int, after_seq: int) -> None:
        """Hands on a partition's messages in the order of the stream, each once, none left out."""
        source: JetStreamContext.PullSubscription | None = None
        last, again, idle, connection = after_seq, False, 0, 0
        while True:
            asked_ms = self.now_ms()
            try:
                if source is None or connection != self._connection or idle >= IDLE_MAX:
                    connection, idle = self._connection, 0
                    source = await self._cursor(partition, token, source)
                messages = await source.fetch(FETCH_MAX, timeout=FETCH_S)
            except Superseded:
                say(f"partition {partition} is followed by another worker")
                return
            except TimeoutError:
                idle += 1
                await self._hand_on(Pulled(partition, token, last, "", None, "", asked_ms, self.connected.is_set()))
                continue
            except AWAY:
                source = None
                await self._hand_on(Pulled(partition, token, last, "", None, "", asked_ms, False))
                await asyncio.sleep(RECONNECT_S)
                continue
            idle = 0
            for message in messages:
                seq = message.metadata.sequence.stream
                if seq <= last:  # Was handed on before, or is in the journal: confirm it, lest it comes for ever.
                    if seq <= after_seq:
                        await self._confirm([message.reply])
                    continue
                if seq > last + 1 and last > after_seq:
                    if not again:
                        source, again = None, True
                        break
                    say(f"partition {partition}: {seq - last - 1} messages are missing from the stream before {seq}")
                last, again = seq, False
                await self._hand_on(
                    Pulled(partition, token, seq, message.subject, message.data, message.reply, asked_ms)
                )

    async def _cursor(
        self, partition: int, token: int, before: JetStreamContext.PullSubscription | None
    ) -> JetStreamContext.PullSubscription:
        """The partition's consumer, made anew: it begins with the oldest message that is not confirmed.

        Its name carries the lease's token. Raises Superseded when a worker with a later token has made its own.
        """
        js, name = self._jetstream(), sharing.stream_of(partition)
        if before is not None:
            with contextlib.suppress(*AWAY):
                await before.unsubscribe()
        for consumer in await js.consumers_info(name):
            if int(consumer.name.rpartition("-")[2]) > token:
                raise Superseded
            await js.delete_consumer(name, consumer.name)
        config = api.ConsumerConfig(
            durable_name=f"worker-{token}",
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=CONFIRM_S,
            max_ack_pending=UNCONFIRMED_MAX,
            deliver_policy=api.DeliverPolicy.ALL,
        )
        await js.add_consumer(name, config)
        return await js.pull_subscribe_bind(f"worker-{token}", stream=name)

    async def _hand_on(self, one: Pulled) -> None:
        while True:
            try:
                self.pulled.put_nowait(one)
                return
            except queue.Full:  # The worker is behind: leave the rest in the stream.
                await asyncio.sleep(0.01)
