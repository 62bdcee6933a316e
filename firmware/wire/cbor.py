"""Deterministic CBOR (RFC 8949, section 4.2.1) for the few types the wire uses, bounded in size and depth.

Types: integers of 64 bits, byte strings, ASCII text, arrays, maps, True, False, None. There are no floats and no tags:
quantities travel as integers of a stated unit. The decoder accepts only what the encoder would have written: one value
has one encoding, and a signature over bytes is a signature over the value.
"""

from firmware.wire.errors import MalformedMessage

DEPTH_MAX = 4
BYTES_MAX = 1024
ITEMS_MAX = 64
_UINT_MAX = (1 << 64) - 1

_UINT = 0
_NINT = 1
_BYTES = 2
_TEXT = 3
_ARRAY = 4
_MAP = 5
_SIMPLE = 7
_FALSE = 20
_TRUE = 21
_NULL = 22


def _fault(reason: str) -> MalformedMessage:
    return MalformedMessage("cbor", reason)


def encode(value) -> bytes:
    """The one encoding of `value`; raises MalformedMessage when it has none within the bounds."""
    out = bytearray()
    _put(out, value, DEPTH_MAX)
    if len(out) > BYTES_MAX:
        raise _fault("longer than %d bytes" % BYTES_MAX)
    return bytes(out)


def decode(data) -> object:
    """The value whose encoding is exactly `data`; raises MalformedMessage for anything else."""
    if len(data) > BYTES_MAX:
        raise _fault("longer than %d bytes" % BYTES_MAX)
    value, end = _take(data, 0, DEPTH_MAX)
    if end != len(data):
        raise _fault("%d bytes after the end" % (len(data) - end))
    return value


def _put_head(out: bytearray, major: int, argument: int) -> None:
    first = major << 5
    if argument < 24:
        out.append(first | argument)
        return
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * size):
            out.append(first | code)
            out.extend(argument.to_bytes(size, "big"))
            return
    raise _fault("integer beyond 64 bits")


def _put(out: bytearray, value, depth: int) -> None:
    if value is None or value is True or value is False:
        out.append(_SIMPLE << 5 | (_NULL if value is None else _TRUE if value else _FALSE))
    elif isinstance(value, int):
        if value >= 0:
            _put_head(out, _UINT, value)
        else:
            _put_head(out, _NINT, -1 - value)
    elif isinstance(value, str):
        _put_text(out, value)
    elif isinstance(value, (bytes, bytearray)):
        _put_head(out, _BYTES, len(value))
        out.extend(value)
    elif isinstance(value, (list, tuple, dict)):
        if depth == 0:
            raise _fault("nested deeper than %d" % DEPTH_MAX)
        if len(value) > ITEMS_MAX:
            raise _fault("more than %d items" % ITEMS_MAX)
        if isinstance(value, dict):
            _put_map(out, value, depth - 1)
        else:
            _put_head(out, _ARRAY, len(value))
            for item in value:
                _put(out, item, depth - 1)
    else:
        raise _fault("no encoding for " + type(value).__name__)


def _put_text(out: bytearray, text: str) -> None:
    raw = text.encode()
    if len(raw) != len(text):
        raise _fault("text that is not ASCII")
    _put_head(out, _TEXT, len(raw))
    out.extend(raw)


def _put_map(out: bytearray, value: dict, depth: int) -> None:
    pairs = []
    for key, item in value.items():
        if isinstance(key, bool) or not isinstance(key, (int, str)):
            raise _fault("a map key is neither integer nor text")
        encoded = bytearray()
        _put(encoded, key, 0)
        pairs.append((bytes(encoded), item))
    pairs.sort(key=_first)
    _put_head(out, _MAP, len(pairs))
    for head, item in pairs:
        out.extend(head)
        _put(out, item, depth)


def _first(pair):
    return pair[0]


def _head(data, at: int):
    """(major type, argument, position after the head)."""
    if at >= len(data):
        raise _fault("cut short at byte %d" % at)
    first = data[at]
    major = first >> 5
    info = first & 31
    at += 1
    if info < 24:
        return major, info, at
    if info > 27:
        raise _fault("indefinite length or reserved head at byte %d" % (at - 1))
    if major == _SIMPLE:
        raise _fault("float or unknown simple value at byte %d" % (at - 1))
    size = 1 << (info - 24)
    if at + size > len(data):
        raise _fault("cut short at byte %d" % at)
    argument = int.from_bytes(bytes(data[at : at + size]), "big")
    if argument < 24 or (size > 1 and argument < 1 << (4 * size)):
        raise _fault("number not in its shortest form at byte %d" % (at - 1))
    return major, argument, at + size


def _take(data, at: int, depth: int):
    """(value, position after it)."""
    start = at
    if at < len(data) and data[at] < 24:  # A small number is most of what travels.
        return data[at], at + 1
    major, argument, at = _head(data, at)
    if major == _UINT:
        return argument, at
    if major == _NINT:
        return -1 - argument, at
    if major in (_BYTES, _TEXT):
        end = at + argument
        if end > len(data):
            raise _fault("string longer than the message at byte %d" % start)
        raw = bytes(data[at:end])
        if major == _BYTES:
            return raw, end
        for byte in raw:
            if byte > 127:
                raise _fault("text that is not ASCII at byte %d" % start)
        return raw.decode(), end
    if major in (_ARRAY, _MAP):
        if depth == 0:
            raise _fault("nested deeper than %d at byte %d" % (DEPTH_MAX, start))
        if argument > ITEMS_MAX:
            raise _fault("more than %d items at byte %d" % (ITEMS_MAX, start))
        return (_take_array if major == _ARRAY else _take_map)(data, at, argument, depth - 1)
    if major == _SIMPLE and argument in (_FALSE, _TRUE, _NULL):
        return (None if argument == _NULL else argument == _TRUE), at
    raise _fault("tag or unknown simple value at byte %d" % start)


def _take_array(data, at: int, count: int, depth: int):
    items = []
    for _ in range(count):
        item, at = _take(data, at, depth)
        items.append(item)
    return items, at


def _take_map(data, at: int, count: int, depth: int):
    found = {}
    before = b""
    for _ in range(count):
        start = at
        if at < len(data) and data[at] >> 5 not in (_UINT, _NINT, _TEXT):
            raise _fault("a map key is neither integer nor text at byte %d" % start)
        key, at = _take(data, at, 0)
        encoded = bytes(data[start:at])
        if encoded <= before:
            raise _fault("map keys repeated or out of order at byte %d" % start)
        before = encoded
        found[key], at = _take(data, at, depth)
    return found, at
