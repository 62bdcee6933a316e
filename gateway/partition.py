"""Many orders in one worker: finds the orders a tracker belongs to and serves their deadlines in time order."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from gateway.contract.orders import Order
from gateway.contract.transitions import Transition
from gateway.geofence.alarms import Alarm, Key
from gateway.geofence.case import (
    State,
    begin,
    case_of,
    ended,
    incident_id_of,
    rebuilt,
    reordered,
    with_incident,
)
from gateway.geofence.motion import Observation
from gateway.geofence.rules import STANDARD, Rules
from gateway.geofence.stand_in import stand_in
from gateway.geofence.step import step

# After a failed decision the order is tried again with every message, and after these times without one.
RETRY_MS = (5_000, 10_000, 20_000, 30_000)


class Sleeping(NamedTuple):
    """An order whose state is still in the checkpoint: it wakes when its tracker speaks or its deadline comes."""

    order: Order
    deadline_ms: int | None
    wake: Callable[[Order], State]


class Trouble(NamedTuple):
    """An order whose decision failed: how often running; without a state, its alarms and its trackers' last fixes."""

    failures: int
    alarms: dict[Key, Alarm]
    raw: dict[str, Observation]


OnFault = Callable[[str, Exception, Sequence[Observation]], None]


def let_it_fail(order_id: str, error: Exception, observations: Sequence[Observation]) -> None:
    raise error


