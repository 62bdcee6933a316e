"""Recorded positions of very many orders: those that arrays can hold go through the core in batches."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from gateway.batch_partition import BatchPartition
from gateway.contract.orders import Order
from gateway.contract.transitions import Transition
from gateway.geofence.motion import Observation
from gateway.geofence.resting import Batch
from gateway.geofence.rules import Rules
from gateway.partition import OnFault

# Below this many a batch is mostly overhead: an order has one fix in each round.
ORDERS_MIN = 100
ROWS = 40_000
SOURCE = "tracker"


def fitting(orders: Sequence[Order], rows: Sequence[Observation]) -> list[Order]:
    """The orders that go in batches: of one pair of trackers, each row of theirs a position at its own instant."""
    plain: dict[str, bool] = defaultdict(lambda: True)
    times: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        plain[row.device_id] &= row.lat is not None and not row.event and row.source == SOURCE
        times[row.device_id].append(row.time_ms)
    found = []
    for order in orders:
        protected = [party.device_id for party in order.protected if party.device_id is not None]
        if order.monitored.device_id is None or len(protected) != 1:
            continue
        pair = (order.monitored.device_id, protected[0])
        instants = [time_ms for device in pair for time_ms in times[device]]
        if all(plain[device] for device in pair) and len(set(instants)) == len(instants):
            found.append(order)
    return found if len(found) >= ORDERS_MIN else []


def replayed(
    orders: Sequence[Order],
    rows: Sequence[Observation],
    span_ms: tuple[int, int],
    rules: Rules,
    on_fault: OnFault,
) -> list[Transition]:
    """What is told of these orders, from the first to the last instant of the span; `rows` in time order."""
    begin_ms, end_ms = span_ms
    partition = BatchPartition(
        len(orders), max(len(order.zones) for order in orders), orders.__getitem__, begin_ms, rules, on_fault
    )
    told = partition.start()
    concerned: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, order in enumerate(orders):
        for role, device in enumerate(order.devices()):
            concerned[device].append((number, role))
    for begin in range(0, len(rows), ROWS):
        part = [(*who, row) for row in rows[begin : begin + ROWS] for who in concerned.get(row.device_id, ())]
        if part:
            told += partition.feed(_batch(part))
            told += partition.advance(part[-1][2].time_ms)
    return told + partition.advance(end_ms)


def _batch(part: Sequence[tuple[int, int, Observation]]) -> Batch:
    number, role, rows = zip(*part, strict=True)
    measured = ((one.lat, one.lon, one.accuracy_m, one.speed_m_s, one.course_deg) for one in rows)
    values = [[math.nan if value is None else value for value in values] for values in measured]
    return Batch(
        np.array(number, dtype=np.int64),
        np.array(role, dtype=np.int64),
        np.array([row.time_ms for row in rows], dtype=np.int64),
        *np.array(values, dtype=np.float64).T.copy(),
    )
