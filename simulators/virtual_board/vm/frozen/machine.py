"""The `machine` module of the virtual board: MicroPython's own interface, forwarded to the simulated peripherals.

Each peripheral's class is loaded when it is first asked for, so that a program pays heap only for what it uses.
"""

import os
import struct

import _vboard
import vboard_ops as _ops
from umachine import Signal, idle, time_pulse_us  # noqa: F401

PWRON_RESET, HARD_RESET, WDT_RESET, DEEPSLEEP_RESET, SOFT_RESET = 1, 2, 3, 4, 5
PIN_WAKE = EXT0_WAKE = 2
EXT1_WAKE, TIMER_WAKE = 3, 4
_EXIT_RESET = 70
_EXIT_DEEPSLEEP = 71
_handlers = {}
_freq = [160_000_000]
# What `esp32.wake_on_ext0` and `wake_on_ext1` armed: ext0's pin (255: none) and level, ext1's level and pins (a mask).
# Lost in a deep sleep, as the ESP32 port loses it: the firmware arms anew before each.
_wake_lines = [255, 0, 0, 0]
_NO_TIME = 0xFFFFFFFF
_woken = []


def unique_id():
    """The board's six bytes."""
    text = os.getenv("VB_ID")
    return bytes(int(text[i : i + 2], 16) for i in range(0, len(text), 2))


def reset():
    """Hard reset."""
    _vboard.exit(_EXIT_RESET)


def soft_reset():
    """Restart the interpreter, as Ctrl-D does."""
    raise SystemExit


def reset_cause():
    """Why the board started."""
    return int(os.getenv("VB_RESET_CAUSE") or PWRON_RESET)


def wake_reason():
    """What ended the last sleep: EXT0_WAKE, EXT1_WAKE, TIMER_WAKE, or 0 when there was none."""
    return _woken[0] if _woken else int(os.getenv("VB_WAKE_REASON") or 0)


def freq(hz=None):
    """The CPU clock; kept, without effect on the speed of the VM."""
    if hz is None:
        return _freq[0]
    _freq[0] = hz


def lightsleep(time_ms=None):
    """Stop until a wake line is at its level, the time is over (None: no time), or an interrupt comes."""
    import time

    _vboard.post(_ops.SLEEP, 1, _NO_TIME if time_ms is None else time_ms)
    lines = struct.pack("<BBBI", *_wake_lines)
    begun = time.ticks_ms()
    while True:
        reason = _vboard.transact(_ops.WAKE_LEVELS, 0, 0, lines)
        left = 10 if time_ms is None else time_ms - time.ticks_diff(time.ticks_ms(), begun)
        if not reason and left <= 0:
            reason = TIMER_WAKE
        if reason or _vboard.wait_event(min(left, 10)):
            break
    _woken[:] = [reason]
    _vboard.post(_ops.SLEEP, 0, 0)


def deepsleep(time_ms=None):
    """Switch off; the board starts anew when a wake line is at its level or the time is over.

    None: no time ends it. 0 is a time: like the ESP32 port, it wakes at once.
    """
    _vboard.post(_ops.SLEEP, 2, _NO_TIME if time_ms is None else time_ms, struct.pack("<BBBI", *_wake_lines))
    _vboard.exit(_EXIT_DEEPSLEEP)


def disable_irq():
    """Interrupts here come between two bytecodes only: nothing to switch off."""
    return 0


def enable_irq(state):
    pass


def bitstream(pin, encoding, timing, buf):
    """Send bits by pulse width (WS2812 and the like)."""
    _vboard.post(_ops.BITSTREAM, pin.id, 0, buf)


def _dispatch(_):
    number = _vboard.event()
    while number >= 0:
        handler = _handlers.get(number)
        if handler is not None:
            handler[0](handler[1])
        number = _vboard.event()


def _handle(number, callback, argument):
    """Register what an interrupt of the host calls; None takes it away."""
    if callback is None:
        _handlers.pop(number, None)
        return
    _handlers[number] = (callback, argument)
    _vboard.on_event(_dispatch)


class RTC:
    """Real-time clock; keeps the time and up to 2 KB of memory through a deep sleep."""

    def datetime(self, value=None):
        """(year, month, day, weekday, hours, minutes, seconds, microseconds), read or set."""
        import time

        if value is None:
            raw = bytearray(8)
            _vboard.transact(_ops.RTC_READ, 0, 0, None, raw)
            ms = struct.unpack("<Q", raw)[0]
            t = time.gmtime(ms // 1000)
            return (t[0], t[1], t[2], t[6], t[3], t[4], t[5], ms % 1000 * 1000)
        y, mo, d, _, h, mi, s, us = value
        ms = time.mktime((y, mo, d, h, mi, s, 0, 0)) * 1000 + us // 1000
        _vboard.post(_ops.RTC_SET, 0, 0, struct.pack("<Q", ms))

    def init(self, value):
        self.datetime(value)

    def memory(self, data=None):
        """The memory that survives a deep sleep, read or written."""
        if data is None:
            raw = bytearray(_vboard.transact(_ops.RTC_MEMORY_READ, 0, 0))
            _vboard.transact(_ops.RTC_MEMORY_READ, 0, 0, None, raw)
            return bytes(raw)
        if len(data) > 2048:
            raise ValueError("buffer too long")
        _vboard.post(_ops.RTC_MEMORY_WRITE, 0, 0, data)


class WDT:
    """Watchdog: not fed in time, the host resets the board, whatever the VM is doing."""

    def __init__(self, id=0, timeout=5000):
        _vboard.post(_ops.WATCHDOG_START, id, timeout)

    def feed(self):
        _vboard.post(_ops.WATCHDOG_FEED, 0, 0)


_lazy = {
    "Pin": "vboard_pin",
    "ADC": "vboard_pin",
    "PWM": "vboard_pin",
    "UART": "vboard_uart",
    "SPI": "vboard_spi",
    "SoftSPI": "vboard_spi",
    "I2C": "vboard_i2c",
    "SoftI2C": "vboard_i2c",
    "Timer": "vboard_timer",
}


def __getattr__(name):
    source = _lazy.get(name)
    if source is None:
        raise AttributeError(name)
    found = getattr(__import__(source), name)
    globals()[name] = found
    return found
