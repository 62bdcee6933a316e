"""From a strip definition and calibration scans to the one file the verdict core evaluates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from firmware.detection import SCHEMA
from firmware.detection.quality import level, refusal
from firmware.detection.waveform import differs
from sensor_models import (
    conformal,
    feasibility,
    guarantees,
    internal_standard,
    limits,
    low_peaks,
    model_building,
    peak_shape,
    published_limits,
    response_curve,
    scan_quality,
)
from sensor_models.errors import CalibrationRefused
from sensor_models.scans import RecordedScan
from sensor_models.strip_definition import StripDefinition

COVERAGE = 0.95
SETTLED_LEAST = 0.5  # with fewer converged fits the calibration is made of all: something is wrong, and it will show
WIDEN_MOST = 5.0  # ASSUMED: without a stated dose, a scan this much less certain than a clean blank excludes nothing
VALID_DAYS = 365  # ASSUMED shelf life of a calibration; strips age in their pouch
OPEN_PART, DRY_PART, SHORT_PART = 0.02, 0.30, 20.0  # ASSUMED: of the wetted strips' range of mean currents


@dataclass
class Calibrated:
    """The calibration document, what was left out, and what a report needs to draw."""

    document: dict[str, Any]
    excluded: list[tuple[str, str]]
    scans: list[RecordedScan]
    curves: dict[str, response_curve.ResponseCurve] = field(default_factory=dict)
    data: dict[str, response_curve.CurveData] = field(default_factory=dict)


def _open_limits(strip: StripDefinition) -> dict[str, Any]:
    """Quality limits that only refuse what is not a scan at all: used before the currents' range is known."""
    low = min(a.peak_window_v[0] for a in strip.analytes)
    high = max(a.peak_window_v[1] for a in strip.analytes)
    margin = peak_shape.LEARNING_MARGIN_V
    return {
        "window_v": [low, high],
        "fit_window_v": [low - margin, high + margin],
        "full_scale_a": strip.full_scale_a,
        "level_open_a": 0.0,
        "level_dry_a": 0.0,
        "level_low_a": 0.0,
        "level_high_a": float("inf"),
        "level_short_a": float("inf"),
    }


def _quality(strip: StripDefinition, scans: list[RecordedScan], sign: float, waveform: Any) -> dict[str, Any]:
    levels = np.array([level(scan.for_detector()) for scan in scans])
    low, high = float(levels.min()), float(levels.max())
    standard = internal_standard.limits_of(strip, scans, sign)
    way = scan_quality.net_sign(scans)
    return {
        **_open_limits(strip),
        "level_open_a": OPEN_PART * low,
        "level_dry_a": DRY_PART * low,
        "level_low_a": low,
        "level_high_a": high,
        "level_short_a": SHORT_PART * high,
        **scan_quality.background_limits(scans),
        **({} if standard is None else {"standard": standard}),
        "waveform": waveform,
        **({} if way is None else {"net_sign": way}),
    }


def _lack_of_fit(fits: list[Any]) -> dict[str, float]:
    """How large and how smooth residuals may be before the curve is called something else."""
    square = np.array([f.mean_square[row] for f, row, _, _ in fits])
    height = np.array([float(np.max(np.abs(f.height[row]))) for f, row, _, _ in fits])
    rough = np.array([f.roughness[row] for f, row, _, _ in fits])
    high = height > np.quantile(height, 0.5)
    misfit = float(np.sqrt(max(np.median((square[high] - 1.0) / height[high] ** 2), 0.0)))
    excess = square / (1.0 + (misfit * height) ** 2)
    most = float(np.quantile(excess, 0.99))
    return {
        "misfit": misfit,
        "residual_mean_square": 1.0,
        "excess_most": max(2.5, 1.5 * most),
        "excess_noisy": max(1.8, 1.2 * most),
        "roughness_least": float(min(1.3, 0.8 * np.quantile(rough, 0.05))),
    }


