"""RSA signature check (RSASSA-PKCS1-v1_5 with SHA-256, RFC 8017 section 8.2.2). Pure; public key only.

RSA and not an elliptic curve: with the public exponent 65537 a check is 17 multiplications of long integers, which
MicroPython does in C; a curve in Python would take seconds on the board.
"""

import hashlib

EXPONENT = 65537
# DigestInfo of SHA-256 (RFC 8017 section 9.2, note 1).
_SHA256_PREFIX = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"


def is_signed(message: bytes, signature: bytes, modulus: int) -> bool:
    """Whether the private key of this modulus signed these bytes. The whole block is compared."""
    size = len(signature)
    number = int.from_bytes(signature, "big")
    if number >= modulus:
        return False
    block = pow(number, EXPONENT, modulus).to_bytes(size, "big")
    tail = _SHA256_PREFIX + hashlib.sha256(message).digest()
    return block == b"\x00\x01" + b"\xff" * (size - len(tail) - 3) + b"\x00" + tail
