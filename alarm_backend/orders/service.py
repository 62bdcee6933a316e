"""Takes orders in and shows them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping

from alarm_backend.audit.service import AuditService
from alarm_backend.clocks import Clocks
from alarm_backend.drafts import changes
from alarm_backend.drafts.repository import signatures
from alarm_backend.errors import InvalidRequest, NotFound, Refused
from alarm_backend.event_stream.schemas import StatusEvent
from alarm_backend.event_stream.service import EventStreamService
from alarm_backend.orders import delivery, repository
from alarm_backend.orders.outlines import feature
from alarm_backend.orders.schemas import OrdersStored, OrderView, PartyView, VersionView
from alarm_backend.store.database import Database
from gateway.contract import orders as contract
from gateway.contract.errors import OrdersInvalid


def parse(document: Any) -> tuple[contract.Order, ...]:
    """The orders of a document by the gateway's own parser. Raises InvalidRequest with the place and the reason."""
    try:
        return contract.parse(document)
    except OrdersInvalid as error:
        raise InvalidRequest(error.path, "as_told", reason=error.reason) from error


class OrderService:
    """The court orders that are known."""

    def __init__(self, database: Database, clocks: Clocks, audit: AuditService, events: EventStreamService) -> None:
        self._database = database
        self._clocks = clocks
        self._audit = audit
        self._events = events

    def put(self, document: dict[str, Any], actor: str) -> OrdersStored:
        """Store every order of a `waakzaam.orders/1` document, all or none; may be repeated.

        A version that is known must be the same to the letter, an older one never replaces a newer one, and what was
        signed is changed by a draft only: these orders are unsigned.
        Raises InvalidRequest or Refused.
        """
        parsed = parse(document)
        stored_ms = self._clocks.wall_ms()
        done = OrdersStored(stored=[], unchanged=[], stored_ms=stored_ms)
        with self._database.writing() as connection:
            for order, source in zip(parsed, document["orders"], strict=True):
                digest = repository.digest(source)
                known = repository.version(connection, order.order_id, order.version)
                if known is not None:
                    if known["sha256"] != digest:
                        raise Refused("put", f"{order.order_id} version {order.version}", "other_content")
                    done.unchanged.append(order.order_id)
                    continue
                newest = repository.current_of(connection, order.order_id)
                if newest is not None and newest["version"] > order.version:
                    facts = {"version": newest["version"]}
                    raise Refused("put", f"{order.order_id} version {order.version}", "newer_in_force", **facts)
                if newest is not None and newest["version"] in signatures(connection, order.order_id):
                    facts = {"version": newest["version"]}
                    raise Refused("put", f"{order.order_id} version {order.version}", "signed_off", **facts)
                repository.add_current(
                    connection,
                    {
                        "order_id": order.order_id,
                        "version": order.version,
                        "mandate_kind": order.mandate_kind,
                        "valid_from_ms": order.valid_from_ms,
                        "valid_until_ms": order.valid_until_ms,
                        "document": source,
                        "sha256": digest,
                        "stored_ms": stored_ms,
                    },
                )
                detail = {"version": order.version, "sha256": digest, "signed": False}
                self._audit.append(connection, actor, "order.import_unsigned", f"order:{order.order_id}", detail)
                done.stored.append(order.order_id)
            if done.stored:
                delivery.changed(connection, stored_ms, done.stored)
                told = StatusEvent(what="orders", source=actor, detail={"stored": done.stored}, stored_ms=stored_ms)
                self._events.append(connection, "status", told)
        return done

    def all(self) -> list[OrderView]:
        """The current version of every order, in force or not."""
        now_ms = self._clocks.now_ms()
        with self._database.reading() as connection:
            signed = repository.signed_versions(connection)
            return [view(row, now_ms, signed) for row in repository.current(connection)]

    def versions(self, order_id: str) -> list[VersionView]:
        """Every version of an order, newest first. Raises NotFound."""
        with self._database.reading() as connection:
            found = version_views(connection, order_id)
        if not found:
            raise NotFound("order", order_id)
        return found

    def get(self, order_id: str) -> OrderView:
        """The current version of one order. Raises NotFound."""
        with self._database.reading() as connection:
            row = repository.current_of(connection, order_id)
            signed = {(order_id, version) for version in signatures(connection, order_id)}
        if row is None:
            raise NotFound("order", order_id)
        return view(row, self._clocks.now_ms(), signed)


def version_views(connection: Connection, order_id: str) -> list[VersionView]:
    """Every version, newest first, each with what it changed in the one before."""
    rows = repository.versions(connection, order_id)
    signed = signatures(connection, order_id)
    active = delivery.active_at(connection, order_id)
    found = []
    for row, before in zip(rows, [*rows, None][1:], strict=True):
        signature = signed.get(row["version"])
        found.append(
            VersionView(
                **{name: row[name] for name in ("version", "is_current", "withdrawn", "sha256", "stored_ms")},
                drafted_by=signature["drafted_by"] if signature else None,
                signed_by=signature["signed_by"] if signature else None,
                reason=signature["reason"] if signature else "",
                changes=[vars(c) for c in changes.between(before["document"] if before else None, row["document"])],
                active_at=[at for at in active if at.version == row["version"]],
            )
        )
    return found


def view(row: RowMapping, now_ms: int, signed: set[tuple[str, int]]) -> OrderView:
    """A version as the console shows it; `signed` holds the (order, version) that went through four eyes."""
    order = contract.parse({"schema": contract.SCHEMA, "orders": [row["document"]]})[0]
    return OrderView(
        order_id=order.order_id,
        version=order.version,
        mandate_kind=order.mandate_kind,
        timezone=order.timezone,
        valid_from_ms=order.valid_from_ms,
        valid_until_ms=order.valid_until_ms,
        in_force=not row["withdrawn"] and order.valid_from_ms <= now_ms < order.valid_until_ms,
        withdrawn=row["withdrawn"],
        signed=(order.order_id, order.version) in signed,
        monitored=PartyView(**order.monitored._asdict()),
        protected=[PartyView(**party._asdict()) for party in order.protected],
        alert_distance_m=order.proximity.alert_distance_m if order.proximity else None,
        prealert_distance_m=order.proximity.prealert_distance_m if order.proximity else None,
        zones={"type": "FeatureCollection", "features": [feature(order.order_id, zone) for zone in order.zones]},
        document=row["document"],
        stored_ms=row["stored_ms"],
    )
