"""AD5941 potentiostat front end: reset, identity, low-power loop, single conversions, sequencer runs.

Way B of ad5941.md section 12: the sequencer times every step, the host only refills it. Methods that take time are
generators: they yield the microseconds the caller should let pass, so that the same code runs under asyncio on the
board and on a virtual clock on the host. `clock` has ticks_us(), ticks_diff(a, b) and sleep_us(n).
"""

from array import array

from firmware.drivers import ad5941_convert as convert
from firmware.drivers import ad5941_registers as reg
from firmware.drivers.ad5941_sequence import crc8
from firmware.drivers.errors import BusFault, ChipFault, NoAnswer, WrongChip

RESET_LOW_US = 2_000
RESET_WAIT_US = 5_000
IDENTITY_TRIES = 10
ADC_REFERENCE_SETTLE_US = 250
POLL_US = 200
FLAGS_WATCHED = (
    reg.FLAG_SINC2_READY
    | reg.FLAG_CUSTOM0
    | reg.FLAG_CUSTOM1
    | reg.FLAG_SEQ_END
    | reg.FLAG_FIFO_FULL
    | reg.FLAG_FIFO_OVERFLOW
    | reg.FLAG_FIFO_UNDERFLOW
    | reg.FLAG_TRY_BREAK
)
FIFO_TROUBLE = reg.FLAG_FIFO_FULL | reg.FLAG_FIFO_OVERFLOW | reg.FLAG_FIFO_UNDERFLOW
SLOTS = (reg.SEQ0INFO, reg.SEQ1INFO)
SLOT_FLAGS = (reg.FLAG_CUSTOM0, reg.FLAG_CUSTOM1)
SINGLE_SINC2 = 3  # 178 samples, 1.8 ms: single readings have time


