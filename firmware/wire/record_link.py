"""Sealed records over a link of small packets, as BLE notifications are: the messages, and the bracelet's side. Pure.

The host asks, the bracelet answers. A record goes as the very bytes of the serial port, `WZR1 <json>` and a line end,
in pieces that fit the link; no more than WINDOW_BYTES are sent beyond what the host has acknowledged. Nothing is kept
from one connection to the next: a host that was cut off asks for the rest by its offset.

Host to bracelet: NEXT(number): the first record from this number on. PART(number, offset): the rest of a record.
HAVE(number, offset): everything before is here. CLOSE.
Bracelet to host: BEGIN(number, length, CRC-32 of the whole), PIECE(offset, bytes), NONE: no further record, REFUSED.
"""

import binascii
import struct

from firmware.wire.record import SERIAL_PREFIX

# The GATT service: what the host writes its messages to (encrypted links only), and what notifies the bracelet's.
SERVICE = "9b1c0001-5f0e-4b7a-9c55-3f6c2d1e8a40"
CONTROL = "9b1c0002-5f0e-4b7a-9c55-3f6c2d1e8a40"
RECORDS = "9b1c0003-5f0e-4b7a-9c55-3f6c2d1e8a40"

NEXT = 1
PART = 2
HAVE = 3
CLOSE = 4
BEGIN = 16
PIECE = 17
NONE = 18
REFUSED = 19

PACKET_BYTES_MIN = 20  # of a BLE link before the host has asked for more
WINDOW_BYTES = 4096
PIECE_HEAD_BYTES = 5
_PREFIX = SERIAL_PREFIX.encode()
_END = b"\n"
_CRC_STEP = 512


def ask(kind: int, number: int = 0, offset: int = 0) -> bytes:
    """A message of the host."""
    if kind == NEXT:
        return struct.pack("<BI", kind, number)
    if kind in (PART, HAVE):
        return struct.pack("<BII", kind, number, offset)
    return struct.pack("<B", kind)


class Sender:
    """The bracelet's side of one connection. `ring` has numbers(), size_of(number) and read_at(number, offset, count).

    `packet(limit)` is what to send next, None while there is nothing to; it stays the next until `sent()`.
    """

    def __init__(self, ring: "object"):
        self._ring = ring
        self._answer = b""
        self._number = 0
        self._length = 0
        self._offset = 0
        self._acknowledged = 0
        self._step = 0
        self.over = False
        self.records = 0

    def command(self, data: bytes) -> None:
        """One message of the host; what makes no sense is refused."""
        kind = data[0] if data else 0
        if kind == NEXT and len(data) == 5:
            self._next(struct.unpack("<BI", data)[1])
        elif kind == PART and len(data) == 9:
            _, number, offset = struct.unpack("<BII", data)
            self._begin(number, offset)
        elif kind == HAVE and len(data) == 9:
            _, number, offset = struct.unpack("<BII", data)
            if number == self._number and self._acknowledged < offset <= self._offset:
                self._acknowledged = offset
        elif kind == CLOSE and len(data) == 1:
            self.over = True
        else:
            self._answer = struct.pack("<B", REFUSED)

    def _next(self, number: int) -> None:
        for found in self._ring.numbers():  # type: ignore[attr-defined]
            if found >= number:
                self._begin(found, 0)
                return
        self._number = 0
        self._length = self._offset = self._acknowledged = 0
        self._answer = struct.pack("<B", NONE)

    def _begin(self, number: int, offset: int) -> None:
        ring = self._ring
        if number not in ring.numbers():  # type: ignore[attr-defined]
            self._answer = struct.pack("<B", REFUSED)
            return
        length = len(_PREFIX) + ring.size_of(number) + len(_END)  # type: ignore[attr-defined]
        if offset > length:
            self._answer = struct.pack("<B", REFUSED)
            return
        self._number, self._length = number, length
        self._offset = self._acknowledged = offset
        crc = 0
        for at in range(0, length, _CRC_STEP):
            crc = binascii.crc32(self._read(at, min(_CRC_STEP, length - at)), crc)
        self._answer = struct.pack("<BIII", BEGIN, number, length, crc & 0xFFFFFFFF)
        self.records += 1

    def _read(self, offset: int, count: int) -> bytes:
        """`count` bytes of the record as the serial port carries it."""
        size = self._length - len(_PREFIX) - len(_END)
        head = _PREFIX[offset : offset + count]
        begin = max(0, offset - len(_PREFIX))
        wanted = min(size - begin, count - len(head))
        body = self._ring.read_at(self._number, begin, wanted) if wanted > 0 else b""  # type: ignore[attr-defined]
        return head + body + _END[: count - len(head) - len(body)]

    def packet(self, limit: int) -> "bytes | None":
        """The next packet, of at most `limit` bytes."""
        if self._answer:
            self._step = 0
            return self._answer
        left = min(self._length - self._offset, self._acknowledged + WINDOW_BYTES - self._offset)
        if left <= 0:
            return None
        self._step = min(left, limit - PIECE_HEAD_BYTES)
        return struct.pack("<BI", PIECE, self._offset) + self._read(self._offset, self._step)

    def sent(self) -> None:
        """The packet is on its way."""
        if self._answer:
            self._answer = b""
        else:
            self._offset += self._step
