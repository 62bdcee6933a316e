"""Square-wave voltammetry on the AD5941: the plan, the ping-pong blocks, the trace of raw codes."""

from array import array

from firmware.drivers import ad5941_convert as convert
from firmware.drivers import ad5941_registers as reg
from firmware.drivers.ad5941 import FIFO_TROUBLE, POLL_US, SLOT_FLAGS
from firmware.drivers.ad5941_sequence import (
    COMMANDS_PER_HALF,
    COMMANDS_PER_POINT,
    POINTS_PER_BLOCK,
    block_end,
    half_commands,
    half_waits,
)
from firmware.drivers.errors import BadRequest, CellFault, ChipFault, NoAnswer

POINTS_MAX = 700
FLAT_CODES = 4  # ASSUMED: forward and reverse this alike (15 nA at 10 kohm) ...
FLAT_RUN = 6  # ... this often in a row: the square wave does not reach the electrode
WATCH_BEFORE_END_US = 2_000
LOOK_EVERY_US = 50_000  # a FIFO in trouble is noticed this soon
# Between two blocks the cell rests at the last reverse potential. Five more periods of that are little beside the fifty
# of a block; more depletes what is measured. ASSUMED: measured gaps are under 1 ms on a free host.
GAP_HALVES_MAX = 10
CONDITION_US = 500_000  # ASSUMED: rest at the first potential until the charging current is gone


class ScanPlan:
    """One checked scan. Potentials in integer microvolts, so that no step accumulates an error."""

    def __init__(self, start_uv: int, end_uv: int, step_uv: int, amplitude_uv: int, frequency_mhz: int, rtia_ohm: int):
        if step_uv <= 0 or amplitude_uv <= 0 or frequency_mhz <= 0 or start_uv == end_uv:
            raise BadRequest(reg.CHIP, "waveform", "step, amplitude and frequency must be positive, the span not empty")
        self.start_uv = start_uv
        self.sign = 1 if end_uv > start_uv else -1
        self.step_uv = step_uv
        self.amplitude_uv = amplitude_uv
        self.frequency_mhz = frequency_mhz
        self.points = abs(end_uv - start_uv) // step_uv + 1
        if self.points > POINTS_MAX:
            raise BadRequest(reg.CHIP, "waveform", "%d points, at most %d" % (self.points, POINTS_MAX))
        lowest = min(start_uv, end_uv) - amplitude_uv
        highest = max(start_uv, end_uv) + amplitude_uv
        self.code6 = convert.vzero_code(lowest, highest)
        convert.lpdac_word(lowest, self.code6)
        convert.lpdac_word(highest, self.code6)
        self.gain_code = convert.rtia_code(rtia_ohm)
        self.half_clocks = convert.CLOCK_HZ // 2 * 1000 // frequency_mhz
        self.sinc2 = convert.sinc2_code(self.half_clocks)
        first, second = convert.conversion_clocks(self.sinc2)
        self.settle, self.convert = half_waits(self.half_clocks, first, second)

    def potential_uv(self, point: int) -> int:
        """Staircase potential of this point."""
        return self.start_uv + self.sign * self.step_uv * point


def plan_of(waveform: dict, rtia_ohm: int) -> ScanPlan:
    """The plan of a calibration's waveform (volts and hertz, as in strip.toml); BadRequest when a field is missing."""
    try:
        return ScanPlan(
            round(waveform["start_v"] * 1e6),
            round(waveform["end_v"] * 1e6),
            round(waveform["step_v"] * 1e6),
            round(waveform["amplitude_v"] * 1e6),
            round(waveform["frequency_hz"] * 1000),
            rtia_ohm,
        )
    except KeyError as error:
        raise BadRequest(reg.CHIP, "waveform", "no %s" % error.args[0]) from None


class Trace:
    """What one scan left: raw codes, forward and reverse by turns, and how it went."""

    def __init__(self, plan: ScanPlan, supply_v: float):
        self.plan = plan
        self.codes = array("H", [0] * (2 * plan.points))
        self.filled = 0
        self.saturated = 0
        self.flat_run_max = 0
        self._flat_run = 0
        self.gap_us_max = 0
        self.rtia_ohm = 0.0
        self.offset_code = 0.0
        self._low, self._high = convert.code_limits(plan.code6, supply_v)

    def keep(self, code: int) -> None:
        """Store the next code; more than the plan asked for is a fault."""
        if self.filled >= len(self.codes):
            raise ChipFault(reg.CHIP, "fifo_surplus", "more than %d words" % len(self.codes))
        self.codes[self.filled] = code
        self.filled += 1
        if not self.filled & 1:
            alike = abs(code - self.codes[self.filled - 2]) <= FLAT_CODES and self._low <= code <= self._high
            self._flat_run = self._flat_run + 1 if alike else 0
            self.flat_run_max = max(self.flat_run_max, self._flat_run)
        if not self._low <= code <= self._high:
            self.saturated += 1

    def potential_v(self, point: int) -> float:
        """Staircase potential in volts."""
        return self.plan.potential_uv(point) / 1e6

    def forward_a(self, point: int) -> float:
        """Current at the end of the forward half, anodic positive."""
        return convert.convert_current_a(self.codes[2 * point], self.rtia_ohm, self.offset_code)

    def reverse_a(self, point: int) -> float:
        """Current at the end of the reverse half, anodic positive."""
        return convert.convert_current_a(self.codes[2 * point + 1], self.rtia_ohm, self.offset_code)


