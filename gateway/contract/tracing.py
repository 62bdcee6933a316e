"""Which trace an alarm belongs to (W3C Trace Context): a function of the alarm, so that every process knows it.

A trace can be found from an alarm years later, survives retries and restarts, and nothing has to be kept for it.
"""

from __future__ import annotations

import hashlib
import re

TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def trace_id_of(alarm_id: str) -> str:
    """32 hex digits: the trace of an alarm."""
    return hashlib.sha256(b"waakzaam trace " + alarm_id.encode()).hexdigest()[:32]


def traceparent_of(alarm_id: str) -> str:
    """The context that the first span of an alarm's trace hangs under."""
    span_id = hashlib.sha256(b"waakzaam span " + alarm_id.encode()).hexdigest()[:16]
    return f"00-{trace_id_of(alarm_id)}-{span_id}-01"


def usable(traceparent: object) -> str | None:
    """The context when it is one; None for anything else, which must never cost an alarm."""
    return traceparent if isinstance(traceparent, str) and TRACEPARENT.fullmatch(traceparent) else None
