"""The broker side of the gateway: paho-mqtt with manual acknowledgement, one session that survives reconnects."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from firmware.wire import topics
from gateway.worker import Delivery, say

QUEUE_MAX = 20_000
RECONNECT_MIN_S, RECONNECT_MAX_S = 1, 30


class Broker:
    """Subscribes and queues what comes; messages that are not acknowledged come again after a reconnect."""

    def __init__(
        self, host: str, port: int, client_id: str, wall_ms: Callable[[], int], extra: tuple[str, ...]
    ) -> None:
        self.host, self.port = host, port
        self.wall_ms = wall_ms
        self.arrived: queue.Queue[Delivery] = queue.Queue(QUEUE_MAX)
        self.connected = threading.Event()
        self._session = 0
        self._topics = [(topic, 1) for topic in (topics.UP_ALL, *extra)]
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=False, manual_ack=True
        )
        self._client.reconnect_delay_set(RECONNECT_MIN_S, RECONNECT_MAX_S)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_message = self._on_message

    def start(self) -> None:
        """Begins to connect in the background and keeps trying."""
        self._client.connect_async(self.host, self.port, keepalive=30)
        self._client.loop_start()

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str, payload: bytes) -> None:
        """Sends down to a tracker; while the broker is away nothing is kept, since it would be old by then."""
        if self.connected.is_set():
            self._client.publish(topic, payload, qos=1)

    def _on_connect(self, client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            say(f"broker {self.host}:{self.port} refuses: {reason}")
            return
        client.subscribe(self._topics)
        say(f"connected to broker {self.host}:{self.port}")
        self.connected.set()

    def _on_disconnect(self, _client: paho.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        # Message ids of the old connection mean other messages in the next: what is not acknowledged comes again.
        self._session += 1
        self.connected.clear()
        say(f"broker {self.host}:{self.port} is away: {reason}; trying again")

    def _on_message(self, client: paho.Client, _data: Any, message: paho.MQTTMessage) -> None:
        session, mid, qos = self._session, message.mid, message.qos

        def acknowledge() -> None:
            if session == self._session:
                client.ack(mid, qos)

        self.arrived.put(Delivery(message.topic, bytes(message.payload), self.wall_ms(), acknowledge))