def _load(afe, plan: ScanPlan, block: int, fresh: bool):
    """Fill the block's slot (generator: yields 0 after each few points); without `fresh` only what differs is sent."""
    slot = block & 1
    base = slot * reg.COMMAND_WORDS_PER_BLOCK
    first = block * POINTS_PER_BLOCK
    count = min(POINTS_PER_BLOCK, plan.points - first)
    at = base
    for point in range(first, first + count):
        staircase = plan.potential_uv(point)
        for half in (plan.sign, -plan.sign):
            word = convert.lpdac_word(staircase + half * plan.amplitude_uv, plan.code6)
            commands = half_commands(word, plan.settle, plan.convert)
            for index in range(COMMANDS_PER_HALF):
                afe.command(at, commands[index], fresh or index == 0)
                at += 1
        if point % 5 == 4:
            yield 0
    last = first + count == plan.points
    for command in block_end(slot, last):
        afe.command(at, command, True)
        at += 1
    afe.sequence(slot, at - base)


def _await_block(afe, slot: int, begun: int, duration_us: int):
    """Wait for the end of the running block (generator); returns the microseconds by which it was noticed late."""
    clock = afe.clock
    limit_us = duration_us + duration_us // 5 + 50_000
    while True:
        flags = afe.bus.read(reg.INTCFLAG1)
        passed = clock.ticks_diff(clock.ticks_us(), begun)
        if flags & FIFO_TROUBLE:
            raise ChipFault(reg.CHIP, "fifo_overflow", "flags 0x%08X" % flags)
        if flags & reg.FLAG_TRY_BREAK:
            raise ChipFault(reg.CHIP, "sequence_collision", "flags 0x%08X" % flags)
        if flags & SLOT_FLAGS[slot]:
            return max(0, clock.ticks_diff(clock.ticks_us(), begun) - duration_us)
        if passed > limit_us:
            raise NoAnswer(reg.CHIP, "CUSTOM%d" % slot, passed)
        yield max(POLL_US, min(LOOK_EVERY_US, duration_us - WATCH_BEFORE_END_US - passed))


def scan(afe, plan: ScanPlan, trace: Trace):
    """Run the plan into `trace` (generator of microseconds to wait); the cell is open again however it ends.

    Raises DriverError when the bus, the chip or the timing cannot be trusted; a clipped trace is reported in
    `trace.saturated`, not raised: what it means is for the caller to say.
    """
    trace.rtia_ohm = afe.rtia_ohm.get(plan.gain_code) or float(convert.nominal_rtia_ohm(plan.gain_code))
    trace.offset_code = afe.offset_code
    blocks = (plan.points + POINTS_PER_BLOCK - 1) // POINTS_PER_BLOCK
    done = False
    try:
        afe.loop_on(plan.start_uv, plan.code6, plan.gain_code)
        afe.connect()
        yield CONDITION_US
        afe.sequencer_open(plan.sinc2)
        yield from _load(afe, plan, 0, True)
        afe.trigger(0)
        for block in range(blocks):
            begun = afe.clock.ticks_us()
            slot = block & 1
            count = min(POINTS_PER_BLOCK, plan.points - block * POINTS_PER_BLOCK)
            length = count * COMMANDS_PER_POINT
            duration_us = (2 * count * plan.half_clocks + length // COMMANDS_PER_POINT) // 16
            if block + 1 < blocks:
                yield from _load(afe, plan, block + 1, block == 0)
            late_us = yield from _await_block(afe, slot, begun, duration_us)
            if block + 1 < blocks:
                afe.trigger(slot ^ 1)
                trace.gap_us_max = max(trace.gap_us_max, late_us)
                if late_us > GAP_HALVES_MAX * plan.half_clocks // 16:
                    raise ChipFault(reg.CHIP, "waveform_gap", "%d us between two blocks" % late_us)
            afe.bus.write(reg.INTCCLR, SLOT_FLAGS[slot])
            afe.drain(trace.keep, slot)
        afe.sequencer_close()
        afe.identify()
        afe.release()
        done = True
    finally:
        if not done:
            afe.hold_reset()
    if trace.filled != len(trace.codes):
        raise ChipFault(reg.CHIP, "trace_incomplete", "%d of %d words" % (trace.filled, len(trace.codes)))
    if trace.flat_run_max >= FLAT_RUN:
        raise CellFault(reg.CHIP, "interrupted", "no square wave on %d points in a row" % trace.flat_run_max)
