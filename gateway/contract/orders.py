"""Court orders (`waakzaam.orders/1`): parsed, validated, immutable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.contract import schedules, shapes, victim_contact
from gateway.contract.errors import OrdersInvalid
from gateway.contract.reading import each, identifier, inside, instant, integer, mapping, number, sequence, text

SCHEMA = "waakzaam.orders/1"
# Mandate kinds known today; another word is accepted, since new laws bring new mandates.
MANDATE_KINDS = (
    "sentence_execution",
    "investigation",
    "probation",
    "temporary_barring_order",
    "conditional_release",
    "civil_order",
)
DISTANCE_MIN_M, DISTANCE_MAX_M = 10.0, 100_000.0
BUFFER_MAX_M = 50_000.0
PROTECTED_MAX, ZONES_MAX, EXCEPTIONS_MAX = 50, 500, 1000


class Party(NamedTuple):
    """A person named in an order and the tracker that person carries, if any."""

    person_id: str
    device_id: str | None


class Proximity(NamedTuple):
    """Distances around a moving protected person, in metres; alert_distance_m <= prealert_distance_m."""

    alert_distance_m: float
    prealert_distance_m: float


class Zone(NamedTuple):
    """A fixed exclusion zone, the buffer around it and its weekly schedule (none = always)."""

    zone_id: str
    shape: shapes.Shape
    buffer_m: float
    schedule: tuple[schedules.Window, ...]


class AgreedException(NamedTuple):
    """A span in which proximity and zone rules rest: a court hearing, a hand-over of children.

    `protected` and `zones` name whom and what it concerns; both empty means all. With a `place` the rules rest only
    while the monitored person is there. Tamper, panic and silence never rest.
    """

    exception_id: str
    from_ms: int
    until_ms: int
    reason: str
    protected: tuple[str, ...]
    zones: tuple[str, ...]
    place: shapes.Shape | None = None


class Order(NamedTuple):
    """One court-ordered contact ban; times in Unix milliseconds, [valid_from_ms, valid_until_ms)."""

    order_id: str
    version: int
    mandate_kind: str
    timezone: str
    valid_from_ms: int
    valid_until_ms: int
    monitored: Party
    protected: tuple[Party, ...]
    proximity: Proximity | None
    zones: tuple[Zone, ...]
    exceptions: tuple[AgreedException, ...] = ()
    victim_contact: tuple[tuple[str, str], ...] = ()

    def devices(self) -> tuple[str, ...]:
        """The trackers that take part in this order, the monitored person's first."""
        parties = (self.monitored, *self.protected)
        return tuple([party.device_id for party in parties if party.device_id is not None])


def _party(value: Any) -> Party:
    document = mapping(value)
    device = None if document.get("device_id") is None else identifier(document, "device_id")
    return Party(identifier(document, "person_id"), device)


def _proximity(value: Any) -> Proximity | None:
    if value is None:
        return None
    document = mapping(value)
    alert_m = number(document, "alert_distance_m", DISTANCE_MIN_M, DISTANCE_MAX_M)
    # Without a distance of its own the pre-alert is twice the alert (the French rule, DOMAIN: BAR).
    prealert_m = number(document, "prealert_distance_m", DISTANCE_MIN_M, DISTANCE_MAX_M, 2 * alert_m)
    if prealert_m < alert_m:
        raise OrdersInvalid("prealert_distance_m", f"{prealert_m:g} is below alert_distance_m {alert_m:g}")
    return Proximity(alert_m, prealert_m)


def _zone(value: Any) -> Zone:
    document = mapping(value)
    return Zone(
        identifier(document, "zone_id"),
        inside(shapes.parse, document, "shape"),
        number(document, "buffer_m", 0, BUFFER_MAX_M, 0),
        () if document.get("schedule") is None else inside(schedules.parse, document, "schedule"),
    )


def _names(value: Any, known: set[str]) -> tuple[str, ...]:
    listed = sequence(value, 0, ZONES_MAX)
    for i, name in enumerate(listed):
        if not isinstance(name, str) or name not in known:
            raise OrdersInvalid(f"[{i}]", f"{name!r} is not in this order")
    return tuple(listed)


