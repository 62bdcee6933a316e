"""AD5941 arithmetic: potentials to codes, codes to volts and amperes, times to clocks. Pure; sections of ad5941.md."""

from firmware.drivers.errors import BadRequest

LPDAC_LSB_V = 2.2 / 4095  # section 4
_LPDAC_OFFSET_V = 0.2
CODE12_MAX = 4095
CODE6_MAX = 63
CODE6_USUAL = 32  # VZERO 1.300 V
MID_CODE = 0x8000
ADC_REFERENCE_V = 1.835  # section 6: with gain 1.5 both sources agree on it
ADC_GAIN = 1.5
ADC_RANGE_V = 0.9  # linear input range at gain 1.5
COMMON_MODE_V = 1.11
CLOCK_HZ = 16_000_000
CLOCKS_PER_SAMPLE = 20
SINC3_OSR = 4
SINC2_OSR = (22, 44, 89, 178, 267, 533, 640, 667, 800, 889, 1067, 1333)
# TIAGAIN codes; true values with RLOAD = 0 are these plus 100 ohm (section 5). Index 0 = open.
RTIA_OHM = (
    0, 110, 1000, 2000, 3000, 4000, 6000, 8000, 10000, 12000, 16000, 20000, 24000, 30000, 32000, 40000, 48000, 64000,
    85000, 96000, 100000, 120000, 128000, 160000, 196000, 256000, 512000,
)  # fmt: skip
RLOAD_ZERO_EXTRA_OHM = 100
_SUPPLY_HEADROOM_V = 0.4  # LPTIA output: 0.3 V .. AVDD - 0.4 V
_OUTPUT_FLOOR_V = 0.3


def lpdac_steps(potential_uv: int) -> int:
    """E in microvolts as a signed count of 12-bit steps (2.2 V / 4095), to nearest. Integer: never drifts."""
    if potential_uv >= 0:
        return (potential_uv * 819 + 220_000) // 440_000
    return -((-potential_uv * 819 + 220_000) // 440_000)


def lpdac_word(potential_uv: int, code6: int) -> int:
    """LPDACDAT0 for E = VZERO - VBIAS = V(WE) - V(RE), with the coupling rule code12 < 64 code6 (section 4).

    Raises BadRequest when the 12-bit DAC cannot reach E at this VZERO.
    """
    code12 = 64 * code6 - lpdac_steps(potential_uv)
    if code12 < 64 * code6:
        code12 -= 1  # VZERO falls by one 12-bit step: VBIAS has to fall with it
    if not 0 <= code12 <= CODE12_MAX:
        raise BadRequest("AD5941", "potential_out_of_range", "%d uV with VZERO code %d" % (potential_uv, code6))
    return code6 << 12 | code12


def vzero_code(lowest_uv: int, highest_uv: int) -> int:
    """The 6-bit VZERO code nearest to 1.3 V from which the whole span of E can be reached.

    Raises BadRequest when no code reaches it (span over 2.2 V, or beyond the 2.4 V rail).
    """
    smallest = (lpdac_steps(highest_uv) + 1 + 63) // 64
    largest = (CODE12_MAX + lpdac_steps(lowest_uv)) // 64
    largest = min(largest, CODE6_MAX)
    smallest = max(smallest, 0)
    if smallest > largest:
        raise BadRequest("AD5941", "potential_out_of_range", "%d..%d uV" % (lowest_uv, highest_uv))
    return min(max(CODE6_USUAL, smallest), largest)


def vzero_v(code6: int) -> float:
    """VZERO in volts."""
    return _LPDAC_OFFSET_V + 64 * code6 * LPDAC_LSB_V


def swing_v(code6: int, supply_v: float) -> tuple:
    """(most negative, most positive) LPTIA signal in volts that ADC and output stage both carry linearly."""
    zero_v = vzero_v(code6)
    down_v = zero_v - _OUTPUT_FLOOR_V
    up_v = supply_v - _SUPPLY_HEADROOM_V - zero_v
    return -min(ADC_RANGE_V, down_v), min(ADC_RANGE_V, up_v)


def convert_voltage_v(code: int) -> float:
    """ADC code (16-bit offset binary, gain 1.5) to volts between its inputs."""
    return (code - MID_CODE) * (ADC_REFERENCE_V / ADC_GAIN / 32768.0)


def convert_current_a(code: int, rtia_ohm: float, offset_code: float = 0.0) -> float:
    """ADC code of the LPTIA to amperes, anodic (out of SE0) positive: the TIA inverts (section 5)."""
    return (code - MID_CODE - offset_code) * (ADC_REFERENCE_V / ADC_GAIN / 32768.0) / rtia_ohm


def code_limits(code6: int, supply_v: float) -> tuple:
    """(lowest, highest) LPTIA code that is still a measurement; beyond it is clipped."""
    down_v, up_v = swing_v(code6, supply_v)
    per_v = 32768.0 * ADC_GAIN / ADC_REFERENCE_V
    return int(MID_CODE + down_v * per_v * 0.98), int(MID_CODE + up_v * per_v * 0.98)


def nominal_rtia_ohm(gain_code: int) -> int:
    """What the feedback resistor should be with RLOAD = 0, before calibration."""
    return RTIA_OHM[gain_code] + RLOAD_ZERO_EXTRA_OHM


def rtia_code(rtia_ohm: int) -> int:
    """The largest TIAGAIN code whose table value does not exceed `rtia_ohm`; at least 1 (never open)."""
    code = 1
    for index in range(1, len(RTIA_OHM)):
        if RTIA_OHM[index] <= rtia_ohm:
            code = index
    return code


def conversion_clocks(sinc2_code: int) -> tuple:
    """(first, second) SINC2 result after ADCCONVEN, in 16 MHz clocks (section 6).

    The driver stops between the two, so that each half period leaves exactly one word.
    """
    osr = SINC2_OSR[sinc2_code]
    first = ((2 * osr + 1 + 2) * SINC3_OSR + 1) * CLOCKS_PER_SAMPLE + 15
    second = ((3 * osr + 1 + 2) * SINC3_OSR + 1) * CLOCKS_PER_SAMPLE + 15
    return first, second


def sinc2_code(half_period_clocks: int) -> int:
    """The longest averaging that takes at most 5 % of the half period (22 up to a quarter of it).

    Raises BadRequest when even the shortest takes more than a quarter.
    """
    if conversion_clocks(0)[1] > half_period_clocks // 4:
        raise BadRequest("AD5941", "frequency_too_high", "%d clocks per half period" % half_period_clocks)
    best = 0
    for code in range(len(SINC2_OSR)):
        if conversion_clocks(code)[0] * 20 <= half_period_clocks:
            best = code
    return best
