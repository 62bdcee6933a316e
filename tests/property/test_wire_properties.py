"""What must hold for every value and every byte string that the wire can meet."""

from __future__ import annotations

import hashlib
import hmac
import struct
from fractions import Fraction

import cbor2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware.wire import cbor, decimal, frame, mac, messages
from firmware.wire.errors import BadSignature, MalformedMessage, WireError

ASCII = st.text(st.characters(max_codepoint=127), max_size=40)
INTEGERS = st.integers(-(2**64), 2**64 - 1)
SCALARS = st.none() | st.booleans() | INTEGERS | ASCII | st.binary(max_size=80)


def _containers(children: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(children, max_size=6) | st.dictionaries(INTEGERS | ASCII, children, max_size=6)


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(item) for item in value), default=0)
    return 0


VALUES = st.recursive(SCALARS, _containers, max_leaves=12).filter(lambda value: _depth(value) <= cbor.DEPTH_MAX)


def _same(one: object, other: object) -> bool:
    """Equality that tells True from 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return type(one) is type(other) and one == other


@given(VALUES)
def test_the_encoding_is_what_cbor2_reads_and_decodes_to_the_same_value(value: object) -> None:
    try:
        data = cbor.encode(value)
    except MalformedMessage as error:
        if "longer" not in error.reason:
            raise
        return
    assert _same(cbor2.loads(data), value)
    assert _same(cbor.decode(data), value)


@given(INTEGERS | ASCII | st.lists(INTEGERS, max_size=20) | st.dictionaries(st.integers(-(2**32), 2**32), INTEGERS))
def test_the_encoding_is_the_one_of_cbor2s_canonical_form(value: object) -> None:
    """Canonical (RFC 7049) and core deterministic form order the keys alike when the keys are of one major type."""
    if isinstance(value, dict) and (len(value) > cbor.ITEMS_MAX or {key < 0 for key in value} == {True, False}):
        return
    assert cbor.encode(value) == cbor2.dumps(value, canonical=True)


@settings(max_examples=2000)
@given(st.binary(max_size=120))
def test_any_bytes_either_decode_to_a_value_with_exactly_that_encoding_or_are_refused(data: bytes) -> None:
    try:
        value = cbor.decode(data)
    except WireError:
        return
    assert cbor.encode(value) == data


@settings(max_examples=500)
@given(VALUES, st.data())
def test_a_damaged_encoding_never_raises_anything_but_a_wire_error(value: object, data: st.DataObject) -> None:
    try:
        good = bytearray(cbor.encode(value))
    except MalformedMessage:
        return
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(good) - 1))
        good[place] = data.draw(st.integers(0, 255))
    try:
        again = cbor.decode(bytes(good))
    except WireError:
        return
    assert cbor.encode(again) == bytes(good)


@given(st.dictionaries(st.integers(0, 40), SCALARS, max_size=12))
def test_any_map_is_a_message_or_is_refused_with_the_field_that_is_wrong(body: dict[int, object]) -> None:
    try:
        message = messages.decode(cbor.encode(body))
    except WireError:
        return
    assert messages.decode(messages.encode(message)) == message


@given(st.binary(max_size=100), st.binary(max_size=150))
def test_our_hmac_is_pythons(key: bytes, data: bytes) -> None:
    ours = mac.HmacSha256(key)
    ours.update(data[:7])
    ours.update(data[7:])
    assert ours.digest() == hmac.new(key, data, hashlib.sha256).digest()


@given(st.binary(min_size=1, max_size=200), st.binary(min_size=32, max_size=32), st.integers(0), st.integers(0, 7))
def test_a_frame_with_any_bit_changed_is_refused(body: bytes, key: bytes, place: int, bit: int) -> None:
    sealed = bytearray(frame.seal(body, "trk-m1", key))
    assert frame.open_frame(bytes(sealed), "trk-m1", key) == body
    sealed[place % len(sealed)] ^= 1 << bit
    with pytest.raises(BadSignature):
        frame.open_frame(bytes(sealed), "trk-m1", key)


@settings(max_examples=1000)
@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
@example(0.1)
@example(1.4e-45)
@example(-0.0)
@example(51332848.0)
def test_a_number_is_numpys_shortest_decimal_of_that_float32(value: float) -> None:
    """But where numpy's lies as near to another float32, or below a power of two: there it may be a digit longer."""
    text = decimal.text_of(value)
    assert struct.pack(">f", np.float32(text)) == struct.pack(">f", value)
    shortest = np.format_float_scientific(np.float32(value), unique=True)
    ours = np.format_float_scientific(np.float64(text), unique=True)
    own = Fraction(float(np.float32(value)))
    beside = [Fraction(float(np.nextafter(np.float32(value), np.float32(way)))) for way in ("-3e38", "3e38")]
    between = Fraction(shortest) in [(own + other) / 2 for other in beside]
    longer = value != 0 and (between or abs(np.frexp(value)[0]) == 0.5)
    assert len(ours.split("e")[0]) <= len(shortest.split("e")[0]) + longer
