"""Parts of the ESP32 port's module: what wakes from a sleep, and the `romfs` partition as a block device."""

import os

import _vboard
import machine

WAKEUP_ALL_LOW, WAKEUP_ANY_HIGH = False, True
_RTC_PINS = 22  # of the ESP32-S3: GPIO0 to GPIO21


def _rtc_pin(pin):
    if not isinstance(pin, machine.Pin):
        raise ValueError("expecting a pin")
    if pin.id >= _RTC_PINS:
        raise ValueError("invalid pin")
    return pin.id


def wake_on_ext0(pin=None, level=False):
    """One line that ends a sleep while it is at this level; None: none."""
    machine._wake_lines[0] = 255 if pin is None else _rtc_pin(pin)
    machine._wake_lines[1] = 1 if level else 0


def wake_on_ext1(pins=None, level=False):
    """Several lines; any of them ends a sleep, on the ESP32-S3 with WAKEUP_ALL_LOW too. None: those of before."""
    if pins is not None:
        mask = 0
        for pin in pins:
            mask |= 1 << _rtc_pin(pin)
        machine._wake_lines[3] = mask
    machine._wake_lines[2] = 1 if level else 0


class Partition:
    """A partition of the flash."""

    TYPE_APP, TYPE_DATA = 0, 1

    @staticmethod
    def find(type=0, subtype=0xFF, label=None, block_size=4096):
        """The partitions of that label."""
        sectors = int(os.getenv("VB_SECTORS"))
        known = {"vfs": (0, sectors), "romfs": (sectors, int(os.getenv("VB_ROM_SECTORS")))}
        return [_vboard.Flash(*known[label])] if label in known else []
