"""MQTT 3.1.1 packets as bytes, no I/O: the few that a tracker needs (OASIS standard, section 3)."""

from firmware.tracking.errors import ProtocolFault

CONNACK = 2
PUBLISH = 3
PUBACK = 4
SUBACK = 9
PINGRESP = 13

PINGREQ_BYTES = b"\xc0\x00"
DISCONNECT_BYTES = b"\xe0\x00"
PACKET_BYTES_MAX = 1024  # a downlink frame has at most 512; more is a broker gone wrong

_REFUSALS = (
    "accepted",
    "unacceptable protocol version",
    "client id rejected",
    "broker unavailable",
    "bad user name or password",
    "not authorised",
)


def _text(value) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return len(raw).to_bytes(2, "big") + raw


def _packet(first: int, body: bytes) -> bytes:
    length = len(body)
    head = bytearray([first])
    while True:
        byte = length & 0x7F
        length >>= 7
        head.append(byte | (0x80 if length else 0))
        if not length:
            return bytes(head) + body


def connect(client_id: str, keep_alive_s: int, will=None, user=None, password=None) -> bytes:
    """CONNECT with a clean session; `will` is (topic, payload) at QoS 1, not retained."""
    flags = 0x02
    tail = _text(client_id)
    if will is not None:
        flags |= 0x04 | 1 << 3
        tail += _text(will[0]) + _text(will[1])
    if user is not None:
        flags |= 0x80
        tail += _text(user)
    if password is not None:
        flags |= 0x40
        tail += _text(password)
    return _packet(0x10, _text("MQTT") + bytes([4, flags]) + keep_alive_s.to_bytes(2, "big") + tail)


def publish(topic: str, payload: bytes, packet_id: int, again: bool = False) -> bytes:
    """PUBLISH at QoS 1; `again` sets the DUP flag."""
    return _packet(0x3A if again else 0x32, _text(topic) + packet_id.to_bytes(2, "big") + payload)


def puback(packet_id: int) -> bytes:
    return _packet(0x40, packet_id.to_bytes(2, "big"))


def subscribe(packet_id: int, topic: str) -> bytes:
    """SUBSCRIBE to one topic at QoS 1."""
    return _packet(0x82, packet_id.to_bytes(2, "big") + _text(topic) + b"\x01")


class Packet:
    """One packet from the broker: `kind`, and what its kind has."""

    def __init__(self, kind: int):
        self.kind = kind
        self.packet_id = 0
        self.code = 0
        self.topic = ""
        self.payload = b""
        self.qos = 0


class Decoder:
    """Bytes of the broker in, packets out, over one buffer of PACKET_BYTES_MAX."""

    def __init__(self) -> None:
        self._buffer = bytearray(PACKET_BYTES_MAX + 5)
        self._filled = 0

    def feed(self, data) -> list:
        """Packets completed by these bytes; raises ProtocolFault."""
        packets = []
        for i in range(len(data)):
            self._buffer[self._filled] = data[i]
            self._filled += 1
            packet = self._complete()
            if packet is not None:
                packets.append(packet)
                self._filled = 0
        return packets

    def _complete(self):
        """The packet when the buffer holds a whole one, else None."""
        length = 0
        at = 1
        while True:
            if at == 5:
                raise ProtocolFault("remaining length has more than four bytes")
            if at >= self._filled:
                return None
            byte = self._buffer[at]
            length |= (byte & 0x7F) << 7 * (at - 1)
            at += 1
            if not byte & 0x80:
                break
        if length > PACKET_BYTES_MAX:
            raise ProtocolFault("packet of %d bytes" % length)
        if self._filled < at + length:
            return None
        return _parse(self._buffer[0], bytes(memoryview(self._buffer)[at : at + length]))


def _parse(first: int, body: bytes) -> Packet:
    packet = Packet(first >> 4)
    if packet.kind == PUBLISH:
        return _parse_publish(packet, first, body)
    if first & 0x0F:
        raise ProtocolFault("reserved flags set in packet type %d" % packet.kind)
    if packet.kind == CONNACK and len(body) == 2:
        packet.code = body[1]
    elif packet.kind == PUBACK and len(body) == 2:
        packet.packet_id = int.from_bytes(body, "big")
    elif packet.kind == SUBACK and len(body) == 3:
        packet.packet_id = int.from_bytes(body[:2], "big")
        packet.code = body[2]
    elif packet.kind != PINGRESP or body:
        raise ProtocolFault("packet type %d of %d bytes from a broker" % (packet.kind, len(body)))
    return packet


def _parse_publish(packet: Packet, first: int, body: bytes) -> Packet:
    packet.qos = first >> 1 & 3
    head = 2 if packet.qos == 0 else 4
    if packet.qos > 1 or len(body) < head:
        raise ProtocolFault("a message at QoS %d with %d bytes" % (packet.qos, len(body)))
    topic_end = 2 + int.from_bytes(body[:2], "big")
    start = topic_end + head - 2
    if start > len(body):
        raise ProtocolFault("a message shorter than its topic")
    try:
        packet.topic = body[2:topic_end].decode()
    except ValueError as error:
        raise ProtocolFault("a topic that is not UTF-8") from error
    if packet.qos:
        packet.packet_id = int.from_bytes(body[topic_end:start], "big")
    packet.payload = body[start:]
    return packet


def refusal(code: int) -> str:
    """What a CONNACK code means."""
    return _REFUSALS[code] if code < len(_REFUSALS) else "code %d" % code
