"""AS7341 spectral sensor: eight bands, clear and near infrared in two SMUX loads, saturation, flicker (behaviour.md 1).

Methods that wait are generators of microseconds. What makes a measurement surely new: SP_EN off, SMUX loaded and
proved, SP_EN on, one integration time waited, then AVALID polled; it holds whichever way AVALID clears.
"""

from firmware.drivers.errors import BadRequest, BusFault, ChipFault, NoAnswer, WrongChip

CHIP = "AS7341"
SMUX_RAM = 0x00
CONFIG = 0x70
LED = 0x74
ENABLE = 0x80
ATIME = 0x81
ID = 0x92
ASTATUS = 0x94
STATUS2 = 0xA3
STATUS6 = 0xA7
CFG0 = 0xA9
CFG1 = 0xAA
CFG6 = 0xAF
ASTEP_L = 0xCA
AZ_CONFIG = 0xD6
FD_STATUS = 0xDB

PART = 9
PON = 0x01
SP_EN = 0x02
SMUXEN = 0x10
FDEN = 0x40
REG_BANK = 0x10
AVALID = 0x40
INT_BUSY = 0x01
SMUX_FROM_RAM = 0x10
SMUX_TO_RAM = 0x08
STEP_NS = 2780
RESULT_READS = 4
SMUX_LIMIT_US = 1_000_000
GAIN_HALVES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)  # gain times two, by AGAIN code
BANDS = ("F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "clear", "nir")

# RAM images of the SMUX (application note): ADC0..5 = F1 F2 F3 F4 clear NIR, and F5 F6 F7 F8 clear NIR
SMUX_LOW = bytes((0x30, 1, 0, 0, 0, 0x42, 0, 0, 0x50, 0, 0, 0, 0x20, 0x04, 0, 0x30, 0x01, 0x50, 0, 0x06))
SMUX_HIGH = bytes((0, 0, 0, 0x40, 0x02, 0, 0x10, 0x03, 0x50, 0x10, 0x03, 0, 0, 0, 0x24, 0, 0, 0x50, 0, 0x06))
SMUX_FLICKER = bytes(19) + b"\x60"


def integration_us(atime: int, astep: int) -> int:
    """Integration time; BadRequest for the settings that the part forbids."""
    if (atime == 0 and astep == 0) or not 0 <= astep < 65535 or not 0 <= atime <= 255:
        raise BadRequest(CHIP, "integration", "ATIME %d, ASTEP %d" % (atime, astep))
    return (atime + 1) * (astep + 1) * STEP_NS // 1000


def full_scale(atime: int, astep: int) -> int:
    """Counts at which a channel is full."""
    return min(65535, (atime + 1) * (astep + 1))


def convert_basic_counts(raw: int, gain_code: int, time_us: int) -> float:
    """Counts per gain and millisecond, comparable between settings."""
    return raw * 2000.0 / GAIN_HALVES[gain_code] / time_us


class Reading:
    """Ten channels of one measurement: raw counts, the gain they were taken with, and whether any was saturated."""

    def __init__(self, counts: list, gain_code: int, time_us: int, saturated: bool):
        self.counts = counts
        self.gain_code = gain_code
        self.time_us = time_us
        self.saturated = saturated

    def basic(self, channel: int) -> float:
        """Basic counts of a channel (index into BANDS)."""
        return convert_basic_counts(self.counts[channel], self.gain_code, self.time_us)


class AS7341:
    """One sensor. `registers` is an I2cRegisters; a shadow keeps REG_BANK and ENABLE, never read back and modified."""

    def __init__(self, registers, clock):
        self._r = registers
        self._clock = clock
        self._data = bytearray(13)
        self._again = bytearray(13)
        self._ram = bytearray(20)
        self._enable = 0
        self.atime = 29
        self.astep = 599
        self.gain_code = 4

    def start(self):
        """Wait for the part, prove it, power it (generator)."""
        yield 500
        self._r.write(CFG0, 0)
        got = self._r.read(ID)
        if got >> 2 != PART:
            raise WrongChip(CHIP, "ID", PART << 2, got)
        yield from self._until(STATUS6, INT_BUSY, 0, 10_000, "INT_BUSY")
        self._set_enable(PON)
        self._r.write_checked(AZ_CONFIG, 255)
        yield 300

    def settings(self, atime: int, astep: int, gain_code: int) -> None:
        """Integration and gain of the measurements that follow; only with SP_EN = 0."""
        integration_us(atime, astep)
        if not 0 <= gain_code < len(GAIN_HALVES):
            raise BadRequest(CHIP, "gain", "code %d" % gain_code)
        self._set_enable(PON)
        self._r.write_checked(ATIME, atime)
        self._r.write_checked(ASTEP_L, astep & 0xFF)
        self._r.write_checked(ASTEP_L + 1, astep >> 8)
        self._r.write_checked(CFG1, gain_code, 0x1F)
        self.atime, self.astep, self.gain_code = atime, astep, gain_code

    def lamp(self, milliamperes: int) -> None:
        """LED pin current, 0 (off) or 4..258 mA; leaves REG_BANK at 0 however it ends."""
        if milliamperes and not 4 <= milliamperes <= 258:
            raise BadRequest(CHIP, "lamp", "%d mA" % milliamperes)
        write = self._r.write_checked  # another current would make a pad look coloured, or not
        try:
            write(CFG0, REG_BANK, REG_BANK)
            write(CONFIG, 0x08 if milliamperes else 0x00)
            write(LED, 0x80 | (milliamperes - 4) // 2 if milliamperes else 0x04)
        finally:
            write(CFG0, 0, REG_BANK)

    def measure(self):
        """All ten channels (generator): two SMUX loads, two integrations; returns a Reading.

        ChipFault "smux_stuck" when a map did not reach the multiplexer.
        """
        low, low_gain, low_saturated = yield from self._half(SMUX_LOW)
        high, high_gain, high_saturated = yield from self._half(SMUX_HIGH)
        if low_gain != high_gain or low_gain != self.gain_code:
            raise ChipFault(CHIP, "gain_changed", "codes %d and %d" % (low_gain, high_gain))
        counts = low[:4] + high[:4] + [(low[4] + high[4]) // 2, (low[5] + high[5]) // 2]
        saturated = low_saturated or high_saturated
        return Reading(counts, low_gain, integration_us(self.atime, self.astep), saturated)

    def flicker_hz(self):
        """100, 120, or 0 for none known (generator); ChipFault when the flicker channel was saturated."""
        yield from self._load(SMUX_FLICKER)
        self._r.write(FD_STATUS, 0x3C)
        self._set_enable(PON | FDEN)
        yield 300_000
        status = 0
        for _ in range(20):
            status = self._r.read(FD_STATUS)
            if status & 0x20:
                break
            yield 50_000
        self._set_enable(PON)
        if not status & 0x20:
            raise NoAnswer(CHIP, "FD_MEAS_VALID", 1_300_000)
        if status & 0x10:
            raise ChipFault(CHIP, "flicker_saturated", "FD_STATUS 0x%02X" % status)
        if status & 0x05 == 0x05:
            return 100
        if status & 0x0A == 0x0A:
            return 120
        return 0

    def sleep(self) -> None:
        """Oscillator off."""
        self._set_enable(0)

    # --- inside -------------------------------------------------------------------------------------------------------

    def _set_enable(self, value: int) -> None:
        self._enable = value
        self._r.write_checked(ENABLE, value)

    def _half(self, image: bytes):
        yield from self._load(image)
        self._set_enable(PON | SP_EN)
        time_us = integration_us(self.atime, self.astep)
        yield time_us + 20_000  # auto-zero before the first cycle takes about 15 ms
        yield from self._until(STATUS2, AVALID, AVALID, time_us + 100_000, "AVALID")
        status2 = self._r.read(STATUS2)
        data = self._results()
        self._set_enable(PON)
        words = [data[1 + 2 * channel] | data[2 + 2 * channel] << 8 for channel in range(6)]
        full = full_scale(self.atime, self.astep)
        saturated = bool(data[0] & 0x80 or status2 & 0x18 or max(words) >= full)
        return words, data[0] & 0x0F, saturated

    def _results(self):
        """ASTATUS and the six channels, read until two readings agree: the bus carries no checksum."""
        data, again = self._data, self._again
        self._r.read_into(ASTATUS, data)
        saturated = data[0] & 0x80  # shown once only
        for _ in range(RESULT_READS):
            self._r.read_into(ASTATUS, again)
            saturated |= again[0] & 0x80
            again[0] &= 0x0F
            data[0] &= 0x0F
            if data == again:
                data[0] |= saturated
                return data
            data[:] = again
        raise BusFault(CHIP, "readback", "no two readings of the results agree")

    def _load(self, image: bytes):
        self._set_enable(PON)
        self._r.write_checked(CFG6, SMUX_FROM_RAM, 0x18)
        for _ in range(2):
            self._r.write_from(SMUX_RAM, image)
            self._r.read_into(SMUX_RAM, self._ram)
            if self._ram == image:
                break
        else:
            raise ChipFault(CHIP, "smux_ram", "does not keep its map")
        yield from self._smux_command()
        # Read the chain back: a SMUX that says it is done and did nothing is the trap that no count shows.
        self._r.write_from(SMUX_RAM, bytes(20))
        self._r.write_checked(CFG6, SMUX_TO_RAM, 0x18)
        yield from self._smux_command()
        self._r.read_into(SMUX_RAM, self._ram)
        if self._ram != image:
            raise ChipFault(CHIP, "smux_stuck", "the chain does not hold the map that was sent")

    def _smux_command(self):
        self._r.write(ENABLE, PON | SMUXEN)
        yield from self._until(ENABLE, SMUXEN, 0, SMUX_LIMIT_US, "SMUXEN")

    def _until(self, register: int, mask: int, wanted: int, limit_us: int, name: str):
        begun = self._clock.ticks_us()
        while self._r.read(register) & mask != wanted:
            waited = self._clock.ticks_diff(self._clock.ticks_us(), begun)
            if waited > limit_us:
                raise NoAnswer(CHIP, name, waited)
            yield 1_000
