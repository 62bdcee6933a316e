"""The field-test record: sealed on the bracelet, opened years later on any machine."""

from __future__ import annotations

import hashlib
import hmac
import json
from array import array
from typing import Any

import pytest

from firmware.wire import record
from firmware.wire.errors import BadSignature, MalformedMessage

KEY = bytes(range(32))
FIELDS: dict[str, Any] = {
    "record_id": "brc-1-000001",
    "time": "2026-11-21T23:10:04Z",
    "device_id": "brc-1",
    "firmware_version": "0.1.0",
    "strip_lot": "L1",
    "drink_declared": 'pils "van \'t vat"\n',
    "volume_ml": 250,
    "verdict": "positive",
    "reason": "peak of ketamine above the decision limit",
    "analytes": [
        {
            "reason": "above",
            "analyte": "ketamine",
            "verdict": "positive",
            "concentration_mol_l": 3.1e-4,
            "ci_low": None,
            "ci_high": 4e-4,
        }
    ],
    "temperature_c": 21.5,
    "trace": {
        "reverse_a": array("f", [-1e-6, 0.0]),
        "potential_v": [0.7, 0.704],
        "forward_a": array("f", [1e-6, 2e-6]),
    },
}


def test_a_sealed_record_opens_to_its_fields() -> None:
    opened = record.open_record(record.seal(FIELDS, record.GENESIS_SHA256, KEY), KEY)
    assert opened["analytes"][0]["concentration_mol_l"] == 3.1e-4
    assert opened["trace"]["forward_a"] == [1e-6, 2e-6]
    assert opened["drink_declared"] == FIELDS["drink_declared"]
    assert opened["schema"] == "waakzaam.field_test/1"
    assert opened["previous_sha256"] == "0" * 64


def test_the_members_stand_in_the_order_of_the_contract() -> None:
    line = record.seal(FIELDS, record.GENESIS_SHA256, KEY)
    names = list(json.loads(line))
    assert names == [name for name in record.FIELDS if name in names] + ["signature"]
    assert list(json.loads(line)["analytes"][0]) == list(record.ANALYTE_FIELDS)


def test_the_signature_is_pythons_hmac_over_the_line_without_it() -> None:
    line = record.seal(FIELDS, record.GENESIS_SHA256, KEY)
    unsigned = line[: line.index(',"signature"')] + "}"
    assert json.loads(line)["signature"] == hmac.new(KEY, unsigned.encode(), hashlib.sha256).hexdigest()


def test_a_record_opens_with_the_serial_prefix_and_line_end_too() -> None:
    line = record.seal(FIELDS, record.GENESIS_SHA256, KEY)
    told = record.SERIAL_PREFIX + line + "\r\n"
    assert record.open_record(told, KEY) == record.open_record(line, KEY)
    assert record.sha256_of(told) == record.sha256_of(line) == hashlib.sha256(line.encode()).hexdigest()


@pytest.mark.parametrize(
    ("old", "new"),
    [("positive", "negative"), ("0.0003", "0.0004"), ("brc-1-000001", "brc-1-000002"), ('"L1"', '"L2"')],
)
def test_a_changed_record_is_refused(old: str, new: str) -> None:
    line = record.seal(FIELDS, record.GENESIS_SHA256, KEY)
    assert old in line
    with pytest.raises(BadSignature) as caught:
        record.open_record(line.replace(old, new, 1), KEY)
    assert caught.value.device_id == "brc-1"


def test_a_record_under_another_key_is_refused() -> None:
    with pytest.raises(BadSignature):
        record.open_record(record.seal(FIELDS, record.GENESIS_SHA256, KEY), bytes(32))


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"schema":"waakzaam.field_test/2"}',
        "[" * 5000,
        '{"schema":"waakzaam.field_test/1"}',
    ],
)
def test_what_is_not_a_record_is_malformed(line: str) -> None:
    with pytest.raises(MalformedMessage):
        record.open_record(line, KEY)


def test_a_record_without_signature_is_malformed_not_accepted() -> None:
    line = record.seal(FIELDS, record.GENESIS_SHA256, KEY)
    unsigned = line[: line.index(',"signature"')] + "}"
    assert record.parse(unsigned)["verdict"] == "positive"
    with pytest.raises(MalformedMessage) as caught:
        record.open_record(unsigned, KEY)
    assert caught.value.field == "signature"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("verdict", "perhaps"),
        ("temperature_c", float("nan")),
        ("volume_ml", float("inf")),
        ("colour", "red"),
        ("reason", ""),
    ],
)
def test_a_field_that_cannot_be_told_is_refused_by_its_name(name: str, value: object) -> None:
    with pytest.raises(MalformedMessage) as caught:
        record.seal({**FIELDS, name: value}, record.GENESIS_SHA256, KEY)
    assert caught.value.field == name
