"""The header of a firmware package: what it is for, how long, its hash, who signed it. Pure.

A package file is the header and the ROMFS image behind it. In a slot the image comes first, so that it can be mounted,
and the header lies in the slot's last sector.
"""

import binascii
import struct

from .errors import UpdateRefused

MAGIC = b"WZSLOT1\x00"
SIGNED = struct.calcsize("<8s16s16sII32s")
SIGNATURE_BYTES = 384  # RSA-3072
HEADER_BYTES = SIGNED + SIGNATURE_BYTES + 4


class Header:
    """A parsed header. `signed` are the bytes that the signature covers; they include the image's hash."""

    def __init__(self, raw: bytes):
        fields = struct.unpack_from("<8s16s16sII32s", raw)
        self.board = fields[1].rstrip(b"\x00").decode()
        self.version = fields[2].rstrip(b"\x00").decode()
        self.version_code = fields[3]
        self.length = fields[4]
        self.sha256 = fields[5]
        self.signed = bytes(raw[:SIGNED])
        self.signature = bytes(raw[SIGNED : SIGNED + SIGNATURE_BYTES])


def pack(board: str, version: str, version_code: int, length: int, sha256: bytes) -> bytes:
    """The bytes to sign. `version_code` grows with every release."""
    return struct.pack("<8s16s16sII32s", MAGIC, board.encode(), version.encode(), version_code, length, sha256)


def finish(signed: bytes, signature: bytes) -> bytes:
    """The whole header: what was signed, the signature, a checksum against torn writes."""
    raw = signed + signature
    return raw + struct.pack("<I", binascii.crc32(raw) & 0xFFFFFFFF)


def parse(raw: bytes) -> Header:
    """The header at the start of `raw`; UpdateRefused("header") when there is none or it is torn."""
    if len(raw) < HEADER_BYTES or bytes(raw[:8]) != MAGIC:
        raise UpdateRefused("header", "no package")
    covered = bytes(raw[: HEADER_BYTES - 4])
    if struct.unpack_from("<I", raw, HEADER_BYTES - 4)[0] != binascii.crc32(covered) & 0xFFFFFFFF:
        raise UpdateRefused("header", "torn")
    return Header(covered)


def check_fits(header: Header, board: str, running_code: int, room_bytes: int) -> None:
    """Raise UpdateRefused when the package is for another board, older than what runs, or too long."""
    if header.board != board:
        raise UpdateRefused("board", "%s, not %s" % (header.board, board))
    if header.version_code < running_code:
        raise UpdateRefused("older", "%d, running %d" % (header.version_code, running_code))
    if not 0 < header.length <= room_bytes:
        raise UpdateRefused("length", "%d of %d" % (header.length, room_bytes))
