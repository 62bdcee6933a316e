"""A strip's physics worked out once for many tests that ask it the same: exact, for campaigns of thousands.

What a cell answers depends on nothing but the calls before. As long as a test makes the very calls that an earlier one
made (same potentials, same microseconds), its answers are the earlier one's; at the first call that differs the real
cell is made, lives through all calls so far, and answers from there on.
"""

from __future__ import annotations

from collections.abc import Callable

from simulators.ad5941.cells import Cell

Call = tuple[float | None, ...]


class Remembered:
    """One strip in one drink. `make` gives a new real cell, each time the same."""

    def __init__(self, make: Callable[[], Cell]) -> None:
        self.make = make
        self.calls: list[Call] = []
        self.answers: list[float] = []

    def cell(self) -> RememberedCell:
        """The strip, new."""
        return RememberedCell(self)


class RememberedCell:
    """Cell protocol of simulators.ad5941."""

    def __init__(self, strip: Remembered) -> None:
        self._strip = strip
        self._at = 0
        self._real: Cell | None = None
        self._lived = 0  # calls that the real cell has lived through
        self._alone = False  # a call differed: the real cell answers
        self._first = False

    def apply(self, potential_v: float | None, series_ohm: float, now_us: float) -> None:
        self._answer((potential_v, series_ohm, now_us))

    def current_a(self, now_us: float) -> float:
        return self._answer((now_us,))

    def live(self) -> Cell:
        """The real cell, made to live through every call so far: what comes next need not go back to the first."""
        if self._real is None:
            self._real = self._strip.make()
        if not self._alone:
            for past in self._strip.calls[self._lived : self._at]:
                _ask(self._real, past)
            self._lived = self._at
        return self._real

    def _answer(self, call: Call) -> float:
        strip, at = self._strip, self._at
        if not self._alone:
            if at < len(strip.calls) and strip.calls[at] == call:
                self._at = at + 1
                return strip.answers[at]
            self.live()
            self._alone = True
            self._first = at == len(strip.calls)
        assert self._real is not None
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
