"""The definition of a strip of colour pads (strip.toml with technique "colour")."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sensor_models import feasibility
from sensor_models.errors import MalformedFile

CHANNELS = ("F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8")
REFERENCES = ("white", "ph", "buffer")
FIRST_S, LAST_S = 540.0, 900.0  # read at 10 min, void after 15 (project's science notes)
PAPER_REFLECTANCE = 0.85  # ASSUMED
MODELS = ("linear", "4pl")


@dataclass(frozen=True)
class PadAnalyte:
    """A drug and the pad that it colours. A pad "ph" only shows a basic drink: it never says positive by itself."""

    name: str
    pad: str
    model: str
    basic_salt: bool
    dose_mol_l: float | None


@dataclass(frozen=True)
class ColourStrip:
    """Reading window in seconds after wetting, sensor channels, error rates and the drugs with their pads."""

    name: str
    alpha: float
    beta: float
    volume_ml: float | None
    window_s: tuple[float, float]
    channels: tuple[str, ...]
    paper_reflectance: float
    analytes: tuple[PadAnalyte, ...]

    @property
    def pads(self) -> tuple[str, ...]:
        """Every pad that a test needs, references first."""
        return tuple(dict.fromkeys((*REFERENCES, *(one.pad for one in self.analytes))))


class _Reader:
    """Takes typed values out of a parsed document, each fault with its field."""

    def __init__(self, file: str) -> None:
        self.file = file

    def fault(self, field: str, reason: str) -> MalformedFile:
        return MalformedFile(self.file, 0, field, reason)

    def number(self, table: dict[str, Any], key: str, where: str, default: float, low: float, high: float) -> float:
        value = table.get(key, default)
        field = f"{where}.{key}" if where else key
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.fault(field, f"{value!r} is not a number")
        if not low < value < high:
            raise self.fault(field, f"{value:g} is not between {low:g} and {high:g}")
        return float(value)

    def text(self, table: dict[str, Any], key: str, where: str, default: str | None = None) -> str:
        value = table.get(key, default)
        field = f"{where}.{key}" if where else key
        if value is None:
            raise self.fault(field, "is missing")
        if not isinstance(value, str) or not value:
            raise self.fault(field, "is not a text")
        return value


def _analyte(reader: _Reader, table: Any, number: int, volume_ml: float | None) -> PadAnalyte:
    where = f"analyte[{number}]"
    if not isinstance(table, dict):
        raise reader.fault(where, "is not a table ([[analyte]])")
    name = reader.text(table, "name", where)
    pad = reader.text(table, "pad", where, name)
    if pad in ("white", "buffer"):
        raise reader.fault(f"{where}.pad", f"{pad!r} is a reference, no drug's pad")
    model = reader.text(table, "model", where, "4pl")
    if model not in MODELS:
        raise reader.fault(f"{where}.model", f"{model!r} is not one of {', '.join(MODELS)}")
    salt = table.get("basic_salt", False)
    if not isinstance(salt, bool):
        raise reader.fault(f"{where}.basic_salt", f"{salt!r} is neither true nor false")
    dose = None
    if "dose_mol_l" in table:
        dose = reader.number(table, "dose_mol_l", where, 0.0, 0.0, 100.0)
    elif volume_ml is not None:
        dose = feasibility.dose_mol_l(name, volume_ml)
    return PadAnalyte(name, pad, model, salt, dose)


def parse(document: dict[str, Any], file: str) -> ColourStrip:
    """A colour strip from a parsed TOML document; raises MalformedFile naming the field."""
    reader = _Reader(file)
    reading = document.get("reading", {})
    if not isinstance(reading, dict):
        raise reader.fault("reading", "is not a table ([reading])")
    first = reader.number(reading, "first_s", "reading", FIRST_S, 0.0, 1e5)
    last = reader.number(reading, "last_s", "reading", LAST_S, first, 1e5)
    channels = reading.get("channels", list(CHANNELS))
    if not isinstance(channels, list) or len(channels) < 3 or not all(isinstance(c, str) and c for c in channels):
        raise reader.fault("reading.channels", "is not a list of at least 3 channel names")
    volume = reader.number(document, "volume_ml", "", 330.0, 0.0, 1e5) if "volume_ml" in document else None
    tables = document.get("analyte", [])
    if not isinstance(tables, list) or not tables:
        raise reader.fault("analyte", "is missing: a strip needs at least one [[analyte]]")
    analytes = tuple(_analyte(reader, table, n, volume) for n, table in enumerate(tables, 1))
    if len({one.name for one in analytes}) != len(analytes):
        raise reader.fault("analyte", "the same name appears twice")
    return ColourStrip(
        name=reader.text(document, "name", ""),
        alpha=reader.number(document, "alpha", "", 0.05, 0.0, 0.5),
        beta=reader.number(document, "beta", "", 0.05, 0.0, 0.5),
        volume_ml=volume,
        window_s=(first, last),
        channels=tuple(channels),
        paper_reflectance=reader.number(reading, "paper_reflectance", "reading", PAPER_REFLECTANCE, 0.2, 1.0),
        analytes=analytes,
    )


def technique_of(path: Path) -> str:
    """The technique that a strip.toml states ("swv" when it states none); raises MalformedFile."""
    return str(_document(path).get("technique", "swv"))


def load(path: Path) -> ColourStrip:
    """Read a strip.toml of technique "colour"; raises MalformedFile."""
    return parse(_document(path), str(path))


def _document(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            return tomllib.load(stream)
    except OSError as error:
        raise MalformedFile(str(path), 0, "", error.strerror or "cannot be read") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MalformedFile(str(path), 0, "", f"is not TOML: {error}") from None
