"""What can hang on CE0, RE0 and SE0: the port between the chip and the strip, and the simplest things on it."""

from __future__ import annotations

import math
from typing import Protocol


class Cell(Protocol):
    """A cell seen from the potentiostat. Calls come with time that never runs back.

    `apply`: from `now_us` on the working electrode is held at `potential_v` against the reference, through
    `series_ohm` of load; None means that the counter electrode is disconnected. `current_a`: current at that instant,
    anodic positive (IUPAC). `impedance_ohm`: to a small sine of this frequency at that time, between
    the reference and the working contact, or with `at_counter` between the counter and the working contact; it changes
    nothing in the cell. 0 Hz: the resistance.
    """

    def apply(self, potential_v: float | None, series_ohm: float, now_us: float) -> None: ...

    def current_a(self, now_us: float) -> float: ...

    def impedance_ohm(self, frequency_hz: float, now_us: float, *, at_counter: bool) -> complex: ...


def layer_ohm(farad: float, parallel_ohm: float, frequency_hz: float) -> complex:
    """A capacitance with a resistance beside it."""
    return parallel_ohm / (1.0 + 2j * math.pi * frequency_hz * farad * parallel_ohm)


class ResistorCell:
    """A dummy cell: a resistor between CE0+RE0 and SE0."""

    def __init__(self, ohm: float) -> None:
        self.ohm = ohm
        self._potential_v: float | None = None
        self._series_ohm = 0.0

    def apply(self, potential_v: float | None, series_ohm: float, now_us: float) -> None:
        self._potential_v = potential_v
        self._series_ohm = series_ohm

    def current_a(self, now_us: float) -> float:
        if self._potential_v is None:
            return 0.0
        return self._potential_v / (self.ohm + self._series_ohm)

    def impedance_ohm(self, frequency_hz: float, now_us: float, *, at_counter: bool) -> complex:
        return complex(self.ohm)


class OpenCell(ResistorCell):
    """No strip, or a dry one: only leakage across the connector."""

    def __init__(self, leakage_ohm: float = 1e10) -> None:
        super().__init__(leakage_ohm)


class ShortCell(ResistorCell):
    """Electrodes bridged, by foil or by a bent contact."""

    def __init__(self, ohm: float = 1.0) -> None:
        super().__init__(ohm)


class RandlesCell:
    """Solution resistance in series with a charge-transfer resistance beside a double layer. Ohm, farad."""

    def __init__(self, solution_ohm: float, transfer_ohm: float, double_layer_f: float) -> None:
        self.solution_ohm = solution_ohm
        self.transfer_ohm = transfer_ohm
        self.double_layer_f = double_layer_f
        self._layer_v = 0.0
        self._applied_v: float | None = None
        self._series_ohm = 0.0
        self._now_us = 0.0

    def _advance(self, now_us: float) -> None:
        dt_s = max(0.0, now_us - self._now_us) * 1e-6
        self._now_us = max(self._now_us, now_us)
        if self._applied_v is None:
            tau_s = self.transfer_ohm * self.double_layer_f
            target_v = 0.0
        else:
            source_ohm = self.solution_ohm + self._series_ohm
            tau_s = self.double_layer_f / (1.0 / source_ohm + 1.0 / self.transfer_ohm)
            target_v = self._applied_v * self.transfer_ohm / (self.transfer_ohm + source_ohm)
        self._layer_v = target_v + (self._layer_v - target_v) * math.exp(-dt_s / tau_s)

    def apply(self, potential_v: float | None, series_ohm: float, now_us: float) -> None:
        self._advance(now_us)
        self._applied_v = potential_v
        self._series_ohm = series_ohm

    def current_a(self, now_us: float) -> float:
        self._advance(now_us)
        if self._applied_v is None:
            return 0.0
        return (self._applied_v - self._layer_v) / (self.solution_ohm + self._series_ohm)

    def impedance_ohm(self, frequency_hz: float, now_us: float, *, at_counter: bool) -> complex:
        return self.solution_ohm + layer_ohm(self.double_layer_f, self.transfer_ohm, frequency_hz)
