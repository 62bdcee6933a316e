"""Builds the model a strip's scans are fitted with: peaks and shapes, other substances' peaks, window, baseline."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from scipy import stats

from firmware.detection.quality import CLEAR_PEAK, EDGE_V
from sensor_models import batch_fit, interferent_peaks, peak_shape, scan_quality, shape_refinement
from sensor_models.errors import CalibrationRefused
from sensor_models.scans import Array, RecordedScan, cut_scan
from sensor_models.strip_definition import StripDefinition

WINDOW_HALF_WIDTHS = (2.6, 3.4, 4.6, 6.0)  # candidate reach of the window on either side, in half-widths of the peak
DEGREES = (1, 2, 3)
CLEAN_SHARE = 0.5  # of the strong scans teach a peak its shape: the others may hold something else beside it
LOST_WEIGHT = 8.0  # a window in which one blank in eight does not converge counts as twice as uncertain
SHAPE_ROUNDS = 3
TAIL_OF_BLANKS = 0.05  # left out of the scatter: scans of a calibration may be spoilt
BLANKS_FOR_CHOICE = 96  # three of each of 32 drinks
SHIFT_SD_LEAST_V = 0.006  # ASSUMED: printed references scatter by some millivolts even when the scans at hand do not
SHIFT_SD_MOST_V = 0.030
WIDTH_SD_LEAST = 0.03  # ASSUMED
WIDTH_SD_MOST = 0.15

FitOfScan = tuple[batch_fit.BatchFit, int, int, Array]


def fit_scans(model: dict[str, Any], scans: list[RecordedScan]) -> list[FitOfScan]:
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


def _common_grid(scans: list[RecordedScan]) -> Array:
    grids = Counter(scan.potential_v.tobytes() for scan in scans)
    return np.sort(np.frombuffer(grids.most_common(1)[0][0], dtype=float))


def _on_grid(scans: list[RecordedScan], grid: Array) -> Array:
    rows = []
    for scan in scans:
        order = np.argsort(scan.potential_v)
        rows.append(np.interp(grid, scan.potential_v[order], scan.net_a[order]))
    return np.array(rows)


def blanks_of(scans: list[RecordedScan]) -> list[RecordedScan]:
    """Scans of known concentration 0: blanks for every analyte."""
    return [scan for scan in scans if scan.concentration_mol_l == 0]


def _strong(scans: list[RecordedScan], name: str) -> list[RecordedScan]:
    spiked = [s for s in scans if s.analyte == name and s.concentration_mol_l]
    if not spiked:
        raise CalibrationRefused(name, "no scan with a concentration above 0")
    concentrations = np.array([s.concentration_mol_l for s in spiked], dtype=float)
    return [s for s, c in zip(spiked, concentrations, strict=True) if c >= np.quantile(concentrations, 0.6)]


def _learned(name: str, window_v: tuple[float, float], scans: list[RecordedScan]) -> tuple[peak_shape.PeakShape, int]:
    """Shape and sign of an analyte's peak: first from mean differences, then from each strong scan by itself."""
    margin = peak_shape.LEARNING_MARGIN_V
    whole = _common_grid(scans)
    grid = whole[(whole >= window_v[0] - margin) & (whole <= window_v[1] + margin)]
    if len(grid) < 12:
        raise CalibrationRefused(name, f"only {len(grid)} points between {window_v[0]:g} and {window_v[1]:g} V")
    strong_scans = _strong(scans, name)
    blank = np.median(_on_grid(blanks_of(scans), grid), axis=0)
    strong = _on_grid(strong_scans, grid)
    shape, sign = peak_shape.learn(name, np.median(strong, axis=0) - blank, grid, window_v)
    for _ in range(3):
        reach = 2.8 * shape.half_width_v
        near = whole[(whole >= shape.centre_v - reach) & (whole <= shape.centre_v + reach)]
        if len(near) < 12:
            break
        curves = sign * _on_grid(strong_scans, near)
        curves = curves[peak_shape.cleanest(curves, near, shape, CLEAN_SHARE)]
        shape = peak_shape.refine(curves, _align(curves, near, shape), near, shape, 1)
    return shape, sign


def _align(curves: Array, grid: Array, shape: peak_shape.PeakShape) -> Array:
    """Each curve's own shift about the common place, V (mean zero)."""
    basis = batch_fit.polynomial_basis(grid, 1)
    candidates = np.linspace(-0.05, 0.05, 101)
    rows = np.array([shape.value(grid, d) for d in candidates])
    rows = rows - (rows @ basis) @ basis.T
    rows /= np.linalg.norm(rows, axis=1)[:, None]
    best = candidates[np.argmax(curves @ rows.T, axis=1)]
    out: Array = best - best.mean()
    return out


def peak(name: str, role: str, centre_v: float, shape: int) -> dict[str, Any]:
    """A peak of the model, with priors wide enough to learn from."""
    return {
        "name": name,
        "role": role,
        "potential_v": round(centre_v, 5),
        "shape": shape,
        "width": 1.0,
        "shift_sd_v": 0.012,
        "width_sd": 0.06,
    }


