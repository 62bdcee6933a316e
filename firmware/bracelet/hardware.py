"""The bracelet's parts on `machine`: buses and pins by the board file, and the clock. Only this module knows them."""

import time

import machine

from firmware.boards import bracelet as board
from firmware.drivers.ad5941 import AD5941
from firmware.drivers.ad5941_bus import RegisterBus
from firmware.drivers.drv2605l import DRV2605L
from firmware.drivers.errors import DriverError
from firmware.drivers.i2c_registers import I2cRegisters
from firmware.drivers.max17048 import MAX17048
from firmware.drivers.rgb_led import RgbLed

UNSET_BEFORE_YEAR = 2024
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

    def led(self):
        """The LED on its own SPI, its supply switched on (off in deep sleep, when the pin lets go)."""
        pin = machine.Pin
        self.led_power = pin(board.LED_POWER, pin.OUT, value=1)
        line = machine.SPI(
            board.LED_SPI, baudrate=board.LED_BAUD_HZ, sck=pin(board.LED_CLOCK_UNUSED), mosi=pin(board.LED_DATA)
        )
        return RgbLed(line)

    def sensors(self, say) -> tuple:
        """(haptics, gauge), each None when it does not start: told as a fault, and the bracelet works without it."""
        pin = machine.Pin
        i2c = machine.I2C(board.SENSORS_I2C, scl=pin(board.I2C_SCL), sda=pin(board.I2C_SDA), freq=board.SENSORS_BAUD_HZ)
        registers = I2cRegisters(i2c, board.DRV2605L_ADDRESS, "DRV2605L")
        haptics = DRV2605L(registers, pin(board.HAPTIC_ENABLE, pin.OUT, value=0), self.clock)
        try:
            for wait_us in haptics.start():
                self.clock.sleep_us(wait_us)
        except DriverError as error:
            say("fault", {"during": "start", "part": "haptics", "reason": str(error)})
            haptics = None
        gauge = MAX17048(I2cRegisters(i2c, board.MAX17048_ADDRESS, "MAX17048"))
        try:
            if gauge.start():
                self.clock.sleep_us(GAUGE_FIRST_CHARGE_US)
        except DriverError as error:
            say("fault", {"during": "start", "part": "gauge", "reason": str(error)})
            gauge = None
        return haptics, gauge

    @staticmethod
    def watchdog(timeout_ms: int):
        """The watchdog, running from now on."""
        return machine.WDT(timeout=timeout_ms)
