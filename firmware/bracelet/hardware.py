"""The bracelet's parts on `machine`: buses and pins by the board file, and the clock. Only this module knows them."""

import time

import machine

from firmware.boards import bracelet as board
from firmware.drivers.ad5941 import AD5941
from firmware.drivers.ad5941_bus import RegisterBus
from firmware.drivers.drv2605l import DRV2605L
from firmware.drivers.errors import DriverError
from firmware.drivers.i2c_registers import I2cRegisters
from firmware.drivers.lis3dh import LIS3DH
from firmware.drivers.max17048 import MAX17048
from firmware.drivers.rgb_led import RgbLed

UNSET_BEFORE_YEAR = 2024
WRIST_MG = 320  # ASSUMED: a raised wrist, not a walk
WRIST_SAMPLES = 2  # at 10 Hz
GAUGE_FIRST_CHARGE_US = 1_100_000  # a cell that was just put in: before this SOC reads 0


class Clock:
    """MicroPython's ticks."""

    def __init__(self):
        self.ticks_us = time.ticks_us
        self.ticks_ms = time.ticks_ms
        self.ticks_diff = time.ticks_diff
        self.sleep_us = time.sleep_us


def now_text() -> str:
    """UTC as RFC 3339, or "" when the clock was never set."""
    now = time.gmtime()
    if now[0] < UNSET_BEFORE_YEAR:
        return ""
    return "%04d-%02d-%02dT%02d:%02d:%02dZ" % now[:6]


def today() -> str:
    """The date as ISO text, or "" when unknown."""
    return now_text()[:10]


