"""AD5941 impedance between the strip's contacts: a sine, the chip's DFT of voltage and current, a ratio against RCAL.

The excitation amplifier drives the counter contact (CE0) and holds the sine between the reference contact (RE0) and the
pin of the working contact (SE0), where the voltage is measured too; the current goes through SE0 into the high-speed
TIA. So chip switches and the counter contact are not in the result; the working contact is. The same two readings on
RCAL make Z = RCAL x (V/I) / (V/I on RCAL): gains of DAC, amplifiers, TIA, ADC and filters, and the DFT's scale, cancel.
The sequencer times each reading, so that generator and DFT begin equally far apart. Loaded on demand and let go.
"""

from firmware.drivers import ad5941_registers as reg
from firmware.drivers.ad5941 import FLAGS_WATCHED
from firmware.drivers.ad5941_sequence import write_command
from firmware.drivers.errors import BadRequest, BusFault, CellFault, ChipFault, DriverError

FREQUENCY_HZ_MIN = 1_000  # 20 periods in a reading
FREQUENCY_HZ_MAX = 50_000  # of the low-power mode (below 80 kHz), with SINC3's 200 kSPS
CLOCK_HZ = 16_000_000
REFERENCE_CLOCKS = 4_000  # 250 us for the ADC's reference
SETTLE_CLOCKS = 16_000  # 1 ms of sine before the first sample
# 4096 results of SINC3 at an oversampling of 4, 25 clocks of latency, and 125 us to spare
DFT_CLOCKS = ((4096 + 2) * 4 + 1) * 20 + 25 + 2_000
READING_US = (REFERENCE_CLOCKS + SETTLE_CLOCKS + DFT_CLOCKS) // 16
READING_LIMIT_US = 20_000  # beyond that
# Switch groups D, P, N, T. DR0, PR0, NR1, TR1 with T9 take RCAL; D5 drives CE0, P5 senses RE0, N9 the SE0 pin, T5 with
# T9 take SE0 into the HSTIA.
_ON_RCAL = (0x001, 0x001, 0x200, 0x900)
_ON_CELL = (0x010, 0x010, 0x100, 0x110)
# Excitation steps: HSDACCON (gains; an update every 27 clocks, as the maker's low-power example has it), WGAMPLITUDE,
# nominal peak in microvolts (607 mV for 1,536 codes at both large gains).
_LOW = (0x1037, 304, 3_000)
_MIDDLE = (0x0037, 380, 30_000)
_HIGH = (0x0036, 759, 300_000)
MIDDLE_FROM_OHM = 10
HIGH_FROM_OHM = 500
RTIA_OHM = 200
_RTIA_TOLERANCE = 0.40  # "many percent" (ad5941.md section 5); beyond this it is a fault
_EXCITATION_LEAST = 0.7  # of what the step should give, by the reading on RCAL
_EXCITATION_MOST = 1.4
VOLTAGE_LEAST = 1_000  # of a DFT result on RCAL, whatever its scale: 300 mV are some 8,000 codes
CODE_LOW = 0x8000 - 23_000  # 0.86 V of the 0.9 V that the ADC takes at gain 1.5
CODE_HIGH = 0x8000 + 23_000
OPEN_OHM = 100_000  # beyond this no contact is made; 80 pF of a cable are as much at 20 kHz


def measure(afe, frequency_hz: int, rcal_ohm: float):
    """(real, imaginary) in ohm at `frequency_hz` (1,000 to 50,000) between RE0 with CE0 and SE0 (generator).

    2 ohm to 100 kohm; a capacitor has a negative imaginary part. Takes 0.15 s. The chip is reset first and sleeps
    afterwards, also after an error. Raises BadRequest, CellFault ("open", "short", "saturated"), ChipFault
    ("no_excitation", "hs_rtia_out_of_range") or what the bus raises.
    """
    if not FREQUENCY_HZ_MIN <= frequency_hz <= FREQUENCY_HZ_MAX:
        raise BadRequest(reg.CHIP, "frequency_out_of_range", "asked for %d Hz" % frequency_hz)
    done = False
    try:
        afe.start()
        _set_up(afe, frequency_hz)
        known = yield from _on_rcal(afe, rcal_ohm)
        found = yield from _on_cell(afe, known, rcal_ohm)
        done = True
    finally:
        _rest(afe, done)
    return found.real, found.imag


