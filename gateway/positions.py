"""Positions as the console's map is told them, and those that it is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.contract.transitions import time_text
from gateway.geofence.case import State
from gateway.geofence.motion import Observation
from gateway.geofence.swapped import looks_swapped
from gateway.partition import Partition


def documents(partition: Partition, observations: Iterable[Observation]) -> Iterator[dict[str, Any]]:
    """Each position once for every order that its tracker takes part in."""
    for observation in observations:
        if observation.lat is None:
            continue
        for order_id in partition.orders_of(observation.device_id):
            order = partition.order_of(order_id)
            monitored = observation.device_id == order.monitored.device_id
            party = next(p for p in (order.monitored, *order.protected) if p.device_id == observation.device_id)
            yield {
                "device_id": observation.device_id,
                "order_id": order_id,
                "person_id": party.person_id,
                "role": "monitored" if monitored else "protected",
                "fix_time": time_text(observation.time_ms),
                "lat": observation.lat,
                "lon": observation.lon,
                "horizontal_accuracy_m": observation.accuracy_m,
                "speed_m_s": observation.speed_m_s,
                "course_deg": observation.course_deg,
            }


def swapped_for(partition: Partition, one: Observation) -> str | None:
    """The order that shows this position to be turned round, just heard by it; None when none does."""
    if one.lat is None or one.lon is None:
        return None
    for order_id in partition.orders_of(one.device_id):
        state = partition.states[order_id]
        if isinstance(state, State) and looks_swapped(state.case.known, one.lat, one.lon):
            return order_id
    return None