class Hardware:
    """Everything on the board, opened once."""

    def __init__(self):
        self.clock = Clock()
        pin = machine.Pin
        spi = machine.SPI(
            board.AFE_SPI,
            baudrate=board.AFE_BAUD_HZ,
            polarity=0,
            phase=0,
            sck=pin(board.AFE_SCK),
            mosi=pin(board.AFE_MOSI),
            miso=pin(board.AFE_MISO),
        )
        bus = RegisterBus(spi, pin(board.AFE_CS, pin.OUT, value=1))
        self.afe = AD5941(bus, pin(board.AFE_RESET, pin.OUT, value=1), self.clock)
        self.dummy = pin(board.DUMMY_SELECT, pin.OUT, value=0)
        self.strip = pin(board.STRIP_PRESENT, pin.IN, pin.PULL_UP)
        self.button = pin(board.BUTTON, pin.IN, pin.PULL_UP)
        self.motion_pin = pin(board.MOTION_INT, pin.IN)
        self.pad_select = [
            pin(number, pin.OUT, value=0) for number in (board.PAD_SELECT_0, board.PAD_SELECT_1, board.PAD_SELECT_2)
        ]
        self.i2c = machine.I2C(
            board.SENSORS_I2C, scl=pin(board.I2C_SCL), sda=pin(board.I2C_SDA), freq=board.SENSORS_BAUD_HZ
        )
        self.gauge = None
        self.haptics = None
        self.led_power = None
        self.accelerometer: "LIS3DH | None" = None
        self.temperature_offset_c = 0.0

    def led(self):
        """The LED on its own SPI, its supply switched on (off in deep sleep, when the pin lets go)."""
        pin = machine.Pin
        self.led_power = pin(board.LED_POWER, pin.OUT, value=1)
        line = machine.SPI(
            board.LED_SPI, baudrate=board.LED_BAUD_HZ, sck=pin(board.LED_CLOCK_UNUSED), mosi=pin(board.LED_DATA)
        )
        return RgbLed(line)

    def sensors(self, say) -> tuple:
        """(haptics, gauge), each None when it does not start: told as a fault, and the bracelet works without it.

        The accelerometer comes along: `motion()` and `thermometer()` use it.
        """
        pin = machine.Pin
        haptics = DRV2605L(
            self._chip(board.DRV2605L_ADDRESS, "DRV2605L"), pin(board.HAPTIC_ENABLE, pin.OUT, value=0), self.clock
        )
        self.haptics = haptics = self._started(say, "haptics", haptics, haptics.start())
        gauge = MAX17048(self._chip(board.MAX17048_ADDRESS, "MAX17048"))
        try:
            if gauge.start():
                self.clock.sleep_us(GAUGE_FIRST_CHARGE_US)
        except DriverError as error:
            say("fault", {"during": "start", "part": "gauge", "reason": str(error)})
            gauge = None
        self.gauge = gauge
        self.accelerometer = LIS3DH(self._chip(board.LIS3DH_ADDRESS, "LIS3DH"), self.clock)
        self.accelerometer = self._started(say, "accelerometer", self.accelerometer, self._watch_wrist())
        return haptics, gauge

    def _watch_wrist(self):
        yield from self.accelerometer.start()
        self.accelerometer.wake_on_motion(WRIST_MG, WRIST_SAMPLES)

    def _started(self, say, part: str, chip, steps):
        try:
            for wait_us in steps:
                self.clock.sleep_us(wait_us)
        except DriverError as error:
            say("fault", {"during": "start", "part": part, "reason": str(error)})
            return None
        return chip

    def _chip(self, address: int, name: str) -> I2cRegisters:
        return I2cRegisters(self.i2c, address, name)

    def motion(self) -> bool:
        """Whether the wrist has moved since the last time this was asked."""
        if self.accelerometer is None or not self.motion_pin():
            return False
        try:
            return self.accelerometer.acknowledge()
        except DriverError:  # told at the next start, when it does not answer there either
            return False

    def thermometer(self):
        """Degrees Celsius by the accelerometer (generator), or None when it does not answer."""
        if self.accelerometer is None:
            return None
        try:
            return (yield from self.accelerometer.temperature_c(self.temperature_offset_c))
        except DriverError:  # without a temperature the colour core refuses; a scan does without
            return None

    def spectrometer(self):
        """The colour sensor, loaded only when a strip needs it."""
        from firmware.drivers.as7341 import AS7341

        return AS7341(self._chip(board.AS7341_ADDRESS, "AS7341"), self.clock)

    def select_pad(self, number: int) -> None:
        """Let the lamp current through the lamp over this pad."""
        for bit in range(len(self.pad_select)):
            self.pad_select[bit](number >> bit & 1)

    def rest(self, all_chips: bool = True) -> list:
        """Watch the wrist and put every other chip where it draws least; the names of those that did not go there."""
        acts = [("accelerometer", self._rest_accelerometer)]
        if all_chips:
            acts.append(("front end", self._rest_front_end))
            acts.append(("spectrometer", self._rest_spectrometer))
            acts.append(("motor and light", self._rest_signals))
            acts.append(("gauge", self._rest_gauge))
        awake = []
        for name, act in acts:
            try:
                act()
            except DriverError:  # a disturbed transfer: once more, then it stays as it is and is named
                try:
                    act()
                except DriverError:
                    awake.append(name)
        return awake

    def rouse(self, say) -> None:
        """A sleep that it did not come to: light and motor can tell again, the gauge follows the cell again."""
        if self.led_power is not None:
            self.led_power(1)
        if self.haptics is not None:
            self._started(say, "haptics", self.haptics, self.haptics.start())
        if self.gauge is not None:
            try:
                self.gauge.start()
            except DriverError as error:
                say("fault", {"during": "rouse", "part": "gauge", "reason": str(error)})

    def _rest_accelerometer(self) -> None:
        chip = self.accelerometer or LIS3DH(self._chip(board.LIS3DH_ADDRESS, "LIS3DH"), self.clock)
        chip.wake_on_motion(WRIST_MG, WRIST_SAMPLES)
        chip.acknowledge()
        self.accelerometer = chip

    def _rest_front_end(self) -> None:
        self.afe.start()
        self.afe.sleep()

    def _rest_spectrometer(self) -> None:
        self.spectrometer().sleep()

    def _rest_signals(self) -> None:
        if self.led_power is not None:
            self.led_power(0)
        if self.haptics is not None:
            self.haptics.off()

    def _rest_gauge(self) -> None:
        if self.gauge is not None:
            self.gauge.hibernate()

    @staticmethod
    def watchdog(timeout_ms: int):
        """The watchdog, running from now on."""
        return machine.WDT(timeout=timeout_ms)