def _noise_scale(scans: list[RecordedScan]) -> float:
    """First guess of the noise of one net current, A: from third differences, which take slow curves out."""
    values = [np.std(np.diff(scan.net_a, 3)) / np.sqrt(20.0) for scan in scans if len(scan.net_a) > 8]
    return max(float(np.median(values)), 1e-15)


def _within(model: dict[str, Any], window: list[float], half_width_v: float) -> dict[str, Any]:
    """The model in a window: analytes, and those other peaks whose flank reaches into it."""
    peaks = [
        p
        for p in model["peaks"]
        if p["role"] == "analyte" or window[0] - half_width_v < p["potential_v"] < window[1] + half_width_v
    ]
    return {**model, "window_v": window, "peaks": peaks}


def _scatter(values: Array, tail: float = 0.1) -> float:
    """Standard deviation as the values between two quantiles tell it; the middle 80 % if not said otherwise."""
    low, high = np.quantile(values, [tail, 1.0 - tail])
    return float((high - low) / (2.0 * stats.norm.isf(tail)))


def _of_every_drink(scans: list[RecordedScan], most: int) -> list[RecordedScan]:
    """At most so many of the scans, of every drink about equally many parts."""
    if len(scans) <= most:
        return scans
    order = sorted(range(len(scans)), key=lambda n: (scans[n].matrix, n))
    chosen = np.linspace(0, len(order) - 1, most).round().astype(int)
    return [scans[order[n]] for n in chosen]


def _promise(trial: dict[str, Any], blanks: list[RecordedScan], analytes: int) -> float:
    """The error of the worst analyte's height that a window and a baseline promise over all the blanks.

    It is the larger of the error that the residuals predict (root mean square over the blanks: drinks in which another
    peak hides the analyte's count with what they lose) and the scatter of the blanks' own heights but for a twentieth
    on either side, so that neither a lucky scatter nor a baseline that swallows the peak is chosen. A height that
    blanks have on average is a baseline that does not fit, and counts as well; so do fits that did not come to rest.
    """
    fits = fit_scans(trial, blanks)
    square = float(np.median([f.mean_square[row] for f, row, _, _ in fits]))
    sd = np.array([f.height_sd[row, :analytes] for f, row, _, _ in fits])
    height = np.array([f.height[row, :analytes] for f, row, _, _ in fits])
    predicted = float(np.max(np.sqrt(square * np.mean(sd**2, axis=0))))
    scatter = max(_scatter(height[:, k], TAIL_OF_BLANKS) for k in range(analytes))
    offset = float(np.max(np.abs(np.median(height, axis=0))))
    lost = float(np.mean([not f.converged[row] for f, row, _, _ in fits]))
    return float(np.hypot(max(predicted, scatter), offset)) * (1.0 + LOST_WEIGHT * lost)


def _choose_window(model: dict[str, Any], half_width_v: float, scans: list[RecordedScan]) -> dict[str, Any]:
    """The window and baseline degree that promise the smallest error of the analytes' heights over all blank drinks."""
    blanks = _of_every_drink(blanks_of(scans), BLANKS_FOR_CHOICE)
    centres: list[float] = [p["potential_v"] for p in model["peaks"] if p["role"] == "analyte"]
    best: tuple[float, dict[str, Any]] | None = None
    first, last = float(np.min(blanks[0].potential_v)), float(np.max(blanks[0].potential_v))
    for left in WINDOW_HALF_WIDTHS:
        for right in WINDOW_HALF_WIDTHS:
            window = [
                max(min(centres) - left * half_width_v, first),
                min(max(centres) + right * half_width_v, last),
            ]
            for degree in DEGREES:
                trial = {**_within(model, window, half_width_v), "degree": degree}
                potential, _ = cut_scan(blanks[0], window, 1.0)
                if len(potential) < degree + 3 * len(trial["peaks"]) + 4:
                    continue
                promise = _promise(trial, blanks, len(centres))
                if best is None or promise < best[0]:
                    best = (promise, trial)
    if best is None:
        raise CalibrationRefused(model["peaks"][0]["name"], "too few points around the peak for a baseline and a peak")
    return best[1]


