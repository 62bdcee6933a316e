"""Reads field-test logs (JSON lines): what was said of each drink, and what was true where that is known.

A line that cannot be used is named and left out, the others count; nothing is dropped without a word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from firmware.wire import record
from firmware.wire.errors import WireError
from sensor_models.errors import MalformedFile
from sensor_models.field_truth import Truth, truth_of

VERDICTS = ("positive", "inconclusive", "negative", "invalid")


@dataclass(frozen=True)
class FieldTest:
    """One line of a log. `verified` is None when no key was given; `sha256` is what the next record names."""

    record_id: str
    device_id: str
    time: str
    verdict: str
    reason: str
    lot: str
    drink: str
    venue: str
    version: str
    feedback: str
    analytes: tuple[dict[str, Any], ...]
    truth: Truth
    verified: bool | None
    sha256: str
    previous_sha256: str
    where: str


@dataclass(frozen=True)
class FieldLog:
    """What the logs hold: tests that count, tests whose signature is wrong, repeats, and every line left out."""

    tests: tuple[FieldTest, ...]
    forged: tuple[FieldTest, ...]
    repeats: int
    faults: tuple[MalformedFile, ...]


def read_logs(paths: list[Path], keys: Mapping[str, bytes] | None = None) -> FieldLog:
    """Reads every log. A record met twice (same device and id) counts once; two that differ under one id: neither.

    With keys, a record whose signature is wrong or whose device has no key is set apart. Raises MalformedFile when no
    line of any file can be used.
    """
    found: dict[tuple[str, str], FieldTest] = {}
    faults: list[MalformedFile] = []
    contested: set[tuple[str, str]] = set()
    repeats = 0
    for one in _tests(paths, keys, faults):
        key = (one.device_id, one.record_id)
        earlier = found.setdefault(key, one)
        if earlier is one:
            continue
        if earlier.sha256 == one.sha256:
            repeats += 1
        elif earlier.verified is False and one.verified:
            found[key] = one  # a forgery does not push out the record it imitates
        elif not (one.verified is False and earlier.verified):
            contested.add(key)
            file, _, line = one.where.rpartition(":")
            faults.append(MalformedFile(file, int(line), "record_id", f"differs from {earlier.where} of the same id"))
    kept = [one for key, one in found.items() if key not in contested]
    if not kept:
        raise faults[0] if faults else MalformedFile(str(paths[0]), 0, "", "holds no record")
    return FieldLog(
        tuple(one for one in kept if one.verified is not False),
        tuple(one for one in kept if one.verified is False),
        repeats,
        tuple(faults),
    )


def _tests(paths: list[Path], keys: Mapping[str, bytes] | None, faults: list[MalformedFile]) -> Iterator[FieldTest]:
    for path in paths:
        try:
            content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        except OSError as error:
            faults.append(MalformedFile(str(path), 0, "", error.strerror or "cannot be read"))
            continue
        for number, raw in enumerate(content.split(b"\n"), 1):
            if not raw.strip():
                continue
            try:
                yield _parse(raw, (str(path), number), keys)
            except MalformedFile as fault:
                faults.append(fault)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


def _parse(raw: bytes, where: tuple[str, int], keys: Mapping[str, bytes] | None) -> FieldTest:
    file, number = where
    try:
        line = raw.decode("utf-8").strip().removeprefix(record.SERIAL_PREFIX)
        document = json.loads(line, parse_constant=_no_number)
    except UnicodeDecodeError:
        raise MalformedFile(file, number, "", "is not UTF-8 text") from None
    except (ValueError, RecursionError) as error:
        raise MalformedFile(file, number, "", f"is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise MalformedFile(file, number, "", "is not a JSON object")
    if len(line) > record.LINE_BYTES_MAX:
        raise MalformedFile(file, number, "", f"is longer than {record.LINE_BYTES_MAX} characters")
    verdict = document.get("verdict")
    if verdict not in VERDICTS:
        raise MalformedFile(file, number, "verdict", f"{verdict!r} is not one of {', '.join(VERDICTS)}")
    if type(document.get("record_id")) not in (str, int) or document["record_id"] == "":
        raise MalformedFile(file, number, "record_id", "is missing")
    try:
        truth = truth_of(document.get("truth"))
    except ValueError as error:
        raise MalformedFile(file, number, "truth", str(error)) from None
    analytes = document.get("analytes") or []
    if not isinstance(analytes, list) or not all(isinstance(one, dict) for one in analytes):
        raise MalformedFile(file, number, "analytes", "is not a list of objects")
    device = _text(document, "device_id")
    firmware, calibration = _text(document, "firmware_version"), _text(document, "calibration_sha256")
    return FieldTest(
        record_id=str(document["record_id"]),
        device_id=device,
        time=_text(document, "time"),
        verdict=str(verdict),
        reason=_text(document, "reason"),
        lot=_text(document, "strip_lot"),
        drink=_text(document, "drink_declared"),
        venue=_text(document, "venue_code"),
        version=" / ".join(part for part in (firmware, calibration[:12]) if part),
        feedback=_text(document, "feedback"),
        analytes=tuple(analytes),
        truth=truth,
        verified=_verified(line, device, keys),
        sha256=record.sha256_of(line),
        previous_sha256=_text(document, "previous_sha256"),
        where=f"{file}:{number}",
    )


def _verified(line: str, device_id: str, keys: Mapping[str, bytes] | None) -> bool | None:
    if keys is None:
        return None
    if device_id not in keys:
        return False
    try:
        record.open_record(line, keys[device_id])
    except WireError:
        return False
    return True


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return "" if value is None else str(value)