def _curve_data(
    name: str, k: int, model: dict[str, Any], scans: list[RecordedScan], fits: list[Any]
) -> tuple[list[int], response_curve.CurveData, float]:
    """(which scans, their observations for one analyte, the usual blank's standard deviation for unit noise)."""
    chosen = [
        n
        for n, s in enumerate(scans)
        if s.concentration_mol_l == 0 or (s.concentration_mol_l is not None and s.analyte == name)
    ]
    settled = [n for n in chosen if fits[n][0].converged[fits[n][1]]]
    chosen = settled if len(settled) >= SETTLED_LEAST * len(chosen) else chosen
    concentration = np.array([scans[n].concentration_mol_l for n in chosen], dtype=float)
    height = np.array([fits[n][0].height[fits[n][1]] for n in chosen])
    sd = np.array([fits[n][0].height_sd[fits[n][1], k] for n in chosen])
    usual = float(np.median(sd[concentration == 0]))
    others = np.sum(np.abs(np.delete(height, k, axis=1)), axis=1) * model["sigma_a"]
    data = response_curve.CurveData(
        concentration=concentration,
        signal=height[:, k] * model["sigma_a"],
        lot=tuple(scans[n].lot for n in chosen),
        matrix=tuple(scans[n].matrix for n in chosen),
        own=sd / usual,
        others=others,
        noise_least_a=usual * model["sigma_a"],
    )
    return chosen, data, usual


def _not_testable(strip: StripDefinition, name: str, limit: float | None) -> str:
    """Why the strip cannot see the dose, in words; "" when it can, or when the strip states no volume or front end."""
    if not {"volume_ml", "afe"} & strip.document.keys():
        return ""
    findings = feasibility.check(strip, limits_mol_l={name: limit})
    return "; ".join(reason for one in findings if one.analyte == name for reason in one.reasons)


def _analyte_entry(
    strip: StripDefinition, k: int, model: dict[str, Any], scans: list[RecordedScan], fits: list[Any]
) -> tuple[dict[str, Any], response_curve.ResponseCurve, response_curve.CurveData]:
    analyte = strip.analytes[k]
    chosen, data, usual = _curve_data(analyte.name, k, model, scans, fits)
    curve = response_curve.fit_curve(analyte.name, analyte.model, data)
    spread = {
        "peak": k,
        "noise_a": curve.noise,
        "height_sd": usual,
        "leak": curve.variance.leak,
        **_lack_of_fit([fits[n] for n in chosen]),
    }
    low = low_peaks.added_to_blanks(model, spread, model_building.blanks_of([scans[n] for n in chosen]))
    found = limits.limits(curve, strip.alpha, strip.beta, low)
    entry = {
        **spread,
        "name": analyte.name,
        "model": analyte.model,
        "peak_window_v": list(analyte.peak_window_v),
        "lc_mol_l": found.lc_mol_l,
        "ld_mol_l": found.ld_mol_l,
        "lq_mol_l": found.lq_mol_l,
        "n": len(chosen),
        "n_blanks": curve.blanks,
        "lots": {name: list(pair) for name, pair in curve.lots.effects.items()},
        "matrices": {name: list(pair) for name, pair in curve.matrices.effects.items()},
        "blank_signal_a": curve.blank_mean,
        "lc_signal_a": found.lc_signal_a,
        "lc_signal_unknown_lot_a": found.lc_signal_unknown_lot_a,
        "unseen_lot": curve.lots.unseen_gain(COVERAGE),
        "unseen_matrix": curve.matrices.unseen_gain(COVERAGE),
        "spread": curve.variance.spread,
        "degrees_of_freedom": curve.degrees,
        "t_interval": limits.two_sided(curve, COVERAGE),
        "widen_most": WIDEN_MOST,
        "highest_mol_l": float(data.concentration.max()),
        "dose_mol_l": guarantees.dose_of(strip, analyte.name),
        "not_testable": _not_testable(strip, analyte.name, found.ld_mol_l),
        "curve": {
            "parameters": [float(v) for v in curve.parameters],
            "unit_mol_l": curve.unit_c,
            "unit_a": curve.unit_y,
        },
        "table": limits.table(curve, COVERAGE),
        "procedures": published_limits.procedures(curve, data, found, alpha=strip.alpha, beta=strip.beta),
    }
    return entry, curve, data


