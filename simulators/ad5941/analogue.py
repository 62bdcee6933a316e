"""Low-power DAC, potentiostat amplifier, transimpedance amplifier and their switches (ad5941.md sections 4 and 5)."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import NamedTuple

from simulators.ad5941.cells import Cell
from simulators.ad5941.high_speed import Circuit, HighSpeed, Signal
from simulators.ad5941.register_map import RegisterMap
from simulators.ad5941.variation import Board, Part

SWING_LOW_V = 0.3
SWING_BELOW_AVDD_V = 0.4
DIODE_V = 0.6
COMMON_MODE_V = 1.11
INPUT_LOW_V, INPUT_HIGH_V = 0.2, 2.02
LP_REFERENCE_V = 2.5
HSDAC_REFERENCE_V = 1.82
LPTIA_OUT, LPTIA_MINUS = 33, 2
HSTIA_OUT, HSTIA_MINUS = 1, 1
P_NODE, N_NODE = 36, 20
BARE_SETTLING_TAU_US = 3.0  # ASSUMED: no figure without capacitors in the notes
SETTLING_INSTANTS = (0.25, 0.6, 1.1, 1.8, 2.8, 4.2, 6.5)  # in time constants
OF_THE_LOOP = """LPTIACON0 LPTIASW0 LPDACSW0 LPDACCON0 LPREFBUFCON SWCON DSWFULLCON TSWFULLCON HSTIACON""".split()
SOLVED_MAX = 2_000


class Loop(NamedTuple):
    """What the switches make of the loop. Potentials in volt against ground; `potential_v` is WE against RE."""

    potential_v: float | None
    series_ohm: float
    feedback_ohm: float  # inf = open
    feedback_shorted: bool
    diode: bool
    tia_on: bool
    bias_v: float
    zero_v: float
    tia_plus_v: float
    calibration_a: float  # current out of SE0 through RCAL
    tau_us: float


class Wiring(NamedTuple):
    """What the registers make of the loop, whatever the DAC gives."""

    to_pa: bool
    to_tia: bool
    to_hs: bool
    alive: bool
    joined: bool  # VBIAS and VZERO
    rails: bool  # the counter electrode: its amplifier senses nothing
    controls: bool  # the amplifier holds the potential between the electrodes
    still: bool  # no potential between them
    tia_on: bool
    series_ohm: float
    feedback_ohm: float  # inf = open
    feedback_shorted: bool
    diode: bool
    tau_us: float
    calibrates: bool
    hs_on_zero: bool


class Analogue:
    """Registers in, node voltages out. `read` gives a register by name."""

    def __init__(
        self, regs: RegisterMap, read: Callable[[str], int], cell: Cell, *, part: Part, board: Board, seed: int
    ) -> None:
        self._regs = regs
        self._read = read
        self.cell = cell
        self._part = part
        self._board = board
        (lsb_p, _), (lsb_n, _) = (regs.by_name["ADCCON"].fields[name] for name in ("MUXSELP", "MUXSELN"))
        self._inputs = regs.mask("ADCCON", "MUXSELP") | regs.mask("ADCCON", "MUXSELN")
        self._tia_enable = regs.mask("AFECON", "TIAEN")  # all that the loop takes of a register that is written most
        self._lptia = LPTIA_OUT << lsb_p | LPTIA_MINUS << lsb_n
        rng = random.Random(f"ad5941 rtia {seed}")
        table = regs.constants["rtia"]["ohm_at_rload_100"]
        self._rtia_error = [1.0 + part.rtia_tolerance + rng.gauss(0.0, part.rtia_spread) for _ in table]
        self._bias_v = 0.0
        self._zero_v = 0.0
        self._target = (0.0, 0.0)
        self._settling: list[tuple[float, float, float]] = []
        self.next_us = math.inf
        self._filtered_v = 0.0
        self._filtered_us = 0.0
        self.hazards: list[str] = []
        self.on_hazard: Callable[[str], None] = lambda what: None
        self.temperature_c = 25.0
        self.absolute_input = False
        self._solved: dict[tuple[object, ...], Loop] = {}
        self._wired: dict[tuple[object, ...], Wiring] = {}
        self._solved_on = board
        self.high_speed = HighSpeed(regs, read, part, seed, self._circuit, self._warn)
        self.loop = self._solve()

    def _circuit(self) -> Circuit:
        return Circuit(self._board, self.cell, self.loop.potential_v is not None)

    # -- the DAC -------------------------------------------------------------------------------------------------
    def dac_targets_v(self) -> tuple[float, float]:
        """VBIAS and VZERO that the codes ask for."""
        constants = self._regs.constants["lpdac"]
        data, con = self._read("LPDACDAT0"), self._read("LPDACCON0")
        code12, code6 = data & 0xFFF, data >> 12 & 0x3F
        v12 = constants["offset_v"] + code12 * constants["lsb12_v"]
        v12 += self._part.lpdac_inl_v * math.sin(2.0 * math.pi * code12 / 4096.0 * 3.0)
        v6 = constants["offset_v"] + code6 * constants["lsb6_v"]
        if code12 < 64 * code6:
            v6 -= constants["lsb12_v"]
        bias = v6 if con & self._regs.mask("LPDACCON0", "VBIASMUX") else v12
        zero = v12 if con & self._regs.mask("LPDACCON0", "VZEROMUX") else v6
        return bias, zero

    def _dac_alive(self) -> bool:
        off = self._read("LPREFBUFCON") & 0x3
        return not off and not self._read("LPDACCON0") & self._regs.mask("LPDACCON0", "PWDEN")

    def _routes(self) -> tuple[bool, bool, bool, bool]:
        """VBIAS to PA, VZERO to LPTIA, VZERO to HSTIA, and whether a pin capacitor hangs on either."""
        switches = self._read("LPDACSW0")
        if not switches & 0x20:
            diagnostic = bool(self._read("LPDACCON0") & self._regs.mask("LPDACCON0", "DACMDE"))
            return True, not diagnostic, diagnostic, True
        capacitor = bool(switches & 0x0A) or bool(self._read("LPTIASW0") & 0x3000)
        return bool(switches & 0x10), bool(switches & 0x04), bool(switches & 0x01), capacitor

    # -- the loop ------------------------------------------------------------------------------------------------
    def rtia_ohm(self) -> float:
        """True feedback resistance for the codes, this part and this temperature."""
        constants = self._regs.constants["rtia"]
        con = self._read("LPTIACON0")
        code = min(self._regs.field("LPTIACON0", "TIAGAIN", con), len(constants["nominal_ohm"]) - 1)
        if code == 0:
            return math.inf
        load_code = self._regs.field("LPTIACON0", "TIARL", con)
        if constants["nominal_ohm"][code] < constants["rload_min_rtia_ohm"][load_code]:
            self._warn("RLOAD too large for this RTIA")
        ohm = max(1.0, constants["ohm_at_rload_100"][code] + 100.0 - constants["rload_ohm"][load_code])
        drift = 1.0 + self._part.rtia_drift_per_k * (self.temperature_c - 25.0)
        return float(ohm * self._rtia_error[code] * drift)

    def _warn(self, what: str) -> None:
        if what not in self.hazards:
            self.hazards.append(what)
            self.on_hazard(what)

    def _solve(self) -> Loop:
        """The loop as the registers make it; solved anew only when one of them, the DAC or the temperature changed."""
        if self._board is not self._solved_on:
            self._solved.clear()
            self._wired.clear()
            self._solved_on = self._board
        registers = (self.temperature_c, self._read("AFECON") & self._tia_enable, *map(self._read, OF_THE_LOOP))
        key = (self._bias_v, self._zero_v, registers)
        found = self._solved.get(key)
        if found is None:
            if len(self._solved) >= SOLVED_MAX:
                self._solved.clear()
            found = self._solved[key] = self._solved_anew(registers)
        return found

    def _solved_anew(self, registers: tuple[object, ...]) -> Loop:
        wired = self._wired.get(registers)
        if wired is None:
            if len(self._wired) >= SOLVED_MAX:
                self._wired.clear()
            wired = self._wired[registers] = self._wire()
        bias_v, zero_v = (self._bias_v, self._zero_v) if wired.alive else (0.0, 0.0)
        pa_plus = bias_v if wired.to_pa else (zero_v if wired.joined and wired.to_tia else 0.0)
        tia_plus = zero_v if wired.to_tia else (bias_v if wired.joined and wired.to_pa else 0.0)
        if wired.joined and wired.to_pa and wired.to_tia:
            pa_plus = tia_plus  # tied: no potential between the electrodes
        potential: float | None = None
        if wired.rails:
            self._warn("PA on with its loop open: the counter electrode rails")
            potential = tia_plus - (self._board.avdd_v - SWING_BELOW_AVDD_V)
        elif wired.controls:
            potential = 0.0 if wired.still else tia_plus - pa_plus
        if potential is not None and not wired.tia_on:
            potential = None
        calibration_a = 0.0
        if wired.calibrates:
            ground_v = (zero_v if wired.to_hs else 0.0) if wired.hs_on_zero else COMMON_MODE_V
            calibration_a = (tia_plus - ground_v) / self._board.rcal_ohm
        return Loop(
            potential_v=potential,
            series_ohm=wired.series_ohm,
            feedback_ohm=wired.feedback_ohm,
            feedback_shorted=wired.feedback_shorted,
            diode=wired.diode,
            tia_on=wired.tia_on,
            bias_v=bias_v,
            zero_v=zero_v,
            tia_plus_v=tia_plus,
            calibration_a=calibration_a,
            tau_us=wired.tau_us,
        )

    def _wire(self) -> Wiring:
        regs, con, sw = self._regs, self._read("LPTIACON0"), self._read("LPTIASW0")
        closed = [bool(sw >> n & 1) for n in range(16)]
        tia_on = not con & regs.mask("LPTIACON0", "TIAPDEN")
        pa_on = not con & regs.mask("LPTIACON0", "PAPDEN")
        to_pa, to_tia, to_hs, _ = self._routes()
        alive = self._dac_alive()
        sensed = closed[3] or closed[4]
        feedback = self.rtia_ohm()
        if closed[9]:
            conductance = 1.0 / feedback + 1.0 / self._board.external_rtia_ohm
            feedback = 1.0 / conductance if conductance > 0.0 else math.inf
        filter_ohm = regs.constants["rtia"]["rf_ohm"][regs.field("LPTIACON0", "TIARF", con)]
        tau_s = max(0.0, filter_ohm) * self._board.filter_capacitor_f
        if closed[5] and math.isfinite(feedback):
            tau_s += feedback * self._board.tia_capacitor_f
        return Wiring(
            to_pa=to_pa,
            to_tia=to_tia,
            to_hs=to_hs,
            alive=alive,
            joined=closed[6],
            rails=pa_on and closed[2] and not (sensed or closed[8] or closed[15] or closed[10]),
            controls=pa_on and tia_on and alive and closed[2] and (sensed or closed[10] or closed[8]),
            still=closed[11],
            tia_on=tia_on,
            series_ohm=float(regs.constants["rtia"]["rload_ohm"][regs.field("LPTIACON0", "TIARL", con)]),
            feedback_ohm=feedback,
            feedback_shorted=closed[1] or closed[7],
            diode=closed[0],
            tau_us=tau_s * 1e6,
            calibrates=tia_on and self._calibrates(),
            hs_on_zero=self._read("HSTIACON") & 3 == 1,
        )

    def _calibrates(self) -> bool:
        """Whether SE0 leads through the D matrix and RCAL into the virtual ground of the high-speed TIA (section 7)."""
        driven = self._regs.mask("DSWFULLCON", "DR0") | self._regs.mask("DSWFULLCON", "D7")
        taken = self._regs.mask("TSWFULLCON", "TR1") | self._regs.mask("TSWFULLCON", "T9")
        return bool(
            self._read("SWCON") & self._regs.mask("SWCON", "SWSOURCESEL")
            and self._read("DSWFULLCON") & driven == driven
            and self._read("TSWFULLCON") & taken == taken
            and self._read("AFECON") & self._regs.mask("AFECON", "TIAEN")
        )

    # -- time ----------------------------------------------------------------------------------------------------
    def settle(self) -> None:
        """The next instant of a slow DAC step."""
        now_us, self._bias_v, self._zero_v = self._settling.pop(0)
        self.next_us = self._settling[0][0] if self._settling else math.inf
        self.refresh(now_us)

    def update_dac(self, now_us: float) -> None:
        """New codes reach the outputs: at once, or through the pin capacitors."""
        start = (self._bias_v, self._zero_v)
        target = self.dac_targets_v()
        slow = self._routes()[3]
        self._settling = []
        if not slow or self._target == (0.0, 0.0):
            self._bias_v, self._zero_v = target
        else:
            tau_us = self._board.pin_settling_tau_us
            for instant in SETTLING_INSTANTS:
                left = 0.0 if instant == SETTLING_INSTANTS[-1] else math.exp(-instant)
                bias, zero = (end + (begin - end) * left for begin, end in zip(start, target, strict=True))
                self._settling.append((now_us + instant * tau_us, bias, zero))
        self._target = target
        self.next_us = self._settling[0][0] if self._settling else math.inf
        self.refresh(now_us)

    def power_cycle(self, now_us: float) -> None:
        self._settling = []
        self.next_us = math.inf
        self._bias_v = self._zero_v = 0.0
        self._target = (0.0, 0.0)
        self.refresh(now_us)

    def refresh(self, now_us: float) -> None:
        """A register of the loop changed: tell the cell what it now sees."""
        old, new = self.loop, self._solve()
        if old.tau_us > 0.0 or new.tau_us > 0.0:  # the filter remembers what it saw until now
            self.sample_v(now_us)
        self.loop = new
        if (old.potential_v, old.series_ohm) != (self.loop.potential_v, self.loop.series_ohm):
            self.cell.apply(self.loop.potential_v, self.loop.series_ohm, now_us)

    def attach(self, cell: Cell, now_us: float) -> None:
        """Another cell on the connector."""
        self.cell = cell
        cell.apply(self.loop.potential_v, self.loop.series_ohm, now_us)

    # -- what the ADC can see --------------------------------------------------------------------------------------
    def sample_v(self, now_us: float) -> float:
        """LPTIA output minus its inverting input, behind the filters; positive for an anodic current."""
        loop = self.loop
        if not loop.tia_on:
            raw_v = -loop.tia_plus_v if loop.tia_plus_v else -COMMON_MODE_V
        elif loop.feedback_shorted:
            raw_v = 0.0
        else:
            current_a = self.cell.current_a(now_us) + loop.calibration_a
            raw_v = self._output_v(current_a, loop) - loop.tia_plus_v
        if loop.tau_us > 0.0:
            keep = math.exp(-max(0.0, now_us - self._filtered_us) / loop.tau_us)
            raw_v = raw_v + (self._filtered_v - raw_v) * keep
        self._filtered_v, self._filtered_us = raw_v, max(now_us, self._filtered_us)
        return raw_v

    def _output_v(self, current_a: float, loop: Loop) -> float:
        top_v = self._board.avdd_v - SWING_BELOW_AVDD_V
        if math.isinf(loop.feedback_ohm):
            out_v = loop.tia_plus_v if current_a == 0.0 else math.copysign(math.inf, current_a)
        else:
            out_v = loop.tia_plus_v + current_a * loop.feedback_ohm
        if loop.diode:
            out_v = max(loop.tia_plus_v - DIODE_V, min(loop.tia_plus_v + DIODE_V, out_v))
        return max(SWING_LOW_V, min(top_v, out_v))

    def high_speed_signal(self, adccon: int, now_us: float) -> Signal | None:
        """What the high-speed path gives to the inputs that ADCCON chooses; None when they are not of it."""
        pair = (self._regs.field("ADCCON", "MUXSELP", adccon), self._regs.field("ADCCON", "MUXSELN", adccon))
        if pair == (HSTIA_OUT, HSTIA_MINUS):
            return self.high_speed.path(now_us).converted
        if pair == (P_NODE, N_NODE) and self._read("AFECON") & self._regs.mask("AFECON", "INAMPEN"):
            return self.high_speed.path(now_us).sensed
        return None

    def noise_ohm(self, adccon: int) -> float:
        """The feedback resistor whose thermal noise the chosen inputs show."""
        of_high_speed = self._regs.field("ADCCON", "MUXSELP", adccon) == HSTIA_OUT
        return min(abs(self.high_speed.feedback_ohm()) if of_high_speed else self.loop.feedback_ohm, 1e6)

    def input_v(self, adccon: int, now_us: float) -> float:
        """Differential voltage at the multiplexer for ADCCON."""
        if adccon & self._inputs == self._lptia:  # nearly always: the shortest way
            volts = self.sample_v(now_us)
            if self.absolute_input:
                minus_v = self.loop.tia_plus_v
                volts = max(INPUT_LOW_V, min(INPUT_HIGH_V, minus_v + volts)) - minus_v
            return volts
        signal = self.high_speed_signal(adccon, now_us)
        if signal is not None:
            return self.high_speed.instant_v(signal, now_us)
        p = self._regs.field("ADCCON", "MUXSELP", adccon)
        n = self._regs.field("ADCCON", "MUXSELN", adccon)
        loop = self.loop
        tia_v = loop.tia_plus_v
        excited = loop.calibration_a * self._board.rcal_ohm
        positive = {
            8: self._board.avdd_v / 2.0, 12: COMMON_MODE_V, 14: tia_v, 16: LP_REFERENCE_V / 2.0, 18: HSDAC_REFERENCE_V,
            23: loop.zero_v, 24: loop.bias_v, 25: loop.bias_v, 26: loop.bias_v, 33: tia_v, 35: 0.0, P_NODE: excited,
            10: HSDAC_REFERENCE_V,
        }  # fmt: skip
        negative = {LPTIA_MINUS: tia_v, 8: COMMON_MODE_V, 16: loop.zero_v, 17: loop.bias_v, N_NODE: 0.0}
        if p == LPTIA_OUT:
            positive[p] = tia_v + self.sample_v(now_us)
        if p not in positive or n not in negative:
            self._warn(f"ADC input {p}/{n} is not simulated or floats: reads rail")
            return math.inf
        return positive[p] - negative[n]
