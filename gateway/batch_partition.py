"""A partition for very many orders: those at rest live in arrays, the others go through the scalar core."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gateway.contract.orders import Order
from gateway.contract.transitions import Transition
from gateway.geofence.case import State, begin, case_of
from gateway.geofence.motion import Observation
from gateway.geofence.resting import Batch, Resting, rounds
from gateway.geofence.rules import STANDARD, Rules
from gateway.geofence.step import step
from gateway.orders_file import nothing_is_garbage
from gateway.partition import OnFault, Partition, Sleeping, let_it_fail


class BatchPartition:
    """Orders by number; `order_of` gives the order when it wakes. Decides as `Partition` does, in batches.

    An order whose decision fails goes to a `Partition`, which stands in for it, until it can be judged again.
    """

    def __init__(
        self,
        count: int,
        zones_max: int,
        order_of: Callable[[int], Order],
        begin_ms: int,
        rules: Rules = STANDARD,
        on_fault: OnFault = let_it_fail,
    ) -> None:
        self.rules = rules
        self.order_of = order_of
        self.begin_ms = begin_ms
        self.resting = Resting(count, zones_max, rules)
        self.awake: dict[int, State] = {}
        self.devices: dict[int, tuple[str, str]] = {}
        self._deadlines: list[tuple[int, int]] = []
        self.woken = 0
        self.troubled = Partition(rules, on_fault)
        self._with_troubled: dict[int, str] = {}
        """The orders that are with `troubled`."""

    def start(self) -> list[Transition]:
        """Begins every order, awake; each lies down after its first quiet fixes."""
        with nothing_is_garbage():
            for number in range(len(self.resting.asleep)):
                order = self.order_of(number)
                try:
                    self._keep(number, self._begin(order))
                except Exception:
                    self._hand_over(number, Sleeping(order, self.begin_ms, self._begin))
            return self.advance(self.begin_ms)

    def _begin(self, order: Order) -> State:
        return begin(case_of(order, self.rules), self.begin_ms)

    def feed(self, batch: Batch) -> list[Transition]:
        """Decides on fixes in time order; a fix is processed at its own time, as in a replay."""
        effects: list[Transition] = []
        for index in rounds(batch):
            part = batch.part(index)
            effects += self._round(part)
        return effects

    def advance(self, now_ms: int) -> list[Transition]:
        """Lets time pass: everything due by now, at rest or awake."""
        effects: list[Transition] = []
        for number in self.resting.due(now_ms):
            try:
                self._wake(int(number))
            except Exception:
                self._hand_over(int(number), None)
        while self._deadlines and self._deadlines[0][0] <= now_ms:
            due_ms, number = heapq.heappop(self._deadlines)
            state = self.awake.get(number)
            if state is not None and state.deadline_ms == due_ms:
                try:
                    state, told = step(state, None, due_ms)
                except Exception:
                    self._hand_over(number, state)
                    continue
                self._keep(number, state)
                effects += told
        if self._with_troubled:
            effects += self.troubled.advance(now_ms)
            self._take_back()
        return effects

    def _round(self, part: Batch) -> list[Transition]:
        effects: list[Transition] = []
        quiet: NDArray[np.bool_] = self.resting.take(part, part.time_ms)
        for i in np.flatnonzero(~quiet):
            effects += self._scalar(part, int(i))
        return effects

    def _scalar(self, part: Batch, i: int) -> Sequence[Transition]:
        number, now_ms = int(part.order[i]), int(part.time_ms[i])
        values = [float(a[i]) for a in (part.lat, part.lon, part.accuracy_m, part.speed_m_s, part.course_deg)]
        lat, lon, accuracy, speed, course = [None if np.isnan(value) else value for value in values]
        device = self._devices_of(number)[int(part.role[i])]
        fix = Observation(device, now_ms, lat, lon, accuracy, speed, course, "")
        if number in self._with_troubled:
            return self._stood_in_for(fix, now_ms)
        state = self.awake.get(number)
        try:
            state = state or self._wake(number)
            after, told = step(state, fix, now_ms)
        except Exception:
            self._hand_over(number, state)
            return self._stood_in_for(fix, now_ms)
        if self.resting.lay_down(number, after):
            self.awake.pop(number, None)
        else:
            self._keep(number, after)
        return told

    def _devices_of(self, number: int) -> tuple[str, str]:
        if number not in self.devices:
            devices = self.order_of(number).devices()
            self.devices[number] = (devices[0], devices[-1])
        return self.devices[number]

    # ---- orders that cannot be judged -------------------------------------------------------------------------------
    def _hand_over(self, number: int, state: State | Sleeping | None) -> None:
        """Gives an order whose decision failed to the partition that stands in; None when it did not even wake."""
        if state is None:
            wake = partial(self._wake_order, number)
            state = Sleeping(self.order_of(number), int(self.resting.due_ms[number]), wake)
        self.resting.leave(number)
        self.awake.pop(number, None)
        order = state.order if isinstance(state, Sleeping) else state.case.order
        self._with_troubled[number] = order.order_id
        self.troubled.adopt(state)

    def _wake_order(self, number: int, order: Order) -> State:
        return self.resting.wake(number, lambda _: order)

    def _stood_in_for(self, fix: Observation, now_ms: int) -> list[Transition]:
        told = self.troubled.feed([fix], now_ms)
        self._take_back()
        return told

    def _take_back(self) -> None:
        """The orders that are judged again."""
        for number, order_id in list(self._with_troubled.items()):
            if order_id not in self.troubled.trouble:
                del self._with_troubled[number]
                self._keep(number, self.troubled.release(order_id))

    def _wake(self, number: int) -> State:
        state = self.resting.wake(number, self.order_of)
        self.woken += 1
        self._keep(number, state)
        return state

    def _keep(self, number: int, state: State) -> None:
        self.awake[number] = state
        if state.deadline_ms is not None:
            heapq.heappush(self._deadlines, (state.deadline_ms, number))
