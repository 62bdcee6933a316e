"""The host's side of records over a link of small packets: asks, checks, acknowledges, goes on where it was cut off."""

from __future__ import annotations

import struct
import zlib
from typing import Protocol

from firmware.wire import record_link
from firmware.wire.record import LINE_BYTES_MAX

ACKNOWLEDGE_BYTES = 1024
SILENCE_S = 5.0
TRIES_MAX = 3


class Link(Protocol):
    """A connection that is encrypted already."""

    def write(self, uuid: str, data: bytes) -> None: ...
    def notification(self, timeout_s: float = ...) -> bytes | None: ...


class FetchFailed(Exception):
    """The bracelet broke the protocol, or fell silent; what came whole before is kept."""


class Fetch:
    """What has come so far: `records` are whole lines as the serial port has them. Feed it packets, send what it asks.

    Bounded: one record at a time, of at most LINE_BYTES_MAX bytes.
    """

    def __init__(self, first: int = 0) -> None:
        self.records: list[str] = []
        self.done = False
        self._next = first
        self._number = 0
        self._length = 0
        self._crc = 0
        self._part = bytearray()
        self._acknowledged = 0
        self._spoilt = 0
        self._asked = False  # for the rest of a record, and it has not begun yet

    def begin(self) -> bytes:
        """What to ask on a new connection: the rest of what was under way, or the next record."""
        if self._number:
            return record_link.ask(record_link.PART, self._number, len(self._part))
        return record_link.ask(record_link.NEXT, self._next)

    def packet(self, data: bytes) -> bytes | None:
        """One packet; what to send in answer, if anything. Raises FetchFailed."""
        kind = data[0] if data else 0
        if kind == record_link.BEGIN and len(data) == 13:
            self._begun(*struct.unpack("<III", data[1:]))
            return None
        if kind == record_link.PIECE and len(data) > record_link.PIECE_HEAD_BYTES and self._number:
            return self._piece(struct.unpack("<I", data[1:5])[0], data[record_link.PIECE_HEAD_BYTES :])
        if kind == record_link.NONE:
            self.done = True
            return record_link.ask(record_link.CLOSE)
        if kind == record_link.REFUSED and self._number:  # dropped from the ring meanwhile: the next one
            return self._forget(self._number + 1)
        raise FetchFailed(f"a packet that makes no sense: {data[:16].hex()}")

    def _begun(self, number: int, length: int, crc: int) -> None:
        if length > LINE_BYTES_MAX + 8:
            raise FetchFailed(f"record {number} says it is {length} bytes long")
        if (number, length, crc) != (self._number, self._length, self._crc):
            self._number, self._length, self._crc = number, length, crc
            self._part.clear()
        self._acknowledged = len(self._part)
        self._asked = False

    def _piece(self, offset: int, data: bytes) -> bytes | None:
        if offset != len(self._part):
            # A gap: ask for the rest once. What was sent before that is still coming, and is passed over.
            if self._asked or offset < len(self._part):
                return None
            self._asked = True
            return self.begin()
        self._part += data
        have = len(self._part)
        if have >= self._length:
            return self._whole()
        if have - self._acknowledged >= ACKNOWLEDGE_BYTES:
            self._acknowledged = have
            return record_link.ask(record_link.HAVE, self._number, have)
        return None

    def _whole(self) -> bytes:
        if len(self._part) != self._length or zlib.crc32(self._part) != self._crc:
            self._spoilt += 1
            if self._spoilt >= TRIES_MAX:
                raise FetchFailed(f"record {self._number} came spoilt {TRIES_MAX} times")
            return self._forget(self._number)
        self.records.append(self._part.decode("utf-8").rstrip("\n"))
        self._spoilt = 0
        return self._forget(self._number + 1)

    def _forget(self, following: int) -> bytes:
        self._next, self._number, self._length = following, 0, 0
        self._part.clear()
        return self.begin()


def over(link: Link, control: str, fetch: Fetch) -> None:
    """Fetch everything over one connection; an error of the link passes through, `fetch` knows how far it got.

    Silence means that a packet was lost on one side or the other: the rest is asked for again, a few times in a row.
    """
    link.write(control, fetch.begin())
    silences = 0
    while not fetch.done:
        packet = link.notification(SILENCE_S)
        silences = silences + 1 if packet is None else 0
        if silences > TRIES_MAX:
            raise FetchFailed(f"nothing came for {silences * SILENCE_S:g} s")
        answer = fetch.packet(packet) if packet is not None else fetch.begin()
        if answer is not None:
            link.write(control, answer)
