"""Pictures of voltammetric scans and calibrations: trace, baseline, peaks, residuals; curve with bands and limits."""

from __future__ import annotations

import textwrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np

from sensor_models import limits
from sensor_models.batch_fit import fill, polynomial_basis
from sensor_models.calibration import COVERAGE
from sensor_models.detection import Judged
from sensor_models.model_building import fit_scans
from sensor_models.picture_style import (
    AMBER,
    BAND,
    BLUE,
    GREEN,
    INK,
    MUTED,
    PURPLE,
    RED,
    VERDICTS,
    concentration_axis,
    unit_of,
)
from sensor_models.response_curve import CurveData, ResponseCurve
from sensor_models.scans import Array, RecordedScan, cut_scan

PEAKS = (BLUE, PURPLE, GREEN, AMBER)
UNCERTAIN = 2.0  # readings with this many times a usual blank's deviation (dark drink, other peaks) are drawn hollow
LOTS = (BLUE, AMBER, GREEN, PURPLE, RED, MUTED)


def _components(model: dict[str, Any], scan: RecordedScan) -> tuple[Array, Array, Array, list[Array]]:
    """(potential, net, baseline, peaks) in the fitted window, A."""
    scale = model["sigma_a"] * model["sign"]
    potential, net = cut_scan(scan, model["window_v"], scale)
    fits, row, _, _ = fit_scans(model, [scan])[0]
    peaks = []
    for k, peak in enumerate(model["peaks"]):
        shape = model["shapes"][peak["shape"]]
        centre = np.array([peak["potential_v"] + fits.shift[row, k] * peak["shift_sd_v"]])
        width = np.array([peak["width"] * np.clip(1.0 + fits.width[row, k] * peak["width_sd"], 0.5, 2.0)])
        value = fill(np.asarray(shape["values"]), shape["step_v"], centre, width, potential)[0][0]
        peaks.append(value * fits.height[row, k])
    left = net - np.sum(peaks, axis=0)
    basis = polynomial_basis(potential, model["degree"])
    baseline = basis @ (basis.T @ left)
    return potential, net * scale, baseline * scale, [one * scale for one in peaks]


def _draw_fit(top: Any, bottom: Any, calibration: dict[str, Any], scan: RecordedScan, lead: str | None) -> None:
    model = calibration["model"]
    potential, cut, baseline, peaks = _components(model, scan)
    total = baseline + np.sum(peaks, axis=0)
    top.plot(potential, baseline * 1e6, color=INK, lw=1, ls="--", label="baseline")
    for k, (peak, value) in enumerate(zip(model["peaks"], peaks, strict=True)):
        colour = PEAKS[k % len(PEAKS)] if peak["role"] == "analyte" else MUTED
        line = (baseline + value) * 1e6
        top.fill_between(potential, baseline * 1e6, line, color=colour, alpha=0.22, lw=0, label=peak["name"])
        top.plot(potential, line, color=colour, lw=0.9)
    top.plot(potential, total * 1e6, color=RED, lw=1.1, label="fit")
    inside = [cut.min(), cut.max(), total.min(), total.max(), baseline.min(), baseline.max()]
    for entry in calibration["analytes"]:
        if lead not in (None, entry["name"]):
            continue
        place = model["peaks"][entry["peak"]]["potential_v"]
        reach = np.array([place - 0.04, place + 0.04])
        limit = np.interp(reach, potential, baseline) + entry["lc_signal_a"] * model["sign"]
        top.plot(reach, limit * 1e6, color=BLUE, lw=1.6)
        top.annotate("decision limit", (reach[1], limit[1] * 1e6), xytext=(4, 0), textcoords="offset points",
                     fontsize=7, color=BLUE, va="center")  # fmt: skip
        inside += limit.tolist()
    pad = 0.08 * (max(inside) - min(inside))
    top.set_ylim((min(inside) - pad) * 1e6, (max(inside) + pad) * 1e6)
    top.set_xlim(potential.min() - 0.06, potential.max() + 0.06)
    bottom.axhspan(-2, 2, color=BAND, lw=0)
    bottom.plot(potential, (cut - total) / model["sigma_a"], color=INK, lw=0.8)
    bottom.set_xlim(top.get_xlim())
    bottom.set_ylabel("residual\n/ noise", fontsize=7.5)
    bottom.set_xlabel("potential / V", fontsize=8)


def draw_scan(axes: Any, calibration: dict[str, Any], one: Judged) -> None:
    """Trace, baseline, peaks and residuals of a scan over the concentration with its limits; `axes` = three rows."""
    top, bottom, amount = axes
    found = one.to_json()
    scan = one.scan
    for entry in calibration["analytes"]:
        top.axvspan(*entry["peak_window_v"], color=BAND, lw=0, zorder=0)
    top.plot(scan.potential_v, scan.net_a * 1e6, ".", color=MUTED, ms=2.2, label="net current")
    fitted = len(cut_scan(scan, calibration["model"]["window_v"], 1.0)[0]) > 12
    if found["verdict"] != "invalid" and fitted and np.all(np.isfinite(scan.net_a)):
        _draw_fit(top, bottom, calibration, scan, found["analyte"])
        entry = next((e for e in calibration["analytes"] if e["name"] == found["analyte"]), calibration["analytes"][0])
        marks = {"LC": entry["lc_mol_l"], "LD": entry["ld_mol_l"]}
        concentration_axis(amount, found, marks, entry["dose_mol_l"])
    else:
        for empty in (bottom, amount):
            empty.set_axis_off()
        top.set_xlabel("potential / V", fontsize=8)
    colour, shape = VERDICTS[found["verdict"]]
    words = "\n".join(textwrap.wrap(found["reason"], 78))
    top.set_title(
        f"{shape if shape in '●◆▲' else 'x'} {found['verdict']}  {scan.scan_id}", color=colour, pad=30, fontsize=10
    )
    top.text(0, 1.03, words, transform=top.transAxes, fontsize=8, va="bottom", color=INK)
    top.set_ylabel("net current / µA", fontsize=8)
    top.legend(ncols=3, loc="best")


