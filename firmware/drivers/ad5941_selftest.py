"""Before each test: supply, potential, feedback resistor and sign on a known resistor; then what hangs on the contacts.

The reference resistor replaces the strip through a switch (`dummy` is its pin), so that a strip that is already in does
not matter. Limits: ASSUMED until measured on hardware, each wide against the part's spread and narrow against a fault.
"""

from array import array

from firmware.drivers import ad5941_convert as convert
from firmware.drivers import ad5941_registers as reg
from firmware.drivers.ad5941_sequence import block_end, half_commands
from firmware.drivers.errors import CellFault, ChipFault, SupplyFault

SUPPLY_V = (2.8, 3.6)  # ad5941.md section 14
_POTENTIAL_TOLERANCE_V = 0.010
_RTIA_TOLERANCE = 0.30  # "many percent" (section 5): beyond this it is a fault, not a tolerance
OFFSET_CODE_MAX = 300  # 11 mV
_DUMMY_SIGNAL_V = 0.4  # aimed at across the RTIA
DUMMY_POTENTIAL_UV_MAX = 500_000
SWITCH_SETTLE_US = 3_000
AVERAGE = 4

CELL_SETTLE_US = 30_000  # after a scan its layer holds the last potential: 4 kohm of worn contact on 1.5 uF, five times
PULSE_UV = 50_000  # small enough to change nothing on an electrode
PULSE_GAIN_CODE = 8  # 10 kohm: +-90 uA
EARLY_CLOCKS = 1_600  # 0.1 ms after the step: the double layer still charges
LATE_CLOCKS = 320_000  # 20 ms after it: only a resistor still conducts
_WET_CURRENT_A = 4e-7  # a dry strip leaks picoamperes; 50 mV over 100 kohm of weak drink gives 0.5 uA
_SHORT_CURRENT_A = 6e-5  # 50 mV over less than about 800 ohm, 20 ms after the step
_RESISTIVE_PART = 0.5  # ASSUMED: electrodes charge in a few ms; what still flows after 20 ms is a film or a resistor
DRY = "dry"
WET = "wet"
SHORT = "short"
BRIDGED = "bridged"


def self_test(afe, dummy, dummy_ohm: float, gain_codes):
    """Start the chip, prove it on the reference resistor, measure RTIA for each gain code (generator).

    Returns {"supply_v", "potential_error_v", "offset_code", "rtia_ohm": {code: ohm}}; raises DriverError.
    """
    afe.start()
    supply_v = 2 * (convert.convert_voltage_v((yield from afe.convert(reg.ADC_SUPPLY_HALF, 2))) + convert.COMMON_MODE_V)
    if not SUPPLY_V[0] <= supply_v <= SUPPLY_V[1]:
        raise SupplyFault(reg.CHIP, "supply_out_of_range", "%.2f V" % supply_v)
    code6 = convert.CODE6_USUAL
    error_v = 0.0
    done = False
    try:
        dummy(1)
        for gain_code in gain_codes:
            ohm, worst_v = yield from _rtia(afe, dummy_ohm, gain_code, code6)
            afe.rtia_ohm[gain_code] = ohm
            error_v = max(error_v, worst_v)
        afe.disconnect()
        dummy(0)
        yield SWITCH_SETTLE_US
        offset = (yield from afe.convert(reg.ADC_LPTIA, AVERAGE)) - convert.MID_CODE
        if abs(offset) > OFFSET_CODE_MAX:
            raise ChipFault(reg.CHIP, "offset", "%d codes with the cell open" % offset)
        afe.offset_code = offset
        afe.release()
        done = True
    finally:
        if not done:
            dummy(0)
            afe.hold_reset()
    return {
        "supply_v": supply_v,
        "potential_error_v": error_v,
        "offset_code": afe.offset_code,
        "rtia_ohm": dict(afe.rtia_ohm),
    }