def _tune(model: dict[str, Any], scans: list[RecordedScan]) -> dict[str, Any]:
    """Noise, and how far each peak moves and widens between scans, from the scans themselves."""
    wide: list[dict[str, Any]] = [
        {**p, "shift_sd_v": SHIFT_SD_MOST_V, "width_sd": WIDTH_SD_MOST} for p in model["peaks"]
    ]
    for _ in range(2):
        square = np.median([f.mean_square[row] for f, row, _, _ in fit_scans(model, blanks_of(scans))])
        model = {**model, "sigma_a": float(model["sigma_a"] * np.sqrt(square))}
    fits = fit_scans({**model, "peaks": wide}, scans)
    peaks = []
    for k, one in enumerate(model["peaks"]):
        clear = [(f, row) for f, row, _, _ in fits if f.height[row, k] > CLEAR_PEAK * f.height_sd[row, k]]
        new = dict(one)
        if len(clear) >= 5:
            shift = np.array([f.shift[row, k] for f, row in clear]) * SHIFT_SD_MOST_V
            width = np.array([f.width[row, k] for f, row in clear]) * WIDTH_SD_MOST
            new["potential_v"] = round(one["potential_v"] + float(np.median(shift)), 5)
            new["width"] = round(one["width"] * (1.0 + float(np.median(width))), 5)
            new["shift_sd_v"] = round(float(np.clip(1.5 * _scatter(shift), SHIFT_SD_LEAST_V, SHIFT_SD_MOST_V)), 5)
            new["width_sd"] = round(float(np.clip(1.5 * _scatter(width), WIDTH_SD_LEAST, WIDTH_SD_MOST)), 4)
        peaks.append(new)
    return {**model, "peaks": peaks}


def build(strip: StripDefinition, scans: list[RecordedScan]) -> dict[str, Any]:
    """The `model` part of a calibration document from its calibration scans; raises CalibrationRefused."""
    if len(blanks_of(scans)) < 5:
        count = len(blanks_of(scans))
        raise CalibrationRefused(strip.analytes[0].name, f"{count} blanks (concentration 0); at least 5 are needed")
    shapes: list[dict[str, Any]] = []
    peaks: list[dict[str, Any]] = []
    signs = set()
    half_width = 0.0
    for analyte in strip.analytes:
        shape, sign = _learned(analyte.name, analyte.peak_window_v, scans)
        signs.add(sign)
        half_width = max(half_width, shape.half_width_v)
        peaks.append(peak(analyte.name, "analyte", shape.centre_v, len(shapes)))
        shapes.append(shape.table())
    if len(signs) > 1:
        raise CalibrationRefused(strip.analytes[0].name, "one analyte's peak rises and another's falls")
    sign = signs.pop()
    grid = _common_grid(scans)
    centres = [p["potential_v"] for p in peaks]
    reach = (max(WINDOW_HALF_WIDTHS) + 1.0) * half_width
    span = (max(grid[0], min(centres) - reach), min(grid[-1], max(centres) + reach))
    near = grid[(grid >= span[0]) & (grid <= span[1])]
    declared = {one.name: one.peak_potential_v for one in strip.interferents}
    others = interferent_peaks.discover(near, sign * _on_grid(blanks_of(scans), near), centres, half_width, declared)
    for name, shape in others.items():
        peaks.append(peak(name, "interferent", shape.centre_v, len(shapes)))
        shapes.append(shape.table())
    model: dict[str, Any] = {
        "sigma_a": _noise_scale(scans),
        "sign": sign,
        "degree": 2,
        "window_v": list(span),
        "shapes": shapes,
        "peaks": peaks,
    }
    model = _choose_window(model, half_width, scans)
    model["window_v"] = [round(float(v), 5) for v in model["window_v"]]
    model = _tune(_without_unused_shapes(model), scans)
    for _ in range(SHAPE_ROUNDS):
        corrected = _with_better_shapes(model, scans)
        if corrected is model:
            break
        model = _tune(corrected, scans)
    return _with_drift_limits(model, scans)


def _with_drift_limits(model: dict[str, Any], scans: list[RecordedScan]) -> dict[str, Any]:
    """Each peak with `drift_v`: how far off it must lie to mean a drifted reference (firmware.detection.quality)."""
    fits = fit_scans(model, scans)
    low, high = model["window_v"][0] + EDGE_V, model["window_v"][1] - EDGE_V
    peaks = []
    for k, one in enumerate(model["peaks"]):
        clear = [f.shift[row, k] for f, row, _, _ in fits if f.height[row, k] > CLEAR_PEAK * f.height_sd[row, k]]
        shift = np.array(clear) * one["shift_sd_v"]
        top = one["potential_v"] + shift
        peaks.append({**one, "drift_v": scan_quality.drift_limit_v(shift[(top >= low) & (top <= high)])})
    return {**model, "peaks": peaks}


def _with_better_shapes(model: dict[str, Any], scans: list[RecordedScan]) -> dict[str, Any]:
    """Each peak's shape corrected from the scans in which it stands clear of the others."""
    out = model
    for k in range(len(model["peaks"])):
        fits = fit_scans(out, scans)
        height = np.array([f.height[row] for f, row, _, _ in fits])
        others = np.sum(np.abs(np.delete(height, k, axis=1)), axis=1)
        alone = [int(n) for n in np.argsort(others / np.maximum(height[:, k], 1e-12)) if height[n, k] > 0]
        out = shape_refinement.refined(out, fits, k, alone)
    return out


def _without_unused_shapes(model: dict[str, Any]) -> dict[str, Any]:
    used = sorted({p["shape"] for p in model["peaks"]})
    peaks = [{**p, "shape": used.index(p["shape"])} for p in model["peaks"]]
    return {**model, "shapes": [model["shapes"][k] for k in used], "peaks": peaks}
