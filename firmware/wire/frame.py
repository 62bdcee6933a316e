"""A frame: a message body and the tag that binds it to one device.

frame = body || tag; tag = first 16 bytes of HMAC-SHA256(device key, "wz1" || device_id || 0x00 || body).
"""

from firmware.wire.errors import BadSignature, MalformedMessage
from firmware.wire.mac import HmacSha256, equal

TAG_BYTES = 16
KEY_BYTES = 32
FRAME_BYTES_MAX = 512
_DOMAIN = b"wz1"


def _tag(body: bytes, device_id: str, key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError("a device key has %d bytes, this one %d" % (KEY_BYTES, len(key)))
    mac = HmacSha256(key)
    mac.update(_DOMAIN)
    mac.update(device_id.encode())
    mac.update(b"\0")
    mac.update(body)
    return mac.digest()[:TAG_BYTES]


def seal(body: bytes, device_id: str, key: bytes) -> bytes:
    """The frame that carries `body` from or to this device."""
    if len(body) + TAG_BYTES > FRAME_BYTES_MAX:
        raise MalformedMessage("frame", "longer than %d bytes" % FRAME_BYTES_MAX)
    return bytes(body) + _tag(body, device_id, key)


def open_frame(frame: bytes, device_id: str, key: bytes) -> bytes:
    """The body of a frame whose tag is right; raises BadSignature or MalformedMessage."""
    if len(frame) <= TAG_BYTES or len(frame) > FRAME_BYTES_MAX:
        raise MalformedMessage("frame", "%d bytes, not %d to %d" % (len(frame), TAG_BYTES + 1, FRAME_BYTES_MAX))
    frame = bytes(frame)
    body = frame[:-TAG_BYTES]
    if not equal(_tag(body, device_id, key), frame[-TAG_BYTES:]):
        raise BadSignature(device_id)
    return body
