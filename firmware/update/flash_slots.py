"""The two slots in the board's `romfs` partition, and the state file beside the board's other files."""

import hashlib
import json
import os

import esp32  # type: ignore[import-not-found, unused-ignore]
import vfs  # type: ignore[import-not-found, unused-ignore]

from . import package, slots
from .errors import UpdateRefused

SECTOR = 4096
STATE_FILE = "/boot_state"
HASH_CHUNK = 4096


class FlashSlots:
    """Slot 0 is the first half of the partition, slot 1 the second; each ends with the sector of its header."""

    def __init__(self):
        self._memory = memoryview(vfs.rom_ioctl(2, 0))
        self._partition = esp32.Partition.find(esp32.Partition.TYPE_DATA, label="romfs")[0]
        self.slot_bytes = len(self._memory) // 2
        self.room_bytes = self.slot_bytes - SECTOR

    def memory(self, slot: int, length: int) -> memoryview:
        """The first bytes of a slot, mapped."""
        start = slot * self.slot_bytes
        return self._memory[start : start + length]

    def header(self, slot: int) -> package.Header:
        """The header in a slot; UpdateRefused when there is none."""
        start = slot * self.slot_bytes + self.room_bytes
        return package.parse(self._memory[start : start + package.HEADER_BYTES])

    def whole_code(self, slot: int) -> int:
        """The version code of a slot whose image has the hash that its header says; slots.NONE for any other."""
        try:
            header = self.header(slot)
        except UpdateRefused:
            return slots.NONE
        if not 0 < header.length <= self.room_bytes or self.digest(slot, header.length) != header.sha256:
            return slots.NONE
        return header.version_code

    def digest(self, slot: int, length: int) -> bytes:
        """SHA-256 of the first bytes of a slot."""
        image = self.memory(slot, length)
        digest = hashlib.sha256()
        for at in range(0, length, HASH_CHUNK):
            digest.update(image[at : min(at + HASH_CHUNK, length)])
        return digest.digest()

    def _sector(self, slot: int, offset: int) -> int:
        return (slot * self.slot_bytes + offset) // SECTOR

    def erase_header(self, slot: int) -> None:
        """From now on the slot counts as empty, whatever happens while it is written."""
        self._partition.ioctl(6, self._sector(slot, self.room_bytes))

    def write(self, slot: int, offset: int, sector: bytearray) -> None:
        """One whole sector of an image: erased, then programmed."""
        self._partition.writeblocks(self._sector(slot, offset), sector)

    def write_header(self, slot: int, raw: bytes) -> None:
        """Make a slot valid; last of all."""
        self._partition.writeblocks(self._sector(slot, self.room_bytes), raw, 0)

    @staticmethod
    def load_state() -> "slots.State | None":
        """The kept state; None when it cannot be read."""
        try:
            with open(STATE_FILE) as file:
                return slots.from_dict(json.load(file))
        except (OSError, ValueError):
            return None

    @staticmethod
    def keep_state(state: slots.State) -> None:
        """Replace the state in one step: written beside, then renamed over."""
        with open(STATE_FILE + ".new", "w") as file:
            json.dump(state.to_dict(), file)
        os.rename(STATE_FILE + ".new", STATE_FILE)
