"""Checks sealed drink-test records: signature, chain, calibration, and the verdict judged again from the kept trace.

The verdict is judged again in the board's own arithmetic (the MicroPython VM, float32) where there is a VM, and in this
machine's; a record holds when one of the two gives the same verdict, reason and numbers to the last bit of a float32.
"""

from __future__ import annotations

import functools
import hashlib
import json
import subprocess
import tempfile
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware.bracelet.judging import judged_again
from firmware.wire import record
from firmware.wire.errors import WireError
from waakzaam import machine

VM_LIMIT_S = 60
TRACE = ("potential_v", "forward_a", "reverse_a")
_IN_THE_VM = """
import sys, json
from array import array
sys.path.insert(0, {root!r})
from firmware.bracelet.judging import judged_again
from firmware.wire import decimal
with open({record!r}) as file:
    fields = json.load(file)
calibrations = []
for path in {calibrations!r}:
    with open(path) as file:
        calibrations.append(json.load(file))
# as bits: MicroPython's own reading of a decimal can be one unit off in the last place
def from_bits(trace):
    for name in trace:
        if name in {columns!r}:
            trace[name] = array("f", bytes.fromhex(trace[name]))
        elif name == "clean" or name.startswith("strip_"):
            from_bits(trace[name])
from_bits(fields["trace"])
found = judged_again(calibrations, fields)
analytes = []
for one in found.analytes:
    entry = one.to_dict()
    for name in entry:
        if isinstance(entry[name], float):
            entry[name] = decimal.text_of(entry[name])
    analytes.append(entry)
print(json.dumps([found.verdict, found.reason, analytes]))
"""


@dataclass(frozen=True)
class RecordLog:
    """What was found in a log: lines, lines judged again, and every fault with its line."""

    lines: int
    judged_again: int
    faults: tuple[str, ...]
    begins_late: bool
    """A device's first line follows a record that is not here: its ring drops the oldest, and a log can be cut."""


def _float32(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return value
    return array("f", [value])[0] if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _comparable(verdict: str, reason: str, analytes: list[dict[str, Any]]) -> tuple[Any, ...]:
    numbers = ("concentration_mol_l", "ci_low", "ci_high")
    return (
        verdict,
        reason,
        [{k: _float32(v) if k in numbers else v for k, v in sorted(one.items())} for one in analytes],
    )


def judged_here(fields: dict[str, Any], calibrations: list[dict[str, Any]]) -> tuple[Any, ...] | None:
    """(verdict, reason, analytes) of a record's traces in this machine's arithmetic, numbers as float32.

    None when the calibration of one of its strips is not among them.
    """
    found = judged_again(calibrations, fields)
    if found is None:
        return None
    return _comparable(found.verdict, found.reason, [one.to_dict() for one in found.analytes])


def _fails_again(fields: dict[str, Any], calibrations: list[dict[str, Any]]) -> bool:
    """Whether a failed test was refused for what its trace shows, and is again; others failed by strip or bracelet."""
    try:
        again = judged_here(fields, calibrations)
    except (KeyError, IndexError, TypeError, ValueError):  # a trace that was broken off
        return False
    return again == ("invalid", fields["reason"], [])


def _judged(
    fields: dict[str, Any],
    calibrations: list[dict[str, Any]],
    digest: str,
    in_vm: Callable[[], tuple[Any, ...] | None],
) -> tuple[bool, str]:
    """(whether it was judged again, what is wrong) of a record whose signature is right."""
    verdict, made_with = fields["verdict"], fields.get("calibration_sha256")
    if not fields.get("analytes"):
        if verdict != "invalid":
            return False, f"says {verdict} of no drug"
        return _fails_again(fields, calibrations), ""
    if made_with not in (None, digest):
        return False, f"was judged with another calibration ({made_with[:12]}...)"
    stated = _comparable(verdict, fields["reason"], fields["analytes"])
    try:
        again = judged_here(fields, calibrations)
    except (KeyError, IndexError, TypeError, ValueError) as error:  # sealed, but not by this firmware
        return False, f"its trace cannot be judged: {type(error).__name__} {error}"
    if again is None:
        return False, "has no trace, or one of a strip whose calibration is not given"
    differs = stated != again and stated != in_vm()
    return True, f"its trace judges to another verdict or number than {verdict}" if differs else ""


def _as_bits(trace: dict[str, Any]) -> dict[str, Any]:
    """A trace with its columns as the bits of their float32, those of clean pours and of further strips too."""

    def written(name: str, value: Any) -> Any:
        if name in TRACE:
            return array("f", value).tobytes().hex()
        return _as_bits(value) if name == "clean" or name.startswith("strip_") else value

    return {name: written(name, value) for name, value in trace.items()}


def judged_in_the_vm(line: str, calibration_paths: list[str]) -> tuple[Any, ...] | None:
    """The same in the board's arithmetic; None without a VM."""
    vm = machine.find_vm()
    if vm is None:
        return None
    fields = json.loads(line)
    told = {name: fields.get(name) for name in ("strip_lot", "drink_declared")}
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as held:
        json.dump({**told, "trace": _as_bits(fields["trace"])}, held)
        held.flush()
        script = _IN_THE_VM.format(
            root=str(machine.ROOT), record=held.name, calibrations=calibration_paths, columns=TRACE
        )
        return _run(vm, script)


def _run(vm: Path, script: str) -> tuple[Any, ...]:
    done = subprocess.run(
        [str(vm), "-X", "heapsize=16M", "-c", script],
        capture_output=True,
        text=True,
        timeout=VM_LIMIT_S,
        check=False,
        env={"MICROPYPATH": ".frozen"},
    )
    if done.returncode != 0 or not done.stdout.strip():  # a sealed trace that this firmware cannot have written
        return ("", f"the VM did not judge the record: {(done.stderr or done.stdout).strip()[-200:]}", [])
    verdict, reason, analytes = json.loads(done.stdout.strip().splitlines()[-1])
    return _comparable(verdict, reason, analytes)


def check(
    lines: list[str],
    key_of: Callable[[str], bytes | None],
    calibration_files: list[bytes],
    judge_in_vm: Callable[[str], tuple[Any, ...] | None],
) -> RecordLog:
    """Check the lines of a log. `key_of` gives a device's key or None; `judge_in_vm` judges one line in the VM.

    `calibration_files` are those of a test's strips in their order; without any, no verdict is judged again. A line
    made with another calibration is a fault.
    """
    calibrations = [json.loads(content) for content in calibration_files]
    digest = hashlib.sha256(b"".join(calibration_files)).hexdigest()
    faults: list[str] = []
    judged = 0
    begins_late = False
    previous: dict[str, str] = {}
    for number, raw in enumerate(lines, 1):
        line = raw.strip().removeprefix(record.SERIAL_PREFIX)
        try:
            device = str(record.parse(line)["device_id"])
            key = key_of(device)
            if key is None:
                faults.append(f"line {number}: no key for {device}")
                continue
            fields = record.open_record(line, key)
        except WireError as error:
            faults.append(f"line {number}: {error}")
            continue
        before = previous.get(device)
        begins_late |= before is None and fields["previous_sha256"] != record.GENESIS_SHA256
        if before is not None and fields["previous_sha256"] != before:
            faults.append(f"line {number}: does not follow the record before it (a record is missing or out of order)")
        previous[device] = record.sha256_of(line)
        if calibrations:
            again, fault = _judged(fields, calibrations, digest, functools.partial(judge_in_vm, line))
            judged += again
            faults += [f"line {number}: {fault}"] if fault else []
    return RecordLog(len(lines), judged, tuple(faults), begins_late)
