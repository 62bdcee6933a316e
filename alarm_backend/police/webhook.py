"""The signed request to the police and the receipt that must come back; pure.

Request: POST, `Content-Type: application/cap+xml`, the message as body, `Idempotency-Key` = its identifier,
`X-Waakzaam-Timestamp` (Unix ms) and `X-Waakzaam-Signature` = hex HMAC-SHA256(secret, timestamp "." body).
Receipt: 2xx with JSON `{"identifier": …, "receipt": …}` and `X-Waakzaam-Receipt-Signature` = hex HMAC-SHA256(secret,
body). Anything else, a 200 of a captive portal too, is no receipt.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping

RECEIPT_LENGTH_MAX = 200
FIRST_WAIT_MS = 2_000
WAIT_MAX_MS = 60_000


def signature(secret: str, *parts: bytes) -> str:
    """Hex HMAC-SHA256 over the parts joined by a dot."""
    return hmac.new(secret.encode(), b".".join(parts), hashlib.sha256).hexdigest()


def headers(identifier: str, body: bytes, timestamp_ms: int, secret: str) -> dict[str, str]:
    """The request's headers."""
    stamp = str(timestamp_ms)
    return {
        "Content-Type": "application/cap+xml",
        "Idempotency-Key": identifier,
        "X-Waakzaam-Timestamp": stamp,
        "X-Waakzaam-Signature": signature(secret, stamp.encode(), body),
    }


def receipt(identifier: str, status: int, sent_headers: Mapping[str, str], body: bytes, secret: str) -> tuple[str, str]:
    """(receipt, "") when the answer is one, ("", what is wrong with it) otherwise."""
    if not 200 <= status < 300:
        return "", f"the endpoint answered {status}"
    sealed = sent_headers.get("x-waakzaam-receipt-signature", "")
    if not hmac.compare_digest(sealed.encode(), signature(secret, body).encode()):
        return "", "the answer is not signed by the endpoint"
    try:
        document = json.loads(body)
        named, given = document["identifier"], document["receipt"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", "the answer is no receipt"
    if named != identifier:
        return "", f"the receipt is for {str(named)[:80]!r}"
    if not isinstance(given, str) or not 0 < len(given.strip()) <= RECEIPT_LENGTH_MAX or not given.isprintable():
        return "", "the receipt has no number"
    return given, ""


def wait_ms(attempts: int) -> int:
    """Milliseconds until the next attempt after so many failed ones: doubled up to a minute, never given up."""
    doubled: int = FIRST_WAIT_MS << min(max(attempts - 1, 0), 10)
    return min(doubled, WAIT_MAX_MS)
