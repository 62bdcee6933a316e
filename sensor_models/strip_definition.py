"""The strip definition (strip.toml): what a strip measures, how, and what error rates it is held to."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensor_models.errors import MalformedFile

MODELS = ("linear", "4pl")
TECHNIQUES = ("swv", "colour")
REST_MOST_S = 60.0  # ASSUMED: longer, nobody waits, and the drop dries


@dataclass(frozen=True)
class Waveform:
    """Square-wave settings: volts, hertz, seconds of rest before the scan; start and end may be unknown (None)."""

    amplitude_v: float
    step_v: float
    frequency_hz: float
    start_v: float | None = None
    end_v: float | None = None
    rest_s: float | None = None


@dataclass(frozen=True)
class StripAnalyte:
    """A substance the strip is to find: its peak lies in `peak_window_v`; `dose_mol_l` is what must not be missed.

    `also` names substances whose peak cannot be told from it: a positive means one of the group.
    """

    name: str
    peak_window_v: tuple[float, float]
    model: str
    dose_mol_l: float | None = None
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class StripInterferent:
    """A substance known to give a peak near the analytes' peaks."""

    name: str
    peak_potential_v: float


@dataclass(frozen=True)
class StripStandard:
    """A couple dried on the strip whose peak tells where the reference electrode stands."""

    name: str
    peak_potential_v: float


@dataclass(frozen=True)
class StripDefinition:
    """A strip as its TOML file states it."""

    name: str
    technique: str
    alpha: float
    beta: float
    waveform: Waveform | None
    analytes: tuple[StripAnalyte, ...]
    interferents: tuple[StripInterferent, ...]
    full_scale_a: float | None
    document: dict[str, Any]
    internal_standard: StripStandard | None = None


def _number(table: dict[str, Any], key: str, file: str, where: str, default: float | None = None) -> float:
    value = table.get(key, default)
    name = f"{where}.{key}" if where else key
    if value is None:
        raise MalformedFile(file, 0, name, "is missing")
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise MalformedFile(file, 0, name, f"{value!r} is not a number")
    return float(value)


def _probability(table: dict[str, Any], key: str, file: str) -> float:
    value = _number(table, key, file, "", 0.05)
    if not 0.0 < value < 0.5:
        raise MalformedFile(file, 0, key, f"{value:g} is not between 0 and 0.5")
    return value


def _text(table: dict[str, Any], key: str, file: str, where: str, allowed: tuple[str, ...] = ()) -> str:
    value = table.get(key)
    name = f"{where}.{key}" if where else key
    if not isinstance(value, str) or not value:
        raise MalformedFile(file, 0, name, "is missing" if value is None else "is not a text")
    if allowed and value not in allowed:
        raise MalformedFile(file, 0, name, f"{value!r} is not one of {', '.join(allowed)}")
    return value


def _analyte(table: dict[str, Any], number: int, file: str) -> StripAnalyte:
    where = f"analyte[{number}]"
    name = _text(table, "name", file, where)
    window = table.get("peak_window_v")
    if (
        not isinstance(window, list)
        or len(window) != 2
        or not all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in window)
        or window[0] == window[1]
    ):
        raise MalformedFile(file, 0, f"{where}.peak_window_v", "is not two different potentials")
    model = _text({"model": "linear", **table}, "model", file, where, MODELS)
    dose = _number(table, "dose_mol_l", file, where) if "dose_mol_l" in table else None
    low, high = sorted(float(v) for v in window)
    also = table.get("also", [])
    if not isinstance(also, list) or not all(isinstance(one, str) and one for one in also):
        raise MalformedFile(file, 0, f"{where}.also", "is not a list of names")
    return StripAnalyte(name, (low, high), model, dose, tuple(also))


def _waveform(table: dict[str, Any], file: str) -> Waveform:
    out = Waveform(
        amplitude_v=_number(table, "amplitude_v", file, "waveform"),
        step_v=_number(table, "step_v", file, "waveform"),
        frequency_hz=_number(table, "frequency_hz", file, "waveform"),
        start_v=_number(table, "start_v", file, "waveform") if "start_v" in table else None,
        end_v=_number(table, "end_v", file, "waveform") if "end_v" in table else None,
        rest_s=_number(table, "rest_s", file, "waveform") if "rest_s" in table else None,
    )
    for key in ("amplitude_v", "step_v", "frequency_hz"):
        if getattr(out, key) <= 0:
            raise MalformedFile(file, 0, f"waveform.{key}", "is not positive")
    if out.rest_s is not None and not 0.0 <= out.rest_s <= REST_MOST_S:
        raise MalformedFile(file, 0, "waveform.rest_s", f"{out.rest_s:g} is not between 0 and {REST_MOST_S:g} seconds")
    return out


def _tables(document: dict[str, Any], key: str, file: str) -> list[dict[str, Any]]:
    value = document.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise MalformedFile(file, 0, key, f"is not a list of tables ([[{key}]])")
    return value


def parse(document: dict[str, Any], file: str) -> StripDefinition:
    """A strip definition from a parsed TOML document; raises MalformedFile naming the field."""
    technique = _text({"technique": "swv", **document}, "technique", file, "", TECHNIQUES)
    analytes = tuple(_analyte(t, k, file) for k, t in enumerate(_tables(document, "analyte", file), 1))
    if not analytes:
        raise MalformedFile(file, 0, "analyte", "is missing: a strip needs at least one [[analyte]]")
    names = [one.name for one in analytes]
    if len(set(names)) != len(names):
        raise MalformedFile(file, 0, "analyte", "the same name appears twice")
    interferents = tuple(
        StripInterferent(
            _text(t, "name", file, f"interferent[{k}]"), _number(t, "peak_potential_v", file, f"interferent[{k}]")
        )
        for k, t in enumerate(_tables(document, "interferent", file), 1)
    )
    standard = document.get("internal_standard")
    if standard is not None and not isinstance(standard, dict):
        raise MalformedFile(file, 0, "internal_standard", "is not a table ([internal_standard])")
    afe = document.get("afe", {})
    full_scale = 0.9 / float(afe["rtia_ohm"]) if isinstance(afe, dict) and "rtia_ohm" in afe else None
    waveform = document.get("waveform")
    return StripDefinition(
        name=_text(document, "name", file, ""),
        technique=technique,
        alpha=_probability(document, "alpha", file),
        beta=_probability(document, "beta", file),
        waveform=_waveform(waveform, file) if isinstance(waveform, dict) else None,
        analytes=analytes,
        interferents=interferents,
        full_scale_a=full_scale,
        document=document,
        internal_standard=None
        if standard is None
        else StripStandard(
            _text(standard, "name", file, "internal_standard"),
            _number(standard, "peak_potential_v", file, "internal_standard"),
        ),
    )


def load(path: Path) -> StripDefinition:
    """Read a strip.toml; raises MalformedFile."""
    try:
        with path.open("rb") as stream:
            return parse(tomllib.load(stream), str(path))
    except OSError as error:
        raise MalformedFile(str(path), 0, "", error.strerror or "cannot be read") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MalformedFile(str(path), 0, "", f"is not TOML: {error}") from None
