"""Scans for the detection benchmark: plain formulas and solved diffusion problems, never the detector's own model."""

from __future__ import annotations

import numpy as np

from sensor_models.scans import Array, RecordedScan
from sensor_models.strip_definition import StripDefinition, parse
from simulators.strip.chemistry import species
from simulators.strip.responses import unit_responses
from simulators.strip.waveform import SquareWave

NOISE_A = 1e-8
SLOPE_A_L_MOL = 1e-2


def strip(name: str, window_v: tuple[float, float], interferents: dict[str, float] | None = None) -> StripDefinition:
    """The smallest strip definition with one linear analyte."""
    return parse(
        {
            "name": "bench",
            "technique": "swv",
            "analyte": [{"name": name, "peak_window_v": list(window_v), "model": "linear"}],
            "interferent": [{"name": n, "peak_potential_v": v} for n, v in (interferents or {}).items()],
        },
        "bench",
    )


class SolvedPeak:
    """The net peak of one species under a square wave, height 1, from the strip simulator's diffusion problem."""

    def __init__(self, name: str, wave: SquareWave, at_v: float) -> None:
        member = species()[name]
        self.grid = wave.steps_v()
        self.response = unit_responses(wave, (member,))[name]
        net = self._net(0.0)
        self.height = float(net.max())
        self.offset_v = at_v - float(self.grid[int(np.argmax(net))])

    def _net(self, shift_v: float) -> Array:
        flux = self.response.at(25.0, 1.0, shift_v)
        out: Array = np.abs(flux[0] - flux[1])
        return out

    def value(self, shift_v: float = 0.0) -> Array:
        """The peak on the wave's own steps, moved to its place plus a shift."""
        out: Array = self._net(self.offset_v + shift_v) / self.height
        return out


def scan(
    n: int, potential_v: Array, net_a: Array, *, analyte: str, concentration: float | None, lot: str = "A"
) -> RecordedScan:
    """A recorded scan of net currents."""
    return RecordedScan(f"s{n}", lot, "", analyte, concentration, potential_v, None, None, net_a)


def line(potential_v: Array, rng: np.random.Generator) -> Array:
    """A straight baseline, different each time."""
    x = (potential_v - potential_v.mean()) / np.ptp(potential_v)
    out: Array = 2e-7 + 1e-7 * rng.standard_normal() + 2e-7 * rng.standard_normal() * x
    return out


def gaussian_scans(levels: list[float], rng: np.random.Generator, first: int = 0) -> list[RecordedScan]:
    """A Gaussian peak of ketamine at 0.85 V on a sloping, curved baseline; strips scatter by 2 %, places by 3 mV."""
    potential = np.arange(0.5, 1.2001, 0.004)
    x = (potential - 0.85) / 0.35
    out = []
    for n, concentration in enumerate(levels, first):
        wobble = 1.0 + 0.05 * rng.standard_normal(3)
        base = 2e-7 * wobble[0] + 1e-7 * wobble[1] * x + 3e-7 * wobble[2] * np.exp(3.0 * (x - 1.0))
        height = SLOPE_A_L_MOL * concentration * (1.0 + 0.02 * rng.standard_normal())
        u = (potential - 0.85 - 0.003 * rng.standard_normal()) / (0.045 * (1.0 + 0.02 * rng.standard_normal()))
        net = base + height * np.exp(-0.5 * u * u) + NOISE_A * rng.standard_normal(len(x))
        out.append(scan(n, potential, net, analyte="ketamine", concentration=concentration))
    return out