class Partition:
    """The states of a set of orders. Not thread-safe: one worker owns it.

    `on_fault` hears of an order whose decision failed (a fault of ours) and of the observations concerned; by default
    the error goes on. When it returns, the order is stood in for (docs/adr/0090): what its trackers report becomes an
    alarm all the same, the order is told as not judged, and it is tried again, later with its state rebuilt.
    """

    def __init__(self, rules: Rules = STANDARD, on_fault: OnFault = let_it_fail) -> None:
        self.rules = rules
        self.on_fault = on_fault
        self.trouble: dict[str, Trouble] = {}
        self.states: dict[str, State | Sleeping] = {}
        self.mark: Any = None
        """What the owner says of the moment; noted with each order that changes first since it was stored."""
        self.dirty: dict[str, Any] = {}
        """The orders that changed since they were stored, the one that has waited longest first, with their marks."""
        self._orders_of: dict[str, list[str]] = {}
        self._deadlines: list[tuple[int, str]] = []
        self.now_ms: int | None = None

    def load(self, orders: Iterable[Order], now_ms: int) -> list[Transition]:
        """Takes over a set of orders: new ones begin, changed ones keep their state, absent ones are withdrawn."""
        wanted = {order.order_id: order for order in orders}
        effects: list[Transition] = []
        changed = self.changed_by(wanted.values())
        for order_id in changed:
            if order_id not in wanted:
                effects += self._withdraw(order_id, now_ms)
                continue
            order = wanted[order_id]
            try:
                case = case_of(order, self.rules)
                fresh = order_id not in self.states
                state = begin(case, now_ms) if fresh else reordered(self.state_of(order_id), case, now_ms)
            except Exception as error:
                self.states[order_id] = Sleeping(order, None, self._begin)
                effects += self._stand_in(order_id, error, (), now_ms)
                continue
            self._keep(order_id, state)
        if changed:
            self._index()
        return effects

    def changed_by(self, orders: Iterable[Order]) -> list[str]:
        """The orders that `load` of these would withdraw, change or begin, in this order."""
        wanted = {order.order_id: order for order in orders}
        found = [known for known in self.states if known not in wanted]
        for order_id, order in wanted.items():
            before = self.order_of(order_id) if order_id in self.states else None
            if before is not order and before != order:
                found.append(order_id)
        return found

    def _begin(self, order: Order) -> State:
        return begin(case_of(order, self.rules), 0 if self.now_ms is None else self.now_ms)

    def restore(self, sleeping: Iterable[Sleeping]) -> None:
        """Takes over states from a checkpoint, without waking them."""
        restored = {one.order.order_id: one for one in sleeping}
        if not restored:
            return
        self.states.update(restored)
        self._deadlines = [(s.deadline_ms, i) for i, s in self.states.items() if s.deadline_ms is not None]
        heapq.heapify(self._deadlines)
        self._index()

    def adopt(self, state: State | Sleeping) -> None:
        """Takes over an order from elsewhere as it stands."""
        order = state.order if isinstance(state, Sleeping) else state.case.order
        self._keep(order.order_id, state)
        self._index()

    def release(self, order_id: str) -> State:
        """Hands an order on; the opposite of `adopt`."""
        state = self.state_of(order_id)
        del self.states[order_id]
        self.dirty.pop(order_id, None)
        self._index()
        return state

    def state_of(self, order_id: str) -> State:
        """The state of an order, woken if need be."""
        state = self.states[order_id]
        if isinstance(state, Sleeping):
            was_due_ms, state = state.deadline_ms, state.wake(state.order)
            self.states[order_id] = state
            if state.deadline_ms is not None and state.deadline_ms != was_due_ms:
                heapq.heappush(self._deadlines, (state.deadline_ms, order_id))
        return state

    def order_of(self, order_id: str) -> Order:
        """The order itself, without waking its state."""
        state = self.states[order_id]
        return state.order if isinstance(state, Sleeping) else state.case.order

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

    def advance(self, now_ms: int, steps_max: int | None = None) -> list[Transition]:
        """Lets time pass to `now_ms`: what falls due is decided at its own instant, in time order.

        With `steps_max` it stops after so many decisions; `next_deadline_ms` tells whether more is due.
        """
        effects: list[Transition] = []
        steps = 0
        while (due_ms := self.next_deadline_ms()) is not None and due_ms <= now_ms:
            if steps == steps_max:
                return effects
            steps += 1
            _, order_id = heapq.heappop(self._deadlines)
            effects += self._step(order_id, (), due_ms)
        self.now_ms = now_ms if self.now_ms is None else max(now_ms, self.now_ms)
        return effects

    def feed(self, observations: Sequence[Observation], now_ms: int) -> list[Transition]:
        """Decides on observations that arrived together at `now_ms`, after what fell due before in any order."""
        return self.advance(now_ms) + self.hear(observations, now_ms)

    def hear(
        self, observations: Sequence[Observation], now_ms: int, but: Callable[[str], bool] = lambda _: False
    ) -> list[Transition]:
        """Decides on observations at `now_ms`, after what fell due before in the orders that they concern.

        What is due in other orders waits for `advance`: a thousand of them must not keep one panic waiting. An order
        that is named by `but` has heard them before.
        """
        effects: list[Transition] = []
        touched: dict[str, list[Observation]] = {}
        for observation in observations:
            for order_id in self.orders_of(observation.device_id):
                touched.setdefault(order_id, []).append(observation)
        for order_id, theirs in touched.items():
            if but(order_id):
                continue
            effects += self._step(order_id, theirs, now_ms)
        return effects

    def _step(self, order_id: str, observations: Sequence[Observation], now_ms: int) -> Sequence[Transition]:
        try:
            state, told = step(self._ready(order_id, now_ms), observations, now_ms)
        except Exception as error:
            if len(observations) > 1:  # One of them may be the cause: the others must not share its fate.
                return [t for one in observations for t in self._step(order_id, (one,), now_ms)]
            return self._stand_in(order_id, error, observations, now_ms)
        self.trouble.pop(order_id, None)
        self._keep(order_id, state)
        return told

    def _ready(self, order_id: str, now_ms: int) -> State:
        """The order's state; rebuilt when it failed before: from its last fixes, then without them."""
        state, trouble = self.state_of(order_id), self.trouble.get(order_id)
        if trouble is None:
            return state
        if trouble.alarms:
            state = replace(state, alarms={**trouble.alarms, **state.alarms}, deadline_ms=now_ms)
        if trouble.failures < 2:
            return state
        fresh, fixes = rebuilt(state, case_of(state.case.order, self.rules), now_ms)
        return fresh if trouble.failures > 2 or not fixes else step(fresh, fixes, now_ms)[0]

    def _stand_in(
        self, order_id: str, error: Exception, observations: Sequence[Observation], now_ms: int
    ) -> list[Transition]:
        """Tells what can be told of an order whose decision failed, and sets the time of the next try."""
        self.on_fault(order_id, error, observations)
        before = self.trouble.get(order_id, Trouble(0, {}, {}))
        state = self.states[order_id]
        known, raw = before.alarms, before.raw
        if isinstance(state, State):
            known = {**known, **state.alarms}
            raw = {**raw, **{device: track.raw for device, track in state.tracks.items() if track.raw is not None}}
        closed, incident_ms = with_incident(state.closed if isinstance(state, State) else {}, bool(known), now_ms)
        stood = stand_in(
            self.order_of(order_id),
            known,
            raw,
            observations,
            f"{type(error).__name__}: {error}",
            now_ms,
            incident_id=incident_id_of(order_id, incident_ms),
        )
        if stood.plain_test_fault:
            self.on_fault(order_id, RuntimeError(f"the plain test failed as well: {stood.plain_test_fault}"), ())
        retry_ms = now_ms + RETRY_MS[min(before.failures, len(RETRY_MS) - 1)]
        self.trouble[order_id] = Trouble(before.failures + 1, stood.alarms, stood.raw)
        if isinstance(state, State):
            tracks = dict(state.tracks)
            for one in observations:
                if one.device_id in tracks:
                    last = stood.raw.get(one.device_id)
                    tracks[one.device_id] = tracks[one.device_id]._replace(raw=last, contact_ms=now_ms)
            self.trouble[order_id] = Trouble(before.failures + 1, {}, {})
            told = replace(state, tracks=tracks, alarms=stood.alarms, closed=closed, deadline_ms=retry_ms)
            self._keep(order_id, told)
        else:
            self._keep(order_id, state._replace(deadline_ms=retry_ms))
        return stood.effects

    def _keep(self, order_id: str, state: State | Sleeping) -> None:
        known = self.states.get(order_id)
        self.states[order_id] = state
        if isinstance(state, State):
            self.dirty.setdefault(order_id, self.mark)
        if state.deadline_ms is not None and (known is None or known.deadline_ms != state.deadline_ms):
            heapq.heappush(self._deadlines, (state.deadline_ms, order_id))
        if len(self._deadlines) > 64 + 4 * len(self.states):
            self._deadlines = [(s.deadline_ms, i) for i, s in self.states.items() if s.deadline_ms is not None]
            heapq.heapify(self._deadlines)

    def _withdraw(self, order_id: str, now_ms: int) -> list[Transition]:
        """Ends an order that is no longer there: its alarms are cleared, as when its validity ends."""
        self.trouble.pop(order_id, None)
        self.dirty.setdefault(order_id, self.mark)
        try:
            state = self.state_of(order_id)
            _, effects = step(reordered(state, ended(state, now_ms), now_ms), None, now_ms)
        except Exception as error:  # Its alarms stay standing: what failed does not end anything.
            self.on_fault(order_id, error, ())
            effects = ()
        del self.states[order_id]
        return list(effects)

    def _index(self) -> None:
        self._orders_of = {}
        for order_id in self.states:
            for device in self.order_of(order_id).devices():
                self._orders_of.setdefault(device, []).append(order_id)
