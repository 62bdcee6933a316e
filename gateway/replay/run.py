"""Recorded observations in time order through the decision core; the same input gives the same transitions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from gateway.contract.orders import Order
from gateway.contract.transitions import Transition
from gateway.geofence.motion import Observation
from gateway.geofence.rules import STANDARD, Rules
from gateway.partition import Partition


def _order_of(observation: Observation) -> tuple[str, ...]:
    """A total order of rows of one instant, so that the order of the file does not matter."""
    return tuple("" if value is None else f"{value!r}" for value in observation)


def in_time_order(observations: Iterable[Observation]) -> list[Observation]:
    """Sorted by time, exact repeats dropped."""
    return sorted(set(observations), key=lambda o: (o.time_ms, _order_of(o)))


def replay(
    orders: Iterable[Order],
    observations: Iterable[Observation],
    until_ms: int | None = None,
    rules: Rules = STANDARD,
) -> Iterator[Transition]:
    """Every transition, in time order, up to `until_ms` (by default the last observation).

    Recorded rows say when something was, not when it arrived: they are replayed as if each had arrived at once.
    """
    rows = in_time_order(observations)
    if until_ms is not None:
        rows = [row for row in rows if row.time_ms <= until_ms]
    if not rows and until_ms is None:
        return
    partition = Partition(rules)
    begin_ms = rows[0].time_ms if rows else until_ms
    if begin_ms is None:
        return
    yield from partition.load(orders, begin_ms)
    for time_ms, group in groupby(rows, key=lambda row: row.time_ms):
        yield from partition.feed(list(group), time_ms)
    if until_ms is not None:
        yield from partition.advance(until_ms)
