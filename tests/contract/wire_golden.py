"""Runs the golden vectors of the wire on whichever machine imports it: CPython and the MicroPython VM alike.

Keeps to the MicroPython subset. `failures(document)` returns one line per vector that does not hold.
"""

import binascii
import struct

from firmware.wire import decimal, errors, frame, messages


def _refusal(body: bytes) -> str:
    try:
        messages.decode(body)
    except errors.WireError as error:
        return type(error).__name__
    return "accepted"


def failures(document: dict) -> list:
    found = []
    key = binascii.unhexlify(document["key"])
    for vector in document["messages"]:
        body = binascii.unhexlify(vector["body"])
        sealed = binascii.unhexlify(vector["frame"])
        if messages.encode(vector["message"]) != body:
            found.append("encode " + vector["body"])
        if messages.decode(body) != vector["message"]:
            found.append("decode " + vector["body"])
        if frame.seal(body, vector["device_id"], key) != sealed:
            found.append("seal " + vector["body"])
        if frame.open_frame(sealed, vector["device_id"], key) != body:
            found.append("open " + vector["body"])
    for vector in document["refused"]:
        outcome = _refusal(binascii.unhexlify(vector["body"]))
        if outcome != vector["error"]:
            found.append(vector["why"] + ": " + outcome)
    newer = document["newer_minor"]
    if messages.decode(binascii.unhexlify(newer["body"])) != newer["message"]:
        found.append("a field of a newer minor version is not ignored")
    for vector in document["numbers"]:
        value = struct.unpack(">f", binascii.unhexlify(vector["bits"]))[0]
        if decimal.text_of(value) != vector["text"]:
            found.append("number " + vector["bits"] + ": " + decimal.text_of(value))
    return found
