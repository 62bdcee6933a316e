"""A partition for very many orders: those at rest live in arrays, the others go through the scalar core."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gateway.contract.orders import Order
from gateway.contract.transitions import Transition
from gateway.geofence.case import State, begin, case_of
from gateway.geofence.motion import Observation
from gateway.geofence.resting import Batch, Resting, rounds
from gateway.geofence.rules import STANDARD, Rules
from gateway.geofence.step import step


class BatchPartition:
    """Orders by number; `order_of` gives the order when it wakes. Decides as `Partition` does, in batches."""

    def __init__(
        self, count: int, zones_max: int, order_of: Callable[[int], Order], begin_ms: int, rules: Rules = STANDARD
    ) -> None:
        self.rules = rules
        self.order_of = order_of
        self.begin_ms = begin_ms
        self.resting = Resting(count, zones_max, rules)
        self.awake: dict[int, State] = {}
        self.devices: dict[int, tuple[str, str]] = {}
        self._deadlines: list[tuple[int, int]] = []
        self.woken = 0

    def start(self) -> list[Transition]:
        """Begins every order, awake; each lies down after its first quiet fixes."""
        for number in range(len(self.resting.asleep)):
            self._keep(number, begin(case_of(self.order_of(number), self.rules), self.begin_ms))
        return self.advance(self.begin_ms)

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
            self._wake(int(number))
        while self._deadlines and self._deadlines[0][0] <= now_ms:
            due_ms, number = heapq.heappop(self._deadlines)
            state = self.awake.get(number)
            if state is not None and state.deadline_ms == due_ms:
                state, told = step(state, None, due_ms)
                self._keep(number, state)
                effects += told
        return effects

    def _round(self, part: Batch) -> list[Transition]:
        effects: list[Transition] = []
        quiet: NDArray[np.bool_] = self.resting.take(part, part.time_ms)
        for i in np.flatnonzero(~quiet):
            effects += self._scalar(part, int(i))
        return effects

    def _scalar(self, part: Batch, i: int) -> tuple[Transition, ...]:
        number = int(part.order[i])
        state = self.awake.get(number) or self._wake(number)
        values = [float(a[i]) for a in (part.lat, part.lon, part.accuracy_m, part.speed_m_s, part.course_deg)]
        lat, lon, accuracy, speed, course = [None if np.isnan(value) else value for value in values]
        device = self.devices[number][int(part.role[i])]
        now_ms = int(part.time_ms[i])
        state, told = step(state, Observation(device, now_ms, lat, lon, accuracy, speed, course, ""), now_ms)
        if self.resting.lay_down(number, state):
            self.awake.pop(number, None)
        else:
            self._keep(number, state)
        return told

    def _wake(self, number: int) -> State:
        state = self.resting.wake(number, self.order_of)
        self.woken += 1
        self._keep(number, state)
        return state

    def _keep(self, number: int, state: State) -> None:
        self.awake[number] = state
        if number not in self.devices:
            devices = state.case.order.devices()
            self.devices[number] = (devices[0], devices[-1])
        if state.deadline_ms is not None:
            heapq.heappush(self._deadlines, (state.deadline_ms, number))
