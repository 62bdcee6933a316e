"""`waakzaam detect`: a verdict for every scan of a file, or one for every drink over several strips."""

from __future__ import annotations

import datetime
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from firmware.detection import expired
from sensor_models import judging
from sensor_models.errors import MalformedFile
from waakzaam.commands.calibrate import name_faults, write_atomically
from waakzaam.exits import BadInput


def _draw(path: Path, judged: list[judging.Judged], fused: list[judging.Fused]) -> None:
    if path.suffix.lower() not in {".png", ".html"}:
        raise BadInput(str(path), "is neither .png nor .html", "name the picture with one of these endings")
    from sensor_models import reports

    if path.suffix.lower() == ".png":
        write_atomically(path, reports.judged_picture(judged))
    else:
        write_atomically(path, reports.judged_page(judged, fused))


def _pairs(calibrations: list[Path], files: list[Path]) -> list[tuple[Path, Path]]:
    """Each file of scans with its calibration: the n-th with the n-th, or one calibration for all."""
    if len(calibrations) == 1:
        return [(calibrations[0], path) for path in files]
    if len(calibrations) != len(files):
        raise BadInput(
            "--calibration",
            f"{len(calibrations)} calibrations for {len(files)} files of scans",
            "give one calibration, or one for each --scans in the same order",
        )
    return list(zip(calibrations, files, strict=True))


def _load(path: Path, today: str) -> dict[str, Any]:
    document = judging.load_calibration(path)
    why = expired(document, today)
    if why:
        typer.echo(f"{path}: {why}: no scan gets a verdict (calibrate anew)", err=True)
    return document


def _tell(entries: Sequence[judging.Judged | judging.Fused]) -> None:
    for one in entries:
        lead = one.to_json()
        value = lead["concentration_mol_l"]
        amount = "" if value is None else f"{value:.3g} mol/L"
        typer.echo(f"{one.scan_id:<20} {lead['verdict']:<13} {lead['analyte'] or '':<16} {amount:<16} {lead['reason']}")
    counts = Counter(one.verdict.verdict for one in entries)
    typer.echo(", ".join(f"{word} {n}" for word, n in sorted(counts.items())), err=True)


def detect(
    calibrations: Annotated[
        list[Path], typer.Option("--calibration", help="Calibration file; repeat it for several strips.")
    ],
    files: Annotated[
        list[Path],
        typer.Option("--scans", help="Scans to judge (CSV, .pssession, .dta, CHI .txt) or colour CSV; repeatable."),
    ],
    fuse: Annotated[
        bool, typer.Option("--fuse", help="One verdict per drink: scans of one scan_id are strips of one drink.")
    ] = False,
    plot: Annotated[Path | None, typer.Option(help="Draw what the verdicts rest on (.png or .html).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON list on stdout, one entry per scan.")] = False,
) -> None:
    """Judge every scan: negative, positive, inconclusive or invalid, with concentration, interval and reason."""
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    loaded: dict[Path, dict[str, Any]] = {}
    judged: list[list[judging.Judged]] = []
    faults: list[MalformedFile] = []
    used: set[str] = set()
    for calibration, path in _pairs(calibrations, files):
        try:
            if calibration not in loaded:
                loaded[calibration] = _load(calibration, today)
            found, wrong = judging.judge_file(loaded[calibration], path, used, today)
        except MalformedFile as error:
            raise BadInput(error.where, error.reason) from None
        judged.append(found)
        faults += wrong
    everything = [one for found in judged for one in found]
    fused = judging.fuse_drinks(judged) if fuse else []
    entries: Sequence[judging.Judged | judging.Fused] = fused if fuse else everything
    if plot is not None:
        _draw(plot, everything, fused)
    name_faults(faults)
    if as_json:
        typer.echo(json.dumps([one.to_json() for one in entries], allow_nan=False))
    else:
        _tell(entries)
    if faults:
        raise typer.Exit(2)


def register(app: typer.Typer) -> None:
    app.command(name="detect")(detect)
