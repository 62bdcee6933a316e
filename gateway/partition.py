"""Many orders in one worker: finds the orders a tracker belongs to and serves their deadlines in time order."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from gateway.contract.orders import Order
from gateway.contract.transitions import Transition
from gateway.geofence.case import State, begin, case_of, ended, reordered
from gateway.geofence.motion import Observation
from gateway.geofence.rules import STANDARD, Rules
from gateway.geofence.step import step


class Sleeping(NamedTuple):
    """An order whose state is still in the checkpoint: it wakes when its tracker speaks or its deadline comes."""

    order: Order
    deadline_ms: int | None
    wake: Callable[[Order], State]


def _let_it_fail(order_id: str, error: Exception) -> None:
    raise error


class Partition:
    """The states of a set of orders. Not thread-safe: one worker owns it.

    `on_fault` hears of an order whose decision failed (a fault of ours); by default the error goes on. A live worker
    sets the order's messages aside and goes on with the rest: one order must never block another.
    """

    def __init__(self, rules: Rules = STANDARD, on_fault: Callable[[str, Exception], None] = _let_it_fail) -> None:
        self.rules = rules
        self.on_fault = on_fault
        self.states: dict[str, State | Sleeping] = {}
        self.dirty: set[str] = set()
        self._orders_of: dict[str, list[str]] = {}
        self._deadlines: list[tuple[int, str]] = []
        self.now_ms: int | None = None

    def load(self, orders: Iterable[Order], now_ms: int) -> list[Transition]:
        """Takes over a set of orders: new ones begin, changed ones keep their state, absent ones are withdrawn."""
        wanted = {order.order_id: order for order in orders}
        effects: list[Transition] = []
        for order_id in [known for known in self.states if known not in wanted]:
            effects += self._withdraw(order_id, now_ms)
        for order_id, order in wanted.items():
            known = self.states.get(order_id)
            if known is None:
                state = begin(case_of(order, self.rules), now_ms)
            elif (before := known.order if isinstance(known, Sleeping) else known.case.order) is not order and (
                before != order
            ):
                state = reordered(self.state_of(order_id), case_of(order, self.rules), now_ms)
            else:
                continue
            self._keep(order_id, state)
        self._index()
        return effects

    def restore(self, sleeping: Iterable[Sleeping]) -> None:
        """Takes over states from a checkpoint, without waking them."""
        for one in sleeping:
            self.states[one.order.order_id] = one
        self._deadlines = [(s.deadline_ms, i) for i, s in self.states.items() if s.deadline_ms is not None]
        heapq.heapify(self._deadlines)
        self._index()

    def state_of(self, order_id: str) -> State:
        """The state of an order, woken if need be."""
        state = self.states[order_id]
        if isinstance(state, Sleeping):
            state = state.wake(state.order)
            self.states[order_id] = state
        return state

    def orders_of(self, device_id: str) -> Sequence[str]:
        """The orders in which this tracker takes part."""
        return self._orders_of.get(device_id, ())

    def next_deadline_ms(self) -> int | None:
        """When time alone next has something to decide in any order."""
        heap = self._deadlines
        while heap:
            due_ms, order_id = heap[0]
            state = self.states.get(order_id)
            if state is not None and state.deadline_ms == due_ms:
                return due_ms
            heapq.heappop(heap)
        return None

    def advance(self, now_ms: int) -> list[Transition]:
        """Lets time pass to `now_ms`: what falls due is decided at its own instant, in time order."""
        effects: list[Transition] = []
        while (due_ms := self.next_deadline_ms()) is not None and due_ms <= now_ms:
            _, order_id = heapq.heappop(self._deadlines)
            effects += self._step(order_id, (), due_ms)
        self.now_ms = now_ms if self.now_ms is None else max(now_ms, self.now_ms)
        return effects

    def feed(self, observations: Sequence[Observation], now_ms: int) -> list[Transition]:
        """Decides on observations that arrived together at `now_ms`, after what fell due before."""
        effects = self.advance(now_ms)
        touched: dict[str, list[Observation]] = {}
        for observation in observations:
            for order_id in self.orders_of(observation.device_id):
                touched.setdefault(order_id, []).append(observation)
        for order_id, theirs in touched.items():
            effects += self._step(order_id, theirs, now_ms)
        return effects

    def _step(self, order_id: str, observations: Sequence[Observation], now_ms: int) -> Sequence[Transition]:
        try:
            state, told = step(self.state_of(order_id), observations, now_ms)
        except Exception as error:
            self.on_fault(order_id, error)
            return ()
        self._keep(order_id, state)
        return told

    def _keep(self, order_id: str, state: State) -> None:
        known = self.states.get(order_id)
        self.states[order_id] = state
        self.dirty.add(order_id)
        if state.deadline_ms is not None and (known is None or known.deadline_ms != state.deadline_ms):
            heapq.heappush(self._deadlines, (state.deadline_ms, order_id))
        if len(self._deadlines) > 64 + 4 * len(self.states):
            self._deadlines = [(s.deadline_ms, i) for i, s in self.states.items() if s.deadline_ms is not None]
            heapq.heapify(self._deadlines)

    def _withdraw(self, order_id: str, now_ms: int) -> list[Transition]:
        """Ends an order that is no longer there: its alarms are cleared, as when its validity ends."""
        state = self.state_of(order_id)
        del self.states[order_id]
        self.dirty.add(order_id)
        _, effects = step(reordered(state, ended(state, now_ms), now_ms), None, now_ms)
        return list(effects)

    def _index(self) -> None:
        self._orders_of = {}
        for order_id, state in self.states.items():
            order = state.order if isinstance(state, Sleeping) else state.case.order
            for device in order.devices():
                self._orders_of.setdefault(device, []).append(order_id)
