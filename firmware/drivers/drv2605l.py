"""DRV2605L haptic driver with a linear resonant actuator: calibration, real-time strength (behaviour.md 4)."""

from firmware.drivers.errors import ChipFault, NoAnswer, WrongChip

CHIP = "DRV2605L"
STATUS = 0x00
MODE = 0x01
RTP_INPUT = 0x02
LIBRARY = 0x03
GO = 0x0C
RATED_VOLTAGE = 0x16
OD_CLAMP = 0x17
A_CAL_COMP = 0x18
A_CAL_BEMF = 0x19
FEEDBACK = 0x1A
CONTROL1 = 0x1B
CONTROL2 = 0x1C
CONTROL3 = 0x1D
CONTROL4 = 0x1E

DEVICE_ID = 7
MODE_INTERNAL = 0x00
MODE_REAL_TIME = 0x05
MODE_CALIBRATE = 0x07
STANDBY = 0x40
LRA_LIBRARY = 6
RESONANCE_HZ = 175
RATED_MV_RMS = 1_800  # of the actuator in the bill of materials
CLAMP_MV_PEAK = 2_700
CALIBRATE_LIMIT_US = 2_000_000
STRENGTH_MAX = 0x7F


def convert_drive_time(resonance_hz: int) -> int:
    """DRIVE_TIME code: half the resonance period, 0.5 ms + 0.1 ms per count."""
    half_us = 500_000 // resonance_hz
    return max(0, min(31, (half_us - 500) // 100))


def convert_rated_voltage(millivolts_rms: int, resonance_hz: int) -> int:
    """RATED_VOLTAGE code, closed loop, 300 us sample time."""
    root = (1 - (4 * 300e-6 + 300e-6) * resonance_hz) ** 0.5
    return max(0, min(255, round(millivolts_rms / 1000.0 / 20.58e-3 * root)))


def convert_clamp(millivolts_peak: int) -> int:
    """OD_CLAMP code."""
    return max(0, min(255, round(millivolts_peak / 21.22)))


class DRV2605L:
    """One haptic driver. `enable` is its EN pin: enable(1) powers the bus side."""

    def __init__(self, registers, enable, clock):
        self._r = registers
        self._enable = enable
        self._clock = clock
        self._strength = -1

    def start(self, saved=None):
        """Power, identity, actuator settings; `saved` is what calibrate() returned once (generator)."""
        self._enable(1)
        yield 1_000
        got = self._r.read(STATUS) >> 5
        if got != DEVICE_ID:
            raise WrongChip(CHIP, "STATUS.DEVICE_ID", DEVICE_ID, got)
        self._r.write_checked(MODE, MODE_INTERNAL)
        self._r.write_checked(RATED_VOLTAGE, convert_rated_voltage(RATED_MV_RMS, RESONANCE_HZ))
        self._r.write_checked(OD_CLAMP, convert_clamp(CLAMP_MV_PEAK))
        self._r.write_checked(FEEDBACK, 0xA8 | (saved[2] if saved else 1), 0xFC)  # LRA, brake 2, loop gain 2
        self._r.write_checked(CONTROL1, 0x80 | convert_drive_time(RESONANCE_HZ))
        self._r.write_checked(CONTROL2, 0xF5)
        self._r.write_checked(CONTROL3, 0x80)
        self._r.write_checked(CONTROL4, 0x30, 0x30)
        self._r.write(LIBRARY, LRA_LIBRARY)  # some copies of the part do not read it back
        if saved:
            self._r.write_checked(A_CAL_COMP, saved[0])
            self._r.write_checked(A_CAL_BEMF, saved[1])
        self._strength = -1

    def calibrate(self):
        """Fit the loop to the mounted actuator (generator); returns the three values to keep and give to start()."""
        self._r.write_checked(MODE, MODE_CALIBRATE)
        self._r.write(GO, 1)
        begun = self._clock.ticks_us()
        while self._r.read(GO) & 1:
            waited = self._clock.ticks_diff(self._clock.ticks_us(), begun)
            if waited > CALIBRATE_LIMIT_US:
                raise NoAnswer(CHIP, "GO", waited)
            yield 10_000
        if self._r.read(STATUS) & 0x08:
            raise ChipFault(CHIP, "calibration", "DIAG_RESULT 1: actuator not mounted or not the one set up")
        self._r.write_checked(MODE, MODE_INTERNAL)
        return self._r.read(A_CAL_COMP), self._r.read(A_CAL_BEMF), self._r.read(FEEDBACK) & 0x03

    def vibrate(self, percent: int) -> None:
        """Shake with this strength from now on; 0 stops."""
        strength = percent * STRENGTH_MAX // 100
        if strength == self._strength:
            return
        if strength and self._strength <= 0:
            self._r.write_checked(MODE, MODE_REAL_TIME)
        self._r.write_checked(RTP_INPUT, strength)
        if not strength:
            self._r.write_checked(MODE, MODE_INTERNAL)
        self._strength = strength

    def off(self) -> None:
        """Standby, then EN low."""
        self._r.write(RTP_INPUT, 0)
        self._r.write(MODE, STANDBY)
        self._enable(0)
        self._strength = -1
