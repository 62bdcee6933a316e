"""What a tracker keeps in flash across a power cut: its boot number, its settings, the events not yet delivered.

LittleFS makes a file's new content durable when it is closed, all of it or nothing. A checksum tells what a damaged
block left behind; damage is counted in `damaged`, never silently taken for "nothing was there".
"""

import binascii
import os

_BOOT = "/boot_number"
_SETTINGS = "/settings"
_EVENTS = "/events"
_BESIDE = ".new"
_CRC_START = 0x57414B5A  # with the usual start, erased flash (all ones) would carry a right checksum


def _checksum(content: bytes) -> bytes:
    return (binascii.crc32(content, _CRC_START) & 0xFFFFFFFF).to_bytes(4, "big")


class FlashStore:
    """Files below one folder ("" is the root of the flash)."""

    def __init__(self, folder: str = "") -> None:
        self._folder = folder
        self.damaged = 0

    def next_boot_id(self) -> int:
        """A number that no boot before had. Unreadable: a random one far above any count of boots."""
        path = self._folder + _BOOT
        raw = self._read(path)
        if raw is None and not self._exists(path):
            number = 1
        elif raw is None:
            number = 1 << 31 | int.from_bytes(os.urandom(4), "big") >> 2
        else:
            number = (int.from_bytes(raw, "big") + 1) & 0xFFFFFFFF
        self._write(path, number.to_bytes(4, "big"))
        return number

    def load_settings(self):
        """The last settings frame's body that was applied, or None."""
        return self._read(self._folder + _SETTINGS)

    def save_settings(self, body: bytes) -> None:
        self._write(self._folder + _SETTINGS, body)

    def save_event(self, token: int, word: str, body: bytes) -> None:
        """Keep an undelivered event; durable when this returns."""
        folder = self._folder + _EVENTS
        if not self._exists(folder):
            os.mkdir(folder)
        self._write(self._event_path(token), bytes([len(word)]) + word.encode() + body)

    def remove_event(self, token: int) -> None:
        """The broker has it. Already gone is fine: the power may have failed after the last removal."""
        path = self._event_path(token)
        if self._exists(path):
            os.remove(path)

    def load_events(self) -> list:
        """[(token, word, body)] in the order in which they happened; unreadable ones are removed and counted."""
        folder = self._folder + _EVENTS
        if not self._exists(folder):
            return []
        found = []
        for name in sorted(os.listdir(folder)):
            path = folder + "/" + name
            unfinished = name.endswith(_BESIDE)
            damaged_before = self.damaged
            raw = self._read(path)
            if unfinished:  # the power failed while it was written (nothing was promised yet) or before it was renamed
                self.damaged = damaged_before
            if not raw or len(raw) <= raw[0]:
                os.remove(path)
                continue
            if unfinished:
                self._rename(path, path[: -len(_BESIDE)])
            found.append((int(name[:16], 16), raw[1 : 1 + raw[0]].decode(), raw[1 + raw[0] :]))
        return found

    def _event_path(self, token: int) -> str:
        return self._folder + _EVENTS + "/%016x" % token

    def _exists(self, path: str) -> bool:
        try:
            os.stat(path)
        except OSError:
            return False
        return True

    def _read(self, path: str):
        """The content whose checksum is right; None when there is none (counted as damage when a file is there)."""
        try:
            with open(path, "rb") as file:
                raw = file.read()
        except OSError:
            self.damaged += self._exists(path)
            return None
        if len(raw) < 4 or _checksum(raw[:-4]) != raw[-4:]:
            self.damaged += 1
            return None
        return raw[:-4]

    def _write(self, path: str, content: bytes) -> None:
        """Replace a file in one step: written beside, then renamed over."""
        with open(path + _BESIDE, "wb") as file:
            file.write(content + _checksum(content))
        self._rename(path + _BESIDE, path)

    def _rename(self, old: str, new: str) -> None:
        """Replace `new` by `old`; MicroPython's rename does that, CPython's on some systems does not."""
        (os.replace if hasattr(os, "replace") else os.rename)(old, new)
