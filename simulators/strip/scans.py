"""Whole scans of a strip in a drink, by the thousand, and the scans.csv they are kept in."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulators.strip.adsorption import SPREAD, WETTING_S, Surroundings, adsorbed_flux, coverage_mol_m2
from simulators.strip.background import charging_a, electrode_a, noise_a
from simulators.strip.chemistry import (
    Strip,
    UnknownSubstance,
    concentration_mol_l,
    drink,
    members_of,
    species,
)
from simulators.strip.diffusion import FARADAY_C_MOL
from simulators.strip.electrode import (
    FRESH,
    PEAK_V_PER_K,
    REFERENCE_TEMPERATURE_C,
    Condition,
    Dip,
    Lot,
    behind_the_film,
    dip,
    rng_of,
)
from simulators.strip.responses import unit_responses
from simulators.strip.saturation import effective_mol_l
from simulators.strip.standard import standard_of

Array = NDArray[np.float64]
COLUMNS = (
    "scan_id", "lot", "matrix", "analyte", "concentration_mol_l", "potential_v", "forward_a", "reverse_a",
)  # fmt: skip


@dataclass(frozen=True)
class Scan:
    """One square-wave scan. Currents in ampere, anodic positive; potentials are those of the staircase."""

    scan_id: str
    lot: str
    matrix: str
    analyte: str
    concentration_mol_l: float | None
    temperature_c: float
    potential_v: Array
    forward_a: Array
    reverse_a: Array


def faradaic_a(
    strip: Strip,
    dipped: Dip,
    contents_mol_l: dict[str, float],
    temperature_c: float,
    adsorbed: dict[str, float],
    standard_shift_v: float = 0.0,
) -> Array:
    """Current of everything dissolved, and of what had adsorbed before the scan (mol/m2 by name), (2, steps) A."""
    total = np.zeros((2, strip.waveform.steps_v().size))
    responses = unit_responses(strip.waveform, members_of(strip))
    for member in members_of(strip):
        concentration = contents_mol_l.get(member.name, 0.0)
        if concentration <= 0.0:
            continue
        # The reference drifts during the scan: a peak met later has moved further.
        travelled = (member.peak_potential_v - strip.waveform.start_v) / (strip.waveform.end_v - strip.waveform.start_v)
        shift = (
            dipped.shift_v
            + float(np.clip(travelled, 0.0, 1.0)) * dipped.shift_drift_v
            + member.ph_slope_v * (dipped.ph - 7.0)
        )
        if member.standard:
            shift += standard_shift_v
        if not member.reversible:  # a fast couple needs no overpotential
            shift += member.sign * PEAK_V_PER_K * (temperature_c - REFERENCE_TEMPERATURE_C)
        flux = responses[member.name].at(temperature_c, dipped.width, shift)
        amount = effective_mol_l(member.name, concentration, dipped.half_response) * 1000.0
        area = strip.area_m2 * dipped.wetted * dipped.sensitivity
        scale = FARADAY_C_MOL * area * np.sqrt(member.diffusion_m2_s * dipped.diffusion_factor) * amount
        total += member.sign * member.electrons * scale * flux
        if member.name in adsorbed:
            film = adsorbed_flux(strip.waveform, member, temperature_c, dipped.width, shift)
            total += member.sign * member.electrons * FARADAY_C_MOL * area * adsorbed[member.name] * film
    return total


def mishaps(current_a: Array, condition: Condition, rng: np.random.Generator) -> None:
    """What happens to a scan on the way: a bubble, knocks. Changes (2, steps) A in place; draws only when asked to."""
    steps = current_a.shape[1]
    if condition.bubble > 0.0:
        start = int(rng.integers(steps // 10, 9 * steps // 10))
        current_a[:, start:] *= 1.0 - condition.bubble
    for _ in range(condition.glitches):
        current_a[int(rng.integers(2)), int(rng.integers(steps))] += float(rng.normal(0.0, 4e-6))


def simulate_scan(
    strip: Strip,
    matrix: str,
    spikes_mol_l: dict[str, float],
    *,
    temperature_c: float = 22.0,
    lot: str = "L1",
    seed: int | str = 0,
    condition: Condition = FRESH,
    scan_id: str | None = None,
) -> Scan:
    """One strip dipped in a drink. `spikes_mol_l` maps drug to mol/L; empty for a clean drink.

    Same arguments, same scan. Raises UnknownSubstance for a drink or a drug that the chemistry data do not have.
    """
    for name in spikes_mol_l:
        if name not in species():
            raise UnknownSubstance("electroactive substance", name)
    pour = drink(matrix)
    rng = rng_of("scan", strip.name, matrix, sorted(spikes_mol_l.items()), temperature_c, lot, seed)
    dipped = dip(pour, Lot.named(lot), rng, area_m2=strip.area_m2, temperature_c=temperature_c, condition=condition)
    contents = dict(dipped.interferents_mol_l)
    for name, value in (*spikes_mol_l.items(), *condition.carry_over_mol_l):
        contents[name] = contents.get(name, 0.0) + value
    contents = behind_the_film(strip, contents, rng)
    adsorbed: dict[str, float] = {}
    if strip.adsorption_mol_m2 > 0.0:
        around = Surroundings(
            temperature_c, pour.ethanol_percent, dipped.diffusion_factor, strip.waveform.rest_s + WETTING_S
        )
        capacity = strip.adsorption_mol_m2 * float(np.exp(rng.normal(0.0, SPREAD)))
        adsorbed = coverage_mol_m2(members_of(strip), contents, capacity, around)
    standard, standard_shift_v = standard_of(strip, dipped, lot, condition, rng)
    current = faradaic_a(strip, dipped, {**contents, **standard}, temperature_c, adsorbed, standard_shift_v)
    current += charging_a(strip.waveform, dipped) * dipped.wetted
    current += electrode_a(strip.waveform, dipped, strip.area_m2, rng) * dipped.wetted
    current += noise_a(strip.waveform, strip.adc_noise_a, rng)
    mishaps(current, condition, rng)
    limit_a = 0.9 / strip.rtia_ohm  # the converter's range (ad5941.md section 6)
    current = np.clip(current, -limit_a, limit_a)
    analyte, amount = next(iter(spikes_mol_l.items())) if spikes_mol_l else (strip.analytes[0], 0.0)
    return Scan(
        scan_id=scan_id or f"{strip.name}-{matrix}-{lot}-{seed}",
        lot=lot,
        matrix=matrix,
        analyte=analyte,
        concentration_mol_l=amount,
        temperature_c=temperature_c,
        potential_v=strip.waveform.steps_v(),
        forward_a=current[0],
        reverse_a=current[1],
    )


def dose_scan(strip: Strip, matrix: str, drug: str, dose_mg: float, **keywords: object) -> Scan:
    """A scan of a drink with a dose in the strip's stated volume."""
    amount = concentration_mol_l(drug, dose_mg, strip.volume_ml)
    return simulate_scan(strip, matrix, {drug: amount}, **keywords)  # type: ignore[arg-type]


def write_scans_csv(path: Path, scans: Iterable[Scan]) -> int:
    """Write scans in the format of DESIGN.md (one row a step); the file appears whole or not at all. Returns rows."""
    partial = path.with_name(path.name + ".partial")
    rows = 0
    with partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for scan in scans:
            amount = "" if scan.concentration_mol_l is None else f"{scan.concentration_mol_l:.6g}"
            head = (scan.scan_id, scan.lot, scan.matrix, scan.analyte, amount)
            for e, f, r in zip(scan.potential_v, scan.forward_a, scan.reverse_a, strict=True):
                writer.writerow((*head, f"{e:.4f}", f"{f:.6e}", f"{r:.6e}"))
                rows += 1
    os.replace(partial, path)
    return rows
