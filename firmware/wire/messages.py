"""The field table of the wire: name, key, unit, type, range and first version; a message is a dict of these names.

encode(dict) -> bytes and decode(bytes) -> dict check ranges on both sides. A receiver ignores keys it does not know (a
newer minor version) and refuses a major version it does not know. Times are Unix milliseconds; absent means unknown.
"""

from firmware.wire import cbor
from firmware.wire.errors import MalformedMessage, UnsupportedVersion

MAJOR = 1

EVENTS = (
    "panic",
    "strap_cut",
    "strap_restored",
    "case_opened",
    "battery_low",
    "battery_critical",
    "gnss_lost",
    "gnss_back",
    "jamming",
    "spoofing",
    "power_off",
)
_EVENT_CODES = {EVENTS[i]: i + 1 for i in range(len(EVENTS))}
_KIND_CODES = {"fix": 1, "event": 2, "status": 3, "settings": 16}
_GNSS_CODES = {"silent": 0, "no_fix": 1, "fix": 2}
_JAMMING_CODES = {"none": 1, "warning": 2, "critical": 3}
_SPOOFING_CODES = {"none": 1, "indicated": 2, "affirmed": 3}

_UNIX_MS_MIN = 1_577_836_800_000  # 2020-01-01: an earlier time is a receiver's default date, not a time
_UNIX_MS_MAX = 4_102_444_800_000  # 2100-01-01
_U32 = 4_294_967_295

# name, key, unit, type, minimum, maximum, since (minor version). A `word` travels as its code in `maximum`.
FIELDS = (
    ("major", 0, "", "int", 0, 255, 0),
    ("kind", 1, "", "word", None, _KIND_CODES, 0),
    ("boot_id", 2, "", "int", 0, _U32, 0),
    ("seq", 3, "", "int", 0, _U32, 0),
    ("sent_ms", 4, "ms", "int", _UNIX_MS_MIN, _UNIX_MS_MAX, 0),
    ("fix_time_ms", 5, "ms", "int", _UNIX_MS_MIN, _UNIX_MS_MAX, 0),
    ("lat_e7", 6, "1e-7 deg", "int", -900_000_000, 900_000_000, 0),
    ("lon_e7", 7, "1e-7 deg", "int", -1_800_000_000, 1_800_000_000, 0),
    ("horizontal_accuracy_mm", 8, "mm", "int", 0, 100_000_000, 0),  # radius that holds 68 % of positions
    ("speed_mm_s", 9, "mm/s", "int", 0, 600_000, 0),
    ("course_cdeg", 10, "0.01 deg", "int", 0, 35_999, 0),
    ("altitude_mm", 11, "mm", "int", -1_000_000, 20_000_000, 0),
    ("satellites_used", 12, "", "int", 0, 99, 0),
    ("event", 13, "", "word", None, _EVENT_CODES, 0),
    ("event_time_ms", 14, "ms", "int", _UNIX_MS_MIN, _UNIX_MS_MAX, 0),
    ("battery_percent", 15, "%", "int", 0, 100, 0),
    ("battery_mv", 16, "mV", "int", 0, 10_000, 0),
    ("strap_closed", 17, "", "bool", None, None, 0),
    ("gnss", 18, "", "word", None, _GNSS_CODES, 0),  # of the last 30 s, not of this moment; absent right after a start
    ("queue_depth", 19, "messages", "int", 0, _U32, 0),
    ("discards", 20, "fixes", "int", 0, _U32, 0),
    ("uptime_s", 21, "s", "int", 0, _U32, 0),
    ("heap_free_bytes", 22, "B", "int", 0, _U32, 0),
    ("report_interval_ms", 24, "ms", "int", 1_000, 3_600_000, 0),
    ("heartbeat_interval_ms", 25, "ms", "int", 10_000, 3_600_000, 0),
    ("sentences_bad", 26, "sentences", "int", 0, _U32, 0),
    ("reconnects", 27, "connections", "int", 0, _U32, 0),
    ("firmware_version", 28, "", "text", 1, 32, 0),
    ("faults", 29, "faults", "int", 0, _U32, 0),
    ("jamming", 31, "", "word", None, _JAMMING_CODES, 0),  # as the receiver says; absent: it does not say
    ("spoofing", 32, "", "word", None, _SPOOFING_CODES, 0),
    ("link_lost", 30, "", "bool", None, None, 0),  # true: the broker says this for a device that has gone
)

