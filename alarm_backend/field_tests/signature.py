"""Whether a record is what the bracelet wrote: three answers, none of which loses the record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware.wire import record
from firmware.wire.errors import BadSignature, MalformedMessage


@dataclass(frozen=True)
class Checked:
    """A record with the state of its signature: verified, unknown_key or bad, and the reason when bad."""

    fields: dict[str, Any]
    line: str
    signature_state: str
    reason: str = ""
    original: bool = True


class DeviceKeys:
    """The keys of a `waakzaam.keys/1` file; read again when the file changes, so that new bracelets need no restart."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._changed_ns = -1
        self._keys: dict[str, bytes] = {}

    def of(self, device_id: str) -> bytes | None:
        """The key of a device, or None when it is not known. Raises ValueError when the file cannot be used."""
        if self._path is None:
            return None
        try:
            changed_ns = self._path.stat().st_mtime_ns
            if changed_ns != self._changed_ns:
                document = json.loads(self._path.read_text(encoding="utf-8"))
                self._keys = {name: bytes.fromhex(text) for name, text in document["keys"].items()}
                self._changed_ns = changed_ns
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{self._path}: not a waakzaam.keys/1 file: {error}") from error
        return self._keys.get(device_id)


def check(sent: str | dict[str, Any], keys: DeviceKeys) -> Checked:
    """The record and the state of its signature. Raises MalformedMessage when it is no record at all."""
    original = isinstance(sent, str)
    if isinstance(sent, str):
        line = sent.strip().removeprefix(record.SERIAL_PREFIX)
    else:
        line = json.dumps(sent, separators=(",", ":"), ensure_ascii=False)
    fields: dict[str, Any] = record.parse(line)
    key = keys.of(fields["device_id"])
    if key is None:
        return Checked(fields, line, "unknown_key", "no key for this device", original)
    try:
        record.open_record(line, key)
    except BadSignature:
        return Checked(fields, line, "bad", "the signature does not belong to this line", original)
    except MalformedMessage as error:
        return Checked(fields, line, "bad", str(error), original)
    return Checked(fields, line, "verified", "", original)
