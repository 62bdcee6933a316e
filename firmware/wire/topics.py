"""MQTT topics of the contract: `wz/<major>/up/<device_id>` and `wz/<major>/down/<device_id>`, QoS 1, not retained."""

from firmware.wire.errors import MalformedMessage, UnsupportedVersion

MAJOR = 1
UP_ALL = "wz/1/up/+"
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_REST = _LETTERS + "-"
_ID_MIN = 2
_ID_MAX = 31


def is_device_id(text: str) -> bool:
    """Whether `text` matches `[a-z0-9][a-z0-9-]{1,30}`."""
    if not _ID_MIN <= len(text) <= _ID_MAX or text[0] not in _LETTERS:
        return False
    for letter in text:
        if letter not in _REST:
            return False
    return True


def checked_device_id(text: str) -> str:
    """`text` when it is a device id; raises MalformedMessage otherwise."""
    if not is_device_id(text):
        raise MalformedMessage("device_id", "%r does not match [a-z0-9][a-z0-9-]{1,30}" % text)
    return text


def up(device_id: str) -> str:
    """Where a device publishes."""
    return "wz/1/up/" + checked_device_id(device_id)


def down(device_id: str) -> str:
    """Where a device listens."""
    return "wz/1/down/" + checked_device_id(device_id)


def device_id_of(topic: str) -> str:
    """The device a topic belongs to; raises MalformedMessage or UnsupportedVersion."""
    parts = topic.split("/")
    if len(parts) != 4 or parts[0] != "wz" or parts[2] not in ("up", "down"):
        raise MalformedMessage("topic", "%r is not wz/<major>/up|down/<device_id>" % topic)
    major = parts[1]
    if not major or len(major) > 3:
        raise MalformedMessage("topic", "%r has no major version" % topic)
    for digit in major:
        if digit not in "0123456789":
            raise MalformedMessage("topic", "%r has no major version" % topic)
    if int(major) != MAJOR:
        raise UnsupportedVersion(int(major))
    return checked_device_id(parts[3])
