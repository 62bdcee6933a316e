"""`waakzaam verify`: check a sealed document; one function per kind of document."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from alarm_backend.audit import anchors
from alarm_backend.audit import export as audit_chain
from firmware.bracelet.judging import COLOUR_SCHEMA
from firmware.detection import SCHEMA
from firmware.wire import record
from gateway.replay import bundle
from waakzaam import provisioning, record_check
from waakzaam.exits import BadInput

Kept = tuple[list[anchors.Anchor], bytes]
"""Anchors, and the public key that they must be signed with."""


@dataclass(frozen=True)
class Finding:
    """The outcome for one document: what it is, whether it holds, and what does not."""

    kind: str
    holds: bool
    says: str
    faults: tuple[str, ...] = ()


def _evidence(path: Path, document: dict[str, Any]) -> Finding:
    """An evidence bundle holds when the decision core gives the same bytes from its orders and fixes."""
    try:
        faults = bundle.differences(document)
    except bundle.BundleUnusable as error:
        raise BadInput(f"{path}: {error.field}", error.reason) from None
    says = (
        f"{len(document['fixes'])} fixes replay to the same {len(document['transitions'])} transitions, byte for byte"
    )
    return Finding(bundle.SCHEMA, not faults, says if not faults else "does not replay as stated", tuple(faults))


def _audit(path: Path, document: dict[str, Any], kept: Kept | None = None) -> Finding:
    """An audit chain holds when every line follows from the one before it, the last one is the head, and every anchor

    that was signed before is a line of it.
    """
    try:
        faults = audit_chain.faults(document, *(kept or ()))
    except ValueError as error:
        raise BadInput(str(path), str(error), "export it again: waakzaam backend audit FILE") from None
    beside = f"; {len(kept[0])} anchors hold" if kept else "; not held against anchors: no --anchors"
    says = f"{len(document['lines'])} lines follow from one another{beside}" if not faults else "was tampered with"
    return Finding(audit_chain.SCHEMA, not faults, says, tuple(faults))


def _anchors(path: Path, key: str | None) -> Kept:
    """The anchors of a file, and the key that they must be signed with."""
    if key is None:
        raise BadInput("--anchors", "need --anchor-public-key", "waakzaam backend anchor-key FILE printed it")
    try:
        public = bytes.fromhex(key)
        if len(public) != anchors.KEY_BYTES:
            raise ValueError
    except ValueError:
        raise BadInput("--anchor-public-key", f"must be {2 * anchors.KEY_BYTES} hex digits") from None
    try:
        kept = anchors.read(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(str(path), str(error), "waakzaam backend anchor writes such a file") from None
    if not kept:
        raise BadInput(str(path), "holds no anchor", "waakzaam backend anchor writes one a line")
    return kept, public


# Schema of the document -> the function that checks it.
CHECKS: dict[str, Callable[[Path, dict[str, Any]], Finding]] = {bundle.SCHEMA: _evidence, audit_chain.SCHEMA: _audit}


def _device_keys(path: Path) -> dict[str, bytes]:
    if not path.exists():
        raise BadInput(str(path), "is not there", "name the file that waakzaam provision wrote")
    found = {}
    for device_id, key in provisioning.read_keys(path).items():
        try:
            found[device_id] = bytes.fromhex(key)
        except ValueError:
            raise BadInput(f"{path}: {device_id}", "its key is not hexadecimal digits") from None
    return found


def _calibration(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        document = json.loads(content)
    except OSError as error:
        raise BadInput(str(path), error.strerror or str(error)) from None
    except (ValueError, RecursionError) as error:
        raise BadInput(str(path), f"is not JSON: {error}", "waakzaam calibrate writes such a file") from None
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema not in (SCHEMA, COLOUR_SCHEMA):
        raise BadInput(f"{path}: schema", f"{schema!r} is no calibration's", f"it is {SCHEMA} or {COLOUR_SCHEMA}")
    return content


def _records(path: Path, keys: Path | None, calibration: list[Path]) -> Finding:
    """A record log holds when every line is signed, follows the one before it, and judges again to what it says."""
    if keys is None:
        raise BadInput(str(path), "a drink record needs the device's key", "give --keys keys.json")
    known = _device_keys(keys)
    calibration_files = [_calibration(one) for one in calibration]
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, ValueError) as error:
        raise BadInput(str(path), str(error)) from None

    def in_vm(line: str) -> tuple[Any, ...] | None:
        return record_check.judged_in_the_vm(line, [str(one) for one in calibration])

    log = record_check.check(lines, known.get, calibration_files, in_vm)
    again = (
        f"{log.judged_again} judged again to the same verdict" if calibration else "not judged again: no --calibration"
    )
    late = "; older records are not in this log" if log.begins_late else ""
    says = f"{log.lines} records signed and chained, {again}{late}" if not log.faults else "does not hold as sealed"
    return Finding(record.SCHEMA, not log.faults, says, log.faults)


def _is_record_log(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8") as stream:
            first = stream.readline().strip().removeprefix(record.SERIAL_PREFIX)
        document = json.loads(first)
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("schema") == record.SCHEMA


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(str(path), error.strerror or str(error)) from None
    except (ValueError, RecursionError) as error:
        raise BadInput(str(path), f"not JSON: {error}") from None
    if not isinstance(document, dict) or document.get("schema") not in CHECKS:
        schema = document.get("schema") if isinstance(document, dict) else None
        raise BadInput(f"{path}: schema", f"{schema!r} is none that can be verified", f"known: {', '.join(CHECKS)}")
    return document


def verify(
    *,
    path: Annotated[Path, typer.Argument(help="An evidence bundle, an audit chain, or a log of drink-test records.")],
    keys: Annotated[Path | None, typer.Option(help="Records: device keys (waakzaam.keys/1).")] = None,
    calibration: Annotated[
        list[Path] | None,
        typer.Option(help="Records: the cal.json they were judged with; once for each strip of a test, in its order."),
    ] = None,
    anchors_file: Annotated[
        Path | None, typer.Option("--anchors", help="Audit chain: signed heads of before, kept outside the database.")
    ] = None,
    anchor_public_key: Annotated[str | None, typer.Option(help="Audit chain: 64 hex digits that check them.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Check a sealed document; exit status 1 when it does not hold."""
    if _is_record_log(path):
        finding = _records(path, keys, calibration or [])
    else:
        document = _read(path)
        if anchors_file is None:
            finding = CHECKS[document["schema"]](path, document)
        elif document["schema"] == audit_chain.SCHEMA:
            finding = _audit(path, document, _anchors(anchors_file, anchor_public_key))
        else:
            raise BadInput("--anchors", f"are of an audit chain; {path} is {document['schema']}")
    if as_json:
        typer.echo(json.dumps({"schema": "waakzaam.verify/1", "path": str(path), **vars(finding)}))
    else:
        typer.echo(f"{'holds' if finding.holds else 'DOES NOT HOLD'}: {finding.says}")
        for fault in finding.faults:
            typer.echo(f"  {fault}")
    raise typer.Exit(0 if finding.holds else 1)


def register(app: typer.Typer) -> None:
    app.command()(verify)
