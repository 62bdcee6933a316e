"""Analogue-to-digital converter: when results come and what code they hold (ad5941.md sections 6 and 7)."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from simulators.ad5941.register_map import RegisterMap
from simulators.ad5941.variation import Part, Variants

CLOCKS_PER_RAW = 20
NOTCH_50 = {178: 17, 267: 11, 533: 5, 640: 4, 800: 3, 1067: 2}
NOTCH_60 = {178: 14, 267: 9, 533: 4, 667: 3, 889: 2, 1333: 1}
# Triangular weight of SINC2 over its window, at four instants.
SINC2_INSTANTS = ((0.875, 0.125), (0.625, 0.375), (0.375, 0.375), (0.125, 0.125))
REFERENCE_TAU_US = 40.0  # so that 250 us leave 0.2 % of the start error (library waits 250 us)
BOLTZMANN_J_K = 1.380649e-23
RAW_RATE_HZ = 800_000.0


@dataclass(frozen=True)
class FilterPlan:
    """Timing of both filter outputs, in system clocks from the start of conversion."""

    sinc3_osr: int
    sinc2_osr: int
    extra: int
    sinc2_on: bool

    def sinc3_clocks(self, n: int) -> int:
        """Clocks to SINC3 result n, n from 1."""
        return ((n + 2) * self.sinc3_osr + 1) * CLOCKS_PER_RAW

    def sinc2_clocks(self, n: int) -> int:
        """Clocks to SINC2 (or notch) result n, n from 1."""
        return self.sinc3_clocks((n + self.extra + 1) * self.sinc2_osr + 1) + 15

    def sinc2_window_clocks(self) -> int:
        return 2 * self.sinc2_osr * self.sinc3_osr * CLOCKS_PER_RAW

    def sinc3_window_clocks(self) -> int:
        return 3 * self.sinc3_osr * CLOCKS_PER_RAW


@lru_cache(maxsize=64)
def plan_of(regs: RegisterMap, adcfiltercon: int, afecon: int) -> FilterPlan:
    """The plan that ADCFILTERCON and AFECON ask for; reserved codes fall back to the last defined one."""
    osr3 = regs.constants["adc"]["sinc3_osr"]
    osr2 = regs.constants["adc"]["sinc2_osr"]
    sinc3 = osr3[min(regs.field("ADCFILTERCON", "SINC3OSR", adcfiltercon), len(osr3) - 1)]
    sinc2 = osr2[min(regs.field("ADCFILTERCON", "SINC2OSR", adcfiltercon), len(osr2) - 1)]
    notch = not regs.field("ADCFILTERCON", "LPFBYPEN", adcfiltercon) and sinc3 in (4, 5)
    extra = (NOTCH_50.get(sinc2, 0) + NOTCH_60.get(sinc2, 0)) if notch else 0
    return FilterPlan(sinc3, sinc2, extra, bool(regs.field("AFECON", "SINC2EN", afecon)))


class Quantiser:
    """Volts at the multiplexer to a 16-bit code, with the part's errors and the calibration registers."""

    def __init__(self, regs: RegisterMap, part: Part, variants: Variants, seed: int) -> None:
        self._regs = regs
        self._part = part
        self._variants = variants
        self._rng = random.Random(f"ad5941 adc {seed}")
        self._block_rng = np.random.default_rng(seed)  # of whole blocks, so that these draw nothing from the others

    def noise_v(self, rate_hz: float, source_ohm: float, temperature_c: float) -> float:
        """Input-referred noise, V rms: converter (white) and thermal noise of the feedback resistor."""
        converter_v = self._part.noise_900sps_v * math.sqrt(rate_hz / 900.0)
        thermal_v = math.sqrt(4.0 * BOLTZMANN_J_K * (temperature_c + 273.15) * source_ohm * rate_hz / 2.0)
        return math.hypot(converter_v, thermal_v)

    def code(self, volts: float, adccon: int, age_us: float, noise_v: float, calibration: Callable[[str], int]) -> int:
        """Offset-binary code; `age_us` since the reference was switched on."""
        regs = self._regs
        constants = regs.constants["adc"]
        index = min(regs.field("ADCCON", "GNPGA", adccon), 4)
        gain, reference_v = self._scale(index)
        limit_v = constants["input_range_v"][index]
        seen_v = volts + self._part.adc_offset_v + self._rng.gauss(0.0, noise_v)
        seen_v *= (1.0 + self._part.adc_gain_error) * (1.0 - 0.9 * math.exp(-max(age_us, 0.0) / REFERENCE_TAU_US))
        seen_v = max(-limit_v, min(limit_v, seen_v))
        counts = seen_v * gain / reference_v * 32768.0
        offset, gain_register = self._corrections(adccon, index, calibration)
        counts = (counts + offset / 4.0) * (gain_register / 16384.0)
        return max(0, min(0xFFFF, round(float(counts)) + 0x8000))

    def _scale(self, index: int) -> tuple[float, float]:
        """Gain and effective reference at a gain code."""
        constants = self._regs.constants["adc"]
        whole = self._variants.adc_reference == "library" or index == 1
        return constants["pga_gain"][index], constants["ref_effective_v" if whole else "ref_v"]

    def _corrections(self, adccon: int, index: int, calibration: Callable[[str], int]) -> tuple[int, int]:
        """Offset (signed, quarter codes) and gain of the calibration registers of this channel."""
        suffix = ("1", "1P5", "2", "4", "9")[index]
        names = {33: ("ADCOFFSETLPTIA0", "ADCGNLPTIA0"), 1: ("ADCOFFSETHSTIA", "ADCGNHSTIA")}
        usual = ("ADCOFFSETGN" + suffix, "ADCGAINGN" + suffix)
        offset_name, gain_name = names.get(self._regs.field("ADCCON", "MUXSELP", adccon), usual)
        offset = calibration(offset_name) & 0x7FFF
        return (offset - 0x8000 if offset & 0x4000 else offset), calibration(gain_name)

    def limit_v(self, adccon: int) -> float:
        """Linear input range at this gain, plus and minus."""
        return float(self._regs.constants["adc"]["input_range_v"][min(self._regs.field("ADCCON", "GNPGA", adccon), 4)])

    def codes(
        self,
        volts: npt.NDArray[np.float64],
        adccon: int,
        ages_us: npt.NDArray[np.float64],
        noise_v: float,
        calibration: Callable[[str], int],
    ) -> npt.NDArray[np.float64]:
        """`code` for a whole block of results, as one array of the same shape."""
        index = min(self._regs.field("ADCCON", "GNPGA", adccon), 4)
        gain, reference_v = self._scale(index)
        limit_v = self.limit_v(adccon)
        started = 1.0 - 0.9 * np.exp(-np.maximum(ages_us, 0.0) / REFERENCE_TAU_US)
        seen_v = volts + self._part.adc_offset_v + self._block_rng.normal(0.0, noise_v, volts.shape)
        seen_v = seen_v * (1.0 + self._part.adc_gain_error) * started
        offset, gain_register = self._corrections(adccon, index, calibration)
        counts = np.clip(seen_v, -limit_v, limit_v) * gain / reference_v * 32768.0
        counts = (counts + offset / 4.0) * (gain_register / 16384.0)
        return np.clip(np.round(counts) + 0x8000, 0, 0xFFFF)
