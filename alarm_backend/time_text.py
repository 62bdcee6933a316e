"""Times as text (RFC 3339) and as Unix milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime


def to_ms(text: str) -> int:
    """Unix milliseconds of an RFC 3339 time with offset. Raises ValueError without offset or when malformed."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset")
    return round(moment.timestamp() * 1000)


def to_text(ms: int) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
