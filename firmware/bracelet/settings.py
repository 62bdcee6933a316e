"""The bracelet's files: /config.json and /cal.json, checked once at start. Pure but for the opener passed in."""

import binascii
import hashlib
import json

CHUNK_BYTES = 512
DEFAULTS = {
    "language": "nl",
    "send": "on_command",
    "announce": True,
    "rtia_ohm": 10_000,
    "dummy_ohm": 10_000.0,
    "strip_lot": "",
    "drink_declared": "",
}


class BadSettings(Exception):
    """A file cannot be used: which, what field, why."""

    def __init__(self, file: str, field: str, reason: str):
        super().__init__("%s: %s %s" % (file, field, reason))
        self.file = file
        self.field = field
        self.reason = reason


def read_json(opener, path: str) -> dict:
    """The object in a JSON file; BadSettings when it is missing or not one."""
    try:
        with opener(path) as file:
            document = json.load(file)
    except OSError:
        raise BadSettings(path, "", "is not there") from None
    except ValueError:
        raise BadSettings(path, "", "is not JSON") from None
    if not isinstance(document, dict):
        raise BadSettings(path, "", "is not an object")
    return document


def sha256_of_file(opener, path: str) -> str:
    """Hash of a file's bytes, read in small chunks."""
    digest = hashlib.sha256()
    with opener(path, "rb") as file:
        while True:
            chunk = file.read(CHUNK_BYTES)
            if not chunk:
                return binascii.hexlify(digest.digest()).decode()
            digest.update(chunk)


def needed_of(calibration: dict, drink: str) -> dict:
    """What a test of this drink needs of a calibration file: the rest would only take memory.

    Of the drinks' own offsets the declared one is kept; for an undeclared drink any one is, so that it stays unknown.
    """
    needed = ("schema", "strip", "quality", "model", "analytes", "expiry", "waveform")
    kept = {name: calibration[name] for name in needed if name in calibration}
    for entry in kept.get("analytes", ()):
        entry.pop("curve", None)
        table = entry.get("matrices")
        if table:
            name = drink if drink in table else next(iter(table))
            entry["matrices"] = {name: table[name]}
    return kept


def checked_config(document: dict) -> dict:
    """Config with defaults filled in; BadSettings names the first field that cannot be used."""
    config = dict(DEFAULTS)
    config.update(document)
    for field in ("device_id", "key"):
        if not isinstance(config.get(field), str) or not config[field]:
            raise BadSettings("config.json", field, "is missing")
    if len(config["key"]) != 64 or any([letter not in "0123456789abcdefABCDEF" for letter in config["key"]]):
        raise BadSettings("config.json", "key", "is not 64 hexadecimal digits")
    if config["language"] not in ("nl", "en", "fr"):
        raise BadSettings("config.json", "language", "is not nl, en or fr")
    if config["send"] not in ("on_command", "after_test"):
        raise BadSettings("config.json", "send", "is not on_command or after_test")
    return config
