"""`waakzaam detect`: a verdict for every scan of a file."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from sensor_models import detection, scans
from sensor_models.errors import MalformedFile
from waakzaam.exits import BadInput


def detect(
    calibration: Annotated[Path, typer.Option(help="Calibration file made by `waakzaam calibrate`.")],
    scans_file: Annotated[Path, typer.Option("--scans", help="Scans to judge (CSV).")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list on stdout, one entry per scan.")] = False,
) -> None:
    """Judge every scan: negative, positive, inconclusive or invalid, with concentration, interval and reason."""
    try:
        document = detection.load_calibration(calibration)
        judged = detection.judge(document, scans.read_csv(scans_file))
    except MalformedFile as error:
        raise BadInput(error.where, error.reason) from None
    if str(document.get("expiry", "")) < datetime.datetime.now(datetime.UTC).date().isoformat():
        typer.echo(f"warning: {calibration} expired on {document.get('expiry')}", err=True)
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
