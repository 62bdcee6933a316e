"""`waakzaam evaluate`: field-test logs in, the evaluator's report out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sensor_models import field_evaluation, field_log, field_report
from sensor_models.errors import MalformedFile
from waakzaam.commands.calibrate import write_atomically
from waakzaam.exits import BadInput


def _keys(path: Path) -> dict[str, bytes]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {str(device): bytes.fromhex(key) for device, key in document["keys"].items()}
    except OSError as error:
        raise BadInput(str(path), error.strerror or "cannot be read") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise BadInput(str(path), "is not a key file", 'write {"keys": {"<device>": "<64 hex digits>"}}') from None


def evaluate(
    logs: Annotated[list[Path], typer.Argument(help="Field-test logs (JSON lines).")],
    out: Annotated[Path, typer.Option(help="Folder for evaluation.json and report.html.")],
    keys: Annotated[Path | None, typer.Option(help="Device keys: check every signature.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The evaluation on stdout.")] = False,
) -> None:
    """Evaluate a field trial: verdict against truth, rates with intervals, by drug and drink; HTML and JSON."""
    try:
        tests, repeats = field_log.read_logs(logs, None if keys is None else _keys(keys))
    except MalformedFile as error:
        raise BadInput(error.where, error.reason) from None
    found = field_evaluation.evaluate(tests, repeats)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(str(out), error.strerror or "cannot be made", "name a folder that can be written") from None
    text = json.dumps(found, indent=2, allow_nan=False)
    write_atomically(out / "evaluation.json", text + "\n")
    write_atomically(out / "report.html", field_report.page(found))
    if as_json:
        typer.echo(text)
    else:
        typer.echo(f"{found['tests']} tests, truth known for {found['with_truth']}: {out / 'report.html'}")


def register(app: typer.Typer) -> None:
    app.command(name="evaluate")(evaluate)
