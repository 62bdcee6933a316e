"""Can this strip see this drug at the incapacitating dose in this volume, with this front end? If not: not testable."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from sensor_models.strip_definition import StripDefinition

CHEMISTRY = Path(__file__).parent / "chemistry"
FARADAY_C_MOL = 96485.33212


@dataclass(frozen=True)
class FrontEnd:
    """A potentiostat: cell potentials in reach, smallest step (V), RTIA values (ohm), converter full scale (V).

    `noise_v` is the rms noise of one reading at the converter, V.
    """

    name: str
    lowest_v: float
    highest_v: float
    potential_lsb_v: float
    rtia_ohm: tuple[float, ...]
    full_scale_v: float
    noise_v: float


# AD5941 with VZERO free between 0.9 and 1.9 V: ranges and codes from hardware/registers/ad5941.md sections 4 to 6;
# noise ASSUMED (no sourced figure there).
AD5941 = FrontEnd("AD5941", -1.50, 1.70, 0.53724e-3, (1e3, 2e3, 5e3, 1e4, 2e4, 4e4, 1e5, 2e5, 5.12e5), 0.9, 2.0e-5)
# LMP91000 at 3.3 V: +-24 % of VREF in steps of 2 % (SCIENCE.md); on a loaded cell it reaches less still.
LMP91000 = FrontEnd("LMP91000", -0.79, 0.79, 0.066, (2750, 3500, 7000, 14000, 35000, 120000, 350000), 0.65, 2.0e-4)


@dataclass(frozen=True)
class Finding:
    """Whether an analyte of a strip can be tested, and every reason why not."""

    analyte: str
    testable: bool
    reasons: tuple[str, ...]
    dose_mol_l: float | None
    detection_limit_mol_l: float | None


@cache
def drugs() -> dict[str, dict[str, Any]]:
    """Drugs by name, from chemistry/drugs.toml."""
    document = tomllib.loads((CHEMISTRY / "drugs.toml").read_text(encoding="utf-8"))
    return {one["name"]: one for one in document["drug"]}


@cache
def drinks() -> dict[str, dict[str, Any]]:
    """Drinks by name, from chemistry/drinks.toml."""
    document = tomllib.loads((CHEMISTRY / "drinks.toml").read_text(encoding="utf-8"))
    return {one["name"]: one for one in document["drink"]}


def dose_mol_l(drug: str, volume_ml: float) -> float | None:
    """Concentration of the low incapacitating dose in a volume, mol/L; None for a drug the data do not have."""
    one = drugs().get(drug)
    if one is None:
        return None
    return float(one["dose_mg"][0]) * 1e-3 / float(one["molar_mass_g_mol"]) / (volume_ml * 1e-3)


def matrix_shift_v(drug: dict[str, Any]) -> tuple[float, float]:
    """Smallest and largest shift of the peak over all drinks, V: the drug's pH slope times the drinks' pH about 7."""
    slope = float(drug.get("ph_slope_v", 0.0))
    shifts = [slope * (float(one["ph"]) - 7.0) for one in drinks().values()]
    return min(shifts), max(shifts)


def expected_peak_a(strip: StripDefinition, drug: dict[str, Any], concentration_mol_l: float) -> float:
    """Rough net peak current, A: reversible planar diffusion with a dimensionless height of 0.4 for slow couples.

    i = n F A sqrt(D) c psi / sqrt(pi t_p); heights in the project's science notes (0.56 reversible at 25/4 mV).
    """
    assert strip.waveform is not None
    area = float(strip.document.get("electrode", {}).get("area_m2", 7.07e-6))
    half_period = 0.5 / strip.waveform.frequency_hz
    psi = 0.56 if drug.get("reversibility") == "reversible" else 0.4
    flux = np.sqrt(float(drug["diffusion_m2_s"])) * concentration_mol_l * 1e3 / np.sqrt(np.pi * half_period)
    return float(drug["n_electrons"] * FARADAY_C_MOL * area * flux * psi)


def check(
    strip: StripDefinition,
    front_end: FrontEnd = AD5941,
    volume_ml: float | None = None,
    limits_mol_l: dict[str, float | None] | None = None,
) -> list[Finding]:
    """One finding per analyte. `limits_mol_l` are calibrated LDs; without them the noise gives a first estimate."""
    volume = float(volume_ml or strip.document.get("volume_ml", 330.0))
    out = []
    for analyte in strip.analytes:
        reasons: list[str] = []
        drug = drugs().get(analyte.name)
        dose = analyte.dose_mol_l or dose_mol_l(analyte.name, volume)
        limit = (limits_mol_l or {}).get(analyte.name)
        if strip.waveform is not None:
            reasons += _potential_reasons(strip, analyte.peak_window_v, drug, front_end)
            if drug is not None and dose is not None and "diffusion_m2_s" in drug:
                estimate, current_reasons = _current_reasons(strip, drug, dose, front_end)
                reasons += current_reasons
                limit = limit if limits_mol_l is not None else estimate
        if limits_mol_l is not None and limit is None:
            reasons.append("the calibration reaches no detection limit")
        if dose is not None and limit is not None and limit > dose:
            reasons.append(f"detection limit {limit:.2g} mol/L is above the dose's {dose:.2g} mol/L in {volume:g} mL")
        out.append(Finding(analyte.name, not reasons, tuple(reasons), dose, limit))
    return out


def _potential_reasons(
    strip: StripDefinition, window_v: tuple[float, float], drug: dict[str, Any] | None, front_end: FrontEnd
) -> list[str]:
    wave = strip.waveform
    assert wave is not None
    reasons = []
    low, high = window_v
    if drug is not None and "peak_potential_v" in drug:
        shift = matrix_shift_v(drug)
        place = float(drug["peak_potential_v"])
        if not low <= place <= high:
            reasons.append(f"its peak at {place:g} V lies outside the window {low:g} to {high:g} V")
        low, high = min(low, place + shift[0]), max(high, place + shift[1])
    edges = (low - wave.amplitude_v, high + wave.amplitude_v)
    if edges[0] < front_end.lowest_v or edges[1] > front_end.highest_v:
        reasons.append(
            f"{front_end.name} reaches {front_end.lowest_v:g} to {front_end.highest_v:g} V, "
            f"the pulses need {edges[0]:.2f} to {edges[1]:.2f} V"
        )
    if wave.start_v is not None and wave.end_v is not None:
        ends = sorted((wave.start_v, wave.end_v))
        if low < ends[0] or high > ends[1]:
            reasons.append(f"the scan runs {ends[0]:g} to {ends[1]:g} V, the peak may be at {low:.2f} to {high:.2f} V")
    if wave.step_v < 2.0 * front_end.potential_lsb_v:
        reasons.append(
            f"a step of {1e3 * wave.step_v:g} mV is below twice the front end's {front_end.potential_lsb_v} V"
        )
    return reasons


def _current_reasons(
    strip: StripDefinition, drug: dict[str, Any], dose: float, front_end: FrontEnd
) -> tuple[float, list[str]]:
    """(detection limit that the noise allows, mol/L; reasons)."""
    afe = strip.document.get("afe", {})
    peak = expected_peak_a(strip, drug, dose)
    rtia = float(afe.get("rtia_ohm", front_end.rtia_ohm[len(front_end.rtia_ohm) // 2]))
    reasons = []
    if not any(abs(rtia - value) < 0.02 * value for value in front_end.rtia_ohm):
        reasons.append(f"{front_end.name} has no RTIA of {rtia:g} ohm")
    noise = max(float(afe.get("adc_noise_a", 0.0)), front_end.noise_v / rtia)
    # A peak of some twenty points averages the noise to about a third; LD is 3.29 of that (Currie).
    limit = 3.29 * 0.35 * noise / peak * dose
    if min(peak, front_end.full_scale_v / rtia) < 3.0 * noise:
        reasons.append(f"the dose gives {peak:.2g} A, the noise is {noise:.2g} A")
    return limit, reasons