class AD5941:
    """One chip on one bus. `reset` is a pin: reset(0) holds the part in reset."""

    def __init__(self, bus, reset, clock):
        self.bus = bus
        self.clock = clock
        self._reset = reset
        self._words = array("I", [0] * 50)
        self.rtia_ohm = {}  # measured, by gain code
        self.offset_code = 0.0
        self.chip_id = 0
        self._crc = 1
        self._executed = 0

    # --- reset and identity -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Reset by pin, prove identity and bus, write the init list. Everything is off and open afterwards."""
        self._reset(0)
        self.clock.sleep_us(RESET_LOW_US)
        self._reset(1)
        self.clock.sleep_us(RESET_WAIT_US)
        self.identify()
        self.bus.prove(reg.CALDATLOCK)
        self.bus.write(reg.CALDATLOCK, reg.CALDATLOCK_CLOSED)
        for address, value in reg.INIT:
            self.bus.write(address, value)
        checked = self.bus.write_checked
        checked(reg.INTCSEL0, 0)
        checked(reg.INTCSEL1, FLAGS_WATCHED)
        self.bus.write(reg.INTCCLR, 0xFFFFFFFF)
        checked(reg.ADCBUFCON, 0x005F3D04)
        checked(reg.BUFSENCON, 0x37)
        checked(reg.LPREFBUFCON, 0)
        checked(reg.LPTIASW0, reg.SW_OPEN)
        checked(reg.AFECON, reg.AFE_IDLE)
        self.filter(SINGLE_SINC2)

    def identify(self) -> None:
        """ADIID and CHIPID must be those of the part; the first reads after a wake may be rubbish."""
        got = 0
        for _ in range(IDENTITY_TRIES):
            got = self.bus.read(reg.ADIID)
            if got == reg.ADIID_VALUE:
                break
        else:
            if got in (0, 0xFFFF):
                raise BusFault(reg.CHIP, "spi_stuck", "ADIID reads 0x%04X" % got)
            raise WrongChip(reg.CHIP, "ADIID", reg.ADIID_VALUE, got)
        self.chip_id = self.bus.read(reg.CHIPID)
        if self.chip_id not in reg.CHIPIDS:
            raise WrongChip(reg.CHIP, "CHIPID", reg.CHIPIDS[0], self.chip_id)

    # --- the low-power loop -------------------------------------------------------------------------------------------

    def loop_on(self, potential_uv: int, code6: int, gain_code: int) -> None:
        """Power LPDAC, PA and LPTIA at this potential, the cell still disconnected."""
        checked = self.bus.write_checked
        checked(reg.LPDACCON0, reg.LPDAC_ON)
        checked(reg.LPDACSW0, reg.LPDAC_TO_LOOP)
        self.potential(potential_uv, code6)
        checked(reg.LPTIACON0, reg.LPTIA_LOOP | gain_code << 5)

    def potential(self, potential_uv: int, code6: int) -> None:
        """Set E = V(WE) - V(RE)."""
        self.bus.write_checked(reg.LPDACDAT0, convert.lpdac_word(potential_uv, code6))

    def connect(self) -> None:
        """Close CE0 and RE0 to the potentiostat amplifier."""
        self.bus.write_checked(reg.LPTIASW0, reg.SW_PULSE)

    def disconnect(self) -> None:
        """Open the cell."""
        self.bus.write_checked(reg.LPTIASW0, reg.SW_OPEN)

    def release(self) -> None:
        """Open the cell, switch loop, ADC and sequencer off; raises when that did not arrive."""
        self.disconnect()
        self.bus.write_checked(reg.LPTIACON0, reg.LPTIA_OFF)
        self.bus.write_checked(reg.LPDACCON0, reg.LPDAC_OFF)
        self.bus.write(reg.SEQCON, 0)
        self.bus.write_checked(reg.AFECON, reg.AFE_IDLE)

    def hold_reset(self) -> None:
        """Open the cell without the bus: the part stays in reset until start()."""
        self._reset(0)

    def sleep(self) -> None:
        """Hibernate; any CS edge wakes the part (EI2CON), start() is needed afterwards."""
        self.release()
        self.bus.write(reg.SEQSLPLOCK, reg.SLEEP_UNLOCK)
        self.bus.write(reg.SEQTRGSLP, 0)
        self.bus.write(reg.SEQTRGSLP, 1)

    # --- single conversions -------------------------------------------------------------------------------------------

    def filter(self, sinc2_code: int) -> None:
        """SINC3 4, this SINC2 rate, no notch, 800 kSPS."""
        self.bus.write_checked(reg.ADCFILTERCON, 0x1011 | sinc2_code << 8)

    def convert(self, inputs: int, count: int):
        """Mean code of `count` SINC2 results of these ADC inputs (generator)."""
        bus = self.bus
        bus.write_checked(reg.ADCCON, inputs)
        bus.write(reg.AFECON, reg.AFE_ADC_ON)
        self.clock.sleep_us(ADC_REFERENCE_SETTLE_US)
        first, _ = convert.conversion_clocks(SINGLE_SINC2)
        total = 0
        for _ in range(count):
            bus.write(reg.INTCCLR, reg.FLAG_SINC2_READY)
            bus.write(reg.AFECON, reg.AFE_CONVERTING)
            yield first // 16
            yield from self.wait_flag(reg.FLAG_SINC2_READY, 10_000, "SINC2_RDY")
            total += bus.read(reg.SINC2DAT) & 0xFFFF
            bus.write(reg.AFECON, reg.AFE_ADC_ON)
        bus.write_checked(reg.AFECON, reg.AFE_IDLE)
        return total / count

    def wait_flag(self, flag: int, limit_us: int, name: str):
        """Poll INTCFLAG1 until `flag` shows (generator); NoAnswer after `limit_us`. Returns all flags seen."""
        begun = self.clock.ticks_us()
        while True:
            flags = self.bus.read(reg.INTCFLAG1)
            if flags & flag:
                return flags
            waited = self.clock.ticks_diff(self.clock.ticks_us(), begun)
            if waited > limit_us:
                raise NoAnswer(reg.CHIP, name, waited)
            yield POLL_US

    # --- sequencer and FIFO -------------------------------------------------------------------------------------------

    def sequencer_open(self, sinc2_code: int) -> None:
        """Empty command memory and FIFO, arm the sequencer for triggers."""
        bus = self.bus
        bus.write_checked(reg.ADCCON, reg.ADC_LPTIA)
        self.filter(sinc2_code)
        bus.write(reg.SEQCON, 0)
        bus.write(reg.FIFOCON, reg.FIFO_OFF)
        bus.write_checked(reg.CMDDATACON, reg.MEMORY_SPLIT)
        bus.write(reg.SEQCNT, 0)
        bus.write(reg.DATAFIFOTHRES, (reg.FIFO_WORDS_MAX // 2) << 16)
        bus.write_checked(reg.FIFOCON, reg.FIFO_SINC2)
        bus.write(reg.INTCCLR, 0xFFFFFFFF)
        bus.write_checked(reg.AFECON, reg.AFE_ADC_ON)
        self.clock.sleep_us(ADC_REFERENCE_SETTLE_US)
        bus.write_checked(reg.SEQCON, 1)
        self._crc = 1
        self._executed = 0

    def command(self, address: int, command: int, changed: bool) -> None:
        """Count one command of the run in; write it to SRAM unless it is there already."""
        if changed:
            self.bus.write(reg.CMDFIFOWADDR, address)
            self.bus.write(reg.CMDFIFOWRITE, command)
        self._crc = crc8(self._crc, command)
        self._executed += 1

    def sequence(self, slot: int, length: int) -> None:
        """Tell the chip that sequence `slot` has this many commands."""
        self.bus.write_checked(SLOTS[slot], length << 16 | slot * reg.COMMAND_WORDS_PER_BLOCK)

    def trigger(self, slot: int) -> None:
        """Start sequence `slot` now."""
        self.bus.write(reg.TRIGSEQ, 1 << slot)

    def drain(self, keep, slot: int) -> int:
        """Pass the data of each waiting FIFO word to `keep(code)`; a tag of another channel or sequence is a fault."""
        words = self._words
        waiting = self.bus.read(reg.FIFOCNTSTA) >> 16 & 0x7FF
        if waiting > reg.FIFO_WORDS_MAX:
            raise BusFault(reg.CHIP, "fifo_count", "%d words" % waiting)
        left = waiting
        while left > 0:
            count = self.bus.read_fifo(words, left)
            for index in range(count):
                word = words[index]
                if word >> 16 & 0x7F != reg.CHANNEL_SINC2_LPTIA0 or word >> 23 & 3 != slot:
                    raise BusFault(reg.CHIP, "fifo_misaligned", "word 0x%08X" % word)
                keep(word & 0xFFFF)
            left -= count
        return waiting

    def sequencer_close(self) -> None:
        """Prove by SEQCNT and SEQCRC that exactly the intended commands ran; switch sequencer and FIFO off."""
        bus = self.bus
        executed = bus.read(reg.SEQCNT) & 0xFFFF
        crc = bus.read(reg.SEQCRC) & 0xFF
        bus.write(reg.SEQCON, 0)
        bus.write(reg.FIFOCON, reg.FIFO_OFF)
        bus.write_checked(reg.AFECON, reg.AFE_IDLE)
        if executed != self._executed & 0xFFFF:
            raise ChipFault(reg.CHIP, "sequence_count", "%d of %d commands" % (executed, self._executed))
        if crc != self._crc:
            raise BusFault(reg.CHIP, "sequence_crc", "0x%02X, not 0x%02X" % (crc, self._crc))
