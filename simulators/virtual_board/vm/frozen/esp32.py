"""The part of the ESP32 port's module that firmware updates need: the `romfs` partition as a block device."""

import os

import _vboard


class Partition:
    """A partition of the flash."""

    TYPE_APP, TYPE_DATA = 0, 1

    @staticmethod
    def find(type=0, subtype=0xFF, label=None, block_size=4096):
        """The partitions of that label."""
        sectors = int(os.getenv("VB_SECTORS"))
        known = {"vfs": (0, sectors), "romfs": (sectors, int(os.getenv("VB_ROM_SECTORS")))}
        return [_vboard.Flash(*known[label])] if label in known else []
