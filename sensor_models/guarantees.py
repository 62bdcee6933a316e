"""Decision tables of a calibration: which drinks it knows, and what tests kept apart let it promise in each group."""

from __future__ import annotations

from typing import Any

import numpy as np

from firmware.detection.decision import decide, normalised, spread
from firmware.detection.guarantee import UNDECLARED
from firmware.detection.quality import drifted
from firmware.detection.verdict import INCONCLUSIVE
from sensor_models import conformal, feasibility, model_building
from sensor_models.scans import RecordedScan
from sensor_models.strip_definition import StripDefinition

COVERAGE = 0.95
SPLIT_SEED = 1  # of which tests are kept apart: the same file gives the same calibration
SPIKED = (0.7, 1.001)  # of the dose: weaker spikes count as spiked, which makes the promise stricter; stronger do not


def group_of(matrix: str) -> str:
    """The drink group of chemistry/drinks.toml; a drink that the data do not have is a group of its own."""
    drink = feasibility.drinks().get(matrix)
    return str(drink["group"]) if drink else matrix


def drinks_of(scans: list[RecordedScan]) -> dict[str, str]:
    """Group by declared drink, for every drink that the scans name; empty when they name none."""
    return {name: group_of(name) for name in sorted({scan.matrix for scan in scans} - set(UNDECLARED))}


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


def drugs_of(strip: StripDefinition, name: str, scans: list[RecordedScan]) -> tuple[str, ...]:
    """The analyte, and those of its `also` drugs that the scans hold: what a negative has to leave out.

    A drug that shares the analyte's peak but is in no scan is not promised for, and no cell of the file names it.
    """
    analyte = next(one for one in strip.analytes if one.name == name)
    seen = {scan.analyte for scan in scans if scan.concentration_mol_l}
    return (name, *(one for one in analyte.also if one in seen))


def _state(scan: RecordedScan, doses: dict[str, float]) -> str:
    """clean, the drug it is spiked with at about a dose, or "" for other amounts."""
    if scan.concentration_mol_l == 0:
        return "clean"
    return next((name for name, dose in doses.items() if _spiked(scan, name, dose)), "")


def _half(scans: list[RecordedScan], members: list[int]) -> list[int]:
    """Every second of the members once they stand by drink and amount, and by lot of the dice within those."""
    dice = np.random.default_rng(SPLIT_SEED).random(len(scans))
    order = sorted(members, key=lambda n: (scans[n].matrix, scans[n].concentration_mol_l or 0.0, dice[n]))
    return order[1::2]


def kept_apart(strip: StripDefinition, scans: list[RecordedScan]) -> list[int]:
    """Indices of half the tests of each group and state, or none when no group would have enough of them.

    Split conformal prediction needs tests that the calibration was not fitted to, but that are otherwise like those it
    was fitted to and like those to come: half of every drink and amount, drawn by lot. (Every second one in the order
    of the file is not: where drinks come in turn, one drink would be fitted and its neighbour promised for.) A
    calibration without a dose, or with too few tests for any promise, keeps them all for the fit.
    """
    doses = {
        drug: dose
        for one in strip.analytes
        if (dose := dose_of(strip, one.name)) is not None
        for drug in drugs_of(strip, one.name, scans)
    }
    members: dict[tuple[str, str], list[int]] = {}
    for n, scan in enumerate(scans):
        state = _state(scan, doses)
        if state and scan.matrix not in UNDECLARED:
            members.setdefault((group_of(scan.matrix), state), []).append(n)
    kept = {key: _half(scans, found) for key, found in members.items()}
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


def answered(model: dict[str, Any], entry: dict[str, Any], fit: Any, lot: str, matrix: str) -> bool:
    """Whether a test gets an answer before its decision table is asked: the table promises for no other."""
    unasked = {key: value for key, value in entry.items() if key != "guarantee"}
    return not drifted(model, fit) and decide(model, unasked, fit, lot, matrix).verdict != INCONCLUSIVE


def cells(
    model: dict[str, Any], entry: dict[str, Any], scans: list[RecordedScan], drugs: tuple[str, ...]
) -> list[conformal.Cell]:
    """One cell per drug that shares the entry's peak and drink group, and "" for undeclared drinks.

    `scans` are those kept apart, `drugs` the entry's own and every other that its peak answers for. Only tests that get
    an answer count, as only those meet the table: a fit that never came to rest is refused before. The cell ""
    holds every scan judged as if its drink were not declared: its promise is over the calibration's drinks together.
    """
    dose = entry["dose_mol_l"]
    clean: dict[str, list[float]] = {}
    spiked: dict[tuple[str, str], list[float]] = {}
    for scan, (fits, row, degrees, _) in zip(scans, model_building.fit_scans(model, scans), strict=True):
        drug = next((one for one in drugs if _spiked(scan, one, dose)), "")
        if scan.concentration_mol_l != 0 and not drug:
            continue
        fit = fits.one(row, degrees)
        for group, matrix in ((group_of(scan.matrix), scan.matrix), ("", "")):
            if not answered(model, entry, fit, scan.lot, matrix):
                continue
            value = statistic(model, entry, fit, scan.lot, matrix)
            (spiked.setdefault((group, drug), []) if drug else clean.setdefault(group, [])).append(value)
    groups = sorted({*clean, *(group for group, _ in spiked)})
    return [
        conformal.cell(drug, group, clean.get(group, []), spiked.get((group, drug), []), 1.0 - COVERAGE)
        for drug in drugs
        for group in groups
    ]


def for_device(made: list[conformal.Cell]) -> dict[str, Any]:
    """The `guarantee` of a calibration entry, as firmware.detection.guarantee reads it.

    Where several drugs share the peak, a group's cell is the strictest of theirs: a negative has to leave out each.
    """

    def short(value: float | None) -> float | None:
        return None if value is None else float(f"{value:.6g}")

    groups: dict[str, list[conformal.Cell]] = {}
    for one in made:
        groups.setdefault(one.group, []).append(one)
    table = {}
    for group, members in groups.items():
        edges = [one.spiked_least for one in members if one.spiked_least is not None]
        least = min(edges) if len(edges) == len(members) else None
        fewest = min(one.n_spiked for one in members)
        table[group] = [members[0].n_clean, fewest, short(members[0].clean_most), short(least)]
    return {"coverage": COVERAGE, "n_least": conformal.n_least(1.0 - COVERAGE), "cells": table}
