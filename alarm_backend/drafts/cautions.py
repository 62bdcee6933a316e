"""What a reviewer should know about a draft although the gateway would take it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from alarm_backend.devices import repository as devices
from alarm_backend.drafts.schemas import WarningView
from gateway.contract import orders as contract
from gateway.contract.errors import OrdersInvalid

BAR_RATIO = 2.0
"""The French rule: the pre-alert distance is twice the alert distance (DOMAIN: BAR)."""
BAR_KM = (1_000, 10_000)


def cautions(connection: Connection, document: dict[str, Any], order_id: str, now_ms: int) -> list[WarningView]:
    """Warnings of a draft that can be parsed; none before that, since the problems come first."""
    try:
        order = contract.parse({"schema": contract.SCHEMA, "orders": [{**document, "version": 1}]})[0]
    except OrdersInvalid:
        return []
    found = []
    if order.valid_until_ms <= now_ms:
        found.append(_warning("valid_until", "past"))
    if order.proximity is None and not order.zones:
        found.append(_warning("proximity", "no_rule"))
    if order.proximity is not None:
        ratio = order.proximity.prealert_distance_m / order.proximity.alert_distance_m
        if abs(ratio - BAR_RATIO) > 0.01:
            found.append(_warning("proximity.prealert_distance_m", "not_twice", ratio=f"{ratio:.2g}"))
        if not BAR_KM[0] <= order.proximity.alert_distance_m <= BAR_KM[1]:
            found.append(_warning("proximity.alert_distance_m", "unusual_distance"))
        if not any(party.device_id for party in order.protected):
            found.append(_warning("protected", "no_protected_tracker"))
    if order.monitored.device_id is None:
        found.append(_warning("monitored.device_id", "no_tracker"))
    parties = [("monitored", order.monitored)]
    parties += [(f"protected[{number}]", party) for number, party in enumerate(order.protected)]
    for path, party in parties:
        if party.device_id is None:
            continue
        worn = devices.active_of_device(connection, party.device_id)
        if worn is None:
            found.append(_warning(f"{path}.device_id", "not_hooked_up", device=party.device_id))
        elif worn["person_id"] != party.person_id:
            found.append(
                _warning(f"{path}.device_id", "worn_by_other", device=party.device_id, person=worn["person_id"])
            )
    return found


def _warning(path: str, code: str, **values: str) -> WarningView:
    return WarningView(path=path, code=code, values=values)
