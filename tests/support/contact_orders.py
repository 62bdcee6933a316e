"""Orders and observations for tests of the decision core: places in metres around one point, times in seconds."""

from __future__ import annotations

from typing import Any

from gateway.contract import orders
from gateway.contract.orders import Order
from gateway.contract.reading import unix_ms_of
from gateway.contract.transitions import Transition
from gateway.geofence import ellipsoid
from gateway.geofence.motion import Observation
from gateway.replay.run import replay

LAT, LON = 50.8466, 4.3517
MONDAY_NOON_MS = unix_ms_of("2026-03-02T12:00:00+01:00")


def order(**changes: Any) -> Order:
    """One valid order; `changes` replace members of its document."""
    document = {
        "order_id": "VL-1",
        "version": 3,
        "mandate_kind": "probation",
        "timezone": "Europe/Brussels",
        "valid_from": "2026-01-01T00:00:00Z",
        "valid_until": "2027-01-01T00:00:00Z",
        "monitored": {"person_id": "M1", "device_id": "trk-m1"},
        "protected": [{"person_id": "P1", "device_id": "trk-p1"}],
        "proximity": {"alert_distance_m": 500, "prealert_distance_m": 1000},
    }
    return orders.parse({"schema": "waakzaam.orders/1", "orders": [{**document, **changes}]})[0]


def circle(radius_m: float = 300, zone_id: str = "home", **more: Any) -> dict[str, Any]:
    return {"zone_id": zone_id, "shape": {"type": "Circle", "center": [LON, LAT], "radius_m": radius_m}, **more}


def at(
    device: str,
    second: float,
    north_m: float | None,
    east_m: float = 0.0,
    event: str = "",
    accuracy_m: float | None = 5.0,
) -> Observation:
    """An observation this many seconds after Monday noon; None as `north_m` means without a position."""
    time_ms = MONDAY_NOON_MS + round(second * 1000)
    if north_m is None:
        return Observation(device, time_ms, None, None, None, None, None, event)
    lat, lon = ellipsoid.moved(LAT, LON, north_m, east_m)
    return Observation(device, time_ms, lat, lon, accuracy_m, None, None, event)


def told(
    one: Order, rows: list[Observation], until_s: float | None = None, kind: str | None = None
) -> list[Transition]:
    """The transitions of a replay, all or of one kind."""
    until_ms = None if until_s is None else MONDAY_NOON_MS + round(until_s * 1000)
    return [t for t in replay([one], rows, until_ms) if kind in (None, t.kind)]


def words(transitions: list[Transition]) -> list[tuple[str, str]]:
    return [(t.kind, t.transition) for t in transitions]


def second_of(transition: Transition) -> float:
    return (transition.time_ms - MONDAY_NOON_MS) / 1000
