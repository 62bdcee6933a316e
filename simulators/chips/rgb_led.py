"""One-wire RGB pixels: pulses in, colours out, as three kinds of chip would see them (behaviour.md section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class PulseLimits:
    """Accepted widths in ns: high of a 0, high of a 1, low of a 0, low of a 1; and the reset that latches."""

    zero_high: tuple[float, float]
    one_high: tuple[float, float]
    zero_low: tuple[float, float]
    one_low: tuple[float, float]
    reset_ns: float


def _runs(mosi: bytes, baud_hz: int) -> list[tuple[float, float]]:
    """(high, low) in ns of each run of ones on an SPI data line and of the zeros after it."""
    bit_ns = 1e9 / baud_hz
    runs: list[list[float]] = []
    level = 0
    for byte in mosi:
        for bit in range(7, -1, -1):
            value = byte >> bit & 1
            if value and not level:
                runs.append([0.0, 0.0])
            if runs:
                runs[-1][0 if value else 1] += bit_ns
            level = value
    return [(high, low) for high, low in runs]


FRAMES_KEPT = 64
KINDS = {
    "ws2812b_v5": PulseLimits((220, 380), (580, 1000), (580, 1000), (580, 1000), 280_000),
    "ws2812b": PulseLimits((250, 550), (650, 950), (700, 1000), (300, 600), 50_000),
    "sk6812": PulseLimits((150, 450), (450, 750), (750, 1050), (450, 750), 80_000),
}
Kind = Literal["ws2812b_v5", "ws2812b", "sk6812"]


class RgbLedStrip:
    """`colours` are what shines, (red, green, blue) by pixel; `errors` what a pixel could not read."""

    def __init__(self, pixels: int = 1, kind: Kind = "sk6812") -> None:
        self.limits = KINDS[kind]
        self.colours: list[tuple[int, int, int]] = [(0, 0, 0)] * pixels
        self.history: list[tuple[int, tuple[tuple[int, int, int], ...]]] = []
        self.errors: list[str] = []
        self._sound: dict[tuple[bytes, int], list[int]] = {}  # a dozen frames come thousands of times

    def supply_lost(self, now_us: int) -> None:
        """Dark at once; the pixels' registers are as after power-on."""
        if any(colour != (0, 0, 0) for colour in self.colours):
            self._latch([0] * (24 * len(self.colours)), now_us)

    def pulses(self, widths_ns: Sequence[tuple[float, float]], now_us: int, then_low_ns: float = 1e9) -> list[int]:
        """(high, low) pairs of one transmission, then low for `then_low_ns`. Returns the bits that it latched last."""
        bits: list[int] = []
        limits = self.limits
        for index, (high, low) in enumerate(widths_ns):
            final = index == len(widths_ns) - 1
            low_seen = low + (then_low_ns if final else 0.0)
            zero = limits.zero_high[0] <= high <= limits.zero_high[1]
            one = limits.one_high[0] <= high <= limits.one_high[1]
            if not zero and not one:
                self.errors.append(f"bit {index}: a high of {high:.0f} ns is neither 0 nor 1")
                return []
            wanted = limits.zero_low if zero else limits.one_low
            if low_seen >= limits.reset_ns and not final:
                self._latch([*bits, int(one)], now_us)
                bits = []
                continue
            if not final and not wanted[0] <= low_seen <= 5_000.0:
                self.errors.append(f"bit {index}: a low of {low_seen:.0f} ns")
                return []
            bits.append(int(one))
        if then_low_ns >= limits.reset_ns:
            self._latch(bits, now_us)
        else:
            self.errors.append(f"no latch: low for {then_low_ns:.0f} ns only")
        return bits

    def bitstream(self, timing_ns: tuple[int, int, int, int], data: bytes, now_us: int) -> None:
        """MicroPython's `bitstream`/`neopixel`: (T0H, T0L, T1H, T1L) and the bytes."""
        widths: list[tuple[float, float]] = []
        for byte in data:
            for bit in range(7, -1, -1):
                one = byte >> bit & 1
                widths.append((timing_ns[2], timing_ns[3]) if one else (timing_ns[0], timing_ns[1]))
        self.pulses(widths, now_us)

    def spi(self, mosi: bytes, baud_hz: int, now_us: int) -> None:
        """Pixels driven from an SPI data line: runs of ones and zeros are the pulses."""
        frame = (bytes(mosi), baud_hz)
        if frame in self._sound:
            self._latch(self._sound[frame], now_us)
            return
        runs = _runs(*frame)
        if runs:
            before = len(self.errors)
            bits = self.pulses(runs, now_us, then_low_ns=max(1e9, runs[-1][1]))
            if len(self.errors) == before and len(self._sound) < FRAMES_KEPT:
                self._sound[frame] = bits

    def _latch(self, bits: list[int], now_us: int) -> None:
        if len(bits) % 24:
            self.errors.append(f"{len(bits)} bits are not whole pixels")
        shown = list(self.colours)
        for pixel in range(min(len(shown), len(bits) // 24)):
            value = int("".join(map(str, bits[24 * pixel : 24 * pixel + 24])), 2)
            shown[pixel] = (value >> 8 & 0xFF, value >> 16 & 0xFF, value & 0xFF)
        if shown != self.colours or not self.history:
            self.history.append((now_us, tuple(shown)))
        self.colours = shown
