"""A lithium cell for the fuel gauge: charge, open-circuit voltage, load."""

from __future__ import annotations

import numpy as np

# Open-circuit voltage of a small lithium-polymer cell by state of charge (typical shape, ASSUMED).
SOC = (0.0, 0.03, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0)
OCV_V = (3.00, 3.45, 3.62, 3.70, 3.76, 3.82, 3.92, 4.02, 4.09, 4.19)


class Battery:
    """`load_ma` positive discharges. Voltage under load falls by the inner resistance."""

    def __init__(self, capacity_mah: float = 150.0, soc: float = 0.8, inner_ohm: float = 0.35) -> None:
        self.capacity_mah = capacity_mah
        self.soc = soc
        self.inner_ohm = inner_ohm
        self.load_ma = 0.0
        self._now_us = 0.0

    def advance(self, now_us: float) -> None:
        hours = max(0.0, now_us - self._now_us) / 3.6e9
        self._now_us = max(self._now_us, now_us)
        self.soc = min(1.0, max(0.0, self.soc - self.load_ma * hours / self.capacity_mah))

    def set_load(self, load_ma: float, now_us: float) -> None:
        self.advance(now_us)
        self.load_ma = load_ma

    def ocv_v(self) -> float:
        return float(np.interp(self.soc, SOC, OCV_V))

    def terminal_v(self, now_us: float) -> float:
        self.advance(now_us)
        return self.ocv_v() - self.load_ma * 1e-3 * self.inner_ohm


def soc_of_voltage(voltage_v: float) -> float:
    """What a gauge guesses from a resting voltage."""
    return float(np.interp(voltage_v, OCV_V, SOC))
