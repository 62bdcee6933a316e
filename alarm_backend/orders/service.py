"""Takes orders in and shows them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from sqlalchemy import RowMapping

from alarm_backend.audit.service import AuditService
from alarm_backend.clocks import Clocks
from alarm_backend.errors import InvalidRequest, NotFound, Refused
from alarm_backend.event_stream.schemas import StatusEvent
from alarm_backend.event_stream.service import EventStreamService
from alarm_backend.orders import repository
from alarm_backend.orders.outlines import feature
from alarm_backend.orders.schemas import OrdersStored, OrderView, PartyView
from alarm_backend.store.database import Database
from gateway.contract import orders as contract
from gateway.contract.errors import OrdersInvalid


def parse(document: Any) -> tuple[contract.Order, ...]:
    """The orders of a document by the gateway's own parser. Raises InvalidRequest with the place and the reason."""
    try:
        return contract.parse(document)
    except OrdersInvalid as error:
        raise InvalidRequest(error.path, error.reason) from error


class OrderService:
    """The court orders that are known."""

    def __init__(self, database: Database, clocks: Clocks, audit: AuditService, events: EventStreamService) -> None:
        self._database = database
        self._clocks = clocks
        self._audit = audit
        self._events = events

    def put(self, document: dict[str, Any], actor: str) -> OrdersStored:
        """Store every order of a `waakzaam.orders/1` document, all or none; may be repeated.

        A version that is known must be the same to the letter, and an older one never replaces a newer one.
        Raises InvalidRequest or Refused.
        """
        parsed = parse(document)
        stored_ms = self._clocks.wall_ms()
        done = OrdersStored(stored=[], unchanged=[], stored_ms=stored_ms)
        with self._database.writing() as connection:
            for order, source in zip(parsed, document["orders"], strict=True):
                digest = hashlib.sha256(json.dumps(source, sort_keys=True).encode()).hexdigest()
                known = repository.version(connection, order.order_id, order.version)
                if known is not None:
                    if known["sha256"] != digest:
                        reason = "this version is stored with another content: raise the version"
                        raise Refused("put", f"{order.order_id} version {order.version}", reason)
                    done.unchanged.append(order.order_id)
                    continue
                newest = repository.current_of(connection, order.order_id)
                if newest is not None and newest["version"] > order.version:
                    reason = f"version {newest['version']} is in force"
                    raise Refused("put", f"{order.order_id} version {order.version}", reason)
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
                detail = {"version": order.version, "sha256": digest}
                self._audit.append(connection, actor, "order.put", f"order:{order.order_id}", detail)
                done.stored.append(order.order_id)
            if done.stored:
                told = StatusEvent(what="orders", source=actor, detail={"stored": done.stored}, stored_ms=stored_ms)
                self._events.append(connection, "status", told)
        return done

    def all(self) -> list[OrderView]:
        """The current version of every order, in force or not."""
        now_ms = self._clocks.now_ms()
        with self._database.reading() as connection:
            return [view(row, now_ms) for row in repository.current(connection)]

    def get(self, order_id: str) -> OrderView:
        """The current version of one order. Raises NotFound."""
        with self._database.reading() as connection:
            row = repository.current_of(connection, order_id)
        if row is None:
            raise NotFound("order", order_id)
        return view(row, self._clocks.now_ms())


def view(row: RowMapping, now_ms: int) -> OrderView:
    order = contract.parse({"schema": contract.SCHEMA, "orders": [row["document"]]})[0]
    return OrderView(
        order_id=order.order_id,
        version=order.version,
        mandate_kind=order.mandate_kind,
        timezone=order.timezone,
        valid_from_ms=order.valid_from_ms,
        valid_until_ms=order.valid_until_ms,
        in_force=order.valid_from_ms <= now_ms < order.valid_until_ms,
        monitored=PartyView(**vars(order.monitored)),
        protected=[PartyView(**vars(party)) for party in order.protected],
        alert_distance_m=order.proximity.alert_distance_m if order.proximity else None,
        prealert_distance_m=order.proximity.prealert_distance_m if order.proximity else None,
        zones={"type": "FeatureCollection", "features": [feature(order.order_id, zone) for zone in order.zones]},
        document=row["document"],
        stored_ms=row["stored_ms"],
    )
