"""When the converter samples, and where results go: data registers, flags, FIFO (ad5941.md sections 6 and 8)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from simulators.ad5941 import interrupts as irq
from simulators.ad5941.adc import RAW_RATE_HZ, SINC2_INSTANTS, Quantiser, plan_of
from simulators.ad5941.dft import DftEngine

if TYPE_CHECKING:
    from simulators.ad5941.device import Ad5941

NEVER_US = float("inf")
SOURCE_SINC3, SOURCE_SINC2 = 0, 3


class Converter:
    """Streams of SINC3 and SINC2 results from ADCCONVEN on.

    Results that nobody collects (no FIFO, no repeat count) are skipped up to the last one before the next event: only
    that one can be read.
    """

    def __init__(self, chip: Ad5941, seed: int) -> None:
        self._chip = chip
        self._quantiser = Quantiser(chip.map, chip.part, chip.variants, seed)
        self.dft = DftEngine(chip, self._quantiser)
        self._running = False
        self._start_us = 0.0
        self.reference_us = 0.0  # when the reference was switched on
        self._enabled = False
        self._filter_us = NEVER_US
        self.next_us = NEVER_US
        self._done = 0
        self._instants: list[tuple[float, float]] = []
        self._sum_v = 0.0
        self._result_us = NEVER_US
        self._sinc2 = False
        self.latest = {"ADCDAT": 0, "SINC2DAT": 0}

    def stop(self) -> None:
        self._running = False
        self._enabled = False
        self.dft.control(False, 0.0)
        self._due(NEVER_US)

    def _due(self, filter_us: float) -> None:
        """When a filter is next due; the DFT engine may be earlier."""
        self._filter_us = filter_us
        self.next_us = min(filter_us, self.dft.next_us)

    def control(self, afecon: int, now_us: float) -> None:
        """AFECON was written."""
        regs = self._chip.map
        enabled = bool(afecon & regs.mask("AFECON", "ADCEN"))
        run = enabled and bool(afecon & regs.mask("AFECON", "ADCCONVEN"))
        if enabled and not self._enabled:
            self.reference_us = now_us
        self._enabled = enabled
        self.dft.control(run and bool(afecon & regs.mask("AFECON", "DFTEN")), now_us)
        if run and not self._running:
            self._start(now_us)
        elif not run:
            self._running = False
            self._due(NEVER_US)
        else:
            self._due(self._filter_us)

    def reconfigured(self, now_us: float) -> None:
        """Filter or input changed while converting: the filters start over."""
        if self._running:
            self.dft.reconfigured(now_us)
            self._start(now_us)

    def _start(self, now_us: float) -> None:
        self._running = True
        self._start_us = now_us
        self._done = 0
        name = self._chip.registers.by_name
        self._plan = plan_of(self._chip.map, name("ADCFILTERCON"), name("AFECON"))
        self._sinc2 = self._plan.sinc2_on and not (self._collected(SOURCE_SINC3))
        self._plan_result(1)

    def _collected(self, source: int) -> bool:
        con = self._chip.registers.by_name("FIFOCON")
        return bool(con & 0x800) and con >> 13 & 7 == source

    def _time_us(self, n: int) -> float:
        clocks = self._plan.sinc2_clocks(n) if self._sinc2 else self._plan.sinc3_clocks(n)
        return self._start_us + self._chip.clocks_us(clocks)

    def _plan_result(self, n: int) -> None:
        """Sampling instants of result n, then the result itself."""
        self._result_us = self._time_us(n)
        self._index = n
        self._sum_v = 0.0
        if self._sinc2:
            window_us = self._chip.clocks_us(self._plan.sinc2_window_clocks())
            self._instants = [(self._result_us - f * window_us, w) for f, w in SINC2_INSTANTS]
        else:
            window_us = self._chip.clocks_us(self._plan.sinc3_window_clocks())
            self._instants = [(self._result_us - 0.5 * window_us, 1.0)]
        self._due(max(self._instants[0][0], self._start_us))

    def _skip(self, horizon_us: float) -> None:
        """Jump to the last result that is complete at the horizon."""
        source = SOURCE_SINC2 if self._sinc2 else SOURCE_SINC3
        if self._collected(source) or self._chip.registers.by_name("REPEATADCCNV") & 1 or horizon_us == NEVER_US:
            return
        period_us = self._time_us(2) - self._time_us(1)
        ahead = int((horizon_us - self._result_us) / period_us)
        if ahead > 0:
            self._done += ahead
            self._plan_result(self._index + ahead)

    def step(self, horizon_us: float) -> None:
        """One sampling instant or one result, due at `next_us`; nothing else happens before `horizon_us`."""
        if self.dft.next_us <= self._filter_us and self.dft.next_us < NEVER_US:
            self.dft.finish()
            self._due(self._filter_us)
            return
        horizon_us = min(horizon_us, self.dft.next_us)
        if self._instants:
            if self._sum_v == 0.0 and len(self._instants) in (1, len(SINC2_INSTANTS)):
                self._skip(horizon_us)
                if self._filter_us > horizon_us:
                    return
            when, weight = self._instants.pop(0)
            adccon = self._chip.registers.by_name("ADCCON")
            volts = self._chip.analogue.input_v(adccon, max(when, self._chip.now_us))
            self._sum_v += weight * volts if math.isfinite(volts) else volts
            self._due(self._instants[0][0] if self._instants else self._result_us)
            return
        self._finish(self._result_us)

    def _finish(self, now_us: float) -> None:
        chip = self._chip
        name = chip.registers.by_name
        adccon = name("ADCCON")
        osr = self._plan.sinc3_osr * (self._plan.sinc2_osr if self._sinc2 else 1)
        noise = self._quantiser.noise_v(RAW_RATE_HZ / osr, chip.analogue.noise_ohm(adccon), chip.analogue.temperature_c)
        volts = self._sum_v if math.isfinite(self._sum_v) else math.copysign(10.0, self._sum_v)
        volts += chip.faults.adc_offset_jump_v
        if not self.referenced():
            volts = 10.0  # no reference: the code rails instead of looking plausible
        code = self._quantiser.code(volts, adccon, now_us - self.reference_us, noise, name)
        self._done += 1
        self._publish(code, chip.map.field("ADCCON", "MUXSELP", adccon))
        repeat = name("REPEATADCCNV")
        if repeat & 1 and self._done >= max(1, repeat >> 4 & 0xFF):
            chip.registers.clear_bits("AFECON", chip.map.mask("AFECON", "ADCCONVEN"))
            self._running = False
            self.dft.control(False, now_us)
            self._due(NEVER_US)
            return
        self._plan_result(self._index + 1)

    def referenced(self) -> bool:
        """Whether the converter has its references; without them its codes rail."""
        name = self._chip.registers.by_name
        off = name("AFECON") & self._chip.map.mask("AFECON", "HPREFDIS")
        return not off and bool(name("BUFSENCON") & 0x5) and bool(name("BUFSENCON") & 0x30)

    def _publish(self, code: int, channel: int) -> None:
        chip = self._chip
        self.latest["ADCDAT"] = code
        chip.fire(irq.ADC_RDY)
        if self._sinc2:
            self.latest["SINC2DAT"] = code
            chip.fire(irq.SINC2_RDY)
            if self._collected(SOURCE_SINC2):
                chip.push_fifo(0x40 | channel, code)
        elif self._collected(SOURCE_SINC3):
            chip.push_fifo(channel, code)
        low, high = chip.registers.by_name("ADCMIN"), chip.registers.by_name("ADCMAX")
        if code < low:
            chip.fire(irq.ADC_MIN)
        if high and code > high:
            chip.fire(irq.ADC_MAX)
