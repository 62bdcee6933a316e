"""HMAC-SHA256 (RFC 2104) on hashlib alone: MicroPython has no hmac module."""

import hashlib

_BLOCK = 64


class HmacSha256:
    """One HMAC-SHA256 fed in pieces; digest() ends it and may be called once."""

    def __init__(self, key: bytes):
        if len(key) > _BLOCK:
            key = hashlib.sha256(key).digest()
        inner = bytearray(_BLOCK)
        outer = bytearray(_BLOCK)
        for i in range(_BLOCK):
            byte = key[i] if i < len(key) else 0
            inner[i] = byte ^ 0x36
            outer[i] = byte ^ 0x5C
        self._inner = hashlib.sha256(inner)
        self._outer = hashlib.sha256(outer)

    def update(self, data) -> None:
        self._inner.update(data)

    def digest(self) -> bytes:
        self._outer.update(self._inner.digest())
        return self._outer.digest()


def equal(ours: bytes, theirs: bytes) -> bool:
    """Whether two byte strings are the same, in a time that depends on the length only."""
    if len(ours) != len(theirs):
        return False
    difference = 0
    for i in range(len(ours)):
        difference |= ours[i] ^ theirs[i]
    return difference == 0
