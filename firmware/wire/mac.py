"""HMAC-SHA256 (RFC 2104) on hashlib alone: MicroPython has no hmac module."""

import hashlib

_BLOCK = 64
_INNER = int.from_bytes(b"\x36" * _BLOCK, "big")
_OUTER = int.from_bytes(b"\x5c" * _BLOCK, "big")


class HmacSha256:
    """One HMAC-SHA256 fed in pieces; digest() ends it and may be called once."""

    def __init__(self, key: bytes):
        if len(key) > _BLOCK:
            key = hashlib.sha256(key).digest()
        # One long number: byte by byte this would be most of what a message costs a gateway.
        padded = int.from_bytes(bytes(key) + bytes(_BLOCK - len(key)), "big")
        self._inner = hashlib.sha256((padded ^ _INNER).to_bytes(_BLOCK, "big"))
        self._outer = hashlib.sha256((padded ^ _OUTER).to_bytes(_BLOCK, "big"))

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
