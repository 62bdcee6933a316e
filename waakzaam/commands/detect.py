"""`waakzaam detect`: a verdict for every scan of a file."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from sensor_models import detection, instrument_files
from sensor_models.errors import MalformedFile
from waakzaam.commands.calibrate import write_atomically
from waakzaam.exits import BadInput


def _draw(path: Path, calibration: dict[str, Any], judged: list[detection.Judged]) -> None:
    if path.suffix.lower() not in {".png", ".html"}:
        raise BadInput(str(path), "is neither .png nor .html", "name the picture with one of these endings")
    from sensor_models import pictures

    if path.suffix.lower() == ".png":
        write_atomically(path, pictures.scans_figure(calibration, judged))
    else:
        write_atomically(path, pictures.scans_page(calibration, judged))


def detect(
    calibration: Annotated[Path, typer.Option(help="Calibration file made by `waakzaam calibrate`.")],
    scans_file: Annotated[Path, typer.Option("--scans", help="Scans to judge (CSV, .pssession, .dta, CHI .txt).")],
    plot: Annotated[Path | None, typer.Option(help="Draw what the verdicts rest on (.png or .html).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list on stdout, one entry per scan.")] = False,
) -> None:
    """Judge every scan: negative, positive, inconclusive or invalid, with concentration, interval and reason."""
    try:
        document = detection.load_calibration(calibration)
        judged = detection.judge(document, instrument_files.read(scans_file))
    except MalformedFile as error:
        raise BadInput(error.where, error.reason) from None
    if str(document.get("expiry", "")) < datetime.datetime.now(datetime.UTC).date().isoformat():
        typer.echo(f"warning: {calibration} expired on {document.get('expiry')}", err=True)
    if plot is not None:
        _draw(plot, document, judged)
    if as_json:
        typer.echo(json.dumps([one.to_json() for one in judged], allow_nan=False))
        return
    for one in judged:
        lead = one.to_json()
        value = lead["concentration_mol_l"]
        amount = "" if value is None else f"{value:.3g} mol/L"
        name = lead["analyte"] or ""
        typer.echo(f"{one.scan.scan_id:<20} {lead['verdict']:<13} {name:<16} {amount:<16} {lead['reason']}")
    counts = Counter(one.verdict.verdict for one in judged)
    typer.echo(", ".join(f"{word} {n}" for word, n in sorted(counts.items())), err=True)


def register(app: typer.Typer) -> None:
    app.command(name="detect")(detect)
