"""Decision tables of a calibration: which drinks it knows, and what tests kept apart let it promise in each group."""

from __future__ import annotations

from typing import Any

from firmware.detection.decision import normalised, spread
from sensor_models import conformal, feasibility, model_building
from sensor_models.scans import RecordedScan
from sensor_models.strip_definition import StripDefinition

COVERAGE = 0.95
SPIKED = (0.7, 1.001)  # of the dose: weaker spikes count as spiked, which makes the promise stricter; stronger do not


def group_of(matrix: str) -> str:
    """The drink group of chemistry/drinks.toml; a drink that the data do not have is a group of its own."""
    drink = feasibility.drinks().get(matrix)
    return str(drink["group"]) if drink else matrix


def drinks_of(scans: list[RecordedScan]) -> dict[str, str]:
    """Group by declared drink, for every drink that the scans name."""
    return {name: group_of(name) for name in sorted({scan.matrix for scan in scans if scan.matrix})}


def dose_of(strip: StripDefinition, name: str) -> float | None:
    """What must not be missed, mol/L: the strip's own figure, or the least low dose of the group in its volume."""
    analyte = next(one for one in strip.analytes if one.name == name)
    if analyte.dose_mol_l is not None or "volume_ml" not in strip.document:
        return analyte.dose_mol_l
    volume = float(strip.document["volume_ml"])
    doses = [feasibility.dose_mol_l(one, volume) for one in (name, *analyte.also)]
    return min((dose for dose in doses if dose is not None), default=None)


def _spiked(scan: RecordedScan, name: str, dose: float) -> bool:
    amount = scan.concentration_mol_l or 0.0
    return scan.analyte == name and SPIKED[0] * dose <= amount <= SPIKED[1] * dose


def _state(scan: RecordedScan, doses: dict[str, float]) -> str:
    """clean, the drug it is spiked with at about a dose, or "" for other amounts."""
    if scan.concentration_mol_l == 0:
        return "clean"
    return next((name for name, dose in doses.items() if _spiked(scan, name, dose)), "")


def kept_apart(strip: StripDefinition, scans: list[RecordedScan]) -> list[int]:
    """Indices of every second test of each group and state, or none when no group would have enough of them.

    Split conformal prediction needs tests that the calibration was not fitted to. A calibration without a dose, or
    with too few tests for any promise, keeps them all for the fit.
    """
    doses = {one.name: dose for one in strip.analytes if (dose := dose_of(strip, one.name)) is not None}
    members: dict[tuple[str, str], list[int]] = {}
    for n, scan in enumerate(scans):
        state = _state(scan, doses)
        if state and scan.matrix:
            members.setdefault((group_of(scan.matrix), state), []).append(n)
    kept = {key: found[1::2] for key, found in members.items()}
    least = conformal.n_least(1.0 - COVERAGE)
    groups = {group for group, _ in kept}
    enough = [g for g in groups if all(len(kept.get((g, state), [])) >= least for state in ("clean", *doses))]
    if not doses or not enough:
        return []
    return sorted(n for found in kept.values() for n in found)


def statistic(model: dict[str, Any], entry: dict[str, Any], fit: Any, lot: str, matrix: str) -> float:
    """The signal above the mean blank in the scan's own standard deviations: what `decide` compares."""
    u, _, _ = normalised(entry, fit.height[entry["peak"]] * model["sigma_a"], lot, matrix)
    widen, _ = spread(model, entry, fit)
    return float((u - entry["blank_signal_a"]) / (entry["noise_a"] * widen))


def cells(model: dict[str, Any], entry: dict[str, Any], scans: list[RecordedScan]) -> list[conformal.Cell]:
    """One cell per drink group, and "" (the worst of all) for undeclared drinks, from scans kept apart."""
    dose = entry["dose_mol_l"]
    found: dict[str, tuple[list[float], list[float]]] = {}
    for scan, (fits, row, degrees, _) in zip(scans, model_building.fit_scans(model, scans), strict=True):
        clean = scan.concentration_mol_l == 0
        if clean or _spiked(scan, entry["name"], dose):
            value = statistic(model, entry, fits.one(row, degrees), scan.lot, scan.matrix)
            found.setdefault(group_of(scan.matrix), ([], []))[0 if clean else 1].append(value)
    alpha = 1.0 - COVERAGE
    out = [conformal.cell(entry["name"], group, *pair, alpha) for group, pair in sorted(found.items())]
    sure = [one for one in out if one.clean_most is not None and one.spiked_least is not None]
    if sure:
        out.append(
            conformal.Cell(
                drug=entry["name"],
                group="",
                alpha=alpha,
                n_clean=sum(one.n_clean for one in sure),
                n_spiked=sum(one.n_spiked for one in sure),
                clean_most=max(one.clean_most for one in sure if one.clean_most is not None),
                spiked_least=min(one.spiked_least for one in sure if one.spiked_least is not None),
            )
        )
    return out


def for_device(made: list[conformal.Cell]) -> dict[str, Any]:
    """The `guarantee` of a calibration entry, as firmware.detection.guarantee reads it."""

    def short(value: float | None) -> float | None:
        return None if value is None else float(f"{value:.6g}")

    return {
        "coverage": COVERAGE,
        "n_least": conformal.n_least(1.0 - COVERAGE),
        "cells": {c.group: [c.n_clean, c.n_spiked, short(c.clean_most), short(c.spiked_least)] for c in made},
    }
