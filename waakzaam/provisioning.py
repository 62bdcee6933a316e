"""Device keys and first settings: made once, kept in the keys file, never overwritten."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from firmware.bracelet.settings import STRIPS_MAX
from firmware.wire.frame import KEY_BYTES
from waakzaam.exits import BadInput

WAVEFORM = ("start_v", "end_v", "step_v", "amplitude_v", "frequency_hz")
KEYS_SCHEMA = "waakzaam.keys/1"


def read_keys(path: Path) -> dict[str, str]:
    """The keys by device id; none when the file is not there. Raises BadInput when it is there and not usable."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadInput(str(path), error.strerror or str(error)) from None
    except UnicodeDecodeError as error:
        raise BadInput(str(path), str(error), "restore it from your backup: it holds keys") from None
    try:
        document = json.loads(text)
    except ValueError as error:
        raise BadInput(str(path), f"is not JSON: {error}", "restore it from your backup: it holds keys") from None
    if not isinstance(document, dict) or document.get("schema") != KEYS_SCHEMA:
        raise BadInput(f"{path}: schema", f"is not {KEYS_SCHEMA}")
    keys = document.get("keys")
    if not isinstance(keys, dict) or not all(isinstance(key, str) for key in keys.values()):
        raise BadInput(f"{path}: keys", "must be an object of device ids and keys")
    return keys


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, in one step: the old content or the new, nothing between."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as sink:
            sink.write(text)
            sink.flush()
            os.fsync(sink.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other provisioning of the same keys file out meanwhile."""
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def key_for(path: Path, device_id: str, reissue: bool) -> str:
    """The device's key as hex: a new one, written to the keys file, or with `reissue` the one it has.

    Raises BadInput when there is one already (without `reissue`) or none (with it): a key is never replaced.
    """
    with locked(path):
        keys = read_keys(path)
        if reissue:
            if device_id not in keys:
                raise BadInput(str(path), f"has no key of {device_id}", "leave --reissue away to make one")
            return keys[device_id]
        if device_id in keys:
            raise BadInput(
                str(path),
                f"{device_id} has a key already, and a key is never replaced",
                "--reissue writes its settings again with the same key; a lost device gets a new id",
            )
        key = secrets.token_bytes(KEY_BYTES).hex()
        document = {"schema": KEYS_SCHEMA, "keys": {**keys, device_id: key}}
        write_private(path, json.dumps(document, indent=2) + "\n")
        return key


def fingerprint(key: str) -> str:
    """By what a key is known where it must not be: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(bytes.fromhex(key)).hexdigest()[:16]


def bracelet_settings(device_id: str, key: str, *strip_files: Path) -> dict[str, Any]:
    """A bracelet's `/config.json` for the strips of its test, in their order; what only the others want is beside it.

    Raises BadInput when a file is no definition of a voltammetric strip with a whole waveform.
    """
    first, *further = strip_files
    settings: dict[str, Any] = {"device_id": device_id, "key": key, **_strip_settings(first)}
    if "volume_ml" in (strip := _strip(first)):
        settings["volume_ml"] = strip["volume_ml"]
    if len(strip_files) > STRIPS_MAX:
        raise BadInput("--strip", f"{len(strip_files)} strips, at most {STRIPS_MAX} in one test")
    if further:
        paths = ["/cal.json", *(f"/cal_{number}.json" for number in range(2, len(strip_files) + 1))]
        settings["strips"] = paths
        settings["strip_settings"] = dict(zip(paths[1:], map(_strip_settings, further), strict=True))
    return settings


def _strip(strip_file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(strip_file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(str(strip_file), error.strerror or str(error)) from None
    except (ValueError, UnicodeDecodeError) as error:
        raise BadInput(str(strip_file), f"is not TOML: {error}") from None


def _strip_settings(strip_file: Path) -> dict[str, Any]:
    """How a strip is scanned: waveform, feedback resistor and its own time to act."""
    strip = _strip(strip_file)
    waveform = strip.get("waveform", {})
    for name in WAVEFORM:
        value = waveform.get(name) if isinstance(waveform, dict) else None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise BadInput(
                f"{strip_file}: waveform.{name}",
                "is missing or not a number",
                "a bracelet needs the whole waveform of a voltammetric strip",
            )
    settings: dict[str, Any] = {"waveform": {k: waveform[k] for k in WAVEFORM}}
    if "rtia_ohm" in strip.get("afe", {}):
        settings["rtia_ohm"] = strip["afe"]["rtia_ohm"]
    if "rest_s" in waveform:
        settings["incubate_ms"] = round(1000 * waveform["rest_s"])
    return settings


def tracker_settings(device_id: str, key: str, host: str, port: int, ca_file: str | None) -> dict[str, Any]:
    """A tracker's `/config.json`."""
    settings: dict[str, Any] = {
        "schema": "waakzaam.tracker/1",
        "device_id": device_id,
        "key": key,
        "broker_host": host,
        "broker_port": port,
    }
    return settings if ca_file is None else {**settings, "tls_ca_file": ca_file}
