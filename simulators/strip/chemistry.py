"""Drugs, interferents, drinks and strip definitions read as data from sensor_models (no code is shared with it)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from simulators.strip.waveform import SquareWave

DATA = Path(__file__).resolve().parents[2] / "sensor_models"


class UnknownSubstance(Exception):
    """A strip or a drink names something that the chemistry data do not have."""

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"no {kind} named {name!r} in sensor_models/chemistry")
        self.kind = kind
        self.name = name


@dataclass(frozen=True)
class Species:
    """Something that gives a current. Potentials in volt at pH 7 and 25 degC, `sign` +1 oxidation, -1 reduction."""

    name: str
    molar_mass_g_mol: float
    sign: int
    peak_potential_v: float
    electrons: float
    reversible: bool
    alpha: float
    diffusion_m2_s: float
    ph_slope_v: float
    half_coverage_mol_l: float | None = None  # of an activated electrode; None = does not adsorb
    standard: bool = False  # dried on some strips, in no drink


@dataclass(frozen=True)
class Drink:
    """A drink as poured. Interferents in mol/L, conductivity in S/m."""

    name: str
    group: str
    ph: float
    ph_sd: float
    ethanol_percent: float
    conductivity_s_m: float
    absorbance_per_cm: tuple[float, ...]
    interferents_mol_l: dict[str, float]


@dataclass(frozen=True)
class Strip:
    """A strip definition: what is looked for, the waveform and the electrode."""

    name: str
    analytes: tuple[str, ...]
    waveform: SquareWave
    area_m2: float
    volume_ml: float
    rtia_ohm: float
    adc_noise_a: float
    adsorption_mol_m2: float = 0.0  # capacity of an activated electrode; 0 = a bare one
    also: tuple[tuple[str, str], ...] = ()  # (drug, analyte whose peak it shares)
    film: tuple[tuple[str, float], ...] = ()  # (substance, part of it that a film over the electrode lets through)
    standard: tuple[str, float] | None = None  # couple dried on the strip, and mol/L of it in the drop


def _table(name: str) -> dict[str, Any]:
    with (DATA / "chemistry" / f"{name}.toml").open("rb") as file:
        return tomllib.load(file)


def _species(row: dict[str, Any], standard: bool = False) -> Species:
    return Species(
        name=row["name"],
        molar_mass_g_mol=row["molar_mass_g_mol"],
        sign=1 if row["process"] == "oxidation" else -1,
        peak_potential_v=row["peak_potential_v"],
        electrons=float(row["n_electrons"]),
        reversible=row["reversibility"] == "reversible",
        alpha=row.get("transfer_coefficient", 0.5),
        diffusion_m2_s=row["diffusion_m2_s"],
        ph_slope_v=row.get("ph_slope_v", 0.0),
        half_coverage_mol_l=row.get("half_coverage_mol_l"),
        standard=standard,
    )


@cache
def species() -> dict[str, Species]:
    """Everything electroactive, by name."""
    rows = [row for row in _table("drugs")["drug"] if row["technique"] == "swv"]
    rows += _table("interferents")["interferent"]
    standards = _table("internal_standards")["internal_standard"]
    return {row["name"]: _species(row) for row in rows} | {row["name"]: _species(row, True) for row in standards}


@cache
def doses_mg() -> dict[str, tuple[float, float]]:
    """Incapacitating dose of every drug, low and high, in milligrams."""
    return {row["name"]: (row["dose_mg"][0], row["dose_mg"][1]) for row in _table("drugs")["drug"]}


@cache
def molar_masses_g_mol() -> dict[str, float]:
    return {row["name"]: float(row["molar_mass_g_mol"]) for row in _table("drugs")["drug"]}


@cache
def drinks() -> dict[str, Drink]:
    """Every drink, by name."""
    fields = Drink.__dataclass_fields__
    out = {}
    for row in _table("drinks")["drink"]:
        values = {key: row[key] for key in fields}
        values["absorbance_per_cm"] = tuple(values["absorbance_per_cm"])
        out[row["name"]] = Drink(**values)
    return out


def drink(name: str) -> Drink:
    if name not in drinks():
        raise UnknownSubstance("drink", name)
    return drinks()[name]


def concentration_mol_l(drug: str, dose_mg: float, volume_ml: float) -> float:
    """Dose in a volume as mol/L."""
    if drug not in molar_masses_g_mol():
        raise UnknownSubstance("drug", drug)
    return dose_mg / molar_masses_g_mol()[drug] / volume_ml


def strip_of(document: dict[str, Any]) -> Strip:
    """A strip from a strip.toml document; a potential range that it does not state covers its peak windows."""
    analytes = tuple(row["name"] for row in document["analyte"])
    also = tuple((name, row["name"]) for row in document["analyte"] for name in row.get("also", ()))
    for name in (*analytes, *(name for name, _ in also)):
        if name not in species():
            raise UnknownSubstance("electroactive substance", name)
    dried = document.get("internal_standard")
    if dried is not None and dried["name"] not in species():
        raise UnknownSubstance("internal standard", dried["name"])
    wave = document["waveform"]
    windows = [tuple(row["peak_window_v"]) for row in document["analyte"]]
    low, high = min(w[0] for w in windows) - 0.3, max(w[1] for w in windows) + 0.3
    start, end = (low, high) if species()[analytes[0]].sign > 0 else (high, low)
    return Strip(
        name=document["name"],
        analytes=analytes,
        waveform=SquareWave(
            start_v=wave.get("start_v", start),
            end_v=wave.get("end_v", end),
            step_v=wave["step_v"],
            amplitude_v=wave["amplitude_v"],
            frequency_hz=wave["frequency_hz"],
            rest_s=wave.get("rest_s", 2.0),
        ),
        area_m2=document.get("electrode", {}).get("area_m2", 7.07e-6),
        volume_ml=document.get("volume_ml", 330.0),
        rtia_ohm=document.get("afe", {}).get("rtia_ohm", 10_000.0),
        adc_noise_a=document.get("afe", {}).get("adc_noise_a", 2e-8),
        adsorption_mol_m2=document.get("electrode", {}).get("adsorption_mol_m2", 0.0),
        also=also,
        film=tuple(sorted(document.get("electrode", {}).get("film_passes", {}).items())),
        standard=None if dried is None else (dried["name"], float(dried.get("concentration_mol_l", 5e-5))),
    )


def load_strip(path: Path) -> Strip:
    """A strip from a strip.toml file."""
    with path.open("rb") as file:
        return strip_of(tomllib.load(file))


def members_of(strip: Strip) -> tuple[Species, ...]:
    """Species that matter under a strip's waveform: those whose peak is in its range, or within 0.35 V of it."""
    low = min(strip.waveform.start_v, strip.waveform.end_v) - 0.35
    high = max(strip.waveform.start_v, strip.waveform.end_v) + 0.35
    dried = strip.standard[0] if strip.standard else ""
    return tuple(
        s for s in species().values() if low <= s.peak_potential_v <= high and (not s.standard or s.name == dried)
    )
