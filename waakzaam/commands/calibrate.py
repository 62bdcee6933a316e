"""`waakzaam calibrate`: strip definition and calibration scans in, one calibration file out."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from sensor_models import calibration, instrument_files, scans, strip_definition
from sensor_models.errors import CalibrationRefused, MalformedFile
from waakzaam.exits import BadInput


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a whole file or nothing: a temporary file beside it, then a rename. Raises BadInput."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except OSError as error:
        raise BadInput(str(path), error.strerror or "cannot be written", "name a folder that can be written") from None


def _source(path: Path, found: list[scans.RecordedScan]) -> dict[str, Any]:
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "scans": len(found)}


def calibrate(
    strip: Annotated[Path, typer.Option(help="Strip definition (TOML).")],
    scans_file: Annotated[Path, typer.Option("--scans", help="Calibration scans (CSV).")],
    out: Annotated[Path, typer.Option(help="Where the calibration file goes (JSON).")],
    expires: Annotated[str, typer.Option(help="Last day of validity, YYYY-MM-DD (default: a year from today).")] = "",
    report: Annotated[Path | None, typer.Option(help="Also write a report with the curves (HTML).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the calibration's summary as JSON.")] = False,
) -> None:
    """Fit peak shape, calibration curve and limits from scans of known concentration; write the calibration file."""
    today = datetime.datetime.now(datetime.UTC).date()
    try:
        last = datetime.date.fromisoformat(expires) if expires else today + datetime.timedelta(calibration.VALID_DAYS)
    except ValueError:
        raise BadInput("--expires", f"{expires!r} is not a date", "write YYYY-MM-DD") from None
    try:
        definition = strip_definition.load(strip)
        found = instrument_files.read(scans_file)
        made = calibration.calibrate(definition, found, last.isoformat(), _source(scans_file, found))
    except MalformedFile as error:
        raise BadInput(error.where, error.reason) from None
    except CalibrationRefused as error:
        raise BadInput(str(scans_file), f"{error.analyte}: {error.reason}", "measure what is missing") from None
    write_atomically(out, json.dumps(made.document, indent=1, allow_nan=False) + "\n")
    if report is not None:
        from sensor_models import pictures

        write_atomically(report, pictures.calibration_page(made))
    for entry in made.document["analytes"]:
        if entry["not_testable"]:
            typer.echo(f"{entry['name']} is not testable with this strip: {entry['not_testable']}", err=True)
    for scan_id, why in made.excluded:
        typer.echo(f"left out {scan_id}: {why}", err=True)
    summary = {key: made.document[key] for key in ("strip", "n", "lots", "coverage", "expiry", "limits")}
    if as_json:
        typer.echo(json.dumps(summary, indent=2))
    else:
        for name, row in made.document["limits"].items():
            words = ", ".join(
                f"{key} {row[key]:.3g}" if row[key] else f"{key} not reached" for key in ("LC", "LD", "LQ")
            )
            typer.echo(f"{name}: {words} mol/L from {made.document['n']} scans, {len(made.document['lots'])} lots")


def register(app: typer.Typer) -> None:
    app.command(name="calibrate")(calibrate)
