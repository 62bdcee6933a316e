"""Colour tests without the bus: what the sensor would count on each pad at each minute, by the thousand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulators.chips.light import WAVELENGTHS_NM, sensitivities
from simulators.strip.colour import CLEAN_OPTICS, ColourStrip, Optics
from simulators.strip.electrode import rng_of

Array = NDArray[np.float64]

CHANNELS = ("F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "CLEAR", "NIR")
LED_MA = 12.0
GAIN, INTEGRATION_MS, FULL_SCALE = 64.0, 50.04, 18_000
READING_S = (5.0, 60.0, 180.0, 300.0, 600.0, 840.0)


@dataclass(frozen=True)
class PadReading:
    """Counts of CHANNELS on one pad at one time: lamp on, and lamp off just before."""

    pad: str
    time_s: float
    lit: tuple[int, ...]
    unlit: tuple[int, ...]
    saturated: bool


@dataclass(frozen=True)
class ColourTest:
    """One colour test; `spikes_mol_l` empty = clean. `paired` tests have a clean pour of the same drink beside them."""

    test_id: str
    lot: str
    matrix: str
    spikes_mol_l: dict[str, float]
    temperature_c: float
    readings: tuple[PadReading, ...]
    clean_pour: tuple[PadReading, ...] | None


def _counts(strip: ColourStrip, now_us: float, led_ma: float, part: int, rng: np.random.Generator) -> list[int]:
    width_nm = float(WAVELENGTHS_NM[1] - WAVELENGTHS_NM[0])
    instants = now_us + np.linspace(0.05, 0.95, 7) * INTEGRATION_MS * 1e3
    spectrum = np.mean([strip.irradiance(float(t), led_ma) for t in instants], axis=0)
    shapes = sensitivities(part)
    out = []
    for channel in CHANNELS:
        mean = float(shapes[channel] @ spectrum) * width_nm * GAIN * INTEGRATION_MS
        noisy = mean + rng.normal(0.0, 1.0 + 0.015 * np.sqrt(max(mean, 0.0)))
        out.append(int(np.clip(round(noisy), 0, FULL_SCALE)))
    return out


def _series(
    strip: ColourStrip, times_s: tuple[float, ...], part: int, rng: np.random.Generator
) -> tuple[PadReading, ...]:
    readings = []
    for time_s in times_s:
        for pad in strip.pad_names:
            strip.select(pad)
            now_us = strip.wet_at_us + time_s * 1e6
            unlit = _counts(strip, now_us, 0.0, part, rng)
            lit = _counts(strip, now_us + 60_000.0, LED_MA, part, rng)
            readings.append(PadReading(pad, time_s, tuple(lit), tuple(unlit), max(lit) >= FULL_SCALE))
    return tuple(readings)


def simulate_colour_test(
    matrix: str,
    spikes_mol_l: dict[str, float],
    *,
    temperature_c: float = 22.0,
    lot: str = "C1",
    seed: int | str = 0,
    part: int = 1,
    paired: bool = False,
    times_s: tuple[float, ...] = READING_S,
    optics: Optics = CLEAN_OPTICS,
) -> ColourTest:
    """Readings of all pads at `times_s` after wetting; `part` is the sensor. Same arguments, same test."""
    rng = rng_of("colour test", matrix, sorted(spikes_mol_l.items()), temperature_c, lot, seed, part)
    strip = ColourStrip(matrix, spikes_mol_l, temperature_c=temperature_c, lot=lot, seed=seed, optics=optics)
    clean = None
    if paired:  # the same bottle on another strip of the lot
        beside = ColourStrip(matrix, {}, temperature_c=temperature_c, lot=lot, seed=f"{seed} clean", optics=optics)
        clean = _series(beside, times_s, part, rng)
    return ColourTest(
        test_id=f"colour/{matrix}/{lot}/{seed}",
        lot=lot,
        matrix=matrix,
        spikes_mol_l=dict(spikes_mol_l),
        temperature_c=temperature_c,
        readings=_series(strip, times_s, part, rng),
        clean_pour=clean,
    )
