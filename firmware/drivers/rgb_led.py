"""One-wire RGB LED fed from an SPI data line: four SPI bits of 320 ns make one bit of the LED (behaviour.md 5).

0 = 320/960 ns, 1 = 640/640 ns: inside the limits of WS2812B-V5 and SK6812 (not of the first WS2812B). Order G R B.
"""

_PAIRS = (0x88, 0x8C, 0xC8, 0xCC)  # two LED bits each
RESET_BYTES = 120  # at least 300 us low, so that the colour latches whatever came before


class RgbLed:
    """One pixel. `spi` is machine.SPI-like at 3.125 MHz."""

    def __init__(self, spi):
        self._spi = spi
        self._frame = bytearray(12 + RESET_BYTES)
        self.colour = None

    def show(self, colour: tuple) -> None:
        """Shine in this (red, green, blue), 0..255 each."""
        red, green, blue = colour
        at = 0
        for value in (green, red, blue):
            for shift in (6, 4, 2, 0):
                self._frame[at] = _PAIRS[value >> shift & 3]
                at += 1
        self._spi.write(self._frame)
        self.colour = colour
