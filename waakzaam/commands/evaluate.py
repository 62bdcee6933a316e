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
    language: Annotated[str, typer.Option(help="Of the report: nl, en or fr.")] = "nl",
    as_json: Annotated[bool, typer.Option("--json", help="The evaluation on stdout.")] = False,
) -> None:
    """Evaluate a field trial: verdict against truth, rates with intervals, by drug, drink, lot, dose; HTML and JSON.

    Lines that cannot be used are named and left out; the report is made of the others and the exit status is 2.
    """
    if language not in field_report.LANGUAGES:
        raise BadInput("--language", f"{language!r} is not known", f"choose {', '.join(field_report.LANGUAGES)}")
    try:
        log = field_log.read_logs(logs, None if keys is None else _keys(keys))
    except MalformedFile as error:
        raise BadInput(error.where, error.reason, "give logs with one JSON record a line") from None
    found = field_evaluation.evaluate(log)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(str(out), error.strerror or "cannot be made", "name a folder that can be written") from None
    text = json.dumps(found, indent=2, allow_nan=False)
    write_atomically(out / "evaluation.json", text + "\n")
    write_atomically(out / "report.html", field_report.page(found, language))
    if as_json:
        typer.echo(text)
    else:
        typer.echo(f"{found['tests']} tests, truth known for {found['with_truth']}: {out / 'report.html'}")
    if log.forged:
        typer.echo(
            f"{len(log.forged)} records with a wrong signature count in no rate, first {log.forged[0].where}", err=True
        )
    if log.faults:
        first = log.faults[0]
        more = f"{len(log.faults)} lines left out, all in {out / 'evaluation.json'}; the report is made of the others"
        raise BadInput(first.where, first.reason, more)


def register(app: typer.Typer) -> None:
    app.command(name="evaluate")(evaluate)
