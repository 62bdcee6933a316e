"""Calibrates colour pads from tests of known drinks: dye spectrum, limits with and without a clean pour, pH rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from firmware.detection import colour as core
from sensor_models import limits, response_curve
from sensor_models.calibration import COVERAGE
from sensor_models.errors import CalibrationRefused
from sensor_models.scans import Array

SCHEMA = "waakzaam.colour_calibration/1"
EARLY_S, LATE_S = 540.0, 900.0  # read at 10 min, void after 15 (project's science notes, GHB strip)
AMBIENT_MOST = 0.3  # ASSUMED: part of the reading that may come from the room
ACID_SHARE = 0.1  # most acid and most basic indicator pads that define the ends of the scale
BUFFER_QUANTILE = 0.01
DOSE_PART = 0.15  # ASSUMED: of the dose's mean signal; less colour than that is a trace of something, not a dose
PH_APART_MOST = 0.25  # ASSUMED: of the indicator's scale between two pours of one drink
PH_BASIC_MOST = 0.8  # ASSUMED


@dataclass(frozen=True)
class KnownTest:
    """A colour test of known content: mol/L by drug (absent = 0); `test` as firmware.detection.colour takes it."""

    lot: str
    matrix: str
    content_mol_l: dict[str, float]
    test: dict[str, Any]


def _ks(test: dict[str, Any], pad: str, channels: int) -> Array:
    return np.array(core.absorption(test, pad, channels))


def _indicator_ends(tests: Sequence[KnownTest], channels: int) -> tuple[list[float], list[float]]:
    """K/S of the indicator pads at their most acid and most basic, from plain and buffered pads together."""
    rows = np.array([_ks(one.test["pads"], pad, channels) for one in tests for pad in ("ph", "buffer")])
    buffered = rows[1::2].mean(axis=0) - rows[::2].mean(axis=0)
    place = rows @ buffered
    order = np.argsort(place)
    count = max(int(ACID_SHARE * len(order)), 3)
    return rows[order[:count]].mean(axis=0).tolist(), rows[order[-count:]].mean(axis=0).tolist()


def _dye(tests: Sequence[KnownTest], drug: str, pad: str, channels: int) -> list[float]:
    """The dye's spectrum, largest value 1: mean difference to the clean pour over the more concentrated half."""
    spiked = [one for one in tests if one.content_mol_l.get(drug, 0.0) > 0 and one.test.get("clean") is not None]
    if len(spiked) < 6:
        raise CalibrationRefused(drug, f"{len(spiked)} spiked tests beside a clean pour; at least 6 are needed")
    middle = float(np.median([one.content_mol_l[drug] for one in spiked]))
    rows = [
        _ks(one.test["pads"], pad, channels) - _ks(one.test["clean"], pad, channels)
        for one in spiked
        if one.content_mol_l[drug] >= middle
    ]
    shape = np.mean(rows, axis=0)
    return [float(v) for v in shape / np.max(np.abs(shape))]


def _limit(signals: Array, alpha: float) -> tuple[float, float]:
    """(mean blank, LC above it): t s sqrt(1 + 1/n)."""
    n = len(signals)
    wide = float(np.std(signals, ddof=1)) * np.sqrt(1.0 + 1.0 / n)
    return float(np.mean(signals)), float(stats.t.ppf(1.0 - alpha, n - 1) * wide)


def _entry(
    drug: tuple[str, str, float], tests: Sequence[KnownTest], frame: dict[str, Any], alpha: float
) -> dict[str, Any]:
    name, pad, dose = drug
    channels = len(frame["channels"])
    entry: dict[str, Any] = {"name": name, "pad": pad, "dye": _dye(tests, name, pad, channels), "dose_mol_l": dose}
    content = np.array([one.content_mol_l.get(name, 0.0) for one in tests])
    alone = np.array([core.dye(frame, entry, {**one.test, "clean": None}) for one in tests])
    beside = np.array([core.dye(frame, entry, one.test) for one in tests])
    paired = np.array([one.test.get("clean") is not None for one in tests])
    clean = content == 0.0
    if int(np.sum(clean & paired)) < 10:
        raise CalibrationRefused(name, "fewer than 10 clean drinks beside a clean pour")
    blank, limit = _limit(beside[clean & paired], alpha)
    blank_alone, limit_alone = _limit(alone[clean], alpha)
    data = response_curve.CurveData(
        concentration=content[paired],
        signal=beside[paired] - blank,
        lot=tuple(one.lot for one, p in zip(tests, paired, strict=True) if p),
        matrix=("",) * int(paired.sum()),
        own=np.ones(int(paired.sum())),
        others=np.zeros(int(paired.sum())),
    )
    curve = response_curve.fit_curve(name, "4pl", data)
    two_sided = limits.two_sided(curve, COVERAGE)
    least = DOSE_PART * float(curve.value(np.array([dose]))[0])
    extra = float(
        two_sided
        * np.sqrt(max(float(np.var(alone[clean], ddof=1)) - float(np.var(beside[clean & paired], ddof=1)), 0.0))
    )
    basic = [core.indicator(frame, one.test["pads"], "buffer") for one in tests]
    return {
        **entry,
        "paired": {"blank": blank, "limit": max(limit, least), "extra": 0.0},
        "unpaired": {"blank": blank_alone, "limit": max(limit_alone, least), "extra": extra},
        "table": limits.table(curve, COVERAGE),
        # Distribution-free: half of the least signal that a dose or more has given in any drink.
        "dose_least": 0.5 * float(np.min((beside - blank)[paired & (content >= dose)])),
        "buffer_least": float(np.quantile(basic, BUFFER_QUANTILE)) - 0.02,
        "n": len(tests),
        "n_blanks": int(np.sum(clean & paired)),
    }


def calibrate(
    drugs: Sequence[tuple[str, str, float]],
    channels: Sequence[str],
    tests: Sequence[KnownTest],
    *,
    alpha: float,
    expiry: str,
) -> dict[str, Any]:
    """The colour calibration for `drugs` = (name, pad, dose in mol/L); raises CalibrationRefused."""
    acid, basic = _indicator_ends(tests, len(channels))
    white = [one.test["pads"]["white"] for one in tests]
    frame: dict[str, Any] = {
        "schema": SCHEMA,
        "channels": list(channels),
        "early_s": EARLY_S,
        "late_s": LATE_S,
        "ambient_most": AMBIENT_MOST,
        "white_least": 0.2 * min(min(a - b for a, b in zip(lit, unlit, strict=True)) for lit, unlit in white),
        "indicator_acid": acid,
        "indicator_basic": basic,
        "ph_apart_most": PH_APART_MOST,
        "ph_basic_most": PH_BASIC_MOST,
        "coverage": COVERAGE,
        "expiry": expiry,
        "lots": sorted({one.lot for one in tests}),
    }
    return {**frame, "analytes": [_entry(drug, tests, frame, alpha) for drug in drugs]}
