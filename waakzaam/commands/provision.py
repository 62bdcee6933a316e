"""`waakzaam provision`: a device's key and its settings file, made once, optionally written to the board."""

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
    """What kind of device."""

    tracker = "tracker"
    bracelet = "bracelet"


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


def provision(
    device_id: Annotated[str, typer.Argument(help="The device's id: [a-z0-9][a-z0-9-]{1,30}.")],
    keys: Annotated[Path, typer.Option(help="The file of device keys; made when absent, mode 0600.")],
    out: Annotated[
        Path | None, typer.Option(help="Settings file to write; default DEVICE_ID.json beside the keys.")
    ] = None,
    kind: Annotated[Kind, typer.Option(help="What kind of device.")] = Kind.tracker,
    broker_host: Annotated[str, typer.Option(help="Tracker: the broker's name or address.")] = "127.0.0.1",
    broker_port: Annotated[int, typer.Option(min=1, max=65535, help="Tracker: the broker's port.")] = 1883,
    tls_ca_file: Annotated[
        str | None, typer.Option(help="Tracker: path on the board of the CA certificate (DER); turns TLS on.")
    ] = None,
    strip: Annotated[Path, typer.Option(help="Bracelet: definition of its voltammetric strip.")] = STRIP,
    extra: Annotated[Path | None, typer.Option(help="JSON object with further settings of the device.")] = None,
    reissue: Annotated[bool, typer.Option("--reissue", help="Write settings again for a key that exists.")] = False,
    board: Annotated[str | None, typer.Option(help="Port of a connected board: copy the settings to it.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout; never the key.")] = False,
) -> None:
    """Make a device's key and settings; never overwrites a key or a settings file."""
    from waakzaam import provisioning

    if not topics.is_device_id(device_id):
        raise BadInput("device id", f"{device_id!r} does not match [a-z0-9][a-z0-9-]{{1,30}}")
    target = out or keys.parent / f"{device_id}.json"
    further = _extra(extra)
    if target.exists():
        raise BadInput(str(target), "exists already", "name another with --out, or move it away")
    for folder in (keys.parent, target.parent):
        if not folder.is_dir():
            raise BadInput(str(folder), "is not a folder", "make it first")
    if kind is Kind.bracelet:
        provisioning.bracelet_settings(device_id, "", strip)  # before a key is made for it
    key = provisioning.key_for(keys, device_id, reissue)
    if kind is Kind.tracker:
        settings = provisioning.tracker_settings(device_id, key, broker_host, broker_port, tls_ca_file)
    else:
        settings = provisioning.bracelet_settings(device_id, key, strip)
    provisioning.write_private(target, json.dumps({**settings, **further}, indent=2) + "\n")
    if board is not None:
        _write_to_board(board, target)
    if as_json:
        typer.echo(json.dumps({"device_id": device_id, "keys": str(keys), "settings": str(target), "board": board}))
    else:
        print(f"provision: {device_id}: key in {keys}, settings in {target}", file=sys.stderr)


def register(app: typer.Typer) -> None:
    app.command()(provision)
