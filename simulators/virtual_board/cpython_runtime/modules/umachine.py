"""What the VM's own `machine` offers to the shim, for CPython."""

import time


class PinBase:
    """Base of Pin."""


class Signal:
    """A pin whose active level may be low."""

    def __init__(self, pin, invert=False):
        self._pin = pin
        self._invert = invert

    def value(self, v=None):
        if v is None:
            return self._pin.value() ^ self._invert
        self._pin.value(bool(v) ^ self._invert)

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)


def idle():
    time.sleep(0)


def time_pulse_us(pin, level, timeout_us=1_000_000):
    """Length of the next pulse at a pin, -1 or -2 when none comes or ends in time."""
    start = time.monotonic_ns()
    for answer, wanted in ((-2, level), (-1, 1 - level)):
        began = time.monotonic_ns()
        while pin.value() != wanted:
            if time.monotonic_ns() - start > timeout_us * 1000:
                return answer
    return (time.monotonic_ns() - began) // 1000
