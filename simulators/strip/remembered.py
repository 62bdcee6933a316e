"""A strip's physics worked out once for many tests that ask it the same: exact, for campaigns of thousands.

What a cell answers depends on nothing but the calls before. As long as a test makes the very calls that an earlier one
made (same potentials, same microseconds), its answers are the earlier one's; at the first call that differs the real
cell is made, lives through all calls so far, and answers from there on. So that this takes no longer late in a
test than early, the cell is kept as it was at every few hundredth call of the first test.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable

from simulators.ad5941.cells import Cell

Call = tuple[float | None, ...]
KEPT_EVERY = 200  # calls


class Remembered:
    """One strip in one drink. `make` gives a new real cell, each time the same."""

    def __init__(self, make: Callable[[], Cell]) -> None:
        self.make = make
        self.calls: list[Call] = []
        self.answers: list[float] = []
        self.kept: list[bytes] = []  # the cell before call 0, KEPT_EVERY, 2 KEPT_EVERY, ...

    def cell(self) -> RememberedCell:
        """The strip, new."""
        return RememberedCell(self)


class RememberedCell:
    """Cell protocol of simulators.ad5941."""

    def __init__(self, strip: Remembered) -> None:
        self._strip = strip
        self._at = 0
        self._real: Cell | None = None
        self._alone = False  # a call differed: the real cell answers
        self._first = False

    def apply(self, potential_v: float | None, series_ohm: float, now_us: float) -> None:
        self._answer((potential_v, series_ohm, now_us))

    def current_a(self, now_us: float) -> float:
        return self._answer((now_us,))

    def impedance_ohm(self, frequency_hz: float, now_us: float, *, at_counter: bool) -> complex:
        """Changes nothing in a cell, so it is no call to be remembered."""
        real = self._real if self._alone and self._real is not None else self._live()
        return real.impedance_ohm(frequency_hz, now_us, at_counter=at_counter)

    def _live(self) -> Cell:
        """The real cell, made to live through every call so far."""
        strip = self._strip
        at = min(self._at // KEPT_EVERY, len(strip.kept) - 1)
        if at < 0:
            cell, lived = strip.make(), 0
        else:
            kept: Cell = pickle.loads(strip.kept[at])
            cell, lived = kept, at * KEPT_EVERY
        for past in strip.calls[lived : self._at]:
            _ask(cell, past)
        return cell

    def _answer(self, call: Call) -> float:
        strip, at = self._strip, self._at
        if not self._alone:
            if at < len(strip.calls) and strip.calls[at] == call:
                self._at = at + 1
                return strip.answers[at]
            self._real = self._live()
            self._alone = True
            self._first = at == len(strip.calls)
        assert self._real is not None
        if self._first and len(strip.calls) == KEPT_EVERY * len(strip.kept):
            strip.kept.append(pickle.dumps(self._real, pickle.HIGHEST_PROTOCOL))
        answer = _ask(self._real, call)
        if self._first:
            strip.calls.append(call)
            strip.answers.append(answer)
        return answer


def _ask(cell: Cell, call: Call) -> float:
    if len(call) == 1:
        assert call[0] is not None
        return cell.current_a(call[0])
    potential_v, series_ohm, now_us = call
    assert series_ohm is not None
    assert now_us is not None
    cell.apply(potential_v, series_ohm, now_us)
    return 0.0
