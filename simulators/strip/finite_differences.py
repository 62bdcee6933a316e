"""A second simulator of voltammetry, by another method, to check the first: implicit finite volumes on a growing grid.

Both forms of the couple are dissolved species of their own, lengths are metres, concentrations mol/m3. It shares no
code with `diffusion`, and nothing but `validation` and the tests uses it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_banded

Array = NDArray[np.float64]
PER_VOLT = 96485.33212 / (8.314462618 * 298.15)


@dataclass(frozen=True)
class Kinetics:
    """An oxidation Red -> Ox + n e. `rate_m_s` at the formal potential 0; `backward` 0 = irreversible."""

    rate_m_s: float = 10.0
    alpha: float = 0.5
    electrons: float = 1.0
    backward: float = 1.0
    following_s: float = 0.0
    diffusion_m2_s: float = 7e-10


class _Column:
    """Concentrations from the bulk through the surface: Red far..near, then Ox near..far."""

    def __init__(self, kinetics: Kinetics, first_m: float, depth_m: float) -> None:
        self._k = kinetics
        edges = [0.0]
        width = first_m
        while edges[-1] < depth_m:
            edges.append(edges[-1] + width)
            width *= 1.06
        x = np.array(edges)
        self._gap = np.diff(x)
        volume = np.empty_like(x)
        volume[0], volume[-1] = self._gap[0] / 2, self._gap[-1] / 2
        volume[1:-1] = (self._gap[:-1] + self._gap[1:]) / 2
        self._n = x.size
        self._volume = volume
        self._both = np.concatenate((volume[::-1], volume))
        self._state = np.concatenate((np.ones(self._n), np.zeros(self._n)))

    def _rates(self, potential_v: float) -> tuple[float, float]:
        k = self._k
        drive = k.electrons * PER_VOLT * potential_v
        forward = k.rate_m_s * np.exp(k.alpha * drive)
        back = k.backward * k.rate_m_s * np.exp(-(1.0 - k.alpha) * drive)
        return float(forward), float(back)

    def _matrix(self, dt: float, potential_v: float) -> Array:
        n, out = self._n, np.zeros((3, 2 * self._n))
        up = dt * self._k.diffusion_m2_s / self._gap
        diagonal = self._volume.copy()
        diagonal[:-1] += up
        diagonal[1:] += up
        out[1, :n] = diagonal[::-1]
        out[1, n:] = diagonal + dt * self._k.following_s * self._volume
        out[0, 1:n] = out[2, : n - 1] = -up[::-1]
        out[0, n + 1 :] = out[2, n : 2 * n - 1] = -up
        forward, back = self._rates(potential_v)
        out[1, n - 1] += dt * forward
        out[0, n] = -dt * back
        out[1, n] += dt * back
        out[2, n - 1] = -dt * forward
        out[1, 0], out[0, 1] = 1.0, 0.0  # the far ends keep their concentration
        out[1, -1], out[2, -2] = 1.0, 0.0
        return out

    def _euler(self, state: Array, dt: float, potential_v: float) -> Array:
        right = state * self._both
        right[0], right[-1] = 1.0, 0.0
        return np.asarray(solve_banded((1, 1), self._matrix(dt, potential_v), right))

    def hold(self, potential_v: float, steps_s: Array) -> float:
        """Flux at the end. Backward Euler over a step and over its halves, extrapolated: second order, no ringing."""
        for dt in steps_s:
            whole = self._euler(self._state, float(dt), potential_v)
            half = self._euler(self._euler(self._state, float(dt) / 2, potential_v), float(dt) / 2, potential_v)
            self._state = 2.0 * half - whole
        forward, back = self._rates(potential_v)
        return float(forward * self._state[self._n - 1] - back * self._state[self._n])


def current_density(
    potentials_v: Array, hold_s: float, kinetics: Kinetics, *, rest_s: float, substeps: int = 42
) -> Array:
    """Molar flux at the end of each potential (mol m-2 s-1) for a bulk of 1 mol/m3, each held `hold_s`."""
    d = kinetics.diffusion_m2_s
    total_s = rest_s + hold_s * potentials_v.size
    column = _Column(kinetics, float(np.sqrt(d * hold_s)) / 400.0, 7.0 * float(np.sqrt(d * total_s)))
    lengths = np.asarray(1.12 ** np.arange(substeps), dtype=np.float64)
    lengths *= hold_s / float(lengths.sum())
    column.hold(float(potentials_v[0]), np.full(20, rest_s / 20))
    return np.array([column.hold(float(e), lengths) for e in potentials_v])
