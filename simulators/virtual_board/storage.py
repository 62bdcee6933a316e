"""Where a board keeps its files: a flash image under the VM, a folder under CPython."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from simulators.virtual_board.firmware_image import compile_tree, rom_image
from simulators.virtual_board.flash_image import ROM_SECTORS, SECTORS, Factory, FlashImage


class Storage(Protocol):
    """The factory's view of a board's files; only while the board is off."""

    blank: bool

    def environment(self) -> dict[str, str]: ...
    def formatted(self) -> None: ...
    def write(self, files: Mapping[str, bytes | str]) -> None: ...
    def read(self, path: str) -> bytes: ...
    def remove(self, path: str) -> None: ...
    def files(self, folder: str = "/") -> list[str]: ...
    def install_package(self, package: Path) -> None: ...


class FlashStorage(FlashImage):
    """A flash image that the VM mounts; packages are put on it as bytecode, as on a board."""

    def __init__(self, path: Path, vm: Path, layout: tuple[int, int]) -> None:
        super().__init__(path, *layout)
        self._vm = vm

    def write(self, files: Mapping[str, bytes | str]) -> None:
        with Factory(self._vm, self) as factory:
            factory.write(files)

    def read(self, path: str) -> bytes:
        with Factory(self._vm, self) as factory:
            return factory.read(path)

    def remove(self, path: str) -> None:
        with Factory(self._vm, self) as factory:
            factory.remove(path)

    def files(self, folder: str = "/") -> list[str]:
        with Factory(self._vm, self) as factory:
            return factory.files(folder)

    def install_package(self, package: Path) -> None:
        """In `romfs`, below /rom/lib: its bytecode runs in place and takes no heap, as on the board."""
        self.write_rom(rom_image(compile_tree(package)))


class FolderStorage:
    """A folder in place of the flash, for the CPython runtime; packages are used from their source."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.blank = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)

    def _place(self, path: str) -> Path:
        return self._folder / path.lstrip("/")

    def environment(self) -> dict[str, str]:
        return {"VB_FLASH": str(self._folder)}

    def formatted(self) -> None:
        """Nothing to do: a folder needs no file system."""

    def write(self, files: Mapping[str, bytes | str]) -> None:
        for path, content in files.items():
            place = self._place(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode() if isinstance(content, str) else content)

    def read(self, path: str) -> bytes:
        return self._place(path).read_bytes()

    def remove(self, path: str) -> None:
        place = self._place(path)
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)

    def files(self, folder: str = "/") -> list[str]:
        return [f"/{p.relative_to(self._folder)}" for p in sorted(self._place(folder).rglob("*")) if p.is_file()]

    def install_package(self, package: Path) -> None:
        target = self._place(f"/lib/{package.name}")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(package, target, ignore=shutil.ignore_patterns("__pycache__"))


def open_storage(
    path: Path, vm: Path | None, layout: tuple[int, int] = (SECTORS, ROM_SECTORS)
) -> FlashStorage | FolderStorage:
    """The flash image at that path, or without a VM the folder `<path>.d` beside it."""
    return FlashStorage(path, vm, layout) if vm is not None else FolderStorage(path.with_name(path.name + ".d"))
