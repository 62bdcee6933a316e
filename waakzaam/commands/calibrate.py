"""`waakzaam calibrate`: strip definition and readings of known content in, one calibration file out."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from sensor_models import (
    calibration,
    colour_calibration,
    colour_scans,
    colour_strip,
    instrument_files,
    strip_definition,
)
from sensor_models.errors import CalibrationRefused, MalformedFile
from waakzaam.exits import BadInput

Made = calibration.Calibrated | colour_calibration.CalibratedColour


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


def name_faults(faults: Sequence[MalformedFile]) -> None:
    """One line on stderr for everything wrong with a file whose other scans are used."""
    for fault in faults:
        spoilt = f" ({fault.scan_id} is left out)" if fault.scan_id else ""
        typer.echo(f"{fault.where}: {fault.reason}{spoilt}", err=True)


def _source(path: Path, count: int) -> dict[str, Any]:
    with path.open("rb") as stream:
        return {"file": path.name, "sha256": hashlib.file_digest(stream, "sha256").hexdigest(), "scans": count}


def _made(strip: Path, scans_file: Path, last: datetime.date) -> tuple[Made, list[MalformedFile]]:
    """(the calibration, what is wrong with the file of readings)."""
    if colour_strip.technique_of(strip) == "colour":
        pads = colour_strip.load(strip)
        tests, faults = colour_scans.read(scans_file)
        source = _source(scans_file, len(tests))
        return colour_calibration.calibrate(pads, tests, last.isoformat(), source), faults
    definition = strip_definition.load(strip)
    found, faults = instrument_files.read(scans_file)
    return calibration.calibrate(definition, found, last.isoformat(), _source(scans_file, len(found))), faults


def _reasons_against(entry: dict[str, Any]) -> list[str]:
    """Why an analyte cannot be tested, with and without a clean pour where that differs."""
    if "not_testable" in entry:
        return [entry["not_testable"]] if entry["not_testable"] else []
    found = []
    for part, words in (("paired", "beside a clean pour"), ("unpaired", "without a clean pour")):
        if entry[part] is not None and entry[part]["not_testable"]:
            found.append(f"{words}: {entry[part]['not_testable']}")
    return found


def _limits_in_words(name: str, row: dict[str, Any], document: dict[str, Any]) -> str:
    words = ", ".join(f"{key} {row[key]:.3g}" if row[key] else f"{key} not reached" for key in ("LC", "LD", "LQ"))
    beside = " beside a clean pour" if row.get("paired") else ""
    return f"{name}: {words} mol/L{beside} from {document['n']} scans, {len(document['lots'])} lots"


def calibrate(
    strip: Annotated[Path, typer.Option(help="Strip definition (TOML), voltammetric or of colour pads.")],
    scans_file: Annotated[
        Path, typer.Option("--scans", help="Readings of known content (scans.csv, or colour CSV for colour pads).")
    ],
    out: Annotated[Path, typer.Option(help="Where the calibration file goes (JSON).")],
    expires: Annotated[str, typer.Option(help="Last day of validity, YYYY-MM-DD (default: a year from today).")] = "",
    report: Annotated[Path | None, typer.Option(help="Also write a report with the curves (HTML).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the calibration's summary as JSON.")] = False,
) -> None:
    """Fit shape, calibration curve and limits from readings of known concentration; write the calibration file."""
    today = datetime.datetime.now(datetime.UTC).date()
    try:
        last = datetime.date.fromisoformat(expires) if expires else today + datetime.timedelta(calibration.VALID_DAYS)
    except ValueError:
        raise BadInput("--expires", f"{expires!r} is not a date", "write YYYY-MM-DD") from None
    try:
        made, faults = _made(strip, scans_file, last)
    except MalformedFile as error:
        raise BadInput(error.where, error.reason) from None
    except CalibrationRefused as error:
        raise BadInput(str(scans_file), f"{error.analyte}: {error.reason}", "measure what is missing") from None
    made.document["excluded"] += [{"scan_id": f.scan_id, "reason": f"{f.where}: {f.reason}"} for f in faults]
    write_atomically(out, json.dumps(made.document, indent=1, allow_nan=False) + "\n")
    if report is not None:
        from sensor_models import reports

        write_atomically(report, reports.calibration_page(made))
    for entry in made.document["analytes"]:
        for why in _reasons_against(entry):
            typer.echo(f"{entry['name']} is not testable with this strip: {why}", err=True)
    for scan_id, why in made.excluded:
        typer.echo(f"left out {scan_id}: {why}", err=True)
    name_faults(faults)
    summary = {key: made.document[key] for key in ("strip", "n", "lots", "coverage", "expiry", "limits")}
    if as_json:
        typer.echo(json.dumps(summary, indent=2))
    else:
        for name, row in made.document["limits"].items():
            typer.echo(_limits_in_words(name, row, made.document))
    if faults:
        raise typer.Exit(2)


def register(app: typer.Typer) -> None:
    app.command(name="calibrate")(calibrate)
