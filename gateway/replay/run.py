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
from gateway.replay import fleet


def _order_of(observation: Observation) -> tuple[str, ...]:
    """A total order of rows of one instant, so that the order of the file does not matter."""
    return tuple("" if value is None else f"{value!r}" for value in observation)


def in_time_order(observations: Iterable[Observation]) -> list[Observation]:
    """Sorted by time, exact repeats dropped."""
    return sorted(set(observations), key=lambda o: (o.time_ms, _order_of(o)))


def _told_as_alarm(order_id: str, error: Exception, observations: Sequence[Observation]) -> None:
    """Nothing more to do: the transitions tell which order is not judged, and why."""


def _told_order(t: Transition) -> tuple[int, str, str, str, str]:
    """By time; of one instant by order and what it is about, the steps of one alarm as they came."""
    return t.time_ms, t.order_id, t.protected, t.zone_id, t.kind


def replay(
    orders: Iterable[Order],
    observations: Iterable[Observation],
    until_ms: int | None = None,
    rules: Rules = STANDARD,
    on_fault: OnFault = _told_as_alarm,
) -> Iterator[Transition]:
    """Every transition, in time order, up to `until_ms` (by default the last observation).

    Recorded rows say when something was, not when it arrived: they are replayed as if each had arrived at once. An
    order whose decision fails is stood in for as in the live gateway; `on_fault` hears of it. Very many orders go
    through the core in batches, which tells the same (docs/adr/0269).
    """
    rows, judged = in_time_order(observations), list(orders)
    if until_ms is not None:
        rows = [row for row in rows if row.time_ms <= until_ms]
    if not rows and until_ms is None:
        return
    span_ms = rows[0].time_ms if rows else until_ms or 0, rows[-1].time_ms if until_ms is None else until_ms
    many = fleet.fitting(judged, rows)
    told = fleet.replayed(many, rows, span_ms, rules, on_fault) if many else []
    in_batches = {order.order_id for order in many}
    others = [order for order in judged if order.order_id not in in_batches]
    told += _one_by_one(others, rows, span_ms, until_ms is not None, Partition(rules, on_fault))
    for transition in sorted(told, key=_told_order):
        yield transition if transition.kind != NOT_JUDGED else replace(transition, kind="contact_loss")


def _one_by_one(
    orders: Sequence[Order],
    rows: Sequence[Observation],
    span_ms: tuple[int, int],
    on: bool,
    partition: Partition,
) -> Iterator[Transition]:
    """What is told of these orders; time goes `on` after the last row to the end of the span."""
    begin_ms, end_ms = span_ms
    yield from partition.load(orders, begin_ms)
    for time_ms, group in groupby(rows, key=lambda row: row.time_ms):
        yield from partition.feed(list(group), time_ms)
    if on:
        yield from partition.advance(end_ms)
