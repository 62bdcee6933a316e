"""The DFT engine: one bin, at the waveform generator's frequency, over 4 to 16384 results (ad5941.md sections 6 and 8).

The notes give the register fields and that the library negates the imaginary part. Not in them, and so simulated both
ways where a driver could mind (`Variants`): the scale of a result, and whether its phase counts from the generator's
sine or from the engine's own start. Latency (25 clocks after the last filter result) is the maker's library's. ASSUMED:
it goes on with the next block while it stays enabled.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from simulators.ad5941 import interrupts as irq
from simulators.ad5941.adc import RAW_RATE_HZ, FilterPlan, Quantiser, plan_of

if TYPE_CHECKING:
    from simulators.ad5941.device import Ad5941

NEVER_US = float("inf")
LATENCY_CLOCKS = 25
FROM_SINC2, FROM_SINC3, RAW = 0, 1, 2
SOURCE_DFT = 2  # of the data FIFO
CHANNEL = 0x7C  # its tag; the two lowest bits of the tag are then data
FULL_SCALE = 1 << 17


def _sinc(frequency_hz: float, rate_hz: float, length: int) -> float:
    """A moving average's answer to a sine."""
    at = math.pi * frequency_hz / rate_hz
    return 1.0 if math.sin(at) == 0.0 else math.sin(length * at) / (length * math.sin(at))


