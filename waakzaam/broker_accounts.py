"""Accounts at the broker: lines of a Mosquitto password file, each with a password that nobody chose."""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from pathlib import Path

from waakzaam.exits import BadInput
from waakzaam.provisioning import locked, write_private

PASSWORD_BYTES = 32
SALT_BYTES = 12
ROUNDS = 101  # what mosquitto_passwd writes; a random password of 256 bits needs no more


def password_line(user: str, password: str, salt: bytes) -> str:
    """The line of this account in a password file of Mosquitto 2: `user:$7$rounds$salt$PBKDF2-HMAC-SHA512`."""
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ROUNDS, hashlib.sha512().digest_size)
    return f"{user}:$7${ROUNDS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def _read(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(str(path), getattr(error, "strerror", None) or str(error)) from None
    for number, line in enumerate(lines, 1):
        if line and not line.startswith("#") and ":" not in line:
            raise BadInput(f"{path}: line {number}", "is not user:password", "name Mosquitto's password file")
    return lines


def check(path: Path, user: str, renew: bool) -> None:
    """Raises BadInput when the account cannot be made: not a password file, or it is there and `renew` is not said."""
    if any(line.partition(":")[0] == user for line in _read(path)) and not renew:
        raise BadInput(str(path), f"{user} has an account already", "--reissue gives it a new password")


def open_account(path: Path, user: str, renew: bool) -> str:
    """The new password of this account, written to the file as its hash; the file keeps its owner and mode.

    Raises BadInput as `check` does.
    """
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    with locked(path):
        check(path, user, renew)
        others = [line for line in _read(path) if line.partition(":")[0] != user]
        before = path.stat() if path.exists() else None
        lines = [*others, password_line(user, password, secrets.token_bytes(SALT_BYTES))]
        write_private(path, "\n".join(lines) + "\n")
        if before is not None:
            if os.getuid() == 0:
                os.chown(path, before.st_uid, before.st_gid)  # the broker's own account, which must read it
            path.chmod(before.st_mode & 0o777)
    return password
