"""MAX17048 fuel gauge: voltage, charge, rate, alerts, and the reload after a cell was away (behaviour.md 2)."""

from firmware.drivers.errors import BusFault, WrongChip

CHIP = "MAX17048"
VCELL = 0x02
SOC = 0x04
MODE = 0x06
VERSION = 0x08
HIBRT = 0x0A
CONFIG = 0x0C
VALRT = 0x14
CRATE = 0x16
STATUS = 0x1A

VERSION_VALUE = 0x0010
STATUS_RI = 0x0100
HIBERNATE_USUAL = 0x8030
HIBERNATE_ALWAYS = 0xFFFF
ALERT_BIT = 0x0020
LOW_CHARGE_PERCENT = 15  # below it a test may not start: it could end before it is told (ASSUMED)
VALRT_WIDE = 0x00FF


def convert_voltage_mv(word: int) -> float:
    """VCELL to millivolts."""
    return word * 0.078125


def convert_charge_percent(word: int) -> float:
    """SOC to percent, at most 100."""
    return min(100.0, word / 256.0)


def convert_rate_percent_h(word: int) -> float:
    """CRATE to percent per hour, positive while charging."""
    return (word - 65536 if word & 0x8000 else word) * 0.208


def convert_rcomp(temperature_c: float) -> int:
    """RCOMP for a cell temperature."""
    slope = -0.5 if temperature_c > 20 else -5.0
    return max(0, min(255, int(0x97 + (temperature_c - 20) * slope)))


class MAX17048:
    """One gauge, powered by the cell: without a cell nothing answers."""

    def __init__(self, registers):
        self._r = registers
        self.rcomp = 0x97

    def start(self, low_charge_percent: int = LOW_CHARGE_PERCENT) -> bool:
        """Prove the part; reload the settings when it lost them. True when freshly powered: SOC is a guess then."""
        got = self._r.read_word(VERSION)
        if got & 0xFFF0 != VERSION_VALUE:
            raise WrongChip(CHIP, "VERSION", VERSION_VALUE, got)
        fresh = bool(self._r.read_word(STATUS) & STATUS_RI)
        self._r.write_word(HIBRT, HIBERNATE_USUAL)  # not only when fresh: the last sleep may have set it otherwise
        if fresh:
            self._r.write_word(VALRT, VALRT_WIDE)
        self._configure(low_charge_percent)
        if fresh:
            self._r.write_word(STATUS, self._r.read_word(STATUS) & ~STATUS_RI & 0xFFFF)
        return fresh

    def _configure(self, low_charge_percent: int) -> None:
        word = self.rcomp << 8 | (32 - low_charge_percent)
        self._r.write_word(CONFIG, word)
        got = self._r.read_word(CONFIG)
        if got & 0xFF1F != word:
            raise BusFault(CHIP, "readback", "CONFIG is 0x%04X, not 0x%04X" % (got, word))

    def temperature(self, temperature_c: float) -> None:
        """Tell the gauge the cell's temperature (about once a minute)."""
        self.rcomp = convert_rcomp(temperature_c)
        word = self._r.read_word(CONFIG)
        self._r.write_word(CONFIG, self.rcomp << 8 | word & 0xFF)

    def voltage_mv(self) -> float:
        """Cell voltage."""
        return convert_voltage_mv(self._r.read_word(VCELL))

    def charge_percent(self) -> float:
        """State of charge."""
        return convert_charge_percent(self._r.read_word(SOC))

    def rate_percent_h(self) -> float:
        """Charge rate."""
        return convert_rate_percent_h(self._r.read_word(CRATE))

    def hibernate(self) -> None:
        """One update in 45 s, until start(): a few microamperes."""
        self._r.write_word(HIBRT, HIBERNATE_ALWAYS)

    def clear_alert(self) -> int:
        """Release the alert line; returns the STATUS flags that had raised it."""
        flags = self._r.read_word(STATUS)
        self._r.write_word(STATUS, flags & 0x4000)
        self._r.write_word(CONFIG, self._r.read_word(CONFIG) & ~ALERT_BIT & 0xFFFF)
        return flags
