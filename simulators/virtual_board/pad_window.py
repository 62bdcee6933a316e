"""What the colour sensor sees through the bracelet's window: the pad whose lamp is lit, or the dark holder."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulators.chips.light import WAVELENGTHS_NM
from simulators.strip.colour import ColourStrip

LAMPS = 8


class PadWindow:
    """Scene of the AS7341. `number` is the lamp that the selector has on; a lamp over no pad lights nothing.

    `stuck_bits` are selector lines that read 0 whatever the board drives: a broken joint, a fault to inject.
    """

    def __init__(self) -> None:
        self.strip: ColourStrip | None = None
        self.number = 0
        self.stuck_bits = 0

    def select_bit(self, bit: int, level: int) -> None:
        """One of the selector's three lines."""
        self.number = self.number & ~(1 << bit) | level << bit

    def irradiance(self, now_us: float, led_ma: float) -> NDArray[np.float64]:
        strip = self.strip
        if strip is None:
            return np.zeros_like(WAVELENGTHS_NM)
        number = self.number & ~self.stuck_bits
        if number >= len(strip.pad_names):
            return np.asarray(strip.room() * strip.room_wave(now_us))
        strip.select(strip.pad_names[number])
        return strip.irradiance(now_us, led_ma)

    def flicker_hz(self, now_us: float) -> float:
        return self.strip.flicker_hz(now_us) if self.strip is not None else 0.0
