"""Field-test record: one JSON object a line, key order fixed, chained by hash and signed (ARCHITECTURE, seam 4).

The signature is HMAC-SHA256 over the bytes of the line without its last member, `,"signature":"<hex>"`. Verifying never
writes the line anew, so no two machines can disagree on how a number is printed.
"""

import binascii
import hashlib
import json
from array import array

from firmware.wire import decimal
from firmware.wire.errors import BadSignature, MalformedMessage
from firmware.wire.mac import HmacSha256, equal

SCHEMA = "waakzaam.field_test/1"
SERIAL_PREFIX = "WZR1 "
LINE_BYTES_MAX = 262_144  # four strips, each 700 points of the drink and of a clean pour

FIELDS = (
    "schema",
    "record_id",
    "time",
    "device_id",
    "firmware_version",
    "firmware_sha256",
    "calibration_sha256",
    "strip_lot",
    "drink_declared",
    "volume_ml",
    "verdict",
    "reason",
    "analytes",
    "temperature_c",
    "trace",
    "trace_sha256",
    "truth",
    "venue_code",
    "feedback",
    "previous_sha256",
)
REQUIRED = ("record_id", "device_id", "verdict", "reason")
ANALYTE_FIELDS = ("analyte", "verdict", "concentration_mol_l", "ci_low", "ci_high", "reason")
TRACE_FIELDS = ("potential_v", "forward_a", "reverse_a")
VERDICTS = ("negative", "positive", "inconclusive", "invalid")
GENESIS_SHA256 = "0" * 64

_SIGNATURE_HEAD = ',"signature":"'
_SIGNATURE_TAIL = '"}'
_SIGNATURE_LENGTH = len(_SIGNATURE_HEAD) + 64 + len(_SIGNATURE_TAIL)


def seal(fields: dict, previous_sha256: str, key: bytes) -> str:
    """The signed line of a record; absent and None fields are left out, `schema` is added."""
    return "".join(seal_pieces(fields, previous_sha256, key))


def seal_pieces(fields: dict, previous_sha256: str, key: bytes):
    """The same line in pieces of a few characters, for a board that writes it without holding it."""
    _check(fields)
    mac = HmacSha256(key)
    for piece in _pieces(fields, previous_sha256):
        mac.update(piece.encode())
        yield piece
    mac.update(b"}")
    yield _SIGNATURE_HEAD + binascii.hexlify(mac.digest()).decode() + _SIGNATURE_TAIL


def parse(line: str) -> dict:
    """The fields of a line, signature not checked; raises MalformedMessage."""
    line = _bare(line)
    try:
        fields = json.loads(line)
    except (ValueError, RuntimeError) as error:
        raise MalformedMessage("record", "not JSON: " + str(error)) from error
    if not isinstance(fields, dict):
        raise MalformedMessage("record", "not an object")
    if fields.get("schema") != SCHEMA:
        raise MalformedMessage("schema", "%r is not %s" % (fields.get("schema"), SCHEMA))
    _check(fields)
    return fields


def open_record(line: str, key: bytes) -> dict:
    """The fields of a line whose signature is right; raises BadSignature or MalformedMessage."""
    line = _bare(line)
    fields = parse(line)
    if (
        len(line) <= _SIGNATURE_LENGTH
        or not line.endswith(_SIGNATURE_TAIL)
        or line[-_SIGNATURE_LENGTH:][: len(_SIGNATURE_HEAD)] != _SIGNATURE_HEAD
    ):
        raise MalformedMessage("signature", "the line does not end with it")
    signature = line[-_SIGNATURE_LENGTH + len(_SIGNATURE_HEAD) : -len(_SIGNATURE_TAIL)]
    mac = HmacSha256(key)
    mac.update(line[:-_SIGNATURE_LENGTH].encode())
    mac.update(b"}")
    if not equal(binascii.hexlify(mac.digest()), signature.encode()):
        raise BadSignature(fields["device_id"])
    return fields


def sha256_of(line: str) -> str:
    """The hash that the next record names as `previous_sha256`: of the line's JSON without prefix and line end."""
    return binascii.hexlify(hashlib.sha256(_bare(line).encode()).digest()).decode()


def _bare(line: str) -> str:
    line = line.rstrip("\r\n")
    if line.startswith(SERIAL_PREFIX):
        line = line[len(SERIAL_PREFIX) :]
    if len(line) > LINE_BYTES_MAX:
        raise MalformedMessage("record", "longer than %d characters" % LINE_BYTES_MAX)
    return line


def _check(fields: dict) -> None:
    for name in fields:
        if name not in FIELDS and name != "signature":
            raise MalformedMessage(str(name), "not a field of a record")
    for name in REQUIRED:
        if not isinstance(fields.get(name), str) or not fields[name]:
            raise MalformedMessage(name, "missing or not a text")
    if fields["verdict"] not in VERDICTS:
        raise MalformedMessage("verdict", "%r is not a verdict" % fields["verdict"])


def _pieces(fields: dict, previous_sha256: str):
    yield '{"schema":"' + SCHEMA + '"'
    for name in FIELDS[1:-1]:
        value = fields.get(name)
        if value is None:
            continue
        yield ',"' + name + '":'
        if name == "analytes":
            yield "["
            for i in range(len(value)):
                yield "," if i else ""
                yield from _object(value[i], ANALYTE_FIELDS, name)
            yield "]"
        elif name == "trace":
            yield from _object(value, TRACE_FIELDS, name)
        else:
            yield from _value(name, value)
    yield ',"previous_sha256":' + _quoted(previous_sha256)


def _object(value: dict, order: tuple, where: str):
    """Known members in their order, then the rest sorted by name."""
    names = [name for name in order if name in value]
    names.extend(sorted([name for name in value if name not in order]))
    yield "{"
    for i in range(len(names)):
        yield ("," if i else "") + _quoted(names[i]) + ":"
        yield from _value(where + "." + names[i], value[names[i]])
    yield "}"


def value_pieces(where: str, value):
    """The JSON text of one value in pieces; `where` names it when it cannot be written."""
    return _value(where, value)


def _value(where: str, value):
    """Any sequence of numbers is a list; a function gives text that has been written before, in pieces."""
    if value is None:
        yield "null"
    elif value is True or value is False:
        yield "true" if value else "false"
    elif isinstance(value, str):
        yield _quoted(value)
    elif isinstance(value, int):
        yield str(value)
    elif isinstance(value, float):
        try:
            yield decimal.text_of(value)
        except (ValueError, OverflowError) as error:
            raise MalformedMessage(where, "not a number that JSON can write") from error
    elif isinstance(value, dict):
        yield from _object(value, (), where)
    elif callable(value):
        yield from value()
    elif isinstance(value, (list, tuple, array)) or hasattr(value, "__len__"):
        yield "["
        for i in range(len(value)):
            yield "," if i else ""
            yield from _value(where, value[i])
        yield "]"
    else:
        raise MalformedMessage(where, "no JSON for " + type(value).__name__)


def _quoted(text: str) -> str:
    parts = ['"']
    for letter in text:
        if letter in '"\\':
            parts.append("\\" + letter)
        elif ord(letter) < 32:
            parts.append("\\u%04x" % ord(letter))
        else:
            parts.append(letter)
    parts.append('"')
    return "".join(parts)
