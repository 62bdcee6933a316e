"""Signed heads of the audit chain that are kept outside the database; pure.

A chain that is cut short together with its head, or written anew from its first line, is whole in itself. It does not
reach, or does not match, a head that was signed before and lies where whoever holds the database cannot write.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from alarm_backend.audit import chain

SCHEMA = "waakzaam.audit_anchor/1"
KEY_BYTES = 32


@dataclass(frozen=True)
class Anchor:
    """At `stored_ms` (real clock) the chain had `seq` lines and ended in `sha256`."""

    seq: int
    sha256: str
    stored_ms: int
    signature: str = ""

    @property
    def signed_bytes(self) -> bytes:
        return json.dumps([SCHEMA, self.seq, self.sha256, self.stored_ms], separators=(",", ":")).encode()

    @property
    def line(self) -> str:
        """The anchor as one line of an anchor file."""
        return json.dumps({"schema": SCHEMA, **vars(self)}, separators=(",", ":"))


def public_key(private: bytes) -> bytes:
    """What checks the anchors that this key signs. Raises ValueError when it is no key of 32 bytes."""
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def sign(private: bytes, head: tuple[int, str], stored_ms: int) -> Anchor:
    """An anchor of this head. Raises ValueError when the key is none."""
    bare = Anchor(head[0], head[1], stored_ms)
    signature = Ed25519PrivateKey.from_private_bytes(private).sign(bare.signed_bytes)
    return Anchor(bare.seq, bare.sha256, bare.stored_ms, signature.hex())


def read(text: str) -> list[Anchor]:
    """The anchors of a file, one a line. Raises ValueError with the line that is none."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
            if document.pop("schema") != SCHEMA:
                raise ValueError(f"schema is not {SCHEMA}")
            anchor = Anchor(**document)
            if not all(isinstance(value, int) for value in (anchor.seq, anchor.stored_ms)):
                raise ValueError("seq and stored_ms must be whole numbers")
            if not all(isinstance(value, str) for value in (anchor.sha256, anchor.signature)):
                raise ValueError("sha256 and signature must be text")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"line {number}: not an anchor: {error}") from error
        found.append(anchor)
    return found


def faults(anchors: list[Anchor], public: bytes, lines: Iterable[chain.Line]) -> list[str]:
    """Everything about the anchors that the chain contradicts, in their order; empty when all of them hold."""
    key = Ed25519PublicKey.from_public_bytes(public)
    at = {line.seq: line.sha256 for line in lines}
    at[0] = chain.START_SHA256
    end = max(at)
    found, before = [], 0
    for number, anchor in enumerate(anchors, 1):
        where = f"anchor {number} of line {anchor.seq}"
        try:
            key.verify(bytes.fromhex(anchor.signature), anchor.signed_bytes)
        except (InvalidSignature, ValueError):
            found.append(f"{where}: not signed by this key")
            continue
        if anchor.seq < before:
            found.append(f"{where}: the chain was shorter than at the anchor before")
        before = max(before, anchor.seq)
        if anchor.seq > end:
            found.append(f"{where}: the chain ends at line {end}: it was cut short")
        elif at.get(anchor.seq) != anchor.sha256:
            found.append(f"{where}: the chain has another line there: it was written anew")
    return found
