"""Integration cycles of the AS7341: timing, counts, saturation, automatic gain, flicker (behaviour.md 1.3 to 1.8)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from simulators.chips.light import WAVELENGTHS_NM, sensitivities

if TYPE_CHECKING:
    from simulators.chips.as7341 import As7341

STEP_US = 2.78
AUTOZERO_US = 15_000.0
GAIN_CODE_MAX = 10
# Above this rate (counts a step) the front end is overloaded: readings fall while light rises (1.5).
ANALOG_LIMIT = 1.25
DARK_C = 25.0  # of the table's dark counts, ASSUMED
DARK_DOUBLES_K = 8.0  # a silicon diode's dark current; the notes have no figure: ASSUMED
OFFSET_PER_K = 4.0  # counts at 512x by which a converter's zero moves until the next auto-zero. ASSUMED
FLICKER_SETTLE_US = 300_000.0
INSTANTS = (0.1, 0.3, 0.5, 0.7, 0.9)


@dataclass
class Result:
    """One finished cycle."""

    counts: list[int] = field(default_factory=lambda: [0] * 6)
    gain_code: int = 9
    digital: bool = False
    analog: bool = False
    unread: bool = False


class Measuring:
    """Cycles one after the other while SP_EN is set."""

    def __init__(self, chip: As7341, seed: int) -> None:
        self._chip = chip
        self._rng = np.random.default_rng([41, seed])
        self._dark = np.random.default_rng([42, seed]).uniform(0.2, 1.0, 6)  # of the table's most, by converter
        self._sensitivity = sensitivities(seed)
        smux = chip.table.document["smux"]["pixels"]
        self._pixel = {pixel: name for name, pixels in smux.items() for pixel in pixels}
        self._copies = {name: len(pixels) for name, pixels in smux.items()}
        self._gains = [float(g) * 64.0 for g in chip.table.document["gain"]["measured_rel_64x"]]
        self.power_up()

    def power_up(self) -> None:
        self.chain = [0x11] * 20  # no usable map after power-up (1.1): everything on the first converters
        self._mixed: tuple[float, list[int]] | None = None
        self.latest = Result()
        self._start_us: float | None = None
        self._end_us = math.inf
        self._cycles = 0
        self.too_fast = False
        self.flicker_status = 0
        self._flicker_from_us: float | None = None
        self._beyond = 0
        self._zeroed_c = self._chip.temperature_c

    # -- control ---------------------------------------------------------------------------------------------------
    def enable(self, value: int, before: int) -> None:
        measuring = value & 0x03 == 0x03
        was = before & 0x03 == 0x03
        if measuring and not was:
            self._cycles = 0
            self._begin(self._chip.now_us)
        elif not measuring:
            self._start_us, self._end_us = None, math.inf
        if value & 0x41 == 0x41 and not before & 0x40:
            self._flicker_from_us = self._chip.now_us
        elif not value & 0x40:
            self._flicker_from_us = None

    def route(self, ram: list[int], now_us: float) -> None:
        """The chain takes a new map; a cycle under way mixes both."""
        if self._start_us is not None and now_us > self._start_us:
            self._mixed = (now_us, self.chain)
        self.chain = ram

    def integration_us(self) -> float:
        return self.full_scale(limit=False) * STEP_US

    def full_scale(self, limit: bool = True) -> int:
        atime = self._chip.value("ATIME")
        astep = self._chip.value("ASTEP") | self._chip.value("ASTEP", index=1) << 8
        if (atime == 0 and astep == 0) or astep == 65535:
            self._chip.hazard("illegal ATIME/ASTEP")
        steps = (atime + 1) * (astep + 1)
        return min(65535, steps) if limit else steps

    def _begin(self, now_us: float) -> None:
        az = self._chip.value("AZ_CONFIG")
        due = (az == 255 and self._cycles == 0) or (0 < az < 255 and self._cycles % az == 0)
        if due:
            self.auto_zero()
        self._start_us = now_us + (AUTOZERO_US if due else 0.0)
        self._end_us = self._start_us + self.integration_us()
        self._gain_code = min(self._chip.value("CFG1") & 0x1F, GAIN_CODE_MAX)
        self._cycle_from_us = now_us

    def auto_zero(self) -> None:
        """The converters' zeros are right for the temperature of this moment."""
        self._zeroed_c = self._chip.temperature_c

    def _unlit(self, index: int, gain: float, steps: int) -> float:
        """Counts of a converter without light: its diodes' dark current, and how far its zero has moved."""
        most = 3.0 if index < 5 else 5.0
        warm = math.exp2((self._chip.temperature_c - DARK_C) / DARK_DOUBLES_K)
        current = most * float(self._dark[index]) * warm * steps * STEP_US / 98_000.0
        return (current + OFFSET_PER_K * (self._chip.temperature_c - self._zeroed_c)) * gain / 512.0

    def run_until(self, now_us: float) -> None:
        if self._end_us > now_us and self._flicker_from_us is None and not self._chip.sai_active:
            return  # nothing is due: nearly every access on the bus
        if self._chip.sai_active:
            self._start_us, self._end_us = None, math.inf
        while self._start_us is not None and self._end_us <= now_us:
            ahead = int((now_us - self._end_us) / max(self.integration_us(), 1.0)) - 2
            if ahead > 0 and not self._chip.value("FIFO_MAP") and not self._chip.value("ENABLE") & 0x08:
                self._start_us += ahead * self.integration_us()
                self._end_us += ahead * self.integration_us()
                self._cycles += ahead
                self._cycle_from_us = self._start_us
            self._finish()
        self._look_for_flicker(now_us)

    # -- one cycle -------------------------------------------------------------------------------------------------
    def _channels(self, chain: list[int], light: dict[str, float]) -> list[float]:
        """Basic counts a millisecond on each converter: the sum over the pixels that the chain connects to it."""
        sums = [0.0] * 6
        for pixel, name in self._pixel.items():
            nibble = chain[pixel // 2] >> 4 & 7 if pixel % 2 else chain[pixel // 2] & 7
            if 1 <= nibble <= 6:
                sums[nibble - 1] += light.get(name, 0.0) / self._copies[name]
        return sums

    def _light(self, start_us: float, end_us: float) -> dict[str, float]:
        led_ma = self._chip.led_ma()
        spectra = [self._chip.scene.irradiance(start_us + f * (end_us - start_us), led_ma) for f in INSTANTS]
        spectrum = np.mean(spectra, axis=0)
        width_nm = float(WAVELENGTHS_NM[1] - WAVELENGTHS_NM[0])
        return {name: float(shape @ spectrum) * width_nm for name, shape in self._sensitivity.items()}

    def _finish(self) -> None:
        assert self._start_us is not None
        start_us, end_us = self._start_us, self._end_us
        light = self._light(start_us, end_us)
        sums = self._channels(self.chain, light)
        if self._mixed is not None:
            when, old = self._mixed
            share = min(1.0, max(0.0, (when - start_us) / (end_us - start_us)))
            sums = [share * a + (1.0 - share) * b for a, b in zip(self._channels(old, light), sums, strict=True)]
            self._mixed = None
        gain = self._gains[self._gain_code]
        steps = self.full_scale(limit=False)
        full = self.full_scale()
        result = Result(gain_code=self._gain_code, unread=True)
        for index, basic in enumerate(sums):
            rate = basic * gain * STEP_US / 1000.0  # counts a step
            if rate > ANALOG_LIMIT:
                result.analog = True
                rate = 0.9 * ANALOG_LIMIT / rate
            noise = 5e-5 * full + 0.3 * math.sqrt(max(0.0, rate * steps)) * 0.05
            count = rate * steps + self._unlit(index, gain, steps) + float(self._rng.normal(0.0, noise))
            if count >= full:
                result.digital = True
            result.counts[index] = int(max(0, min(full, round(count))))
        self.latest = result
        self._cycles += 1
        self._thresholds(result)
        self._automatic_gain(result, full)
        self._chip.result_ready(result)
        self._next_cycle(end_us)

    def _next_cycle(self, end_us: float) -> None:
        self.too_fast = False
        begin = end_us
        if self._chip.value("ENABLE") & 0x08:
            wait = STEP_US * 1000.0 * (self._chip.value("WTIME") + 1)
            wait *= 16.0 if self._chip.value("CFG0") & 0x04 else 1.0
            begin = max(end_us, self._cycle_from_us + wait)
            self.too_fast = begin == end_us
        self._begin(begin)

    def _thresholds(self, result: Result) -> None:
        value = result.counts[min(4, self._chip.value("CFG12") & 7)]
        low = self._chip.value("SP_TH_L") | self._chip.value("SP_TH_L", index=1) << 8
        high = self._chip.value("SP_TH_H") | self._chip.value("SP_TH_H", index=1) << 8
        outside = value < low or value > high
        self._beyond = self._beyond + 1 if outside else 0
        code = self._chip.value("PERS") & 0xF
        needed = code if code < 4 else 5 * (code - 3)
        if code == 0 or (outside and self._beyond >= needed):
            self._chip.threshold_event()

    def _automatic_gain(self, result: Result, full: int) -> None:
        if not self._chip.value("CFG8") & 0x04:
            return
        limits = self._chip.value("CFG10")
        high = (0.5, 0.625, 0.75, 0.875)[limits >> 6 & 3] * full
        low = (0.125, 0.25, 0.375, 0.5)[limits >> 4 & 3] * full
        value = result.counts[min(4, self._chip.value("CFG12") & 7)]
        code = self._gain_code
        if (value > high or result.analog) and code > 0:
            code -= 1
        elif value < low and code < min(GAIN_CODE_MAX, self._chip.value("AGC_GAIN_MAX") & 0xF):
            code += 1
        self._chip.set("CFG1", code)

    # -- flicker ---------------------------------------------------------------------------------------------------
    def _look_for_flicker(self, now_us: float) -> None:
        since = self._flicker_from_us
        if since is None or now_us - since < FLICKER_SETTLE_US:
            return
        nibble = self.chain[39 // 2] >> 4 & 7
        if nibble != 6:
            return
        hz = self._chip.scene.flicker_hz(now_us)
        status = {100: 0x2D, 120: 0x2E}.get(round(hz), 0x2C)
        if status != self.flicker_status:
            self.flicker_status = status
            self._chip.flicker_changed()

    def clear_flicker(self, written: int) -> None:
        """Bits 5:2 are cleared by writing them back; a new measurement follows."""
        self.flicker_status &= ~(written & 0x3C)
        if not self.flicker_status & 0x3C:
            self.flicker_status = 0
        if self._flicker_from_us is not None:
            self._flicker_from_us = self._chip.now_us
