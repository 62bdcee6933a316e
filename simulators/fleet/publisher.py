"""Sends a planned run to a broker over real MQTT connections, in step with a clock, and times the acknowledgements."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from simulators.fleet.traffic import Planned, topic_of

CONNECT_TIMEOUT_S = 15.0
DRAIN_TIMEOUT_S = 60.0
WAIT_STEP_S = 0.002
PER_CONNECTION_MAX = 60_000  # a packet id names a message; there are 65,535
INFLIGHT_MAX = 200


class FleetFailed(Exception):
    """The fleet cannot go on: no connection, or messages that the broker never acknowledged; `reason` says which."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass
class Sent:
    """What a run came to. Times in seconds; `acknowledged_s[i]` is the broker's delay for the i-th message sent."""

    messages: int = 0
    seconds: float = 0.0
    behind_s_max: float = 0.0
    acknowledged_s: list[float] = field(default_factory=list)
    events: list[tuple[str, str, int]] = field(default_factory=list)  # (device, event, wall clock ms when published)


class _Connection:
    """One MQTT connection that several simulated devices share."""

    def __init__(self, host: str, port: int, name: str) -> None:
        self.published: dict[int, float] = {}
        self.acknowledged: dict[int, float] = {}
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, name)
        self._client.max_inflight_messages_set(INFLIGHT_MAX)
        self._client.on_publish = self._on_publish
        try:
            self._client.connect(host, port, keepalive=60)
        except OSError as error:
            raise FleetFailed(f"{host}:{port}: {error.strerror or error}") from None
        self._client.loop_start()

    def wait(self) -> None:
        deadline = time.monotonic() + CONNECT_TIMEOUT_S
        while not self._client.is_connected():
            if time.monotonic() > deadline:
                raise FleetFailed(f"a connection was not accepted within {CONNECT_TIMEOUT_S:g} s")
            time.sleep(WAIT_STEP_S)

    def _on_publish(
        self, _client: mqtt.Client, _data: object, mid: int, _reason: object = None, _properties: object = None
    ) -> None:
        self.acknowledged[mid] = time.monotonic()

    def publish(self, topic: str, payload: bytes) -> None:
        began = time.monotonic()
        sent = self._client.publish(topic, payload, qos=1)
        if sent.rc not in (mqtt.MQTT_ERR_SUCCESS, mqtt.MQTT_ERR_NO_CONN):  # without a link paho queues it
            raise FleetFailed(f"publish: {mqtt.error_string(sent.rc)}")
        self.published[sent.mid] = began

    @property
    def missing(self) -> int:
        return len(self.published) - len(self.acknowledged)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def send(
    planned: Iterable[Planned],
    host: str,
    port: int,
    *,
    connections: int,
    start_ms: int,
    clock_ms: Callable[[], int],
    stopped: Callable[[], bool] = lambda: False,
) -> Sent:
    """Publish every message when the clock reaches start_ms + due; return when the broker has acknowledged all.

    Raises FleetFailed. `stopped` ends the run early; what was published until then is still waited for.
    """
    opened: list[_Connection] = []
    result = Sent()
    try:
        opened += [_Connection(host, port, f"fleet-{number}-{id(result):x}") for number in range(connections)]
        for connection in opened:
            connection.wait()
        began = time.monotonic()
        for one in planned:
            due_ms = start_ms + one.due_s * 1000
            while clock_ms() < due_ms and not stopped():
                time.sleep(WAIT_STEP_S)
            if stopped():
                break
            result.behind_s_max = max(result.behind_s_max, (clock_ms() - due_ms) / 1000)
            connection = opened[zlib.crc32(one.device_id.encode()) % connections]
            if len(connection.published) >= PER_CONNECTION_MAX:
                raise FleetFailed(f"more than {PER_CONNECTION_MAX} messages on one connection")
            if one.event:
                result.events.append((one.device_id, one.event, time.time_ns() // 1_000_000))
            connection.publish(topic_of(one), one.payload)
            result.messages += 1
        _drain(opened)
        result.seconds = time.monotonic() - began
        for connection in opened:
            result.acknowledged_s += [connection.acknowledged[mid] - at for mid, at in connection.published.items()]
    finally:
        for connection in opened:
            connection.close()
    return result


def _drain(opened: list[_Connection]) -> None:
    deadline = time.monotonic() + DRAIN_TIMEOUT_S
    while missing := sum(connection.missing for connection in opened):
        if time.monotonic() > deadline:
            raise FleetFailed(f"{missing} messages not acknowledged within {DRAIN_TIMEOUT_S:g} s")
        time.sleep(WAIT_STEP_S)
