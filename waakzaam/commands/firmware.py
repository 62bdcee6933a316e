"""`waakzaam firmware`: the signing key, signed packages, and what the factory puts on a new board."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from firmware.update import package
from simulators.virtual_board.events import BoardError
from simulators.virtual_board.flash_image import ROM_SECTORS, SECTOR_BYTES
from waakzaam import machine, release
from waakzaam.exits import BadInput

BOARDS = ("bracelet", "tracker")
ROOM_BYTES = (ROM_SECTORS // 2 - 1) * SECTOR_BYTES
commands = typer.Typer(help="Sign firmware packages and prepare boards for updates.", no_args_is_help=True)


def _write(path: Path, content: bytes, mode: int = 0o644) -> None:
    """A whole file or nothing; never readable by more than `mode` allows, not even for a moment."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
        temporary.replace(path)
    except OSError as error:
        raise BadInput(str(path), error.strerror or "cannot be written", "name a folder that can be written") from None


def _key(path: Path) -> RSAPrivateKey:
    try:
        return release.key_from_pem(path.read_bytes())
    except OSError as error:
        raise BadInput(str(path), error.strerror or "cannot be read") from None
    except release.BadKey as error:
        raise BadInput(str(path), error.reason, "make one with: waakzaam firmware key --out FILE") from None


@commands.command()
def key(out: Annotated[Path, typer.Option(help="Where the private key goes (mode 0600); never overwritten.")]) -> None:
    """Make a signing key. Whoever has it decides what runs on the boards: keep it off this machine."""
    if out.exists():
        raise BadInput(str(out), "is there already", "name another file")
    _write(out, release.key_to_pem(release.new_key()), 0o600)


@commands.command()
def build(
    board: Annotated[str, typer.Option(help="bracelet or tracker.")],
    *,
    version: Annotated[str, typer.Option(help="Version that people read, at most 16 characters.")],
    code: Annotated[int, typer.Option(help="Number that grows with every release; a board refuses lower ones.")],
    key_file: Annotated[Path, typer.Option("--key", help="Signing key (PEM).")],
    out: Annotated[Path, typer.Option(help="Where the package goes (.wzu).")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Compile the firmware of this checkout, sign it, and write an update package."""
    if board not in BOARDS:
        raise BadInput("--board", f"{board!r} is not one of {', '.join(BOARDS)}")
    if not 0 < len(version.encode()) <= 16:
        raise BadInput("--version", "has 1 to 16 characters")
    if not 0 < code < 1 << 32:
        raise BadInput("--code", "is a number from 1 to 4294967295")
    signer = _key(key_file)
    try:
        image = release.firmware_image(machine.ROOT / "firmware")
    except BoardError as error:
        raise BadInput("firmware", str(error)) from None
    if len(image) > ROOM_BYTES:
        raise BadInput("firmware", f"the image has {len(image)} bytes, a slot has room for {ROOM_BYTES}")
    made = release.build(image, board, version, code, signer)
    _write(out, made)
    header = package.parse(made)
    told = {
        "schema": "waakzaam.firmware_package/1",
        "file": str(out),
        "board": board,
        "version": version,
        "version_code": code,
        "image_bytes": len(image),
        "image_sha256": header.sha256.hex(),
    }
    typer.echo(json.dumps(told, indent=2) if as_json else f"{out}: {board} {version}, {len(image)} bytes")


@commands.command()
def factory(
    key_file: Annotated[Path, typer.Option("--key", help="Signing key (PEM); only its public half goes on the board.")],
    out: Annotated[Path, typer.Option(help="Folder for the files; copy it with: mpremote cp -r OUT/. :")],
    board: Annotated[str | None, typer.Option(help="bracelet or tracker: also write its main.py.")] = None,
) -> None:
    """Write the files that let a board boot from signed slots: boot.py, the boot part, the public key."""
    if board is not None and board not in BOARDS:
        raise BadInput("--board", f"{board!r} is not one of {', '.join(BOARDS)}")
    for path, content in release.boot_files(machine.ROOT / "firmware" / "update", _key(key_file), board).items():
        place = out / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        _write(place, content.encode() if isinstance(content, str) else content)
    typer.echo(str(out))


def register(app: typer.Typer) -> None:
    app.add_typer(commands, name="firmware")
