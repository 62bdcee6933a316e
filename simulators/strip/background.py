"""Everything in a scan that is not a dissolved couple: charging, the electrode's own current, drift, noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.strip.electrode import Dip
from simulators.strip.waveform import SquareWave

Array = NDArray[np.float64]


def charging_a(wave: SquareWave, dip: Dip) -> Array:
    """Double-layer current left at the sampling instants, (2, steps) A.

    An ideal layer decays as exp(-t / R C); a printed carbon electrode keeps a slower tail (constant-phase behaviour),
    here 6 % of the jump with t^-0.7 (ASSUMED).
    """
    steps = wave.steps_v()
    halves = wave.halves_v()
    jump = np.diff(halves, prepend=halves[0])
    time_s = wave.sampling * wave.half_period_s
    tau_s = max(1e-7, dip.solution_ohm * dip.capacitance_f)
    ideal = np.exp(-time_s / tau_s) / dip.solution_ohm
    tail = 0.06 * dip.capacitance_f / tau_s * (tau_s / (time_s + tau_s)) ** 1.7
    # The layer is not equally thick everywhere: capacitance grows away from the potential of zero charge.
    curvature = 1.0 + 0.5 * ((steps - 0.1) / 0.8) ** 2
    current = jump * (ideal + tail)
    return np.stack((current[::2], current[1::2])) * curvature


def electrode_a(wave: SquareWave, dip: Dip, area_m2: float, rng: np.random.Generator) -> Array:
    """The electrode's own faradaic current: edges of the window, surface groups, a slow wander; (2, steps) A.

    A sum of shapes that no single polynomial or exponential fits, drawn anew for each strip.
    """
    steps = wave.steps_v()
    scale = dip.background * area_m2 / 7.07e-6 * np.sqrt(wave.frequency_hz / 25.0)
    pulse = wave.direction * wave.amplitude_v / 0.025
    edge_up = 4.0e-7 * np.exp((steps - 1.45 + rng.normal(0.0, 0.03)) / rng.uniform(0.055, 0.085))
    edge_down = 4.0e-7 * np.exp(-(steps + 1.25 + rng.normal(0.0, 0.03)) / rng.uniform(0.06, 0.10))
    hump_centre, hump_width = rng.uniform(-0.2, 0.5), rng.uniform(0.18, 0.35)
    hump = rng.uniform(0.0, 2.0e-7) * np.exp(-0.5 * ((steps - hump_centre) / hump_width) ** 2)
    x = (steps - steps.mean()) / max(1e-9, np.ptp(steps)) * 2.0
    smooth = 3.0e-7 + 1.2e-7 * rng.normal() * x + 0.8e-7 * rng.normal() * x**2 + 0.4e-7 * rng.normal() * x**3
    net = scale * pulse * (edge_up + edge_down + hump + np.abs(smooth))
    wander = np.cumsum(rng.normal(0.0, 1.0, steps.size))
    wander -= np.linspace(wander[0], wander[-1], steps.size)
    net = net + scale * 6.0e-8 * wander / np.sqrt(steps.size)
    mean = scale * (edge_up - edge_down) * 1.5 + scale * 2.0e-7 * wave.direction * np.exp(
        -np.linspace(0.0, 5.0, steps.size)
    )
    share = rng.uniform(0.45, 0.62)
    return np.stack((mean + share * net, mean - (1.0 - share) * net))


def noise_a(wave: SquareWave, rms_a: float, rng: np.random.Generator) -> Array:
    """Noise of the sampled currents, (2, steps) A; `rms_a` is that of one difference current.

    White, plus a part that goes as 1/f (share drawn per strip), plus mains pickup aliased by the square wave.
    """
    count = 2 * wave.steps_v().size
    single = rms_a / np.sqrt(2.0)
    pink_share = rng.uniform(0.1, 0.6)
    spectrum = np.fft.rfft(rng.normal(0.0, 1.0, count))
    f = np.fft.rfftfreq(count)
    f[0] = f[1]
    pink = np.fft.irfft(spectrum / np.sqrt(f), count)
    pink *= 1.0 / max(1e-30, float(np.std(pink)))
    series = single * (np.sqrt(1.0 - pink_share**2) * rng.normal(0.0, 1.0, count) + pink_share * pink)
    mains_hz = 50.0 * (1.0 + rng.normal(0.0, 0.0004))
    t = np.arange(count) * wave.half_period_s
    series += single * rng.uniform(0.0, 0.5) * np.sin(2.0 * np.pi * mains_hz * t + rng.uniform(0.0, 2.0 * np.pi))
    return np.stack((series[::2], series[1::2]))
