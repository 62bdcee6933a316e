"""Reads the file of device keys (`waakzaam.keys/1`)."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

from gateway.errors import FileUnreadable

SCHEMA = "waakzaam.keys/1"


def read(path: Path) -> dict[str, bytes]:
    """The key of each device; raises FileUnreadable, also when others on this machine may read the file."""
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileUnreadable(str(path), error.strerror or str(error), "name a file of device keys") from None
    except ValueError as error:
        raise FileUnreadable(str(path), f"not JSON: {error}") from None
    if mode & 0o077:
        raise FileUnreadable(str(path), f"has mode {mode:04o}: others can read the keys", f"chmod 600 {path}")
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise FileUnreadable(f"{path}: schema", f"is not {SCHEMA!r}")
    keys = document.get("keys")
    if not isinstance(keys, dict):
        raise FileUnreadable(f"{path}: keys", "must be an object of device ids and keys")
    found = {}
    for device, text in keys.items():
        try:
            found[device] = bytes.fromhex(text)
        except (ValueError, TypeError):
            raise FileUnreadable(f"{path}: keys.{device}", "is not 64 hexadecimal digits") from None
        if len(found[device]) != 32:
            raise FileUnreadable(f"{path}: keys.{device}", "is not 64 hexadecimal digits")
    return found
