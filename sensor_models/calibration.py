"""From a strip definition and calibration scans to the one file the verdict core evaluates."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from firmware.detection import SCHEMA
from firmware.detection.quality import level, refusal
from sensor_models import batch_fit, limits, peak_shape, response_curve
from sensor_models.errors import CalibrationRefused
from sensor_models.scans import Array, RecordedScan, cut_scan
from sensor_models.strip_definition import StripDefinition

COVERAGE = 0.95
VALID_DAYS = 365  # ASSUMED shelf life of a calibration; strips age in their pouch
WINDOW_HALF_WIDTHS = (3.2, 4.4, 6.0)  # candidate half windows, in half-widths of the peak
DEGREES = (1, 2, 3)
LACK_OF_FIT_MOST = 1.10  # a window and baseline whose blanks' residuals exceed the best by more is not taken
SHIFT_SD_LEAST_V = 0.006  # ASSUMED: printed references scatter by some millivolts even when the scans at hand do not
SHIFT_SD_MOST_V = 0.030
WIDTH_SD_LEAST = 0.03  # ASSUMED
WIDTH_SD_MOST = 0.15
CLEAR = 12.0  # peaks this many standard deviations high tell their own place and width
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
    return {
        "window_v": [
            min(a.peak_window_v[0] for a in strip.analytes),
            max(a.peak_window_v[1] for a in strip.analytes),
        ],
        "full_scale_a": strip.full_scale_a,
        "level_open_a": 0.0,
        "level_dry_a": 0.0,
        "level_low_a": 0.0,
        "level_high_a": float("inf"),
        "level_short_a": float("inf"),
    }


def _quality(strip: StripDefinition, scans: list[RecordedScan]) -> dict[str, Any]:
    levels = np.array([level(scan.for_detector()) for scan in scans])
    low, high = float(levels.min()), float(levels.max())
    return {
        **_open_limits(strip),
        "level_open_a": OPEN_PART * low,
        "level_dry_a": DRY_PART * low,
        "level_low_a": low,
        "level_high_a": high,
        "level_short_a": SHORT_PART * high,
    }


def _common_grid(scans: list[RecordedScan]) -> Array:
    grids = Counter(scan.potential_v.tobytes() for scan in scans)
    grid = np.frombuffer(grids.most_common(1)[0][0], dtype=float)
    return np.sort(grid)


def _on_grid(scans: list[RecordedScan], grid: Array) -> Array:
    rows = []
    for scan in scans:
        order = np.argsort(scan.potential_v)
        rows.append(np.interp(grid, scan.potential_v[order], scan.net_a[order]))
    return np.array(rows)


def fit_scans(model: dict[str, Any], scans: list[RecordedScan]) -> list[tuple[batch_fit.BatchFit, int, int, Array]]:
    """Fit every scan: per scan (its group's BatchFit, row, degrees of freedom, potentials in the window)."""
    groups: dict[bytes, list[int]] = {}
    for k, scan in enumerate(scans):
        groups.setdefault(scan.potential_v.tobytes(), []).append(k)
    out: list[Any] = [None] * len(scans)
    scale = model["sigma_a"] * model["sign"]
    for members in groups.values():
        cuts = [cut_scan(scans[k], model["window_v"], scale) for k in members]
        potential = cuts[0][0]
        fits = batch_fit.fit_batch(model, potential, np.array([net for _, net in cuts]))
        degrees = max(len(potential) - model["degree"] - 1 - len(model["peaks"]), 1)
        for row, k in enumerate(members):
            out[k] = (fits, row, degrees, potential)
    return out


def _strong(scans: list[RecordedScan], name: str) -> list[RecordedScan]:
    spiked = [s for s in scans if s.analyte == name and s.concentration_mol_l]
    if not spiked:
        raise CalibrationRefused(name, "no scan with a concentration above 0")
    concentrations = np.array([s.concentration_mol_l for s in spiked], dtype=float)
    return [s for s, c in zip(spiked, concentrations, strict=True) if c >= np.quantile(concentrations, 0.6)]


def _blanks(scans: list[RecordedScan], name: str) -> list[RecordedScan]:
    blanks = [s for s in scans if s.concentration_mol_l == 0]
    if len(blanks) < 5:
        raise CalibrationRefused(name, f"{len(blanks)} blanks (concentration 0); at least 5 are needed")
    return blanks


def _learned(name: str, window_v: tuple[float, float], scans: list[RecordedScan]) -> tuple[peak_shape.PeakShape, int]:
    grid = _common_grid(scans)
    margin = peak_shape.LEARNING_MARGIN_V
    grid = grid[(grid >= window_v[0] - margin) & (grid <= window_v[1] + margin)]
    if len(grid) < 12:
        raise CalibrationRefused(name, f"only {len(grid)} points between {window_v[0]:g} and {window_v[1]:g} V")
    blank = _on_grid(_blanks(scans, name), grid).mean(axis=0)
    strong = _on_grid(_strong(scans, name), grid)
    shape, sign = peak_shape.learn(name, strong.mean(axis=0) - blank, grid, window_v)
    curves = sign * (strong - blank)
    shifts = np.zeros(len(curves))
    for _ in range(2):
        shifts = _align(curves, grid, shape)
        shape = peak_shape.refine(curves, shifts, grid, shape, 2)
    return shape, sign


def _align(curves: Array, grid: Array, shape: peak_shape.PeakShape) -> Array:
    """Each curve's own shift about the common place, V (mean zero)."""
    basis = batch_fit.polynomial_basis(grid, 2)
    candidates = np.linspace(-0.05, 0.05, 101)
    rows = np.array([shape.value(grid, d) for d in candidates])
    rows = rows - (rows @ basis) @ basis.T
    rows /= np.linalg.norm(rows, axis=1)[:, None]
    best = candidates[np.argmax(curves @ rows.T, axis=1)]
    out: Array = best - best.mean()
    return out


def _peak(name: str, role: str, centre_v: float, shape: int) -> dict[str, Any]:
    return {
        "name": name,
        "role": role,
        "potential_v": round(centre_v, 5),
        "shape": shape,
        "width": 1.0,
        "shift_sd_v": 0.012,
        "width_sd": 0.06,
    }


def _choose_window(model: dict[str, Any], half_width_v: float, scans: list[RecordedScan]) -> dict[str, Any]:
    """The window and baseline degree that promise the smallest error of the height among those that fit the blanks."""
    blanks = [s for s in scans if s.concentration_mol_l == 0][:80]
    centres: list[float] = [peak["potential_v"] for peak in model["peaks"]]
    found = []
    for reach in WINDOW_HALF_WIDTHS:
        window = [min(centres) - reach * half_width_v, max(centres) + reach * half_width_v]
        for degree in DEGREES:
            trial = {**model, "window_v": window, "degree": degree}
            potential, _ = cut_scan(blanks[0], window, 1.0)
            if len(potential) < degree + 3 * len(centres) + 6:
                continue
            fits = fit_scans(trial, blanks)
            square = float(np.mean([f.mean_square[row] for f, row, _, _ in fits]))
            unit = float(np.mean([f.height_sd[row, : len(centres)].max() for f, row, _, _ in fits]))
            found.append((square, unit * square**0.5, trial))
    if not found:
        raise CalibrationRefused(model["peaks"][0]["name"], "too few points around the peak for a baseline and a peak")
    least = min(square for square, _, _ in found)
    return min((one for one in found if one[0] <= LACK_OF_FIT_MOST * least), key=lambda one: one[1])[2]


def _noise_scale(scans: list[RecordedScan]) -> float:
    """First guess of the noise of one net current, A: from third differences, which take slow curves out."""
    values = [np.std(np.diff(scan.net_a, 3)) / np.sqrt(20.0) for scan in scans if len(scan.net_a) > 8]
    return max(float(np.median(values)), 1e-15)


def _tune(model: dict[str, Any], scans: list[RecordedScan]) -> dict[str, Any]:
    """Noise, and how far each peak moves and widens between scans, from the scans themselves."""
    wide: list[dict[str, Any]] = [
        {**p, "shift_sd_v": SHIFT_SD_MOST_V, "width_sd": WIDTH_SD_MOST} for p in model["peaks"]
    ]
    blanks = [s for s in scans if s.concentration_mol_l == 0]
    for _ in range(2):
        square = np.mean([f.mean_square[row] for f, row, _, _ in fit_scans(model, blanks)])
        model = {**model, "sigma_a": float(model["sigma_a"] * np.sqrt(square))}
    fits = fit_scans({**model, "peaks": wide}, scans)
    peaks = []
    for k, peak in enumerate(model["peaks"]):
        clear = [(f, row) for f, row, _, _ in fits if f.height[row, k] > CLEAR * f.height_sd[row, k]]
        new = dict(peak)
        if len(clear) >= 5:
            shift = np.array([f.shift[row, k] for f, row in clear]) * SHIFT_SD_MOST_V
            width = np.array([f.width[row, k] for f, row in clear]) * WIDTH_SD_MOST
            new["potential_v"] = round(peak["potential_v"] + float(np.mean(shift)), 5)
            new["width"] = round(peak["width"] * (1.0 + float(np.mean(width))), 5)
            new["shift_sd_v"] = round(float(np.clip(1.5 * np.std(shift), SHIFT_SD_LEAST_V, SHIFT_SD_MOST_V)), 5)
            new["width_sd"] = round(float(np.clip(1.5 * np.std(width), WIDTH_SD_LEAST, WIDTH_SD_MOST)), 4)
        peaks.append(new)
    return {**model, "peaks": peaks}


def _build_model(strip: StripDefinition, scans: list[RecordedScan]) -> dict[str, Any]:
    shapes: list[dict[str, Any]] = []
    peaks: list[dict[str, Any]] = []
    signs = set()
    half_width = 0.0
    for analyte in strip.analytes:
        shape, sign = _learned(analyte.name, analyte.peak_window_v, scans)
        signs.add(sign)
        half_width = max(half_width, shape.half_width_v)
        peaks.append(_peak(analyte.name, "analyte", shape.centre_v, len(shapes)))
        shapes.append(shape.table())
    if len(signs) > 1:
        raise CalibrationRefused(
            strip.analytes[0].name, "one analyte's peak rises and another's falls on the same strip"
        )
    for other in strip.interferents:
        peaks.append(_peak(other.name, "interferent", other.peak_potential_v, 0))
    grid = _common_grid(scans)
    reach = WINDOW_HALF_WIDTHS[0] * half_width
    near = [p["potential_v"] for p in peaks if p["role"] == "analyte"]
    peaks = [
        p
        for p in peaks
        if p["role"] == "analyte"
        or (min(near) - reach < p["potential_v"] < max(near) + reach and grid[0] < p["potential_v"] < grid[-1])
    ]
    model: dict[str, Any] = {
        "sigma_a": _noise_scale(scans),
        "sign": signs.pop(),
        "degree": 2,
        "window_v": [0.0, 0.0],
        "shapes": shapes,
        "peaks": peaks,
    }
    model = _choose_window(model, half_width, scans)
    model["window_v"] = [round(v, 5) for v in model["window_v"]]
    return _tune(model, scans)


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


def _analyte_entry(
    strip: StripDefinition, k: int, model: dict[str, Any], scans: list[RecordedScan], fits: list[Any]
) -> tuple[dict[str, Any], response_curve.ResponseCurve, response_curve.CurveData]:
    analyte = strip.analytes[k]
    chosen = [
        n
        for n, s in enumerate(scans)
        if s.concentration_mol_l == 0 or (s.concentration_mol_l is not None and s.analyte == analyte.name)
    ]
    data = response_curve.CurveData(
        concentration=np.array([scans[n].concentration_mol_l for n in chosen], dtype=float),
        signal=np.array([fits[n][0].height[fits[n][1], k] for n in chosen]) * model["sigma_a"],
        lot=tuple(scans[n].lot for n in chosen),
        matrix=tuple(scans[n].matrix for n in chosen),
    )
    curve = response_curve.fit_curve(analyte.name, analyte.model, data)
    found = limits.limits(curve, strip.alpha, strip.beta)
    entry = {
        "name": analyte.name,
        "model": analyte.model,
        "peak": k,
        "peak_window_v": list(analyte.peak_window_v),
        "lc_mol_l": found.lc_mol_l,
        "ld_mol_l": found.ld_mol_l,
        "lq_mol_l": found.lq_mol_l,
        "n": len(chosen),
        "n_blanks": curve.blanks,
        "lots": {name: [o, g] for name, (o, g) in curve.lots.items()},
        "matrices": {name: [o, g] for name, (o, g) in curve.matrices.items()},
        "blank_signal_a": curve.blank_mean,
        "lc_signal_a": found.lc_signal_a,
        "lc_signal_unknown_lot_a": found.lc_signal_unknown_lot_a,
        "between_lots": float(np.hypot(limits.between_groups(curve.lots)[1], limits.between_groups(curve.matrices)[1])),
        "noise_a": curve.noise,
        "spread": curve.spread,
        "degrees_of_freedom": curve.degrees,
        "highest_mol_l": float(data.concentration.max()),
        "dose_mol_l": analyte.dose_mol_l,
        "curve": {
            "parameters": [float(v) for v in curve.parameters],
            "unit_mol_l": curve.unit_c,
            "unit_a": curve.unit_y,
        },
        "table": limits.table(curve, COVERAGE),
        **_lack_of_fit([fits[n] for n in chosen]),
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
    for scan in scans:
        why = refusal(bounds, scan.for_detector())
        if why:
            excluded.append((scan.scan_id, why))
        elif scan.concentration_mol_l is not None:
            used.append(scan)
    if not used:
        why = excluded[0][1] if excluded else "no scan has a concentration"
        raise CalibrationRefused(strip.analytes[0].name, f"no usable scan ({why})")
    model = _build_model(strip, used)
    fits = fit_scans(model, used)
    made = [_analyte_entry(strip, k, model, used, fits) for k in range(len(strip.analytes))]
    entries = [entry for entry, _, _ in made]
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
            entry["name"]: {"LC": entry["lc_mol_l"], "LD": entry["ld_mol_l"], "LQ": entry["lq_mol_l"], "unit": "mol/L"}
            for entry in entries
        },
        "source": source,
        "excluded": [{"scan_id": scan_id, "reason": why} for scan_id, why in excluded],
        "quality": _finite(_quality(strip, used)),
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


def _finite(table: dict[str, Any]) -> dict[str, Any]:
    """The table without infinities, which JSON has no word for."""
    return {key: 1e30 if value == float("inf") else value for key, value in table.items()}
