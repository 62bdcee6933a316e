"""The wire and the NMEA parser give in the MicroPython VM what they give on CPython."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from firmware.tracking.nmea import NmeaParser
from firmware.wire import record
from tests.support.on_vm import run_on_vm

pytestmark = pytest.mark.needs("vm")

GOLDEN = """
import json
from tests.contract import wire_golden
with open("tests/contract/wire_vectors.json") as file:
    print(json.dumps(wire_golden.failures(json.load(file))))
"""

LOGS = """
from firmware.tracking.nmea import NmeaParser
buffer = bytearray(64)
for name in {names}:
    parser = NmeaParser()
    with open("data/nmea/" + name, "rb") as file:
        while True:
            count = file.readinto(buffer)
            found = parser.feed(buffer, count) if count else parser.flush()
            for fix in found:
                print(fix.valid, fix.time_ms, fix.lat_e7, fix.lon_e7, fix.altitude_mm, fix.speed_mm_s,
                    fix.course_cdeg, fix.horizontal_accuracy_mm, fix.mode)
            if not count:
                break
    print(name, parser.sentence.good, parser.sentences_bad)
"""

RECORD = """
from array import array
from firmware.wire import record
fields = {"record_id": "r1", "device_id": "brc-1", "verdict": "negative", "reason": "none", "temperature_c": 21.5,
    "trace": {"potential_v": array("f", [0.7 + 0.004 * i for i in range(50)]),
        "forward_a": array("f", [1e-6 / (i + 1) for i in range(50)])}}
for piece in record.seal_pieces(fields, record.GENESIS_SHA256, bytes(range(32))):
    print(piece, end="")
"""


def test_the_vm_holds_every_golden_vector() -> None:
    assert json.loads(run_on_vm(GOLDEN)) == []


def test_the_vm_reads_the_recorded_logs_as_cpython_does(root: Path) -> None:
    logs = sorted((root / "data/nmea").glob("*.log"))
    expected = []
    for log in logs:
        parser = NmeaParser()
        for fix in parser.feed(log.read_bytes()) + parser.flush():
            place = (fix.valid, fix.time_ms, fix.lat_e7, fix.lon_e7, fix.altitude_mm, fix.speed_mm_s)
            expected.append(" ".join(map(str, (*place, fix.course_cdeg, fix.horizontal_accuracy_mm, fix.mode))))
        expected.append(f"{log.name} {parser.sentence.good} {parser.sentences_bad}")
    assert run_on_vm(LOGS.format(names=[log.name for log in logs])).splitlines() == expected


def test_a_record_sealed_in_the_vm_opens_on_cpython() -> None:
    line = run_on_vm(RECORD)
    opened = record.open_record(line, bytes(range(32)))
    assert len(opened["trace"]["forward_a"]) == 50
    assert opened["trace"]["forward_a"][9] == pytest.approx(1e-7, rel=1e-6)
    assert record.sha256_of(line) == hashlib.sha256(line.encode()).hexdigest()
