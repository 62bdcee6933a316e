"""The bracelet's parts on `machine`: buses and pins by the board file, and the clock. Only this module knows them."""

import time

import machine

from firmware.boards import bracelet as board
from firmware.drivers.ad5941 import AD5941
from firmware.drivers.ad5941_bus import RegisterBus

UNSET_BEFORE_YEAR = 2024


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

    @staticmethod
    def watchdog(timeout_ms: int):
        """The watchdog, running from now on."""
        return machine.WDT(timeout=timeout_ms)
