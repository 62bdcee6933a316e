"""One MQTT connection as a state machine without I/O: bytes and time in, bytes and happenings out.

QoS 1: a message stays the caller's until its PUBACK. On a new connection everything not acknowledged is sent again by
the caller, with the same signed identity, so that the receiver can drop what it has; nothing is resent within a
connection (MQTT 3.1.1, 4.4). A message or ping unanswered for ANSWER_MS means that the connection is dead.
"""

from firmware.tracking import mqtt_codec
from firmware.tracking.errors import LinkLost, ProtocolFault

WINDOW = 8  # unacknowledged messages; bounds memory on both sides
ANSWER_MS = 10_000  # ASSUMED: a mobile network that needs longer is better reconnected
BACKOFF_FIRST_MS = 1_000
BACKOFF_MOST_MS = 60_000


class MqttSession:
    """`start` first; then `receive`, `publish` and `tick`, each with the time in ms of a clock that never goes back.

    Bytes to send gather in `outgoing`; the shell writes them and clears it. Happenings are tuples: ("connected",),
    ("acknowledged", token), ("message", topic, payload).
    """

    def __init__(self, client_id: str, listen_topic: str, keep_alive_s: int = 60) -> None:
        self._client_id = client_id
        self._listen_topic = listen_topic
        self._keep_alive_s = keep_alive_s
        self.connected = False
        self.outgoing = bytearray()
        self._reset(0)

    def _reset(self, now_ms: int) -> None:
        self.connected = False
        self.outgoing = bytearray()
        self._decoder = mqtt_codec.Decoder()
        self._unacknowledged: dict = {}
        self._next_id = 1
        self._awaited = "connection answer"
        self._awaited_since_ms: "int | None" = now_ms
        self._sent_ms = now_ms

    def start(self, now_ms: int, will=None, user=None, password=None) -> None:
        """A transport is open: ask for a connection. `will` is (topic, payload)."""
        self._reset(now_ms)
        self._send(mqtt_codec.connect(self._client_id, self._keep_alive_s, will, user, password), now_ms)

    def may_publish(self) -> bool:
        """Whether the connection stands and its window has room."""
        return self.connected and len(self._unacknowledged) < WINDOW

    def publish(self, topic: str, payload: bytes, token, now_ms: int) -> None:
        """Send at QoS 1; `token` comes back with the acknowledgement."""
        if not self.may_publish():
            raise LinkLost("publish without a connection or window")
        packet_id = self._take_id()
        self._unacknowledged[packet_id] = (token, now_ms)
        self._send(mqtt_codec.publish(topic, payload, packet_id), now_ms)

    def stop(self, now_ms: int) -> None:
        """Say goodbye, so that the broker does not publish the will."""
        self._send(mqtt_codec.DISCONNECT_BYTES, now_ms)
        self.connected = False

    def receive(self, data, now_ms: int) -> list:
        """Happenings in these bytes; raises ProtocolFault or LinkLost."""
        happened = []
        for packet in self._decoder.feed(data):
            happening = self._take(packet, now_ms)
            if happening is not None:
                happened.append(happening)
        return happened

    def tick(self, now_ms: int) -> None:
        """Keep the connection alive; raises LinkLost when the broker has not answered in time."""
        if self._awaited_since_ms is not None and now_ms - self._awaited_since_ms > ANSWER_MS:
            raise LinkLost("no " + self._awaited + " in %d ms" % ANSWER_MS)
        for token_and_time in self._unacknowledged.values():
            if now_ms - token_and_time[1] > ANSWER_MS:
                raise LinkLost("no acknowledgement in %d ms" % ANSWER_MS)
        # three quarters: the broker drops us at one and a half, and the ping itself takes time
        if self.connected and now_ms - self._sent_ms >= self._keep_alive_s * 750:
            self._send(mqtt_codec.PINGREQ_BYTES, now_ms)
            self._await("ping answer", now_ms)

    def _await(self, what: str, now_ms: int) -> None:
        if self._awaited_since_ms is None:
            self._awaited = what
            self._awaited_since_ms = now_ms

    def _send(self, data: bytes, now_ms: int) -> None:
        self.outgoing.extend(data)
        self._sent_ms = now_ms

    def _take_id(self) -> int:
        while self._next_id in self._unacknowledged:
            self._next_id = self._next_id % 65535 + 1
        packet_id = self._next_id
        self._next_id = packet_id % 65535 + 1
        return packet_id

    def _take(self, packet, now_ms: int):
        kind = packet.kind
        if kind == mqtt_codec.CONNACK:
            if self.connected:
                raise ProtocolFault("a second CONNACK")
            if packet.code:
                raise LinkLost("connection refused: " + mqtt_codec.refusal(packet.code))
            self.connected = True
            self._awaited_since_ms = None
            self._send(mqtt_codec.subscribe(self._take_id(), self._listen_topic), now_ms)
            self._await("subscription answer", now_ms)
            return ("connected",)
        if not self.connected:
            raise ProtocolFault("packet type %d before CONNACK" % kind)
        if kind == mqtt_codec.PUBACK:
            found = self._unacknowledged.pop(packet.packet_id, None)
            # an unknown id is harmless: the message it speaks of is not ours any more
            return None if found is None else ("acknowledged", found[0])
        if kind == mqtt_codec.PUBLISH:
            if packet.qos:
                self._send(mqtt_codec.puback(packet.packet_id), now_ms)
            return ("message", packet.topic, packet.payload)
        if kind == mqtt_codec.SUBACK and packet.code > 1:
            raise LinkLost("subscription refused")
        self._awaited_since_ms = None
        return None


def backoff_ms(attempt: int, chance: int) -> int:
    """Pause before connection attempt number `attempt` (1 = first retry); `chance` is random in 0..255.

    Doubles from one second to one minute; three quarters are fixed and a quarter random, so that a thousand trackers do
    not come back in one moment after a broker's restart.
    """
    whole = min(BACKOFF_FIRST_MS << min(attempt - 1, 6), BACKOFF_MOST_MS)
    return whole * 3 // 4 + whole * chance // 1024
