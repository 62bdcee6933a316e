"""A second simulator of voltammetry, by another method, to check the first: implicit finite volumes on a growing grid.

Both forms of the couple are dissolved species of their own, lengths are metres, concentrations mol/m3; nothing is
shared with simulators.strip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_banded

F, R = 96485.33212, 8.314462618


@dataclass(frozen=True)
class Kinetics:
    """An oxidation Red -> Ox + n e. `rate_m_s` at the formal potential 0; `backward` 0 = irreversible."""

    rate_m_s: float = 10.0
    alpha: float = 0.5
    electrons: float = 1.0
    backward: float = 1.0
    following_s: float = 0.0
    diffusion_m2_s: float = 7e-10


def current_density(
    potentials_v: NDArray[np.float64], hold_s: float, kinetics: Kinetics, *, rest_s: float, substeps: int = 60
) -> NDArray[np.float64]:
    """Molar flux at the end of each potential (mol m-2 s-1) for a bulk of 1 mol/m3, each held `hold_s`."""
    d = kinetics.diffusion_m2_s
    per_volt = F / (R * 298.15)
    total_s = rest_s + hold_s * potentials_v.size
    first_m = np.sqrt(d * hold_s) / 400.0
    edges = [0.0]
    width = first_m
    while edges[-1] < 7.0 * np.sqrt(d * total_s):
        edges.append(edges[-1] + width)
        width *= 1.06
    x = np.array(edges)
    gap = np.diff(x)
    volume = np.empty_like(x)
    volume[0], volume[-1] = gap[0] / 2, gap[-1] / 2
    volume[1:-1] = (gap[:-1] + gap[1:]) / 2
    n = x.size
    state = np.concatenate((np.ones(n), np.zeros(n)))  # Red far..surface, then Ox surface..far
    red, ox = slice(0, n), slice(n, 2 * n)

    def matrix(dt: float, potential: float) -> NDArray[np.float64]:
        out = np.zeros((3, 2 * n))
        up = dt * d / gap
        diagonal = volume.copy()
        diagonal[:-1] += up
        diagonal[1:] += up
        out[1, red] = diagonal[::-1]
        out[1, ox] = diagonal + dt * kinetics.following_s * volume
        out[0, 1:n] = -up[::-1]
        out[2, : n - 1] = -up[::-1]
        out[0, n + 1 :] = -up
        out[2, n : 2 * n - 1] = -up
        forward = kinetics.rate_m_s * np.exp(kinetics.alpha * kinetics.electrons * per_volt * potential)
        back = (
            kinetics.backward
            * kinetics.rate_m_s
            * np.exp(-(1 - kinetics.alpha) * kinetics.electrons * per_volt * potential)
        )
        out[1, n - 1] += dt * forward
        out[0, n] = -dt * back
        out[1, n] += dt * back
        out[2, n - 1] = -dt * forward
        # The bulk: far ends keep their concentration.
        out[1, 0], out[0, 1] = 1.0, 0.0
        out[1, -1], out[2, -2] = 1.0, 0.0
        return out

    def advance(potential: float, steps: NDArray[np.float64]) -> float:
        nonlocal state
        flux = 0.0
        for dt in steps:
            # Backward Euler over dt and over two halves, extrapolated: second order and no ringing.
            results = []
            for parts in (1, 2):
                now = state
                for _ in range(parts):
                    right = now * np.concatenate((volume[::-1], volume))
                    right[0], right[-1] = 1.0, 0.0
                    now = solve_banded((1, 1), matrix(dt / parts, potential), right)
                results.append(now)
            state = 2 * results[1] - results[0]
            surface = state[n - 1 : n + 1]
            forward = kinetics.rate_m_s * np.exp(kinetics.alpha * kinetics.electrons * per_volt * potential)
            back = (
                kinetics.backward
                * kinetics.rate_m_s
                * np.exp(-(1 - kinetics.alpha) * kinetics.electrons * per_volt * potential)
            )
            flux = float(forward * surface[0] - back * surface[1])
        return flux

    growth = 1.12
    lengths = growth ** np.arange(substeps)
    lengths *= hold_s / lengths.sum()
    advance(float(potentials_v[0]), np.full(20, rest_s / 20))
    return np.array([advance(float(e), lengths) for e in potentials_v])