def _set_up(afe, frequency_hz: int) -> None:
    """Generator, HSTIA, filter, DFT and comparator; nothing of the high-speed path has power yet."""
    checked = afe.bus.write_checked
    bits = reg.FREQUENCY_WORD_BITS_OLD if afe.chip_id == reg.CHIPID_OLD else reg.FREQUENCY_WORD_BITS
    checked(reg.INTCSEL1, FLAGS_WATCHED | reg.FLAG_DFT_READY | reg.FLAG_ADC_MIN | reg.FLAG_ADC_MAX)
    checked(reg.WGCON, reg.WG_SINE)
    checked(reg.WGFCW, ((frequency_hz << bits) + CLOCK_HZ // 2) // CLOCK_HZ)
    checked(reg.WGPHASE, 0)
    checked(reg.WGOFFSET, 0)
    checked(reg.HSTIACON, 0)  # the HSTIA's other input at 1.11 V
    checked(reg.HSRTIACON, reg.HSTIA_200_OHM)
    checked(reg.DFTCON, reg.DFT_4096_HANNING_SINC3)
    checked(reg.ADCMIN, CODE_LOW)
    checked(reg.ADCMAX, CODE_HIGH)


def _switch(afe, positions: tuple) -> None:
    """Put the four groups of the switch matrix in these positions."""
    checked = afe.bus.write_checked
    checked(reg.DSWFULLCON, positions[0])
    checked(reg.PSWFULLCON, positions[1])
    checked(reg.NSWFULLCON, positions[2])
    checked(reg.TSWFULLCON, positions[3])
    checked(reg.SWCON, reg.SWITCHES_APPLY)


def _result(bus, address: int) -> int:
    """A DFT register, 18 bits of two's complement, read twice: no checksum covers it."""
    value = bus.read(address)
    again = bus.read(address)
    if again != value:
        raise BusFault(reg.CHIP, "readback", "0x%04X is 0x%X, then 0x%X" % (address, value, again))
    value &= 0x3FFFF
    return value - 0x40000 if value & 0x20000 else value


def _reading(afe, inputs: int):
    """(DFT of these ADC inputs, whether a sample came near the converter's ends) at this step (generator)."""
    bus = afe.bus
    afe.sequencer_open(0)
    bus.write_checked(reg.ADCCON, inputs)
    commands = (
        write_command(reg.AFECON, reg.AFE_EXCITATION),
        REFERENCE_CLOCKS,
        write_command(reg.AFECON, reg.AFE_SINE),
        SETTLE_CLOCKS,
        write_command(reg.AFECON, reg.AFE_DFT),
        DFT_CLOCKS,
        write_command(reg.AFECON, reg.AFE_EXCITATION),
        write_command(reg.SEQCON, 0),
    )
    for index in range(len(commands)):
        afe.command(index, commands[index], True)
    afe.sequence(0, len(commands))
    bus.write(reg.INTCCLR, 0xFFFFFFFF)
    afe.trigger(0)
    yield READING_US
    yield from afe.wait_flag(reg.FLAG_DFT_READY, READING_LIMIT_US, "DFT_RDY flag")
    flags = yield from afe.wait_flag(reg.FLAG_SEQ_END, READING_LIMIT_US, "SEQ_END")
    found = complex(_result(bus, reg.DFTREAL), -_result(bus, reg.DFTIMAG))  # the maker's library negates it too
    afe.sequencer_close()
    return found, bool(flags & (reg.FLAG_ADC_MIN | reg.FLAG_ADC_MAX))


def _pair(afe, step: tuple):
    """(voltage, current, whether the one, whether the other came near an end) at one excitation step (generator)."""
    afe.bus.write_checked(reg.HSDACCON, step[0])
    afe.bus.write_checked(reg.WGAMPLITUDE, step[1])
    voltage, voltage_ends = yield from _reading(afe, reg.ADC_EXCITATION)
    current, current_ends = yield from _reading(afe, reg.ADC_HSTIA)
    return voltage, current, voltage_ends, current_ends


def _on_rcal(afe, rcal_ohm: float):
    """(voltage, current) on the board's RCAL, which also proves the path (generator)."""
    _switch(afe, _ON_RCAL)
    voltage, current, voltage_ends, current_ends = yield from _pair(afe, _HIGH)
    if voltage_ends or current_ends or abs(voltage) < VOLTAGE_LEAST:
        raise ChipFault(reg.CHIP, "no_excitation", "%d of the DFT on RCAL" % abs(voltage))
    rtia_ohm = abs(current) / abs(voltage) * rcal_ohm
    if abs(rtia_ohm - RTIA_OHM) > _RTIA_TOLERANCE * RTIA_OHM:
        raise ChipFault(reg.CHIP, "hs_rtia_out_of_range", "%.0f ohm instead of %d ohm" % (rtia_ohm, RTIA_OHM))
    return voltage, current


def _on_cell(afe, known: tuple, rcal_ohm: float):
    """The impedance on the contacts, first at the smallest excitation and then at the one that it needs (generator)."""
    _switch(afe, _ON_CELL)
    step = _LOW
    while True:
        voltage, current, voltage_ends, current_ends = yield from _pair(afe, step)
        if current_ends:
            if step is _LOW:
                raise CellFault(reg.CHIP, "short", "less than about 2 ohm")
            raise CellFault(reg.CHIP, "saturated", "with %d uV of sine" % step[2])
        told = abs(voltage) / (abs(known[0]) * step[2] / _HIGH[2])
        if voltage_ends or not _EXCITATION_LEAST <= told <= _EXCITATION_MOST:
            # The amplifier cannot hold its potential: nothing comes back to the sensed contacts.
            raise CellFault(reg.CHIP, "open", "%.2f of the excitation arrives" % told)
        ohm = OPEN_OHM
        found = 0j
        if current:
            found = rcal_ohm * (voltage / current) * (known[1] / known[0])
            ohm = abs(found)
        wanted = _LOW if ohm < MIDDLE_FROM_OHM else _MIDDLE if ohm < HIGH_FROM_OHM else _HIGH
        if step is not _LOW or wanted is _LOW:
            if ohm >= OPEN_OHM:
                raise CellFault(reg.CHIP, "open", "some %.0f ohm" % ohm)
            return found
        step = wanted


def _rest(afe, done: bool) -> None:
    """Everything off and open by a reset, then hibernate; a chip that does not hear it stays in reset."""
    try:
        afe.start()
        afe.sleep()
    except DriverError:
        afe.hold_reset()
        if done:
            raise
