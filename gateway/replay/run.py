"""Recorded observations in time order through the decision core; the same input gives the same transitions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from gateway.contract.orders import Order
from gateway.contract.transitions import NOT_JUDGED, Transition
from gateway.geofence.motion import Observation
from gateway.geofence.rules import STANDARD, Rules
from gateway.partition import OnFault, Partition


def _order_of(observation: Observation) -> tuple[str, ...]:
    """A total order of rows of one instant, so that the order of the file does not matter."""
    return tuple("" if value is None else f"{value!r}" for value in observation)


def in_time_order(observations: Iterable[Observation]) -> list[Observation]:
    """Sorted by time, exact repeats dropped."""
    return sorted(set(observations), key=lambda o: (o.time_ms, _order_of(o)))


def _told_as_alarm(order_id: str, error: Exception, observations: Sequence[Observation]) -> None:
    """Nothing more to do: the transitions tell which order is not judged, and why."""


def replay(
    orders: Iterable[Order],
    observations: Iterable[Observation],
    until_ms: int | None = None,
    rules: Rules = STANDARD,
    on_fault: OnFault = _told_as_alarm,
) -> Iterator[Transition]:
    """Every transition, in time order, up to `until_ms` (by default the last observation).

    Recorded rows say when something was, not when it arrived: they are replayed as if each had arrived at once. An
    order whose decision fails is stood in for as in the live gateway; `on_fault` hears of it.
    """
    for transition in _live(orders, observations, until_ms, Partition(rules, on_fault)):
        yield transition if transition.kind != NOT_JUDGED else replace(transition, kind="contact_loss")


def _live(
    orders: Iterable[Order], observations: Iterable[Observation], until_ms: int | None, partition: Partition
) -> Iterator[Transition]:
    rows = in_time_order(observations)
    if until_ms is not None:
        rows = [row for row in rows if row.time_ms <= until_ms]
    if not rows and until_ms is None:
        return
    begin_ms = rows[0].time_ms if rows else until_ms
    if begin_ms is None:
        return
    yield from partition.load(orders, begin_ms)
    for time_ms, group in groupby(rows, key=lambda row: row.time_ms):
        yield from partition.feed(list(group), time_ms)
    if until_ms is not None:
        yield from partition.advance(until_ms)
