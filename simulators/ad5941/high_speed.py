"""High-speed DAC, excitation amplifier, switch matrix and high-speed TIA: a sine through what lies between two nodes.

Small signals in steady state, from the register table and ad5941.md (5, 7, 8). What those do not hold, by its source:
ranges of the DAC by HSDACCON and the width of WGFCW by CHIPID are the maker's published examples and library;
resistance of the switches, bandwidths and what the amplifiers swing are ASSUMED (verify on a board). Not modelled: the
DAC's steps within a period, its calibration registers, slew, the trapezoid.
"""

from __future__ import annotations

import cmath
import math
import random
from collections.abc import Callable
from typing import NamedTuple

from simulators.ad5941.cells import Cell
from simulators.ad5941.register_map import RegisterMap
from simulators.ad5941.variation import Board, Part

# Half range over codes 0x200..0xE00 with both gains at their largest is 607 mV: volts per code before the two gains.
CODE_V = 0.607 / 1536.0 / 2.0
MID_CODE = 0x800
AMPLIFIER_GAIN = (2.0, 0.25)
ATTENUATION = (1.0, 0.2)
SINE, TRAPEZOID = 2, 3
CLOCK_HZ = 16e6
WORD_BITS = {0x5500: 26}  # of the frequency word; every later silicon has 30
WORD_BITS_USUAL = 30
BANDWIDTH_HZ = (100e3, 50e3, 100e3, 250e3)  # "automatic" ASSUMED: 100 kHz in low power, 250 kHz in high power
RTIA_OHM = (200.0, 1e3, 5e3, 10e3, 20e3, 40e3, 80e3, 160e3)
CTIA_F = (1e-12, 2e-12, 4e-12, 8e-12, 16e-12, 2e-12)
LOAD_OHM = 100.0  # between the SE0 pin and the switches "behind its load"
DIODE_V = 0.6
COMMON_MODE_V = 1.11
SWING_LOW_V = 0.2
SWING_BELOW_AVDD_V = 0.4
OPEN_OHM = 1e8  # an amplifier cannot hold a potential through more
MATRIX = ("D", "P", "N", "T")
AT_RESET = {"D": 0, "P": 0x6000, "N": 0xC00, "T": 0}
NODES = {
    "D": {"DR0": "RCAL0", "D5": "CE0", "D7": "SE0"},
    "P": {"PR0": "RCAL0", "P5": "RE0", "P7": "SE0", "P11": "CE0"},
    "N": {"NR1": "RCAL1", "N5": "SE0 load", "N9": "SE0"},
    "T": {"TR1": "RCAL1", "T5": "SE0 load"},
}
SUPPLIED = "DACEN EXBUFEN INAMPEN DACREFEN".split()


class Signal(NamedTuple):
    """A voltage between two nodes: `dc_v`, and `ac_v` as a phasor on the generator's sine, kept between two rails."""

    dc_v: float = 0.0
    ac_v: complex = 0j
    low_v: float = -math.inf
    high_v: float = math.inf


class Path(NamedTuple):
    """What the excitation does: across its two sensed nodes, and at the output of the TIA against its input."""

    sensed: Signal
    converted: Signal


class Circuit(NamedTuple):
    """What is around the high-speed path: the board, the cell, and whether the low-power loop holds that cell too."""

    board: Board
    cell: Cell
    held: bool


