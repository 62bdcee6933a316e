"""The tracker's settings from its flash: who it is, its key, its broker. Written once by `waakzaam provision`."""

import binascii
import json

from firmware.wire import topics
from firmware.wire.frame import KEY_BYTES

PATH = "/config.json"
SCHEMA = "waakzaam.tracker/1"


class ConfigInvalid(Exception):
    """The configuration cannot be used: `field` and `reason`. The tracker does not start with half of it."""

    def __init__(self, field: str, reason: str):
        super().__init__(PATH + ": " + field + ": " + reason)
        self.field = field
        self.reason = reason


class Config:
    """Checked settings. Key and password are never printed."""

    def __init__(
        self, device_id: str, key: bytes, host: str, port: int, ca_file=None, user=None, password=None
    ) -> None:
        self.device_id = device_id
        self.key = key
        self.host = host
        self.port = port
        self.ca_file = ca_file
        self.user = user
        self.password = password


def parse(text: str) -> Config:
    """The settings in a JSON text; raises ConfigInvalid."""
    try:
        found = json.loads(text)
    except ValueError as error:
        raise ConfigInvalid("file", "not JSON") from error
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise ConfigInvalid("schema", "is not " + SCHEMA)
    device_id = found.get("device_id")
    if not isinstance(device_id, str) or not topics.is_device_id(device_id):
        raise ConfigInvalid("device_id", "is not a device id")
    try:
        key = binascii.unhexlify(found.get("key") or "")
    except (ValueError, TypeError) as error:
        raise ConfigInvalid("key", "is not hexadecimal") from error
    if len(key) != KEY_BYTES:
        raise ConfigInvalid("key", "is not %d bytes" % KEY_BYTES)
    host = found.get("broker_host")
    port = found.get("broker_port")
    if not isinstance(host, str) or not host:
        raise ConfigInvalid("broker_host", "is missing")
    if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
        raise ConfigInvalid("broker_port", "is not a port")
    for name in ("tls_ca_file", "broker_user", "broker_password"):
        value = found.get(name)
        if value is not None and not isinstance(value, str):
            raise ConfigInvalid(name, "is not a text")
    if found.get("broker_password") is not None and found.get("broker_user") is None:
        raise ConfigInvalid("broker_user", "is missing beside a password")
    return Config(
        device_id,
        key,
        host,
        port,
        found.get("tls_ca_file"),
        found.get("broker_user"),
        found.get("broker_password"),
    )


def load(path: str = PATH) -> Config:
    """The settings in the flash; raises ConfigInvalid."""
    try:
        with open(path) as file:
            text = file.read()
    except OSError as error:
        raise ConfigInvalid("file", "cannot be read") from error
    return parse(text)
