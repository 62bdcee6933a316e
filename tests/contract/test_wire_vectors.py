"""Golden vectors of the wire: made with cbor2 and Python's hmac, held by both runtimes."""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from pathlib import Path
from typing import Any

import cbor2
import numpy as np
import pytest

from firmware.wire import messages
from tests.contract import wire_golden

VECTORS = Path(__file__).with_name("wire_vectors.json")


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    return json.loads(VECTORS.read_text())  # type: ignore[no-any-return]


def test_cpython_holds_every_golden_vector(vectors: dict[str, Any]) -> None:
    assert len(vectors["messages"]) >= 6
    assert len(vectors["refused"]) >= 20
    assert len(vectors["numbers"]) >= 40
    assert wire_golden.failures(vectors) == []


def test_a_wrong_vector_is_found(vectors: dict[str, Any]) -> None:
    changed = json.loads(json.dumps(vectors))
    changed["messages"][0]["message"]["seq"] += 1
    changed["refused"][0]["error"] = "BadSignature"
    changed["numbers"][0]["text"] = "0.10"
    assert len(wire_golden.failures(changed)) == 4


def test_cbor2_and_pythons_hmac_agree_with_the_vectors(vectors: dict[str, Any]) -> None:
    """The independent truth: the bodies are what cbor2 writes in canonical form, the tags what hmac computes."""
    fields = {name: (key, words) for name, key, _unit, kind, _low, words, _since in messages.FIELDS}
    for vector in vectors["messages"]:
        body = {0: 1}
        for name, value in vector["message"].items():
            key, words = fields[name]
            body[key] = words[value] if isinstance(words, dict) else value
        encoded = cbor2.dumps(body, canonical=True)
        assert encoded.hex() == vector["body"]
        signed = b"wz1" + vector["device_id"].encode() + b"\0" + encoded
        tag = hmac.new(bytes.fromhex(vectors["key"]), signed, hashlib.sha256).digest()[:16]
        assert (encoded + tag).hex() == vector["frame"]


def test_numpy_reads_every_number_back_as_the_same_float32(vectors: dict[str, Any]) -> None:
    for vector in vectors["numbers"]:
        assert struct.pack(">f", np.float32(vector["text"])).hex() == vector["bits"]
