"""Light as the spectral sensor meets it: spectra on a wavelength grid, the sensor's channels, lamps."""

from __future__ import annotations

from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simulators.chips.register_bytes import load

Array = NDArray[np.float64]

WAVELENGTHS_NM: Array = np.arange(380.0, 1001.0, 4.0)
FILTERS = ("F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "CLEAR", "NIR", "FLICKER", "DARK")
REFERENCE_UW_CM2 = 107.67
# Conditions of the table's counts: 64x, 27.8 ms (DS).
REFERENCE_GAIN, REFERENCE_MS = 64.0, 27.8
FLICKER_REFERENCE_UW_CM2 = 52.32


class Scene(Protocol):
    """What lies in front of the sensor.

    `irradiance`: spectrum at the sensor in uW/cm2 per nm on WAVELENGTHS_NM, with `led_ma` through the lamp.
    `flicker_hz`: of the room's light, 0 = none.
    """

    def irradiance(self, now_us: float, led_ma: float) -> Array: ...

    def flicker_hz(self, now_us: float) -> float: ...


def gaussian(centre_nm: float, fwhm_nm: float) -> Array:
    return np.asarray(np.exp(-4.0 * np.log(2.0) * ((WAVELENGTHS_NM - centre_nm) / fwhm_nm) ** 2))


@cache
def warm_white() -> Array:
    """Shape of a 2700 K phosphor lamp, area 1: blue pump and a broad yellow-red band."""
    shape = 0.16 * gaussian(452.0, 22.0) + 0.75 * gaussian(605.0, 135.0) + 0.25 * gaussian(640.0, 90.0)
    return np.asarray(shape / shape.sum() / 4.0)


@cache
def silicon() -> Array:
    """Shape of a bare photodiode."""
    return np.asarray(
        np.interp(WAVELENGTHS_NM, [380, 450, 600, 750, 900, 960, 1000], [0.2, 0.4, 0.7, 0.9, 1.0, 0.9, 0.6])
    )


@cache
def sensitivities(seed: int) -> dict[str, Array]:
    """Counts per basic unit (gain 1, 1 ms) and uW/cm2/nm, by filter, for one part.

    Scaled so that the table's lamp gives the table's counts on an average part; centres move up to 3 nm and gains 6 %
    from part to part (tolerances of the table).
    """
    rng = np.random.default_rng([7341, seed])
    out = {}
    for row in load("as7341").document["channel"]:
        name = row["name"]
        spread = float(np.clip(rng.normal(0.0, 0.03), -0.07, 0.07)) if seed else 0.0
        move = float(np.clip(rng.normal(0.0, 3.0), -10.0, 10.0)) if seed else 0.0

        def shape(move_nm: float, row: dict[str, float] = row, name: str = name) -> Array:
            if name in ("CLEAR", "FLICKER"):
                return silicon() * np.where(WAVELENGTHS_NM < 1000.0, 1.0, 0.0)
            if name == "NIR":
                return silicon() / (1.0 + np.exp(-(WAVELENGTHS_NM - 880.0 - move_nm) / 12.0))
            leak = 0.003 * silicon() * (WAVELENGTHS_NM > 820.0)  # near infrared passes the filters a little
            return gaussian(row["peak_nm"] + move_nm, row["fwhm_nm"]) + leak

        power = FLICKER_REFERENCE_UW_CM2 if name == "FLICKER" else REFERENCE_UW_CM2
        nominal = float((shape(0.0) * warm_white() * power).sum() * 4.0)
        if name == "NIR":  # the lamp has next to nothing there: scale by the silicon response instead
            nominal = max(nominal, 0.02 * power)
        basic = row["counts"] / (REFERENCE_GAIN * REFERENCE_MS)
        out[name] = shape(move) * basic / nominal * (1.0 + spread)
    out["DARK"] = np.zeros_like(WAVELENGTHS_NM)
    return out


class Darkness:
    """No light but what the lamp returns from a white diffuser; `per_ma` in uW/cm2."""

    def __init__(self, per_ma: float = 8.0, ambient_uw_cm2: float = 0.0, flicker_hz: float = 0.0) -> None:
        self.per_ma = per_ma
        self.ambient_uw_cm2 = ambient_uw_cm2
        self._flicker_hz = flicker_hz

    def irradiance(self, now_us: float, led_ma: float) -> Array:
        wave = 1.0
        if self._flicker_hz:
            wave = 1.0 + 0.6 * float(np.sin(2.0 * np.pi * self._flicker_hz * now_us * 1e-6))
        return warm_white() * (self.per_ma * led_ma + self.ambient_uw_cm2 * wave)

    def flicker_hz(self, now_us: float) -> float:
        return self._flicker_hz
