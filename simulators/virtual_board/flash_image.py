"""The board's flash as a file, and the factory's way to put files on it and read them back."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
from collections.abc import Mapping
from pathlib import Path

from simulators.virtual_board.events import BoardError

SECTOR_BYTES = 4096
SECTORS = 512
ROM_SECTORS = 256
FACTORY_TIMEOUT_S = 60
_WRITE, _READ, _REMOVE, _LIST = 1, 2, 3, 4
_REQUEST = struct.Struct("<HHI")
_ANSWER = struct.Struct("<iI")


class FlashImage:
    """The partitions of a board's flash that firmware sees, in a file that is made, blank, when it is not there.

    512 sectors of 4096 bytes for the file system, then 256 (1 MB) for `romfs`, whose modules run in place.
    """

    def __init__(self, path: Path, sectors: int = SECTORS, rom_sectors: int = ROM_SECTORS) -> None:
        self.path = path
        self.sectors = sectors
        self.rom_sectors = rom_sectors
        whole_bytes = SECTOR_BYTES * (sectors + rom_sectors)
        self.blank = False
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.write_bytes(b"\xff" * whole_bytes)
            temporary.replace(path)
            self.blank = True
        elif path.stat().st_size != whole_bytes:
            raise BoardError(f"{path}: not a flash image of {whole_bytes} bytes")
        else:
            with path.open("rb") as image:
                self.blank = image.read(2 * SECTOR_BYTES) == b"\xff" * 2 * SECTOR_BYTES

    def environment(self) -> dict[str, str]:
        """What the VM must know of it. A blank flash is formatted by the VM; `formatted` must be told afterwards."""
        return {
            "VB_FLASH": str(self.path),
            "VB_SECTORS": str(self.sectors),
            "VB_ROM_SECTORS": str(self.rom_sectors),
            "VB_FORMAT": "1" if self.blank else "0",
        }

    def formatted(self) -> None:
        """The VM has mounted it: never format again, whatever is on it."""
        self.blank = False

    def write_rom(self, image: bytes, offset: int = 0) -> None:
        """Put an image in the `romfs` partition, as `mpremote romfs deploy` does."""
        if offset + len(image) > self.rom_sectors * SECTOR_BYTES:
            raise BoardError(f"romfs image of {len(image)} bytes: the partition has {self.rom_sectors * SECTOR_BYTES}")
        with self.path.open("r+b") as file:
            file.seek(self.sectors * SECTOR_BYTES + offset)
            file.write(image)


class Factory:
    """A run of the VM that does nothing but file requests on a flash image; as context manager."""

    def __init__(self, vm: Path, flash: FlashImage) -> None:
        self._ours, theirs = socket.socketpair()
        self._ours.settimeout(FACTORY_TIMEOUT_S)
        spare_ours, spare_theirs = socket.socketpair()
        try:
            self._child = subprocess.Popen(
                [str(vm), "-X", "heapsize=4M", "-c", "import vboard_boot"],
                env={
                    **flash.environment(),
                    "MICROPYPATH": ".frozen",
                    "VB_LINK": str(spare_theirs.fileno()),
                    "VB_EVENTS": str(spare_theirs.fileno()),
                    "VB_INSTALL": str(theirs.fileno()),
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(theirs.fileno(), spare_theirs.fileno()),
                start_new_session=True,
            )
        finally:
            theirs.close()
            spare_ours.close()
            spare_theirs.close()
        self._stream = self._ours.makefile("rwb")
        self._flash = flash

    def _ask(self, op: int, path: str, body: bytes = b"") -> tuple[int, bytes]:
        name = path.encode()
        try:
            self._stream.write(_REQUEST.pack(op, len(name), len(body)) + name + body)
            self._stream.flush()
            head = self._stream.read(_ANSWER.size)
            if len(head) < _ANSWER.size:
                raise ConnectionError
            status, length = _ANSWER.unpack(head)
            self._flash.formatted()
            return status, self._stream.read(length)
        except (ConnectionError, TimeoutError):
            self._child.kill()
            said = self._child.communicate()[0].decode(errors="replace").strip().splitlines()
            raise BoardError(
                f"{self._flash.path}: the flash cannot be used: {said[-1] if said else 'no answer'}"
            ) from None

    def write(self, files: Mapping[str, bytes | str]) -> None:
        """Write files (absolute paths; folders are made)."""
        for path, content in files.items():
            body = content.encode() if isinstance(content, str) else content
            status, _ = self._ask(_WRITE, "/" + path.lstrip("/"), body)
            if status:
                raise BoardError(f"/{path.lstrip('/')}: cannot be written: {os.strerror(status)}")

    def read(self, path: str) -> bytes:
        """The content of a file."""
        status, body = self._ask(_READ, path)
        if status:
            raise FileNotFoundError(status, os.strerror(status), path)
        return body

    def remove(self, path: str) -> None:
        """Delete a file or folder with all in it."""
        self._ask(_REMOVE, path)

    def files(self, folder: str = "/") -> list[str]:
        """Every file on the flash."""
        return self._ask(_LIST, folder)[1].decode().splitlines()

    def __enter__(self) -> Factory:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()
        self._ours.close()
        try:
            self._child.communicate(timeout=FACTORY_TIMEOUT_S)
        finally:
            if self._child.poll() is None:
                self._child.kill()
                self._child.communicate()