class HighSpeed:
    """Registers in, phasors out. `read` gives a register by name, `circuit` what is connected now."""

    def __init__(
        self,
        regs: RegisterMap,
        read: Callable[[str], int],
        part: Part,
        seed: int,
        circuit: Callable[[], Circuit],
        warn: Callable[[str], None],
    ) -> None:
        self._regs = regs
        self._read = read
        self._part = part
        self._circuit = circuit
        self._warn = warn
        rng = random.Random(f"ad5941 high-speed rtia {seed}")
        self._rtia_error = [1.0 + part.rtia_tolerance + rng.gauss(0.0, part.rtia_spread) for _ in RTIA_OHM]
        self.closed = dict(AT_RESET)
        self.started_us = 0.0  # the generator, at phase zero
        self._running = False

    def reset(self) -> None:
        """The switches as after a reset."""
        self.closed = dict(AT_RESET)
        self._running = False

    def control(self, afecon: int, now_us: float) -> None:
        """AFECON was written: the generator begins at phase zero each time it is switched on."""
        run = bool(afecon & self._regs.mask("AFECON", "WAVEGENEN"))
        if run and not self._running:
            self.started_us = now_us
        self._running = run

    def switch(self, swcon: int) -> None:
        """SWCON was written: it takes over the four switch registers, or opens everything."""
        if swcon & self._regs.mask("SWCON", "SWSOURCESEL"):
            self.closed = {group: self._read(f"{group}SWFULLCON") for group in MATRIX}
            return
        if swcon & 0xFFFF != 0xFFFF:
            self._warn("switch matrix in its coded form is not simulated: open")
        self.closed = dict.fromkeys(MATRIX, 0)

    # -- the generator -------------------------------------------------------------------------------------------------
    def frequency_hz(self) -> float:
        """Of the sine that the frequency word asks for, on this part's oscillator."""
        bits = WORD_BITS.get(self._part.chip_id, WORD_BITS_USUAL)
        word = self._read("WGFCW") & ((1 << bits - 6) - 1)
        return word * CLOCK_HZ * (1.0 + self._part.hfosc_error) / float(1 << bits)

    def phase_rad(self, now_us: float) -> float:
        """Of the generator's sine at this time."""
        return 2.0 * math.pi * self.frequency_hz() * (now_us - self.started_us) * 1e-6

    def _excitation(self) -> tuple[float, complex]:
        """(direct volts, sine as a phasor) that the excitation amplifier is told to hold between P and N."""
        regs, con, afecon = self._regs, self._read("HSDACCON"), self._read("AFECON")
        if afecon & regs.mask("AFECON", "HPREFDIS") or not all(afecon & regs.mask("AFECON", name) for name in SUPPLIED):
            return 0.0, 0j
        gain = AMPLIFIER_GAIN[regs.field("HSDACCON", "INAMPGNMDE", con)] * ATTENUATION[con & 1]
        code_v = CODE_V * gain * (1.0 + self._part.hsdac_gain_error)
        kind = regs.field("WGCON", "TYPESEL", self._read("WGCON"))
        if kind != SINE:
            return ((self._read("HSDACDAT") & 0xFFF) - MID_CODE) * code_v + self._part.hsdac_offset_v, 0j
        offset = self._read("WGOFFSET") & 0xFFF
        direct_v = (offset - 0x1000 if offset & 0x800 else offset) * code_v + self._part.hsdac_offset_v
        if not self._running:
            return direct_v, 0j
        frequency = self.frequency_hz()
        held = frequency * max(7, regs.field("HSDACCON", "RATE", con)) / CLOCK_HZ  # periods that a sample is held for
        shape = math.sin(math.pi * held) / (math.pi * held) if held else 1.0
        power = self._read("PMBW")
        width = BANDWIDTH_HZ[power >> 2 & 3] if power & 0xC or not power & 1 else BANDWIDTH_HZ[3]
        start = cmath.exp(2j * math.pi * (self._read("WGPHASE") & 0xFFFFF) / float(1 << 20))
        return direct_v, (self._read("WGAMPLITUDE") & 0x7FF) * code_v * shape * start / (1.0 + 1j * frequency / width)

    # -- the path ------------------------------------------------------------------------------------------------------
    def _node(self, group: str) -> str | None:
        """The one node that a group is switched to; None when there is none or more than one."""
        masks = {node: self._regs.mask(f"{group}SWFULLCON", name) for name, node in NODES[group].items()}
        found = [node for node, mask in masks.items() if self.closed[group] & mask]
        return found[0] if len(found) == 1 else None

    def _impedances(self, frequency_hz: float, now_us: float) -> tuple[complex, complex] | None:
        """(between the sensed nodes, all that the amplifier drives) in ohm; None when no loop is closed."""
        drive, positive, negative, sink = (self._node(group) for group in MATRIX)
        around, switches_ohm = self._circuit(), 2.0 * self._part.matrix_switch_ohm
        if (drive, positive, negative, sink) == ("RCAL0", "RCAL0", "RCAL1", "RCAL1"):
            rcal = complex(around.board.rcal_ohm)
            return rcal, rcal + switches_ohm
        sensed = positive in ("CE0", "RE0") and negative in ("SE0", "SE0 load")
        if (drive, sink) != ("CE0", "SE0 load") or not sensed:
            return None
        if around.held:
            self._warn("excitation amplifier and potentiostat both on the cell")
        whole = around.cell.impedance_ohm(frequency_hz, now_us, at_counter=True)
        seen = whole if positive == "CE0" else around.cell.impedance_ohm(frequency_hz, now_us, at_counter=False)
        return seen + (LOAD_OHM if negative == "SE0 load" else 0.0), whole + LOAD_OHM + switches_ohm

    def feedback_ohm(self, frequency_hz: float = 0.0) -> complex:
        """RTIA with its capacitor; infinite while open."""
        con = self._read("HSRTIACON")
        code = self._regs.field("HSRTIACON", "RTIACON", con)
        if code >= len(RTIA_OHM) or not self.closed["T"] & self._regs.mask("TSWFULLCON", "T9"):
            return complex(math.inf)
        farad = sum(value for bit, value in enumerate(CTIA_F) if con >> 5 + bit & 1)
        ohm = RTIA_OHM[code] * self._rtia_error[code]
        return ohm / (1.0 + 2j * math.pi * frequency_hz * ohm * farad)

    def path(self, now_us: float) -> Path:
        """What converts and senses show now."""
        board = self._circuit().board
        bias_v = COMMON_MODE_V
        top_v = board.avdd_v - SWING_BELOW_AVDD_V - bias_v
        rails = Signal(low_v=SWING_LOW_V - bias_v, high_v=top_v)
        if not self._read("AFECON") & self._regs.mask("AFECON", "TIAEN"):
            return Path(Signal(), Signal())
        if not self._read("AFECON") & self._regs.mask("AFECON", "INAMPEN"):
            return Path(Signal(), rails)
        frequency = self.frequency_hz()
        direct_v, sine_v = self._excitation()
        driven = self._impedances(frequency, now_us)
        if driven is None or not abs(driven[0]) < OPEN_OHM:
            if driven is None:
                self._warn("excitation amplifier on with its loop open")
            return Path(rails._replace(dc_v=top_v), rails)  # nothing comes back: it runs to its rail
        seen_ohm, all_ohm = driven
        current_a = sine_v / seen_ohm
        asked_v = abs(current_a * all_ohm)
        if asked_v > top_v:
            self._warn("excitation amplifier at its rail")
            current_a *= top_v / asked_v
        still = self._impedances(0.0, now_us)
        steady_a = direct_v / still[0].real if still is not None else 0.0
        feedback = self.feedback_ohm(frequency)
        if math.isinf(feedback.real):
            return Path(Signal(direct_v, current_a * seen_ohm), rails._replace(dc_v=math.copysign(math.inf, -direct_v)))
        if self._read("HSRTIACON") & self._regs.mask("HSRTIACON", "TIASW6CON"):
            rails = rails._replace(low_v=max(rails.low_v, -DIODE_V), high_v=min(rails.high_v, DIODE_V))
        out = rails._replace(dc_v=-steady_a * self.feedback_ohm().real, ac_v=-current_a * feedback)
        return Path(Signal(direct_v, current_a * seen_ohm), out)

    def instant_v(self, signal: Signal, now_us: float) -> float:
        """A signal's value at one time."""
        turned = signal.ac_v * cmath.exp(1j * self.phase_rad(now_us))
        return max(signal.low_v, min(signal.high_v, signal.dc_v + turned.imag))


def supply_state(regs: RegisterMap, afecon: int) -> str:
    """Which current the chip draws while it is awake: `excitation`, `adc` or `idle`."""
    if afecon & (regs.mask("AFECON", "DACEN") | regs.mask("AFECON", "INAMPEN")):
        return "excitation"
    return "adc" if afecon & regs.mask("AFECON", "ADCEN") else "idle"