def _rtia(afe, dummy_ohm: float, gain_code: int, code6: int):
    """(RTIA in ohm, largest error of E in volts): both signs of current through the reference resistor."""
    nominal = convert.nominal_rtia_ohm(gain_code)
    wanted_uv = min(DUMMY_POTENTIAL_UV_MAX, int(_DUMMY_SIGNAL_V / nominal * dummy_ohm * 1e6))
    afe.loop_on(0, code6, gain_code)
    afe.connect()
    signal_v = 0.0
    applied_v = 0.0
    worst_v = 0.0
    for sign in (1, -1):
        afe.potential(sign * wanted_uv, code6)
        yield SWITCH_SETTLE_US
        measured_v = convert.convert_voltage_v((yield from afe.convert(reg.ADC_CELL_POTENTIAL, AVERAGE)))
        error_v = abs(measured_v - sign * wanted_uv / 1e6)
        if error_v > _POTENTIAL_TOLERANCE_V:
            raise ChipFault(reg.CHIP, "potential", "%.3f V instead of %.3f V" % (measured_v, sign * wanted_uv / 1e6))
        worst_v = max(worst_v, error_v)
        code = yield from afe.convert(reg.ADC_LPTIA, AVERAGE)
        signal_v += sign * convert.convert_voltage_v(code)
        applied_v += sign * measured_v
    ohm = signal_v / applied_v * dummy_ohm
    if abs(ohm - nominal) > _RTIA_TOLERANCE * nominal:
        raise ChipFault(reg.CHIP, "rtia_out_of_range", "%.0f ohm instead of %d ohm" % (ohm, nominal))
    return ohm, worst_v


def cell_state(afe):
    """What is between the contacts, by two 50 mV pulses timed by the sequencer (generator)."""
    code6 = convert.CODE6_USUAL
    codes = array("H")
    done = False
    try:
        afe.loop_on(0, code6, PULSE_GAIN_CODE)
        afe.connect()
        yield CELL_SETTLE_US
        afe.sequencer_open(0)
        first, second = convert.conversion_clocks(0)
        window = (first + second) // 2
        at = 0
        for sign in (1, -1):
            word = convert.lpdac_word(sign * PULSE_UV, code6)
            for wait in (EARLY_CLOCKS, LATE_CLOCKS):
                for command in half_commands(word, wait, window):
                    afe.command(at, command, True)
                    at += 1
        for command in block_end(0, True):
            afe.command(at, command, True)
            at += 1
        afe.sequence(0, at)
        afe.trigger(0)
        duration_us = 2 * (EARLY_CLOCKS + LATE_CLOCKS + 2 * window) // 16
        yield duration_us
        yield from afe.wait_flag(reg.FLAG_SEQ_END, duration_us + 50_000, "SEQ_END")
        afe.drain(codes.append, 0)
        afe.sequencer_close()
        afe.release()
        done = True
    finally:
        if not done:
            afe.hold_reset()
    if len(codes) != 4:
        raise ChipFault(reg.CHIP, "trace_incomplete", "%d of 4 words" % len(codes))
    return judge_pulses(codes, afe.rtia_ohm.get(PULSE_GAIN_CODE) or convert.nominal_rtia_ohm(PULSE_GAIN_CODE))


def judge_pulses(codes, rtia_ohm: float) -> tuple:
    """(state, early_a, late_a) from the four codes early+, late+, early-, late-; offsets cancel in the differences."""
    early_a = (convert.convert_current_a(codes[0], rtia_ohm) - convert.convert_current_a(codes[2], rtia_ohm)) / 2
    late_a = (convert.convert_current_a(codes[1], rtia_ohm) - convert.convert_current_a(codes[3], rtia_ohm)) / 2
    if abs(late_a) >= _SHORT_CURRENT_A:
        return SHORT, early_a, late_a
    if early_a < _WET_CURRENT_A:
        return DRY, early_a, late_a
    if late_a > _RESISTIVE_PART * early_a:
        return BRIDGED, early_a, late_a
    return WET, early_a, late_a


def require_sound(state: str, late_a: float) -> None:
    """CellFault when what is between the contacts conducts like metal or a wet film, not like electrodes in a drink."""
    if state == SHORT:
        raise CellFault(reg.CHIP, "short", "%.3g A at 50 mV" % late_a)
    if state == BRIDGED:
        raise CellFault(reg.CHIP, "bridged", "%.3g A at 50 mV still after 20 ms" % late_a)