REQUIRED = {
    "fix": ("boot_id", "seq", "fix_time_ms", "lat_e7", "lon_e7"),
    "event": ("boot_id", "seq", "event"),
    "status": ("boot_id", "seq"),
    "settings": ("sent_ms", "report_interval_ms"),
}

_BY_NAME = {field[0]: field for field in FIELDS}
_BY_KEY = {field[1]: field for field in FIELDS}
_WORDS = {}
for _field in FIELDS:
    if isinstance(_field[5], dict):
        _WORDS[_field[0]] = {_field[5][_word]: _word for _word in _field[5]}


def encode(message: dict) -> bytes:
    """The body of a message; raises MalformedMessage naming the first field that breaks the table."""
    body = {0: MAJOR}
    for name, value in message.items():
        field = _BY_NAME.get(name)
        if field is None:
            raise MalformedMessage(name, "not in the field table")
        if name == "major":
            if value != MAJOR:
                raise MalformedMessage("major", "this code writes major %d only" % MAJOR)
            continue
        if value is not None:
            body[field[1]] = _to_wire(field, value)
    _check_complete(message)
    return cbor.encode(body)


def decode(body: bytes) -> dict:
    """The known fields of a body by name, without `major`; raises MalformedMessage or UnsupportedVersion."""
    found = cbor.decode(body)
    if not isinstance(found, dict):
        raise MalformedMessage("cbor", "not a map")
    major = found.get(0)
    if isinstance(major, bool) or not isinstance(major, int):
        raise MalformedMessage("major", "missing")
    if major != MAJOR:
        raise UnsupportedVersion(major)
    message = {}
    for key, value in found.items():
        field = _BY_KEY.get(key)
        if field is not None and key != 0:
            message[field[0]] = _from_wire(field, value)
    _check_complete(message)
    return message


def _check_complete(message: dict) -> None:
    kind = message.get("kind")
    if kind is None:
        raise MalformedMessage("kind", "missing")
    for name in REQUIRED[kind]:
        if message.get(name) is None:
            raise MalformedMessage(name, "missing in a " + kind)
    if (message.get("lat_e7") is None) != (message.get("lon_e7") is None):
        raise MalformedMessage("lat_e7", "latitude and longitude come together or not at all")
    if message.get("lat_e7") is not None and message.get("fix_time_ms") is None:
        raise MalformedMessage("fix_time_ms", "a position without its time")


def _to_wire(field: tuple, value):
    name, _key, _unit, kind, _low, high, _since = field
    if kind == "word":
        code = high.get(value)
        if code is None:
            raise MalformedMessage(name, "%r is not one of its words" % (value,))
        return code
    return _checked(field, value)


def _from_wire(field: tuple, value):
    name, kind = field[0], field[3]
    if kind == "word":
        if not isinstance(value, bool) and isinstance(value, int) and value in _WORDS[name]:
            return _WORDS[name][value]
        raise MalformedMessage(name, "unknown code %r" % (value,))
    return _checked(field, value)


def _checked(field: tuple, value):
    name, _key, _unit, kind, low, high, _since = field
    if kind == "bool":
        if value is not True and value is not False:
            raise MalformedMessage(name, "neither true nor false")
        return value
    if kind == "text":
        if not isinstance(value, str) or not low <= len(value) <= high:
            raise MalformedMessage(name, "not a text of %d to %d characters" % (low, high))
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedMessage(name, "not an integer")
    if not low <= value <= high:
        raise MalformedMessage(name, "%d is not in %d..%d" % (value, low, high))
    return value