def scan_figure(calibration: dict[str, Any], one: Judged) -> Any:
    """The figure of one scan."""
    figure, axes = plt.subplots(3, 1, figsize=(8.2, 6.4), height_ratios=[3.2, 1, 0.9], gridspec_kw={"hspace": 0.45})
    draw_scan(axes, calibration, one)
    return figure


def curve_figure(curve: ResponseCurve, data: CurveData, found: dict[str, Any], labels: tuple[str, str]) -> Any:
    """One calibration curve, whole and near its limits, with prediction band, LC, LD, LQ, and residuals.

    `found` has lc_mol_l, ld_mol_l, lq_mol_l and the decision signal lc_signal; `labels` = (substance, signal's name).
    """
    figure, axes = plt.subplots(1, 3, figsize=(12.5, 3.9), width_ratios=[1.25, 1.25, 1], layout="constrained")
    grid = np.concatenate([[0.0], np.geomspace(curve.unit_c * 1e-4, curve.unit_c, 500)])
    mean = curve.value(grid)
    half = limits.two_sided(curve, COVERAGE) * np.hypot(curve.sd_of_observation(grid), curve.sd_of_curve(grid))
    near = min(curve.unit_c, 4.0 * (found["ld_mol_l"] or curve.unit_c / 8))
    lots = sorted(set(data.lot))
    uncertain = np.sqrt(curve.variance.variance(data.own, data.others, np.zeros_like(data.own))) / curve.noise
    for panel, top, title in ((axes[0], curve.unit_c, "Whole range"), (axes[1], near, "Near the limits")):
        factor, unit = unit_of(top)
        inside, shown = grid <= top, data.concentration <= top
        panel.fill_between(grid[inside] * factor, (mean - half)[inside], (mean + half)[inside], color=BAND, lw=0,
                           label="95 % of single readings")  # fmt: skip
        panel.plot(grid[inside] * factor, mean[inside], color=INK, lw=1.2, label="curve")
        for k, lot in enumerate(lots):
            mask = shown & np.array([one == lot for one in data.lot])
            blurred = mask & (uncertain > UNCERTAIN)
            panel.plot(data.concentration[blurred] * factor, data.signal[blurred], "o", ms=4, mfc="none", alpha=0.5,
                       color=LOTS[k % len(LOTS)])  # fmt: skip
            mask = mask & ~blurred
            panel.plot(data.concentration[mask] * factor, data.signal[mask], ".", ms=4.5, color=LOTS[k % len(LOTS)],
                       alpha=0.75, label=f"lot {lot}" if lot else "readings")  # fmt: skip
        panel.set_xlabel(f"{labels[0]} / {unit}")
        panel.set_ylabel(labels[1])
        panel.set_title(f"{title} (hollow: less certain)" if np.any(uncertain > UNCERTAIN) else title)
    factor = unit_of(near)[0]
    axes[1].axhline(found["lc_signal"], color=BLUE, lw=1, ls=":")
    low, high = axes[1].get_ylim()
    for k, (key, word) in enumerate((("lc_mol_l", "LC"), ("ld_mol_l", "LD"), ("lq_mol_l", "LQ"))):
        if found[key] and found[key] <= near:
            axes[1].axvline(found[key] * factor, lw=1, ls="--", color=BLUE)
            axes[1].text(found[key] * factor, high - (0.02 + 0.08 * k) * (high - low), f" {word}", color=BLUE, va="top")
    axes[0].legend(loc="lower right")
    expected = curve.value(data.concentration)
    rise = np.maximum(expected - curve.value(np.zeros(1)), 0.0)
    groups = curve.noise**2 - curve.variance.noise**2 + (curve.lots.gain_sd**2 + curve.matrices.gain_sd**2) * rise**2
    own = curve.variance.variance(data.own, data.others, rise) + np.maximum(groups, 0.0)
    deviation = np.hypot(np.sqrt(own), curve.sd_of_curve(data.concentration))
    place = np.where(data.concentration > 0, data.concentration / curve.unit_c, 10 ** np.floor(
        np.log10(np.min(data.concentration[data.concentration > 0]) / curve.unit_c) - 0.5))  # fmt: skip
    axes[2].axhspan(-2, 2, color=BAND, lw=0)
    for k, lot in enumerate(lots):
        mask = np.array([one == lot for one in data.lot])
        axes[2].plot(place[mask], ((data.signal - expected) / deviation)[mask], ".", ms=4, color=LOTS[k % len(LOTS)])
    axes[2].set_xscale("log")
    axes[2].set_xlabel("part of the highest level (blanks at the left)")
    axes[2].set_ylabel("residual / standard deviation")
    axes[2].set_title("Residuals")
    return figure
