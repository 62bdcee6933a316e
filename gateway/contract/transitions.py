"""Alarm transitions: what the gateway decided, one line of `waakzaam replay` each."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from gateway.contract.errors import TransitionInvalid
from gateway.contract.reading import unix_ms_of

KINDS = (
    "proximity_prealert",
    "proximity_alert",
    "zone_buffer",
    "zone_entry",
    "panic",
    "strap_cut",
    "case_opened",
    "contact_loss",
    "gnss_loss",
    "jamming",
    "spoofing",
    "battery_low",
    "battery_critical",
    "device_left_behind",
)
# Of the live gateway only: an order whose decision failed, a fault of ours. A replay tells it as `contact_loss`, since
# the kinds of its output are fixed (docs/adr/0090).
NOT_JUDGED = "order_not_judged"
TRANSITIONS = ("raised", "escalated", "eased", "cleared")
# From least to most severe. The order of this tuple is the order of severity.
LEVELS = ("info", "warning", "high", "critical")

FIELDS = (
    "time",
    "alarm_id",
    "order_id",
    "kind",
    "transition",
    "level",
    "monitored",
    "protected",
    "zone_id",
    "distance_m",
    "probability",
    "reason",
    "evidence",
)


def time_text(unix_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds, the one form this project writes."""
    moment = datetime.fromtimestamp(unix_ms // 1000, UTC)
    return f"{moment.isoformat()[:19]}.{unix_ms % 1000:03d}Z"


def alarm_id_of(order_id: str, kind: str, *, monitored: str, protected: str, zone_id: str, raised_ms: int) -> str:
    """The identity of an alarm, derived from its facts: the same input gives the same id."""
    facts = json.dumps([order_id, kind, monitored, protected, zone_id, raised_ms], separators=(",", ":"))
    return "a-" + hashlib.sha256(facts.encode()).hexdigest()[:20]


@dataclass(frozen=True)
class Transition:
    """One change of one alarm. `time_ms` in Unix milliseconds; `probability` in [0, 1] or None where none decided.

    `protected` is "" when only the monitored person is concerned; `zone_id` is "" outside zone alarms.
    """

    time_ms: int
    alarm_id: str
    order_id: str
    kind: str
    transition: str
    level: str
    monitored: str
    protected: str
    zone_id: str
    distance_m: float | None
    probability: float | None
    reason: str
    evidence: dict[str, Any]

    def to_document(self) -> dict[str, Any]:
        """The fields of one output line, in their fixed order; absent names are null."""
        return {
            "time": time_text(self.time_ms),
            "alarm_id": self.alarm_id,
            "order_id": self.order_id,
            "kind": self.kind,
            "transition": self.transition,
            "level": self.level,
            "monitored": self.monitored,
            "protected": self.protected or None,
            "zone_id": self.zone_id or None,
            "distance_m": self.distance_m,
            "probability": self.probability,
            "reason": self.reason,
            "evidence": self.evidence,
        }

    def to_line(self) -> str:
        """One line of JSON without the newline; the same transition gives the same bytes."""
        return json.dumps(self.to_document(), separators=(",", ":"), ensure_ascii=False, allow_nan=False)

    def idempotency_key(self) -> str:
        """What makes a repeat recognisable: the alarm, what happened to it, and when."""
        return f"{self.alarm_id}:{self.transition}:{self.level}:{self.time_ms}"


def _check_words(document: dict[str, Any]) -> None:
    for field, words in (("kind", (*KINDS, NOT_JUDGED)), ("transition", TRANSITIONS), ("level", LEVELS)):
        if document[field] not in words:
            raise TransitionInvalid(field, f"{document[field]!r} is not one of {', '.join(words)}")


def _check_types(document: dict[str, Any]) -> None:
    for field in ("alarm_id", "order_id", "monitored", "reason"):
        if not isinstance(document[field], str):
            raise TransitionInvalid(field, "must be a text")
    for field in ("protected", "zone_id"):
        if document[field] is not None and not isinstance(document[field], str):
            raise TransitionInvalid(field, "must be a text or null")
    for field in ("distance_m", "probability"):
        value = document[field]
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise TransitionInvalid(field, "must be a number or null")
    if not isinstance(document["evidence"], dict):
        raise TransitionInvalid("evidence", "must be an object")


def parse(document: Any) -> Transition:
    """A transition from its document; raises TransitionInvalid. Unknown fields are ignored."""
    if not isinstance(document, dict):
        raise TransitionInvalid("transition", "must be an object")
    for field in FIELDS:
        if field not in document:
            raise TransitionInvalid(field, "missing")
    _check_words(document)
    _check_types(document)
    try:
        time_ms = unix_ms_of(document["time"])
    except (ValueError, TypeError, OverflowError) as error:
        raise TransitionInvalid("time", str(error)) from None
    facts = {field: document[field] for field in FIELDS if field != "time"}
    facts["protected"], facts["zone_id"] = document["protected"] or "", document["zone_id"] or ""
    return Transition(time_ms=time_ms, **facts)
