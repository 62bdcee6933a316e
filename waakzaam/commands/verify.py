"""`waakzaam verify`: check a sealed document; one function per kind of document."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.replay import bundle
from waakzaam.exits import BadInput


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


# Schema of the document -> the function that checks it.
CHECKS: dict[str, Callable[[Path, dict[str, Any]], Finding]] = {bundle.SCHEMA: _evidence}


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
    path: Annotated[Path, typer.Argument(help="The document: an evidence bundle.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document on stdout.")] = False,
) -> None:
    """Check a sealed document; exit status 1 when it does not hold."""
    document = _read(path)
    finding = CHECKS[document["schema"]](path, document)
    if as_json:
        typer.echo(json.dumps({"schema": "waakzaam.verify/1", "path": str(path), **vars(finding)}))
    else:
        typer.echo(f"{'holds' if finding.holds else 'DOES NOT HOLD'}: {finding.says}")
        for fault in finding.faults:
            typer.echo(f"  {fault}")
    raise typer.Exit(0 if finding.holds else 1)


def register(app: typer.Typer) -> None:
    app.command()(verify)
