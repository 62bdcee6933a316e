"""Makes firmware packages: compiles the firmware, signs it, and lays it out as a board's slots are laid out."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from firmware.update import package
from simulators.virtual_board.firmware_image import compile_module, compile_tree, rom_image

KEY_BITS = package.SIGNATURE_BYTES * 8
PUBLIC_EXPONENT = 65537
BOOT_FILE = "import wzboot.boot\nwzboot.boot.start()\n"
ENTRIES = {"bracelet": "'firmware.bracelet.main', 'main'", "tracker": "'firmware.tracker.main', 'run'"}


class BadKey(Exception):
    """The signing key cannot be used: `reason`."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def new_key() -> rsa.RSAPrivateKey:
    """A fresh signing key."""
    return rsa.generate_private_key(PUBLIC_EXPONENT, KEY_BITS)


def key_to_pem(key: rsa.RSAPrivateKey) -> bytes:
    """The private key as PEM without a passphrase; its file must be readable by nobody else."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def key_from_pem(text: bytes) -> rsa.RSAPrivateKey:
    """The private key in a PEM text; raises BadKey."""
    try:
        key = serialization.load_pem_private_key(text, None)
    except (ValueError, TypeError) as error:
        raise BadKey(f"not a private key without passphrase: {error}") from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size != KEY_BITS:
        raise BadKey(f"not an RSA key of {KEY_BITS} bits")
    if key.public_key().public_numbers().e != PUBLIC_EXPONENT:
        raise BadKey(f"its public exponent is not {PUBLIC_EXPONENT}")
    return key


def public_key_file(key: rsa.RSAPrivateKey) -> str:
    """`/update_key.json` of a board."""
    return json.dumps({"modulus_hex": f"{key.public_key().public_numbers().n:x}"})


def build(image: bytes, board: str, version: str, version_code: int, key: rsa.RSAPrivateKey) -> bytes:
    """The package of a ROMFS image: signed header, then the image."""
    if len(board) > 16 or len(version) > 16:
        raise ValueError("board and version have at most 16 characters")
    signed = package.pack(board, version, version_code, len(image), hashlib.sha256(image).digest())
    return package.finish(signed, key.sign(signed, padding.PKCS1v15(), hashes.SHA256())) + image


def firmware_image(root: Path) -> bytes:
    """The ROMFS image of the firmware package in this folder."""
    return rom_image(compile_tree(root))


def slot_content(made: bytes, slot_bytes: int) -> bytes:
    """A package as it lies in a slot: image first, header in the last sector."""
    header, image = made[: package.HEADER_BYTES], made[package.HEADER_BYTES :]
    room = slot_bytes - 4096
    if len(image) > room:
        raise ValueError(f"the image has {len(image)} bytes, a slot has room for {room}")
    return image + b"\xff" * (room - len(image)) + header + b"\xff" * (4096 - len(header))


def boot_files(update: Path, key: rsa.RSAPrivateKey, board: str | None = None) -> dict[str, bytes | str]:
    """What the factory puts on a board's file system for updates; an update never touches it.

    With a board's name also the start of its firmware (`/main.py`).
    """
    files: dict[str, bytes | str] = {"/boot.py": BOOT_FILE, "/update_key.json": public_key_file(key)}
    if board is not None:
        files["/main.py"] = f"import wzboot.boot\nwzboot.boot.run({ENTRIES[board]})\n"
    for source in sorted(update.glob("*.py")):
        files[f"/lib/wzboot/{source.stem}.mpy"] = compile_module(source, f"wzboot/{source.name}")
    return files
