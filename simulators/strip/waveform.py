"""The square wave: a staircase with a pulse up and a pulse down on every step (ad5941.md section 12)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SquareWave:
    """Volts and hertz. `amplitude_v` is E_sw (half of the jump), `sampling` the sampled part of a half period."""

    start_v: float
    end_v: float
    step_v: float
    amplitude_v: float
    frequency_hz: float
    rest_s: float = 2.0  # held at the start potential before the first pulse
    sampling: float = 0.98

    @property
    def direction(self) -> int:
        return 1 if self.end_v >= self.start_v else -1

    @property
    def half_period_s(self) -> float:
        return 0.5 / self.frequency_hz

    def steps_v(self) -> NDArray[np.float64]:
        """Staircase potentials, one a period, end included."""
        count = int(np.floor(abs(self.end_v - self.start_v) / self.step_v + 1e-9)) + 1
        return np.asarray(self.start_v + self.direction * self.step_v * np.arange(count), dtype=np.float64)

    def halves_v(self) -> NDArray[np.float64]:
        """Potential of every half period: forward, reverse, forward, ... shape (2 n,)."""
        base = self.steps_v()
        pulse = self.direction * self.amplitude_v
        return np.column_stack((base + pulse, base - pulse)).ravel()
