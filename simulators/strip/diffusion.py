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
_LN_MAX = 80.0


@dataclass(frozen=True)
class Couples:
    """A batch of redox couples, each array of shape (k,). `sign` +1 oxidation, -1 reduction of what is dissolved.

    `rate_m_s` is the heterogeneous rate constant at `formal_v`; inf = reversible (Nernst). `backward` 0 makes a couple
    totally irreversible. `alpha` sets the slope of ln k with potential (one electron in the slow step), `electrons`
    the slope of a Nernst couple. `following_s` is the rate of the reaction that consumes the product, per second.
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


@dataclass(frozen=True)
class _Step:
    """What a step of one length does to every state; solved lengths are kept, since waveforms repeat them."""

    decay: Array  # column
    gains: Array  # columns: response to the flux at the step's begin, and at its end
    gains_fresh: Array
    rest: Array  # weights of the states in the surface concentration after the step
    begin: float
    end: float
    end_fresh: float

    @staticmethod
    def of(dt_s: float) -> _Step:
        scaled = _RATES_S * dt_s
        whole, ramp = _gains(_RATES_S, scaled, dt_s)
        decay = np.exp(-scaled)
        return _Step(
            decay=decay[:, None],
            gains=np.column_stack((whole - ramp, ramp)),
            gains_fresh=np.column_stack((np.zeros_like(whole), whole)),
            rest=_WEIGHTS * decay,
            begin=float(_WEIGHTS @ (whole - ramp)),
            end=float(_WEIGHTS @ ramp),
            end_fresh=float(_WEIGHTS @ whole),
        )


_steps: dict[int, _Step] = {}
_STEPS_MAX = 4096


def _step_of(dt_s: float) -> _Step:
    key = int(dt_s * 1e9 + 0.5)
    found = _steps.get(key)
    if found is None:
        if len(_steps) >= _STEPS_MAX:
            _steps.clear()
        found = _steps[key] = _Step.of(max(key, 1) * 1e-9)
    return found


class Diffusion:
    """State of a batch of couples at one electrode; concentrations relative to the bulk."""

    def __init__(self, couples: Couples, temperature_c: float | Array = 25.0) -> None:
        self.couples = couples
        count = couples.formal_v.size
        self._deficit = np.zeros((_RATES_S.size, count))
        self._product = np.zeros((_RATES_S.size, count))
        self._following = bool(np.any(couples.following_s > 0.0))
        self._product_rates = _RATES_S[:, None] + couples.following_s[None, :]
        self.flux = np.zeros(count)
        self._pair = np.zeros((2, count))
        self._drive, self._both, self._scratch = np.empty(count), np.empty(count), np.empty(count)
        self._response = np.empty_like(self._deficit)
        self._fresh = True
        self._prepare_kinetics(FARADAY_C_MOL / (GAS_J_MOL_K * (temperature_c + 273.15)))

    def _prepare_kinetics(self, per_volt: float | Array) -> None:
        """Logarithms of both rates as straight lines in the potential. Nernst: forward 1, backward the ratio."""
        c = self.couples
        nernst = np.isinf(c.rate_m_s)
        rate = np.where(nernst, 1.0, c.rate_m_s) / np.where(nernst, 1.0, np.sqrt(c.diffusion_m2_s))
        forward = np.where(nernst, 0.0, c.sign * per_volt * c.alpha)
        backward = -c.sign * per_volt * np.where(nernst, c.electrons, 1.0 - c.alpha)
        with np.errstate(divide="ignore"):  # no way back: the logarithm of 0 is what is wanted
            returns = np.log(c.backward)
        self._slope = np.stack((forward, backward))
        self._at_zero = np.log(rate) + np.stack((np.zeros_like(returns), returns)) - self._slope * c.formal_v
        self._rates = np.empty_like(self._slope)
        # Within so many volts no logarithm of a rate can come near its limit.
        steep, offset = float(np.max(np.abs(self._slope), initial=0.0)), float(np.max(self._at_zero, initial=0.0))
        self._harmless_v = (_LN_MAX - 1.0 - offset) / steep if steep > 0.0 else 0.0
        self._kinetic = np.where(nernst, 0.0, 1.0)

    def kinetics(self, potential_v: float | Array) -> Array:
        """Forward and backward rate over sqrt(D), s^-1/2, (2, k); for a Nernst couple only their ratio has a meaning.

        Valid until the next call.
        """
        rates = self._rates
        np.multiply(self._slope, potential_v, out=rates)
        rates += self._at_zero
        if not (isinstance(potential_v, float) and -self._harmless_v < potential_v < self._harmless_v):
            np.minimum(rates, _LN_MAX, out=rates)
        np.exp(rates, out=rates)
        return rates

    def jump(self) -> None:
        """The potential jumps: the next step starts with no memory of the flux before."""
        self._fresh = True

    def step(self, potential_v: float | Array, dt_s: float) -> Array:
        """Advance by `dt_s`, flux linear over the step (constant right after a jump), surface law met at its end."""
        step = _steps.get(int(dt_s * 1e9 + 0.5)) or _step_of(dt_s)
        rates, scratch, pair = self.kinetics(potential_v), self._scratch, self._pair
        forward, backward = rates[0], rates[1]
        at_rest = step.rest.dot(self._deficit)
        if self._fresh:
            response, gains = step.end_fresh, step.gains_fresh
        else:
            response, gains = step.end, step.gains
            np.multiply(self.flux, step.begin, scratch)
            np.add(at_rest, scratch, at_rest)
        if self._following:
            product_rest, product_response, product_end = self._product_begin(dt_s)
            drive = forward * (1.0 - at_rest) - backward * product_rest
            flux = np.asarray(drive / (self._kinetic + forward * response + backward * product_response))
        else:
            drive, both = self._drive, self._both
            np.add(forward, backward, both)
            np.multiply(both, at_rest, drive)
            np.subtract(forward, drive, drive)
            np.multiply(both, response, both)
            np.add(self._kinetic, both, both)
            flux = np.divide(drive, both)
        np.multiply(self._deficit, step.decay, self._deficit)
        pair[0], pair[1] = self.flux, flux
        gains.dot(pair, self._response)
        np.add(self._deficit, self._response, self._deficit)
        if self._following:
            self._product += product_end * flux
        self.flux = flux
        self._fresh = False
        return flux

    def _product_begin(self, dt_s: float) -> tuple[Array, Array, Array]:
        """Carry the product over a step but for the flux at its end: surface value, response, gain of that flux."""
        scaled = self._product_rates * dt_s
        whole, ramp = _gains(self._product_rates, scaled, dt_s)
        end = whole if self._fresh else ramp
        self._product *= np.exp(-scaled)
        self._product += (whole - end) * self.flux
        return _WEIGHTS @ self._product, _WEIGHTS @ end, end

    def relax(self, dt_s: float) -> None:
        """Advance with the cell open: nothing flows, gradients level out."""
        self._deficit *= _step_of(dt_s).decay
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
