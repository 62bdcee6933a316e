"""`waakzaam provision`: a device's key and its settings file, made once, optionally written to the board.

With a password file of the broker also the account of a tracker or of a gateway there.
"""

from __future__ import annotations

import json
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from firmware.wire import topics
from waakzaam.exits import BadInput

MPREMOTE_TIMEOUT_S = 60
STRIP = Path(__file__).resolve().parents[2] / "sensor_models/strips/ketamine_screen.toml"


class Kind(StrEnum):
    """What is made ready for use."""

    tracker = "tracker"
    bracelet = "bracelet"
    gateway = "gateway"


def _extra(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(str(path), error.strerror or str(error)) from None
    except ValueError as error:
        raise BadInput(str(path), f"is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise BadInput(str(path), "is not a JSON object")
    for name in ("device_id", "key", "schema"):
        if name in document:
            raise BadInput(f"{path}: {name}", "is set by provision itself", "take it out")
    return document


def _write_to_board(port: str, settings: Path) -> None:
    command = [sys.executable, "-m", "mpremote", "connect", port, "resume", "fs", "cp", str(settings), ":/config.json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=MPREMOTE_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        raise BadInput(
            port, f"no answer in {MPREMOTE_TIMEOUT_S} s", "the settings file is kept; copy it later"
        ) from None
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["mpremote failed"]
        raise BadInput(port, reason[0], f"the settings are in {settings}; copy them with mpremote")


def _free(target: Path, *beside: Path) -> None:
    """Raises BadInput when the file to write is there already, or a folder of what is written is not."""
    if target.exists():
        raise BadInput(str(target), "exists already", "name another with --out, or move it away")
    for folder in (target.parent, *(path.parent for path in beside)):
        if not folder.is_dir():
            raise BadInput(str(folder), "is not a folder", "make it first")


def _tell(as_json: bool, document: dict[str, Any], line: str) -> None:
    if as_json:
        typer.echo(json.dumps(document))
    else:
        print(f"provision: {line}", file=sys.stderr)


def _gateway_account(name: str, passwords: Path | None, out: Path | None, reissue: bool) -> Path:
    """An account for a gateway at the broker; where its password is."""
    from waakzaam import broker_accounts, provisioning

    if passwords is None:
        raise BadInput("--broker-passwords", "is missing", "a gateway gets only an account at the broker")
    target = out or passwords.parent / f"{name}-password"
    _free(target, passwords)
    provisioning.write_private(target, broker_accounts.open_account(passwords, name, reissue) + "\n")
    return target


def provision(
    device_id: Annotated[str, typer.Argument(help="The device's id: [a-z0-9][a-z0-9-]{1,30}; a gateway's account.")],
    keys: Annotated[
        Path | None, typer.Option(help="The file of device keys; made when absent, mode 0600. Not for a gateway.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="File to write; default DEVICE_ID.json beside the keys, or NAME-password.")
    ] = None,
    kind: Annotated[Kind, typer.Option(help="What is made ready; a gateway gets an account only.")] = Kind.tracker,
    broker_host: Annotated[str, typer.Option(help="Tracker: the broker's name or address.")] = "127.0.0.1",
    broker_port: Annotated[int, typer.Option(min=1, max=65535, help="Tracker: the broker's port.")] = 1883,
    broker_passwords: Annotated[
        Path | None, typer.Option(help="Tracker, gateway: Mosquitto's password file, in which it gets its account.")
    ] = None,
    tls_ca_file: Annotated[
        str | None, typer.Option(help="Tracker: path on the board of the CA certificate (DER); turns TLS on.")
    ] = None,
    strip: Annotated[
        list[Path] | None,
        typer.Option(help="Bracelet: definition of its voltammetric strip (ketamine); once for each strip of a test."),
    ] = None,
    extra: Annotated[Path | None, typer.Option(help="JSON object with further settings of the device.")] = None,
    reissue: Annotated[
        bool, typer.Option("--reissue", help="Write settings again for a key that exists; its account is renewed.")
    ] = False,
    board: Annotated[str | None, typer.Option(help="Port of a connected board: copy the settings to it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout; never the key.")] = False,
) -> None:
    """Make a device's key and settings; never overwrites a key or a settings file."""
    from waakzaam import broker_accounts, provisioning

    if not topics.is_device_id(device_id):
        raise BadInput("device id", f"{device_id!r} does not match [a-z0-9][a-z0-9-]{{1,30}}")
    if kind is Kind.gateway:
        kept = _gateway_account(device_id, broker_passwords, out, reissue)
        account = {"account": device_id, "accounts": str(broker_passwords), "password": str(kept)}
        _tell(as_json, account, f"{device_id}: account in {broker_passwords}, password in {kept}")
        return
    if keys is None:
        raise BadInput("--keys", "is missing", "name the file of device keys; it is made when absent")
    target = out or keys.parent / f"{device_id}.json"
    strips = strip or [STRIP]
    if strip and kind is not Kind.bracelet:
        raise BadInput("--strip", f"is not for a {kind}", "a bracelet alone has strips")
    further = _extra(extra)
    _free(target, keys, *([broker_passwords] if broker_passwords else []))
    # Whatever can be refused is refused before a key is made.
    if kind is Kind.bracelet:
        provisioning.bracelet_settings(device_id, "", *strips)
    if broker_passwords is not None:
        if kind is Kind.bracelet:
            raise BadInput("--broker-passwords", "is not for a bracelet", "it never speaks to the broker")
        broker_accounts.check(broker_passwords, device_id, reissue)
    key = provisioning.key_for(keys, device_id, reissue)
    if kind is Kind.bracelet:
        settings = provisioning.bracelet_settings(device_id, key, *strips)
    else:
        settings = provisioning.tracker_settings(device_id, key, broker_host, broker_port, tls_ca_file)
    if broker_passwords is not None:
        password = broker_accounts.open_account(broker_passwords, device_id, reissue)
        settings |= {"broker_user": device_id, "broker_password": password}
    provisioning.write_private(target, json.dumps({**settings, **further}, indent=2) + "\n")
    if board is not None:
        _write_to_board(board, target)
    fingerprint = provisioning.fingerprint(key)
    document: dict[str, Any] = {"device_id": device_id, "keys": str(keys), "settings": str(target), "board": board}
    line = f"{device_id}: key with fingerprint {fingerprint} in {keys}, settings in {target}"
    _tell(as_json, {**document, "key_fingerprint": fingerprint}, line)


def register(app: typer.Typer) -> None:
    app.command()(provision)