def calibrate(strip: StripDefinition, scans: list[RecordedScan], expires: str, source: dict[str, Any]) -> Calibrated:
    """Fit the whole calibration. `expires` is an ISO date; `source` says where the scans came from.

    Raises CalibrationRefused (analyte, reason) when the scans cannot carry it. Scans that fail the quality checks are
    left out and listed.
    """
    if strip.technique != "swv":
        raise CalibrationRefused(strip.analytes[0].name, f"technique {strip.technique!r} is not calibrated from scans")
    used, excluded = [], []
    bounds = _open_limits(strip)
    seen = [(scan, refusal(bounds, scan.for_detector())) for scan in scans]
    waveform = scan_quality.waveform_limits(strip, [scan for scan, why in seen if not why])
    for scan, unsound in seen:
        why = unsound or differs(waveform or {}, scan.for_detector())
        if why:
            excluded.append((scan.scan_id, str(why)))
        elif scan.concentration_mol_l is not None:
            used.append(scan)
    if not used:
        why = excluded[0][1] if excluded else "no scan has a concentration"
        raise CalibrationRefused(strip.analytes[0].name, f"no usable scan ({why})")
    apart = set(guarantees.kept_apart(strip, used))
    learning = [scan for n, scan in enumerate(used) if n not in apart]
    model = model_building.build(strip, learning)
    fits = model_building.fit_scans(model, learning)
    made = [_analyte_entry(strip, k, model, learning, fits) for k in range(len(strip.analytes))]
    entries = [entry for entry, _, _ in made]
    quality = {**_finite(_quality(strip, used, model["sign"], waveform)), "fit_window_v": model["window_v"]}
    sound = [n for n in sorted(apart) if not refusal(quality, used[n].for_detector())]
    promised = _promise(strip, model, entries, used, sound)
    lots = sorted({scan.lot for scan in used if scan.lot})
    document = {
        "schema": SCHEMA,
        "strip": strip.name,
        "technique": strip.technique,
        "alpha": strip.alpha,
        "beta": strip.beta,
        "coverage": COVERAGE,
        "expiry": expires,
        "n": len(used),
        "lots": lots,
        "matrices": sorted({scan.matrix for scan in used if scan.matrix}),
        "limits": {
            entry["name"]: {
                "LC": entry["lc_mol_l"],
                "LD": entry["ld_mol_l"],
                "LQ": entry["lq_mol_l"],
                "unit": "mol/L",
                "procedures": entry.pop("procedures"),
            }
            for entry in entries
        },
        "guarantees": conformal.table(promised, expires),
        "source": source,
        "excluded": [{"scan_id": scan_id, "reason": why} for scan_id, why in excluded],
        "quality": quality,
        "model": model,
        "analytes": entries,
    }
    return Calibrated(
        document,
        excluded,
        used,
        {one.name: curve for one, (_, curve, _) in zip(strip.analytes, made, strict=True)},
        {one.name: data for one, (_, _, data) in zip(strip.analytes, made, strict=True)},
    )


def _promise(
    strip: StripDefinition,
    model: dict[str, Any],
    entries: list[dict[str, Any]],
    scans: list[RecordedScan],
    apart: list[int],
) -> list[conformal.Cell]:
    """Give each entry its drinks and, from the scans kept apart, its decision table; returns the tables' cells."""
    out: list[conformal.Cell] = []
    for entry in entries:
        entry["drinks"] = guarantees.drinks_of(scans)
        if apart and entry["dose_mol_l"]:
            drugs = guarantees.drugs_of(strip, entry["name"], scans)
            made = guarantees.cells(model, entry, [scans[n] for n in apart], drugs)
            entry["guarantee"] = guarantees.for_device(made)
            out += made
    return out


def _finite(table: dict[str, Any]) -> dict[str, Any]:
    """The table without infinities, which JSON has no word for."""
    return {key: 1e30 if value == float("inf") else value for key, value in table.items()}
