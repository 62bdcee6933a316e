"""The bracelet's files: /config.json and /cal.json, checked once at start. Pure but for the opener passed in."""

import binascii
import hashlib
import json

CHUNK_BYTES = 512
STRIPS_MAX = 4
SLEEP_AFTER_S = 10  # of nothing to do, then deep sleep; 0: never. ASSUMED: long enough to look at the wrist twice
OF_A_STRIP = ("waveform", "rtia_ohm", "incubate_ms", "strip_lot", "strip_expiry")
DEFAULTS: "dict" = {
    "language": "nl",
    "send": "on_command",
    "announce": True,
    "rtia_ohm": 10_000,
    "dummy_ohm": 10_000.0,
    "strip_lot": "",
    "drink_declared": "",
    "strips": ["/cal.json"],  # calibration files of the strips of one test, in their order
    "strip_settings": {},  # by calibration file: what OF_A_STRIP names, where a strip wants it otherwise than the first
    "sleep_after_s": SLEEP_AFTER_S,
    "radio": True,  # may the wearer hold the button to hand records over by Bluetooth
    "references": {},  # what a new bracelet's reference check reads, by measure; the first tests tell when it is empty
    "temperature_offset_c": 0.0,  # of the accelerometer's thermometer, set by the factory
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


def sha256_of_files(opener, paths: list) -> str:
    """Hash of the bytes of these files one after the other, read in small chunks."""
    digest = hashlib.sha256()
    for path in paths:
        with opener(path, "rb") as file:
            while True:
                chunk = file.read(CHUNK_BYTES)
                if not chunk:
                    break
                digest.update(chunk)
    return binascii.hexlify(digest.digest()).decode()


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
    sleep_after_s = config["sleep_after_s"]
    if isinstance(sleep_after_s, bool) or not isinstance(sleep_after_s, (int, float)) or not 0 <= sleep_after_s <= 3600:
        raise BadSettings("config.json", "sleep_after_s", "is not seconds from 0 (never) to 3600")
    strips = config["strips"]
    if not isinstance(strips, list) or not 1 <= len(strips) <= STRIPS_MAX:
        raise BadSettings("config.json", "strips", "is not a list of 1 to %d calibration files" % STRIPS_MAX)
    further = config["strip_settings"]
    if not isinstance(further, dict) or any([not isinstance(one, dict) for one in further.values()]):
        raise BadSettings("config.json", "strip_settings", "is not an object of settings by calibration file")
    for path in further:
        if path not in strips:
            raise BadSettings("config.json", "strip_settings", "names %s, which is none of strips" % path)
        for field in further[path]:
            if field not in OF_A_STRIP:
                raise BadSettings(
                    "config.json", "strip_settings", "has %s, not one of %s" % (field, ", ".join(OF_A_STRIP))
                )
    return config


def of_strip(config: dict, path: str) -> dict:
    """The config as the strip with this calibration file has it."""
    further = config["strip_settings"].get(path)
    if not further:
        return config
    own = dict(config)
    own.update(further)
    return own
