"""Certified regressions (NIST StRD nonlinear .dat files): the project's own, or any given with --files."""

from __future__ import annotations

from pathlib import Path

from sensor_models.errors import MalformedFile
from waakzaam.benches._detection_certified import certified
from waakzaam.benches.report import Report
from waakzaam.exits import BadInput
from waakzaam.machine import ROOT


def _within(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() == ".dat")


def run(seed: int, quick: bool, files: tuple[Path, ...] = ()) -> Report:
    """Digits of parameters and of standard deviations from both starts of every file; folders stand for their .dat."""
    given = files or (ROOT / "data/nist",)
    paths = [path for one in given for path in (_within(one) if one.is_dir() else [one])]
    if not paths:
        raise BadInput(str(given[0]), "holds no .dat file", "name StRD nonlinear regression files or their folder")
    try:
        figures = certified(paths[::4] if quick else paths)
    except MalformedFile as error:
        raise BadInput(error.where, error.reason, "give a StRD nonlinear regression with one response") from None
    return Report("certified", seed, {"files": [path.name for path in paths]}, tuple(figures))
