"""The broker side of the gateway: paho-mqtt with manual acknowledgement, one session that survives reconnects.

The network is served by the thread that decides, between its batches. A thread of its own would have to win the
interpreter back from a busy worker for each of the four system calls that a message takes (docs/adr/0161).
"""

from __future__ import annotations

import queue
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from firmware.wire import topics
from gateway.worker import BATCH_MAX, Delivery, say

ARRIVED_MAX = 20_000
TICK_S = 0.05
GATHER_S = 0.005
KEEPALIVE_S = 30
RECONNECT_MIN_S, RECONNECT_MAX_S = 1, 30


class Broker:
    """Subscribes and keeps what comes; messages that are not acknowledged come again after a reconnect.

    All calls come from one thread but `publish` and `connected`. Connecting may take seconds and has a thread.
    """

    def __init__(
        self,
        host: str,
        port: int,
        client_id: str,
        wall_ms: Callable[[], int],
        extra: tuple[str, ...],
        account: tuple[str, str] | None = None,
    ) -> None:
        self.host, self.port = host, port
        self.wall_ms = wall_ms
        self.connected = threading.Event()
        self._arrived: deque[Delivery] = deque()
        self._down: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._session = 0
        self._connecting: threading.Thread | None = None
        self._next_try_s = 0.0
        self._pause_s = RECONNECT_MIN_S
        self._told = False
        self._ending = False
        self._topics = [(topic, 1) for topic in (topics.UP_ALL, *extra)]
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False, manual_ack=True
        )
        if account is not None:
            self._client.username_pw_set(*account)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message
        self._client.connect_async(host, port, keepalive=KEEPALIVE_S)  # only notes the address

    def stop(self) -> None:
        """Sends what is acknowledged and leaves; the session stays."""
        self._ending = True
        if self._there():
            self._client.loop_write()
            self._client.disconnect()

    def publish(self, topic: str, payload: bytes) -> None:
        """Sends down to a tracker, soon; while the broker is away nothing is kept, since it would be old by then."""
        if self.connected.is_set():
            self._down.put((topic, payload))

    def gather(self, wait_s: float = TICK_S, at_most: int = BATCH_MAX) -> list[Delivery]:
        """What has arrived, after a short wait for the first: a batch shares one transaction.

        With `at_most` 0 it only keeps the connection going.
        """
        self._serve()
        if not self._arrived and self._wait(wait_s):
            self._serve()
        until_s = time.monotonic() + GATHER_S
        while 0 < len(self._arrived) < at_most and (left_s := until_s - time.monotonic()) > 0 and self._wait(left_s):
            self._serve()
        return [self._arrived.popleft() for _ in range(min(at_most, len(self._arrived)))]

    # ---- the connection ---------------------------------------------------------------------------------------------
    def _there(self) -> bool:
        """Whether there is a connection that nobody else is working on."""
        if self._connecting is not None and self._connecting.is_alive():
            return False
        return self._client.socket() is not None

    def _wait(self, seconds: float) -> bool:
        """Waits for the broker at most so long; whether it has something to say."""
        sock = self._client.socket()
        if sock is None or not self._there():
            time.sleep(seconds)
            return False
        writing = [sock] if self._client.want_write() else []
        readable, writable, _ = select.select([sock], writing, [], seconds)
        if writable:
            self._client.loop_write()
        return bool(readable)

    def _serve(self) -> None:
        """Reads what is there, sends what waits; without a connection it sees to getting one."""
        if not self._there():
            self._connect()
            return
        while not self._down.empty():
            topic, payload = self._down.get()
            self._client.publish(topic, payload, qos=1)
        for _ in range(BATCH_MAX):
            if len(self._arrived) >= ARRIVED_MAX or not self._there() or not self._wait(0):
                break
            self._client.loop_read()
        self._client.loop_misc()

    def _connect(self) -> None:
        if (self._connecting is None or not self._connecting.is_alive()) and time.monotonic() >= self._next_try_s:
            self._next_try_s = time.monotonic() + self._pause_s
            self._pause_s = min(2 * self._pause_s, RECONNECT_MAX_S)
            self._connecting = threading.Thread(target=self._try, name="broker", daemon=True)
            self._connecting.start()

    def _try(self) -> None:
        try:
            self._client.reconnect()
        except OSError as error:
            if not self._told:
                say(f"broker {self.host}:{self.port} cannot be reached: {error}; trying again", trouble=True)
            self._told = True

    # ---- called by paho ---------------------------------------------------------------------------------------------
    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            say(f"broker {self.host}:{self.port} refuses: {reason}", trouble=True)
            return
        client.subscribe(self._topics)
        say(f"connected to broker {self.host}:{self.port}")
        self._pause_s, self._told = RECONNECT_MIN_S, False
        self.connected.set()

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        # Message ids of the old connection mean other messages in the next: what is not acknowledged comes again.
        self._session += 1
        self.connected.clear()
        if not self._ending:
            say(f"broker {self.host}:{self.port} is away: {reason}; trying again", trouble=True)

    def _on_message(self, client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        session, mid, qos = self._session, message.mid, message.qos

        def acknowledge() -> None:
            if session == self._session:
                client.ack(mid, qos)

        self._arrived.append(Delivery(message.topic, bytes(message.payload), self.wall_ms(), acknowledge))
