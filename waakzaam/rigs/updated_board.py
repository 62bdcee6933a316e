"""A board as it leaves the factory, with signed slots: boots the whole firmware, takes packages, keeps its lines."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulators.virtual_board.board import VirtualBoard
from simulators.virtual_board.firmware_image import compile_tree, rom_image
from simulators.virtual_board.flash_image import SECTOR_BYTES, Factory, FlashImage
from simulators.virtual_board.peripherals import Peripherals
from waakzaam import machine, release

SECTORS = 128
ROM_SECTORS = 128
SLOT_BYTES = ROM_SECTORS * SECTOR_BYTES // 2
INSTALL = """
from wzboot.install import install_file
print("installed", install_file("/update.wzu", "{board}").version)
"""


def image_with(changed: Mapping[str, str], scratch: Path) -> bytes:
    """The whole firmware of this checkout, with the text of some modules (path below firmware/) replaced."""
    copy = scratch / "changed" / "firmware"
    if copy.exists():
        shutil.rmtree(copy)
    shutil.copytree(machine.ROOT / "firmware", copy, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in changed.items():
        (copy / name).write_text(text, encoding="utf-8")
    return rom_image(compile_tree(copy))


class UpdatedBoard:
    """A board with version 1 in slot 0. `install(package)` puts the next one in; `start()` powers it."""

    def __init__(self, folder: Path, board: str, files: dict[str, bytes | str], peripherals: Peripherals) -> None:
        self.kind = board
        self.folder = folder
        self.key = release.new_key()
        vm = machine.find_vm()
        assert vm is not None, "no MicroPython VM on this machine"
        self._vm = vm
        self.flash = FlashImage(folder / "flash.img", sectors=SECTORS, rom_sectors=ROM_SECTORS)
        self.flash.write_rom(release.slot_content(self.package("1", 1, {}), SLOT_BYTES))
        with Factory(vm, self.flash) as factory:
            made = release.boot_files(machine.ROOT / "firmware" / "update", self.key, board)
            factory.write({**files, **made})
        self.lines: list[str] = []
        self._partial = b""
        self._heard = threading.Condition()
        self.peripherals = peripherals

    def package(self, version: str, code: int, changed: Mapping[str, str]) -> bytes:
        """A signed package of this checkout's firmware, some modules replaced."""
        return release.build(image_with(changed, self.folder), self.kind, version, code, self.key)

    def install(self, package: bytes) -> None:
        """Put a package on the board that is off, and have its own boot part install it."""
        with Factory(self._vm, self.flash) as factory:
            factory.write({"/update.wzu": package})
            main = factory.read("/main.py")
            factory.write({"/main.py": INSTALL.format(board=self.kind)})
        with self.board() as board:
            board.console.wait("installed")
        with Factory(self._vm, self.flash) as factory:
            factory.write({"/main.py": main})

    def board(self, port: str | None = None) -> VirtualBoard:
        """The board, switched off; use it in a `with` block."""
        self.lines.clear()
        return VirtualBoard(
            self.flash.path,
            runtime="vm",
            port=port,
            peripherals=self.peripherals,
            flash_layout=(self.flash.sectors, self.flash.rom_sectors),
            on_output=self._hear,
        )

    def _hear(self, data: bytes) -> None:
        with self._heard:
            *whole, self._partial = (self._partial + data).split(b"\n")
            self.lines += [line.decode(errors="replace").strip() for line in whole]
            self._heard.notify_all()

    def wait_line(self, words: str, timeout_s: float = 60) -> str:
        """The first line that holds these words."""
        with self._heard:
            found = self._heard.wait_for(lambda: next((one for one in self.lines if words in one), ""), timeout_s)
            assert found, f"no line with {words!r}:\n" + "\n".join(self.lines[-15:])
            return str(found)

    def said(self, kind: str, timeout_s: float = 60) -> dict[str, Any]:
        """The first JSON line of this kind."""
        found: dict[str, Any] = json.loads(self.wait_line(f'"kind": "{kind}"', timeout_s))
        return found
