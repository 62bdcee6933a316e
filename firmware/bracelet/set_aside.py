"""A strip's trace in flash while the next strip is tested: JSON text, read back piece by piece into the record.

A power cut leaves at most a file that no record names; the next test writes over it.
"""

import binascii

from firmware.bracelet.flash_ring import RingError
from firmware.wire.record import value_pieces

CHUNK_BYTES = 256


class Member:
    """One member of a trace in flash: the record's writer calls it for its text. RingError when it is damaged."""

    def __init__(self, opener, path: str, first: int):
        self._open = opener
        self._path = path
        self._first = first
        self.size = 0
        self.checksum = 0

    def __call__(self):
        left = self.size
        checksum = 0
        with self._open(self._path, "rb") as file:
            file.seek(self._first)
            while left > 0:
                chunk = file.read(min(CHUNK_BYTES, left))
                if not chunk:
                    raise RingError("set_aside", "%s ends too soon" % self._path)
                left -= len(chunk)
                checksum = binascii.crc32(chunk, checksum)
                yield chunk.decode()
        if checksum != self.checksum:
            raise RingError("set_aside", "%s is damaged" % self._path)


def set_aside(opener, path: str, members: dict):
    """Write the members of a trace to a file (generator); ends with the same members, each read from there."""
    kept = {}
    at = 0
    with opener(path, "wb") as file:
        for name, value in members.items():
            member = Member(opener, path, at)
            held = []
            length = 0
            for piece in value_pieces(name, value):
                held.append(piece)
                length += len(piece)
                if length >= CHUNK_BYTES:
                    _write(file, "".join(held).encode(), member)
                    held = []
                    length = 0
                    yield 0
            _write(file, "".join(held).encode(), member)
            at += member.size
            kept[name] = member
    return kept


def _write(file, text: bytes, member: Member) -> None:
    file.write(text)
    member.size += len(text)
    member.checksum = binascii.crc32(text, member.checksum)
