"""Opens what a tracker sent: authentic or set aside, then observations in the core's units."""

from __future__ import annotations

from typing import Any, NamedTuple

from firmware.wire import frame, messages, topics
from firmware.wire.errors import WireError
from gateway.errors import GatewayError
from gateway.geofence.motion import Observation
from gateway.journal.port import Message

# Trackers keep time by GNSS; more than this ahead of us is a fault on one side or a forged time (ASSUMED).
AHEAD_MAX_MS = 120_000
UP_KINDS = ("fix", "event", "status")


class Unusable(GatewayError):
    """A message cannot be used: which fault, of which device (None when not even that is known)."""

    def __init__(self, device_id: str | None, fault: str) -> None:
        self.device_id = device_id
        self.fault = fault
        super().__init__(fault)


class Opened(NamedTuple):
    """An authentic message: what goes into the journal."""

    message: Message
    fields: dict[str, Any]


def open_message(topic: str, payload: bytes, keys: dict[str, bytes], now_ms: int, wall_ms: int) -> Opened:
    """The authentic message in this payload; raises Unusable with the fault."""
    try:
        device_id = topics.device_id_of(topic)
    except WireError as error:
        raise Unusable(None, f"topic: {error}") from None
    key = keys.get(device_id)
    if key is None:
        raise Unusable(device_id, "unknown device: no key for it")
    try:
        body = frame.open_frame(payload, device_id, key)
        fields = messages.decode(body)
    except WireError as error:
        raise Unusable(device_id, f"{type(error).__name__}: {error}") from None
    if fields["kind"] not in UP_KINDS:
        raise Unusable(device_id, f"kind {fields['kind']} does not come from a tracker")
    for name in ("fix_time_ms", "event_time_ms"):
        if (fields.get(name) or 0) > now_ms + AHEAD_MAX_MS:
            raise Unusable(device_id, f"{name}: {(fields[name] - now_ms) / 1000:.0f} s ahead of the gateway's clock")
    message = Message(device_id, fields["boot_id"], fields["seq"], "tracker", wall_ms, body)
    return Opened(message, fields)


def _scaled(value: int | None, unit: float) -> float | None:
    return None if value is None else value * unit


def observations(device_id: str, fields: dict[str, Any], now_ms: int) -> list[Observation]:
    """What a message says, for the core: at most an event and a position, each with its own time, never after now."""
    fix_ms = fields.get("fix_time_ms")
    event_ms = fields.get("event_time_ms") or fields.get("sent_ms") or fix_ms or now_ms
    found = [
        Observation(device_id, min(event_ms, now_ms), None, None, None, None, None, event) for event in _events(fields)
    ]
    if fields.get("lat_e7") is not None and fix_ms is not None:
        found.append(
            Observation(
                device_id,
                min(fix_ms, now_ms),
                fields["lat_e7"] / 1e7,
                fields["lon_e7"] / 1e7,
                _scaled(fields.get("horizontal_accuracy_mm"), 0.001),
                _scaled(fields.get("speed_mm_s"), 0.001),
                _scaled(fields.get("course_cdeg"), 0.01),
                "",
            )
        )
    return found or [Observation(device_id, now_ms, None, None, None, None, None, "")]


def _events(fields: dict[str, Any]) -> list[str]:
    """The events a message states; a heartbeat states an open strap and a missing fix too, lest their event is lost."""
    if fields["kind"] != "status":
        return [fields["event"]] if fields.get("event") else []
    found = []
    if fields.get("strap_closed") is not None:
        found.append("strap_restored" if fields["strap_closed"] else "strap_cut")
    if fields.get("gnss") in ("silent", "no_fix"):
        found.append("gnss_lost")
    return found
