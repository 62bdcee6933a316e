"""Installs a signed package into the slot that does not run. Nothing is switched before all of it has been checked."""

import json

from . import package, signature, slots
from .errors import UpdateRefused
from .flash_slots import SECTOR, FlashSlots

KEY_FILE = "/update_key.json"


def public_modulus(path: str = KEY_FILE) -> int:
    """The public key that the factory put on the board."""
    try:
        with open(path) as file:
            return int(json.load(file)["modulus_hex"], 16)
    except (OSError, ValueError, KeyError) as error:
        raise UpdateRefused("key", "%s: %s" % (path, error)) from None


class Installer:
    """Takes a package in pieces of any size; `finish` switches. Dropped half-way, the running slot stays as it was."""

    def __init__(self, board: str, modulus: int):
        self._board = board
        self._modulus = modulus
        self._flash = FlashSlots()
        state = self._flash.load_state() or slots.State(self._newest())
        if state.trial != slots.NONE:
            raise UpdateRefused("on_trial", "the last update is not confirmed yet")
        self._state = state
        self._slot = 1 - state.active
        self._sector = bytearray(SECTOR)
        self._filled = 0
        self._offset = 0
        self.header = None

    def _newest(self) -> int:
        return 1 if self._flash.whole_code(1) > self._flash.whole_code(0) else 0

    def begin(self, raw: bytes) -> package.Header:
        """Check the header (its signature, board, version, length); only then may the image come."""
        header = package.parse(raw)
        if not signature.is_signed(header.signed, header.signature, self._modulus):
            raise UpdateRefused("signature")
        running = self._flash.whole_code(self._state.active)
        package.check_fits(header, self._board, max(running, 0), self._flash.room_bytes)
        self._flash.erase_header(self._slot)
        self.header = header
        self._raw = bytes(raw[: package.HEADER_BYTES])
        return header

    def feed(self, piece) -> None:
        """The next bytes of the image."""
        at = 0
        while at < len(piece):
            count = min(SECTOR - self._filled, len(piece) - at)
            self._sector[self._filled : self._filled + count] = piece[at : at + count]
            self._filled += count
            at += count
            if self._filled == SECTOR:
                self._flush()

    def _flush(self) -> None:
        if self._offset + self._filled > self._flash.room_bytes:
            raise UpdateRefused("length", "more than the slot holds")
        self._flash.write(self._slot, self._offset, self._sector)
        self._offset += self._filled
        self._filled = 0

    def finish(self) -> None:
        """Check what lies in flash against the signed hash, make the slot valid, put it on trial for the next boot."""
        length = self._offset + self._filled
        if self.header is None or length != self.header.length:
            raise UpdateRefused("length", "%d bytes came" % length)
        if self._filled:
            for at in range(self._filled, SECTOR):
                self._sector[at] = 0xFF
            self._flush()
        if self._flash.digest(self._slot, length) != self.header.sha256:
            raise UpdateRefused("hash")
        self._flash.write_header(self._slot, self._raw)
        if self._flash.whole_code(self._slot) != self.header.version_code:
            raise UpdateRefused("flash", "the slot does not read back")
        self._flash.keep_state(slots.on_installed(self._state))


def install_file(path: str, board: str) -> package.Header:
    """Install the package in a file; it runs from the next boot on. UpdateRefused leaves everything as it was."""
    installer = Installer(board, public_modulus())
    with open(path, "rb") as file:
        header = installer.begin(file.read(package.HEADER_BYTES))
        piece = bytearray(512)
        while True:
            count = file.readinto(piece)
            if not count:
                break
            installer.feed(memoryview(piece)[:count])
    installer.finish()
    return header