class DftEngine:
    """Runs beside the filters while AFECON has ADC, conversion and DFT on."""

    def __init__(self, chip: Ad5941, quantiser: Quantiser) -> None:
        self._chip = chip
        self._quantiser = quantiser
        self._running = False
        self._fresh = False
        self._start_us = 0.0
        self.next_us = NEVER_US
        self._latest = {"DFTREAL": 0, "DFTIMAG": 0}

    def control(self, run: bool, now_us: float) -> None:
        """AFECON was written."""
        if run and not self._running:
            self._fresh = False
            self._begin(now_us)
        elif not run:
            self.next_us = NEVER_US
        self._running = run

    def reconfigured(self, now_us: float) -> None:
        """Its length, its source or the filter changed: it starts over."""
        if self._running:
            self._begin(now_us)

    def read(self, name: str) -> int:
        """DFTREAL or DFTIMAG: the last result, whatever it is of."""
        if self._running and not self._fresh:
            self._chip.hazard("DFT result read before it was ready: it is an older one")
        return self._latest[name] & 0x3FFFF

    def _settings(self) -> tuple[FilterPlan, int, int, int]:
        """Filters, source, number of points, results averaged for one point."""
        chip = self._chip
        name, regs = chip.registers.by_name, chip.map
        con, filters = name("DFTCON"), name("ADCFILTERCON")
        points = 4 << min(regs.field("DFTCON", "DFTNUM", con), 12)
        source = min(regs.field("DFTCON", "DFTINSEL", con), RAW)
        averaged = 1
        if regs.field("ADCFILTERCON", "AVRGEN", filters):
            source, averaged = FROM_SINC3, 2 << regs.field("ADCFILTERCON", "AVRGNUM", filters)
        return plan_of(regs, filters, name("AFECON")), source, points, averaged

    @staticmethod
    def _clocks(plan: FilterPlan, source: int, n: int) -> int:
        """From the start to result n of the source."""
        if source == RAW:
            return 20 * n
        return plan.sinc3_clocks(n) if source == FROM_SINC3 else plan.sinc2_clocks(n)

    def _begin(self, now_us: float) -> None:
        plan, source, points, averaged = self._settings()
        self._start_us = now_us
        clocks = self._clocks(plan, source, points * averaged) + LATENCY_CLOCKS
        self.next_us = now_us + self._chip.clocks_us(clocks)

    def finish(self) -> None:
        """The block that is due: its samples, as the converter makes them, and their one bin."""
        chip = self._chip
        if chip.faults.dft_never_ready:
            self.next_us = NEVER_US
            return
        plan, source, points, averaged = self._settings()
        first, step = self._clocks(plan, source, 1), self._clocks(plan, source, 2) - self._clocks(plan, source, 1)
        window = {RAW: 0, FROM_SINC3: plan.sinc3_window_clocks(), FROM_SINC2: plan.sinc2_window_clocks()}[source]
        clocks = first - 0.5 * window + step * np.arange(points * averaged)
        times_us = np.asarray(self._start_us + clocks * chip.clock_us, dtype=np.float64)
        codes = self._codes(times_us, plan, source)
        low, high = chip.registers.by_name("ADCMIN"), chip.registers.by_name("ADCMAX")
        if codes.min() < low:
            chip.fire(irq.ADC_MIN)
        if high and codes.max() > high:
            chip.fire(irq.ADC_MAX)
        blocks = (codes - 0x8000).reshape(points, averaged).mean(axis=1)
        middles_us = np.asarray(times_us.reshape(points, averaged).mean(axis=1), dtype=np.float64)
        self._publish(np.asarray(blocks, dtype=np.float64), middles_us)
        if self._running:
            self._begin(self.next_us)

    def _codes(self, times_us: npt.NDArray[np.float64], plan: FilterPlan, source: int) -> npt.NDArray[np.float64]:
        """What the ADC makes of its inputs at these times."""
        chip = self._chip
        name = chip.registers.by_name
        adccon = name("ADCCON")
        high_speed = chip.analogue.high_speed
        signal = chip.analogue.high_speed_signal(adccon, chip.now_us)
        frequency = high_speed.frequency_hz()
        limit_v = self._quantiser.limit_v(adccon)
        if signal is None:
            seen_v = np.full(times_us.shape, chip.analogue.input_v(adccon, chip.now_us))
        else:
            angles = 2e-6 * np.pi * frequency * (times_us - high_speed.started_us)
            seen_v = signal.dc_v + (signal.ac_v * np.exp(1j * angles)).imag
            seen_v = np.clip(seen_v, signal.low_v, signal.high_v)
        if not chip.converter.referenced():
            seen_v = np.full(times_us.shape, math.inf)
        seen_v = np.clip(seen_v, -limit_v, limit_v)  # before the filter, which is a digital one
        passed = 1.0
        if source != RAW:
            passed = _sinc(frequency, RAW_RATE_HZ, plan.sinc3_osr) ** 3
        if source == FROM_SINC2:
            passed *= _sinc(frequency, RAW_RATE_HZ / plan.sinc3_osr, plan.sinc2_osr) ** 2
        osr = 1 if source == RAW else plan.sinc3_osr * (plan.sinc2_osr if source == FROM_SINC2 else 1)
        noise = self._quantiser.noise_v(RAW_RATE_HZ / osr, chip.analogue.noise_ohm(adccon), chip.analogue.temperature_c)
        mean_v = float(np.mean(seen_v))
        ages_us = times_us - chip.converter.reference_us
        return self._quantiser.codes(mean_v + passed * (seen_v - mean_v), adccon, ages_us, noise, name)

    def _publish(self, samples: npt.NDArray[np.float64], times_us: npt.NDArray[np.float64]) -> None:
        chip = self._chip
        regs = chip.map
        high_speed = chip.analogue.high_speed
        since_us = times_us - (times_us[0] if chip.variants.dft_phase == "own_start" else high_speed.started_us)
        angles = 2e-6 * np.pi * high_speed.frequency_hz() * since_us
        weights = np.ones(len(samples))
        if regs.field("DFTCON", "HANNINGEN", chip.registers.by_name("DFTCON")):
            weights = np.hanning(len(samples) + 1)[:-1]
        bin_ = complex(np.sum(weights * samples * np.exp(-1j * angles)) / np.sum(weights)) * chip.variants.dft_scale
        real, imaginary = (max(-FULL_SCALE, min(FULL_SCALE - 1, round(part))) for part in (bin_.real, -bin_.imag))
        self._latest = {"DFTREAL": real, "DFTIMAG": imaginary}
        self._fresh = True
        fifo = chip.registers.by_name("FIFOCON")
        if fifo & 0x800 and fifo >> 13 & 7 == SOURCE_DFT:
            for value in (real, imaginary):
                chip.push_fifo(CHANNEL | value >> 16 & 3, value & 0xFFFF)
        chip.fire(irq.DFT_RDY)
