"""One laboratory's trial: calibrate on its scans, judge its unknowns, count what came out against its own truth."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sensor_models import calibration, detection, scans, strip_definition
from tests.support import outside_scans
from tests.support.outside_scans import Array, World


@dataclass(frozen=True)
class Trial:
    """Rates over the unknowns; `garbage` counts the verdicts on scans that are none."""

    world: World
    false_positives: float
    misses: float
    coverage: float
    without_answer: float
    garbage: Counter[str]


def unseen_lots(one: World, gain_sd: float, count: int) -> World:
    """The laboratory with lots N0, N1, ... that its calibration never saw, and known lots of the same spread."""
    rng = np.random.default_rng(one.seed + 50_000)
    known = {name: float(np.exp(gain_sd * rng.standard_normal())) for name in one.lots}
    new = {f"N{k}": float(np.exp(gain_sd * rng.standard_normal())) for k in range(count)}
    return replace(one, name_lots=True, outliers=0.0, lots={**known, **new})


def _known(one: World) -> World:
    return replace(one, lots={name: gain for name, gain in one.lots.items() if not name.startswith("N")})


def _judged(one: World, document: dict[str, Any], amount: float, path: Path, seed: int, count: int) -> list[Any]:
    lots = [name for name in one.lots if name.startswith("N")] or list(one.lots)
    rows = [(amount, lots[k % len(lots)]) for k in range(count)]
    found = scans.read_csv(outside_scans.write(path, one, rows, seed, known=False))
    return [judged.to_json() for judged in detection.judge(document, found)]


def _holds(found: list[Any], amount: float) -> list[bool]:
    asked = [v for v in found if v["ci_low"] is not None]
    return [v["ci_low"] <= amount * (1 + 1e-9) and (v["ci_high"] is None or amount <= v["ci_high"]) for v in asked]


def garbage(one: World, rng: np.random.Generator) -> list[Array]:
    """Net currents that say nothing about a drink: no contact, noise, a clipped converter, half a strip."""
    spiked = one.net_a(0.8 * max(one.levels), next(iter(one.lots)), next(iter(one.matrices)), rng)
    clean = one.net_a(0.0, next(iter(one.lots)), next(iter(one.matrices)), rng)
    low, span = float(spiked.min()), float(np.ptp(spiked))
    clipped = np.clip(spiked, -np.inf, low + 0.6 * span) if one.sign > 0 else np.clip(spiked, low + 0.4 * span, np.inf)
    broken = clean.copy()
    broken[len(broken) // 2 :] = 0.0
    spoilt = clean.copy()
    spoilt[len(spoilt) // 3] = np.nan
    return [
        clean * 0.0,
        clean * 1e-3,
        clean * 0.1,
        clipped,
        broken,
        spoilt,
        np.full_like(clean, float(np.abs(spiked).max())),
        rng.standard_normal(len(clean)) * 10.0 * float(np.abs(spiked).max()),
        spiked * 1e3,
    ]


def run(one: World, folder: Path, count: int) -> Trial:
    """Calibrate and judge `count` blanks, as many at LD, and as many at a middle and a high level."""
    (folder / "strip.toml").write_text(one.toml, encoding="utf-8")
    known = _known(one)
    rows = outside_scans.calibration_rows(known)
    table = outside_scans.write(folder / "cal.csv", known, rows, 7 * one.seed + 1, known=True, spoil=one.outliers)
    definition = strip_definition.load(folder / "strip.toml")
    made = calibration.calibrate(definition, scans.read_csv(table), "2099-01-01", {})
    document = json.loads(json.dumps(made.document, allow_nan=False))
    limit = document["limits"]["ketamine"]["LD"]
    middle, high = 0.5 * (one.levels[-2] + one.levels[-3]), 0.8 * max(one.levels)
    found = {
        amount: _judged(one, document, amount, folder / "unknown.csv", 7 * one.seed + 2 + k, count)
        for k, amount in enumerate((0.0, limit, middle, high))
    }
    every = [v for judged in found.values() for v in judged]
    rng = np.random.default_rng(one.seed)
    lot, matrix = next(iter(known.lots)), next(iter(one.matrices))
    spoilt = [
        scans.RecordedScan(f"g{k}", lot, matrix, "", None, one.potential_v(), None, None, net)
        for k, net in enumerate(garbage(one, rng))
    ]
    return Trial(
        world=one,
        false_positives=float(np.mean([v["verdict"] == "positive" for v in found[0.0]])),
        misses=float(np.mean([v["verdict"] != "positive" for v in found[limit]])),
        coverage=float(np.mean([held for amount, judged in found.items() for held in _holds(judged, amount)])),
        without_answer=float(np.mean([v["verdict"] in ("inconclusive", "invalid") for v in every])),
        garbage=Counter(str(judged.verdict.verdict) for judged in detection.judge(document, spoilt)),
    )
