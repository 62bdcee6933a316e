"""Court orders (`waakzaam.orders/1`): parsed, validated, immutable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.contract import schedules, shapes, victim_contact
from gateway.contract.errors import OrdersInvalid
from gateway.contract.reading import identifier, instant, integer, mapping, member, number, sequence, text

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
PROTECTED_MAX, ZONES_MAX = 50, 500


@dataclass(frozen=True)
class Party:
    """A person named in an order and the tracker that person carries, if any."""

    person_id: str
    device_id: str | None


@dataclass(frozen=True)
class Proximity:
    """Distances around a moving protected person, in metres; alert_distance_m <= prealert_distance_m."""

    alert_distance_m: float
    prealert_distance_m: float


@dataclass(frozen=True)
class Zone:
    """A fixed exclusion zone, the buffer around it and its weekly schedule (none = always)."""

    zone_id: str
    shape: shapes.Shape
    buffer_m: float
    schedule: tuple[schedules.Window, ...]


@dataclass(frozen=True)
class AgreedException:
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


@dataclass(frozen=True)
class Order:
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
        return tuple(party.device_id for party in parties if party.device_id is not None)


def _party(value: Any, path: str) -> Party:
    document = mapping(value, path)
    device = document.get("device_id")
    return Party(
        identifier(member(document, "person_id", path), f"{path}.person_id"),
        None if device is None else identifier(device, f"{path}.device_id"),
    )


def _proximity(value: Any, path: str) -> Proximity:
    document = mapping(value, path)
    alert_m = number(
        member(document, "alert_distance_m", path), f"{path}.alert_distance_m", DISTANCE_MIN_M, DISTANCE_MAX_M
    )
    # Without a distance of its own the pre-alert is twice the alert (the French rule, DOMAIN: BAR).
    prealert_m = number(
        document.get("prealert_distance_m", 2 * alert_m), f"{path}.prealert_distance_m", DISTANCE_MIN_M, DISTANCE_MAX_M
    )
    if prealert_m < alert_m:
        raise OrdersInvalid(f"{path}.prealert_distance_m", f"{prealert_m:g} is below alert_distance_m {alert_m:g}")
    return Proximity(alert_m, prealert_m)


def _zone(value: Any, path: str) -> Zone:
    document = mapping(value, path)
    schedule = document.get("schedule")
    return Zone(
        identifier(member(document, "zone_id", path), f"{path}.zone_id"),
        shapes.parse(member(document, "shape", path), f"{path}.shape"),
        number(document.get("buffer_m", 0), f"{path}.buffer_m", 0, BUFFER_MAX_M),
        () if schedule is None else schedules.parse(schedule, f"{path}.schedule"),
    )


def _exception(value: Any, path: str, people: set[str], zone_ids: set[str]) -> AgreedException:
    document = mapping(value, path)
    start = instant(member(document, "from", path), f"{path}.from")
    until = instant(member(document, "until", path), f"{path}.until")
    if until <= start:
        raise OrdersInvalid(f"{path}.until", "is not after from")
    names: dict[str, tuple[str, ...]] = {}
    for key, known in (("protected", people), ("zones", zone_ids)):
        listed = sequence(document.get(key, []), f"{path}.{key}", 0, ZONES_MAX)
        for i, name in enumerate(listed):
            if name not in known:
                raise OrdersInvalid(f"{path}.{key}[{i}]", f"{name!r} is not in this order")
        names[key] = tuple(listed)
    return AgreedException(
        identifier(member(document, "exception_id", path), f"{path}.exception_id"),
        start,
        until,
        text(member(document, "reason", path), f"{path}.reason"),
        names["protected"],
        names["zones"],
        None if document.get("place") is None else shapes.parse(document["place"], f"{path}.place"),
    )


def _timezone(value: Any, path: str) -> str:
    name = text(value, path)
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise OrdersInvalid(path, f"{name!r} is not a time zone such as Europe/Brussels") from None
    return name


def _unique(names: Sequence[str | None], place_of: Callable[[int], str], what: str) -> None:
    """Raise at the place of the second of two equal names; a missing one (None) is none."""
    given = [name for name in names if name is not None]
    if len(set(given)) == len(given):
        return
    seen = set()
    for i, name in enumerate(names):
        if name in seen:
            raise OrdersInvalid(place_of(i), f"{what} {name!r} is there twice")
        if name is not None:
            seen.add(name)


def _order(value: Any, path: str) -> Order:
    document = mapping(value, path)
    monitored = _party(member(document, "monitored", path), f"{path}.monitored")
    protected = tuple(
        _party(entry, f"{path}.protected[{i}]")
        for i, entry in enumerate(sequence(document.get("protected", []), f"{path}.protected", 0, PROTECTED_MAX))
    )
    zones = tuple(
        _zone(entry, f"{path}.zones[{i}]")
        for i, entry in enumerate(sequence(document.get("zones", []), f"{path}.zones", 0, ZONES_MAX))
    )
    parties = (monitored, *protected)

    def party_of(i: int) -> str:
        return f"{path}.protected[{i - 1}]" if i else f"{path}.monitored"

    _unique([p.person_id for p in parties], lambda i: f"{party_of(i)}.person_id", "person")
    _unique([p.device_id for p in parties], lambda i: f"{party_of(i)}.device_id", "device")
    _unique([zone.zone_id for zone in zones], lambda i: f"{path}.zones[{i}].zone_id", "zone")
    valid_from = instant(member(document, "valid_from", path), f"{path}.valid_from")
    valid_until = instant(member(document, "valid_until", path), f"{path}.valid_until")
    if valid_until <= valid_from:
        raise OrdersInvalid(f"{path}.valid_until", "is not after valid_from")
    proximity = document.get("proximity")
    people = {p.person_id for p in protected}
    zone_ids = {zone.zone_id for zone in zones}
    listed = sequence(document.get("exceptions", []), f"{path}.exceptions", 0, 1000)
    return Order(
        identifier(member(document, "order_id", path), f"{path}.order_id"),
        integer(member(document, "version", path), f"{path}.version", 1, 2**31),
        identifier(member(document, "mandate_kind", path), f"{path}.mandate_kind"),
        _timezone(document.get("timezone", "Europe/Brussels"), f"{path}.timezone"),
        valid_from,
        valid_until,
        monitored,
        protected,
        None if proximity is None else _proximity(proximity, f"{path}.proximity"),
        zones,
        tuple(_exception(entry, f"{path}.exceptions[{i}]", people, zone_ids) for i, entry in enumerate(listed)),
        victim_contact.parse(document.get("victim_contact"), f"{path}.victim_contact"),
    )


def parse(document: Any) -> tuple[Order, ...]:
    """The orders of a `waakzaam.orders/1` document; raises OrdersInvalid(path, reason) at the first fault."""
    top = mapping(document, "orders.json")
    if top.get("schema") != SCHEMA:
        raise OrdersInvalid("schema", f"{top.get('schema')!r} is not {SCHEMA!r}")
    entries = sequence(member(top, "orders", "orders.json"), "orders")
    orders = tuple(_order(entry, f"orders[{i}]") for i, entry in enumerate(entries))
    _unique([order.order_id for order in orders], lambda i: f"orders[{i}].order_id", "order")
    return orders
