"""Semi-infinite planar diffusion to an electrode, exact in space, for any potential programme.

The surface concentration is the semi-integral of the current. Its kernel is written as a sum of exponentials,
1/sqrt(pi t) = (1/pi) * integral of exp(z/2) exp(-e^z t) dz, by the trapezoidal rule, which converges exponentially
(relative error about 2 exp(-pi^2 / 0.9) = 3e-5). Each exponential is one state variable, so a step of any length costs
the same, and a following first-order reaction of the product (EC) only adds its rate to the decay of the product's.

Flux is scaled: current = n F A sqrt(D) c * flux, flux in s^-1/2, so one solution serves any area and concentration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

FARADAY_C_MOL = 96485.33212
GAS_J_MOL_K = 8.314462618
_SPACING = 0.9
# Exact between about a microsecond and hours.
_RATES_S = np.exp(np.arange(np.log(1e-9), np.log(1e8), _SPACING))
_WEIGHTS = _SPACING / np.pi * np.sqrt(_RATES_S)


@dataclass(frozen=True)
class Couples:
    """A batch of redox couples, each array of shape (k,). `sign` +1 oxidation, -1 reduction of what is dissolved.

    `rate_m_s` is the heterogeneous rate constant at `formal_v`; inf = reversible (Nernst). `backward` 0 makes a couple
    totally irreversible. `electrons_in_step` times `alpha` sets the slope of ln k with potential, `electrons` the
    Nernst slope. `following_s` is the rate of the reaction that consumes the product, per second.
    """

    formal_v: Array
    sign: Array
    electrons: Array
    alpha: Array
    rate_m_s: Array
    diffusion_m2_s: Array
    backward: Array
    following_s: Array

    @staticmethod
    def of(
        formal_v: Array | float,
        *,
        sign: float | Array = 1.0,
        electrons: float | Array = 1.0,
        alpha: float | Array = 0.5,
        rate_m_s: float | Array = np.inf,
        diffusion_m2_s: float | Array = 7e-10,
        backward: float | Array = 1.0,
        following_s: float | Array = 0.0,
    ) -> Couples:
        arrays = np.broadcast_arrays(
            np.atleast_1d(formal_v), sign, electrons, alpha, rate_m_s, diffusion_m2_s, backward, following_s
        )
        return Couples(*(np.array(a, dtype=float) for a in arrays))


class Diffusion:
    """State of a batch of couples at one electrode; concentrations relative to the bulk."""

    def __init__(self, couples: Couples, temperature_c: float | Array = 25.0) -> None:
        self.couples = couples
        self._per_volt = FARADAY_C_MOL / (GAS_J_MOL_K * (temperature_c + 273.15))
        count = couples.formal_v.size
        self._deficit = np.zeros((_RATES_S.size, count))
        self._product = np.zeros((_RATES_S.size, count))
        self._following = bool(np.any(couples.following_s > 0.0))
        self._product_rates = _RATES_S[:, None] + couples.following_s[None, :]
        self.flux = np.zeros(count)
        self._fresh = True

    def kinetics(self, potential_v: float | Array) -> tuple[Array, Array, Array]:
        """Forward and backward rate over sqrt(D) in s^-1/2, and which couples follow Nernst."""
        c = self.couples
        drive = np.clip(c.sign * (potential_v - c.formal_v) * self._per_volt, -200.0, 200.0)
        nernst = np.isinf(c.rate_m_s)
        k0 = np.where(nernst, 1.0, c.rate_m_s / np.sqrt(c.diffusion_m2_s))
        slope = np.where(nernst, 1.0, c.alpha)
        n = np.where(nernst, c.electrons, 1.0)
        forward = k0 * np.exp(np.clip(slope * n * drive, -200.0, 60.0))
        backward = c.backward * k0 * np.exp(np.clip(-(1.0 - slope) * n * drive, -200.0, 60.0))
        # Nernst: only the ratio counts.
        ratio = np.exp(np.clip(-c.electrons * drive, -200.0, 60.0))
        return np.where(nernst, 1.0, forward), np.where(nernst, ratio, backward), nernst

    def jump(self) -> None:
        """The potential jumps: the next step starts with no memory of the flux before."""
        self._fresh = True

    def step(self, potential_v: float | Array, dt_s: float) -> Array:
        """Advance by `dt_s`, flux linear over the step (constant right after a jump), surface law met at its end."""
        scaled = _RATES_S * dt_s
        decay = np.exp(-scaled)
        gain, gain_end = _gains(_RATES_S, scaled, dt_s)
        forward, backward, nernst = self.kinetics(potential_v)
        if self._fresh:
            gain_end = gain
        self._deficit *= decay[:, None]
        self._deficit += (gain - gain_end)[:, None] * self.flux
        at_rest = _WEIGHTS @ self._deficit
        response: float | Array = float(_WEIGHTS @ gain_end)
        if self._following:
            scaled_product = self._product_rates * dt_s
            product_gain, product_end = _gains(self._product_rates, scaled_product, dt_s)
            if self._fresh:
                product_end = product_gain
            self._product *= np.exp(-scaled_product)
            self._product += (product_gain - product_end) * self.flux
            product_rest = _WEIGHTS @ self._product
            product_response: float | Array = _WEIGHTS @ product_end
        else:
            product_rest, product_response = at_rest, response
        drive = forward * (1.0 - at_rest) - backward * product_rest
        resist = np.where(nernst, 0.0, 1.0) + forward * response + backward * product_response
        flux = np.asarray(drive / resist, dtype=float)
        self._deficit += gain_end[:, None] * flux
        if self._following:
            self._product += product_end * flux
        self.flux = flux
        self._fresh = False
        return flux

    def relax(self, dt_s: float) -> None:
        """Advance with the cell open: nothing flows, gradients level out."""
        self._deficit *= np.exp(-_RATES_S * dt_s)[:, None]
        if self._following:
            self._product *= np.exp(-self._product_rates * dt_s)
        self.flux = np.zeros_like(self.flux)
        self._fresh = True

    def hold(self, potential_v: float | Array, duration_s: float, first_s: float, growth: float = 1.35) -> Array:
        """Advance with steps that grow from `first_s`; returns the flux at the end."""
        left, dt = duration_s, first_s
        self.jump()
        while left > 1e-12:
            dt_now = left if dt > 0.7 * left else dt
            self.step(potential_v, dt_now)
            left -= dt_now
            dt *= growth
        return self.flux


def _gains(rates_s: Array, scaled: Array, dt_s: float) -> tuple[Array, Array]:
    """Response of a state to a flux of 1 over the step, and to one that grows from 0 to 1 over it."""
    whole = -np.expm1(-scaled) / rates_s
    small = scaled < 1e-4
    safe = np.where(small, 1.0, scaled)
    ramp = np.where(small, 0.5 - scaled / 6.0, (safe + np.expm1(-safe)) / (safe * safe)) * dt_s
    return whole, ramp


def pulse_times(duration_s: float, count: int, first_fraction: float) -> Array:
    """`count` step lengths, growing geometrically, that add up to `duration_s`."""
    low, high = 1.0 + 1e-9, 10.0
    for _ in range(80):
        growth = 0.5 * (low + high)
        total = first_fraction * (growth**count - 1.0) / (growth - 1.0)
        low, high = (growth, high) if total < 1.0 else (low, growth)
    lengths = first_fraction * growth ** np.arange(count)
    return np.asarray(lengths / lengths.sum() * duration_s)