def _exception(value: Any, people: set[str], zone_ids: set[str]) -> AgreedException:
    document = mapping(value)
    start, until = instant(document, "from"), instant(document, "until")
    if until <= start:
        raise OrdersInvalid("until", "is not after from")
    protected = inside(_names, document, "protected", people, default=[])
    zones = inside(_names, document, "zones", zone_ids, default=[])
    return AgreedException(
        identifier(document, "exception_id"),
        start,
        until,
        text(document, "reason"),
        protected,
        zones,
        None if document.get("place") is None else inside(shapes.parse, document, "place"),
    )


@lru_cache(maxsize=1024)
def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _timezone(document: dict[str, Any]) -> str:
    name = text(document, "timezone", "Europe/Brussels")
    if not _is_timezone(name):
        raise OrdersInvalid("timezone", f"{name!r} is not a time zone such as Europe/Brussels")
    return name


def _unique(names: Sequence[str | None], place_of: Callable[[int], str], what: str) -> None:
    """Raise at the place of the second of two equal names; a missing one (None) is none."""
    if len(set(names)) == len(names):
        return
    seen = set()
    for i, name in enumerate(names):
        if name in seen:
            raise OrdersInvalid(place_of(i), f"{what} {name!r} is there twice")
        if name is not None:
            seen.add(name)


def _party_at(i: int) -> str:
    return f"protected[{i - 1}]" if i else "monitored"


def _protected(value: Any) -> tuple[Party, ...]:
    return tuple(each(_party, value, 0, PROTECTED_MAX))


def _zones(value: Any) -> tuple[Zone, ...]:
    return tuple(each(_zone, value, 0, ZONES_MAX))


def _exceptions(value: Any, protected: Sequence[Party], zones: Sequence[Zone]) -> tuple[AgreedException, ...]:
    if not value and isinstance(value, list):
        return ()
    people, zone_ids = {p.person_id for p in protected}, {zone.zone_id for zone in zones}
    return tuple(each(lambda entry: _exception(entry, people, zone_ids), value, 0, EXCEPTIONS_MAX))


def _order(value: Any) -> Order:
    document = mapping(value)
    monitored = inside(_party, document, "monitored")
    protected = inside(_protected, document, "protected", default=[])
    zones = inside(_zones, document, "zones", default=[])
    parties = (monitored, *protected)
    _unique([p.person_id for p in parties], lambda i: f"{_party_at(i)}.person_id", "person")
    _unique([p.device_id for p in parties], lambda i: f"{_party_at(i)}.device_id", "device")
    _unique([zone.zone_id for zone in zones], lambda i: f"zones[{i}].zone_id", "zone")
    valid_from, valid_until = instant(document, "valid_from"), instant(document, "valid_until")
    if valid_until <= valid_from:
        raise OrdersInvalid("valid_until", "is not after valid_from")
    return Order(
        identifier(document, "order_id"),
        integer(document, "version", 1, 2**31),
        identifier(document, "mandate_kind"),
        _timezone(document),
        valid_from,
        valid_until,
        monitored,
        protected,
        inside(_proximity, document, "proximity", default=None),
        zones,
        inside(_exceptions, document, "exceptions", protected, zones, default=[]),
        inside(victim_contact.parse, document, "victim_contact", default=None),
    )


def _orders(value: Any) -> tuple[Order, ...]:
    return tuple(each(_order, value))


def parse(document: Any) -> tuple[Order, ...]:
    """The orders of a `waakzaam.orders/1` document; raises OrdersInvalid(path, reason) at the first fault."""
    if not isinstance(document, dict):
        inside(mapping, {"orders.json": document}, "orders.json")
    if document.get("schema") != SCHEMA:
        raise OrdersInvalid("schema", f"{document.get('schema')!r} is not {SCHEMA!r}")
    if "orders" not in document:
        raise OrdersInvalid("orders.json.orders", "missing")
    orders: tuple[Order, ...] = inside(_orders, document, "orders")
    _unique([order.order_id for order in orders], lambda i: f"orders[{i}].order_id", "order")
    return orders
