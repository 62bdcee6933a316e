"""LIS3DH accelerometer: acceleration, and the interrupt that wakes the bracelet when a wrist moves (behaviour.md 3)."""

from firmware.drivers.errors import BusFault, NoAnswer, WrongChip

CHIP = "LIS3DH"
WHO_AM_I = 0x0F
CTRL_REG1 = 0x20
CTRL_REG2 = 0x21
CTRL_REG3 = 0x22
CTRL_REG4 = 0x23
CTRL_REG5 = 0x24
REFERENCE = 0x26
TEMP_CFG_REG = 0x1F
OUT_ADC3_H = 0x0D
STATUS_REG = 0x27
OUT_X = 0x28
INT1_CFG = 0x30
INT1_SRC = 0x31
INT1_THS = 0x32
INT1_DURATION = 0x33

WHO_AM_I_VALUE = 0x33
AUTO_INCREMENT = 0x80
BDU = 0x80
ZYXDA = 0x08
BOOT_US = 5_000
THRESHOLD_MG_PER_COUNT = 16
TEMPERATURE_AT_ZERO_C = 25.0
TEMPERATURE_US = 250_000  # two samples at 10 Hz: it is refreshed with the data rate


def convert_mg(low: int, high: int) -> int:
    """One axis in mg at 2 g, 10-bit mode: left justified, 4 mg per count."""
    raw = high << 8 | low
    if raw & 0x8000:
        raw -= 65536
    return (raw >> 6) * 4


class LIS3DH:
    """One accelerometer. Never writes a reserved address (damage is possible)."""

    def __init__(self, registers, clock):
        self._r = registers
        self._clock = clock
        self._data = bytearray(6)

    def start(self):
        """Boot time, identity, 50 Hz, 10 bits, 2 g (generator)."""
        yield BOOT_US
        got = self._r.read(WHO_AM_I)
        if got != WHO_AM_I_VALUE:
            raise WrongChip(CHIP, "WHO_AM_I", WHO_AM_I_VALUE, got)
        self._r.write_checked(CTRL_REG4, BDU)
        self._r.write_checked(CTRL_REG1, 0x47)

    def acceleration_mg(self):
        """(x, y, z) of a sample that is new (generator)."""
        begun = self._clock.ticks_us()
        while not self._r.read(STATUS_REG) & ZYXDA:
            waited = self._clock.ticks_diff(self._clock.ticks_us(), begun)
            if waited > 200_000:
                raise NoAnswer(CHIP, "ZYXDA", waited)
            yield 2_000
        data = self._data
        self._r.read_into(OUT_X | AUTO_INCREMENT, data)
        return convert_mg(data[0], data[1]), convert_mg(data[2], data[3]), convert_mg(data[4], data[5])

    def wake_on_motion(self, threshold_mg: int, samples: int) -> None:
        """10 Hz low power; INT1 rises and stays when any axis moves by more than this for so many samples."""
        write = self._r.write_checked
        write(CTRL_REG1, 0x2F)
        write(CTRL_REG2, 0x01)
        write(CTRL_REG3, 0x40)
        write(CTRL_REG4, 0x00)
        write(CTRL_REG5, 0x08)
        write(INT1_THS, max(1, min(127, threshold_mg // THRESHOLD_MG_PER_COUNT)))
        write(INT1_DURATION, max(0, min(127, samples)))
        self._r.read(REFERENCE)  # zeroes the high-pass filter
        write(INT1_CFG, 0x2A)

    def temperature_c(self, offset_c: float):
        """Whole degrees Celsius (generator); `offset_c` is the factory's: the part counts from an unknown point."""
        self._r.write_checked(CTRL_REG4, BDU)
        self._r.write_checked(TEMP_CFG_REG, 0xC0)
        yield TEMPERATURE_US
        raw = self._r.read(OUT_ADC3_H)
        again = self._r.read(OUT_ADC3_H)
        if abs(raw - again) > 1:  # a wrong temperature turns into a wrong verdict on a colour strip
            raise BusFault(CHIP, "readback", "temperature 0x%02X, then 0x%02X" % (raw, again))
        self._r.write_checked(TEMP_CFG_REG, 0x00)
        return TEMPERATURE_AT_ZERO_C + (raw - 256 if raw & 0x80 else raw) + offset_c

    def acknowledge(self) -> bool:
        """Release the latched interrupt; True when motion had raised it."""
        return bool(self._r.read(INT1_SRC) & 0x40)

    def power_down(self) -> None:
        """0.5 microamperes."""
        self._r.write_checked(CTRL_REG1, 0x00)
