"""A u-blox receiver's UBX side, built from the register tables: takes settings, answers, tells of the radio.

Shares with the firmware only the tables of hardware/registers/ublox.toml (addresses, layouts), no code.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

TABLES = Path(__file__).resolve().parents[2] / "hardware/registers/ublox.toml"
SYNC = b"\xb5\x62"


@cache
def tables() -> dict[str, Any]:
    """The register tables: messages by name, configuration keys by id."""
    document = tomllib.loads(TABLES.read_text(encoding="utf-8"))
    return {
        "messages": {message["name"]: message for message in document["message"]},
        "keys": {key["id"]: key["name"] for key in document["cfg_key"]},
        "names": {key["name"]: key["id"] for key in document["cfg_key"]},
    }


def checksum(body: bytes) -> bytes:
    """Fletcher over class, id, length and payload."""
    a = b = 0
    for byte in body:
        a = (a + byte) % 256
        b = (b + a) % 256
    return bytes((a, b))


def framed(name: str, payload: bytes) -> bytes:
    """A whole frame of the named message."""
    message = tables()["messages"][name]
    body = bytes((message["class"], message["id"])) + len(payload).to_bytes(2, "little") + payload
    return SYNC + body + checksum(body)


def _put(target: bytearray, start: int, entry: dict[str, Any], value: int | Mapping[str, int]) -> None:
    size = int(entry["type"][1])
    if isinstance(value, Mapping):
        bits = {bit["name"]: bit["bits"] for bit in entry["bits"]}
        word = 0
        for name, setting in value.items():
            high, low = bits[name]
            if not 0 <= setting < 1 << (high - low + 1):
                raise ValueError(f"{entry['name']}.{name} = {setting} does not fit")
            word |= setting << low
        value = word
    at = start + entry["offset"]
    target[at : at + size] = value.to_bytes(size, "little", signed=entry["type"].startswith("I"))


def encode(name: str, fields: Mapping[str, Any], groups: list[Mapping[str, Any]] | None = None) -> bytes:
    """A frame with these field values (bit fields as mappings of bit names); the rest is zero."""
    message = tables()["messages"][name]
    payload = bytearray(message["length"] + (message.get("group_size", 0) * len(groups or [])))
    for entry in message["field"]:
        if entry["name"] in fields:
            _put(payload, 0, entry, fields[entry["name"]])
    for number, values in enumerate(groups or []):
        for entry in message["group"]:
            if entry["name"] in values:
                _put(payload, message["length"] + number * message["group_size"], entry, values[entry["name"]])
    return framed(name, bytes(payload))


@dataclass
class UbxReceiver:
    """The receiver's settings and answers. `hear` takes what the board sent and returns the answers.

    `security`: the SEC-SIG version that its firmware has (0 none: the key is refused). `answers` False: an NMEA-only
    receiver, which says nothing to UBX.
    """

    security: int = 0
    answers: bool = True
    settings: dict[str, int] = field(default_factory=dict)
    _pending: bytes = b""

    def hear(self, data: bytes) -> bytes:
        """Take bytes from the board; the frames that answer them."""
        self._pending += data
        out = b""
        while (start := self._pending.find(SYNC)) >= 0:
            frame = self._pending[start:]
            if len(frame) < 6:
                break
            end = 8 + int.from_bytes(frame[4:6], "little")
            if len(frame) < end:
                break
            self._pending = frame[end:]
            if checksum(frame[2 : end - 2]) == frame[end - 2 : end]:
                out += self._answer(frame[2:4], frame[6 : end - 2])
        return out if self.answers else b""

    def _answer(self, address: bytes, payload: bytes) -> bytes:
        valset = tables()["messages"]["CFG-VALSET"]
        if address != bytes((valset["class"], valset["id"])):
            return b""
        accepted = self._apply(payload)
        return encode("ACK-ACK" if accepted else "ACK-NAK", {"clsID": address[0], "msgID": address[1]})

    def _apply(self, payload: bytes) -> bool:
        """Set all keys or none."""
        if len(payload) < 4 or payload[0] != 0 or payload[1] & 7 == 0:
            return False
        found: dict[str, int] = {}
        at = 4
        while at < len(payload):
            key = int.from_bytes(payload[at : at + 4], "little")
            size = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}.get(key >> 28 & 7, 0)
            name = tables()["keys"].get(key)
            if name is None or not size or (name == "CFG-MSGOUT-UBX_SEC_SIG_UART1" and not self.security):
                return False
            found[name] = int.from_bytes(payload[at + 4 : at + 4 + size], "little")
            at += 4 + size
        self.settings.update(found)
        return True

    def says(self, name: str) -> bool:
        """Whether a message is switched on."""
        return bool(self.settings.get(f"CFG-MSGOUT-{name}_UART1"))

    def epoch(self, jamming: int, spoofing: int) -> bytes:
        """What it says of the radio in one epoch: 1 nothing, 2 warning or indicated, 3 critical or several."""
        watched = jamming if self.settings.get("CFG-ITFM-ENABLE") else 0
        out = b""
        if self.says("UBX_MON_RF"):
            told = 0 if self.security == 2 else watched  # firmware with SEC-SIG version 2 always says 0 here
            out += encode("MON-RF", {"nBlocks": 2}, [{"flags": {"jammingState": told}}, {"blockId": 1, "flags": 0}])
        if self.says("UBX_NAV_STATUS"):
            out += encode("NAV-STATUS", {"gpsFix": 3, "flags2": {"spoofDetState": spoofing}})
        if self.security == 1 and self.says("UBX_SEC_SIG"):
            jam = {"jamDetEnabled": 1, "jammingState": watched}
            out += encode(
                "SEC-SIG-V1",
                {"version": 1, "jamFlags": jam, "spfFlags": {"spfDetEnabled": 1, "spoofingState": spoofing}},
            )
        if self.security == 2 and self.says("UBX_SEC_SIG"):
            flags = {"jamDetEnabled": 1, "jammingState": watched, "spfDetEnabled": 1, "spoofingState": spoofing}
            out += encode("SEC-SIG-V2", {"version": 2, "sigSecFlags": flags})
        return out
