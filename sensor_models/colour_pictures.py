"""Pictures of colour tests: pads as they look, spectra, kinetics, pH, and the concentration with its limits."""

from __future__ import annotations

import textwrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Rectangle

from firmware.detection import colour_signal as core
from firmware.detection.colour_quality import refusal
from firmware.detection.colour_test import ColourTest, reflectances
from firmware.detection.kinetics import extent
from firmware.detection.verdict import Verdict
from sensor_models.colour_scans import RecordedColourTest
from sensor_models.picture_style import (
    AMBER,
    BAND,
    BLUE,
    GREEN,
    GRID,
    INK,
    MUTED,
    PURPLE,
    RED,
    VERDICTS,
    concentration_axis,
)
from sensor_models.scans import Array

WAVELENGTH_NM = {"F1": 415, "F2": 445, "F3": 480, "F4": 515, "F5": 555, "F6": 590, "F7": 630, "F8": 680}
DRUG_COLOURS = (BLUE, PURPLE, GREEN, AMBER)


def _wavelengths(calibration: dict[str, Any]) -> Array:
    return np.array([WAVELENGTH_NM.get(c, 400 + 40 * k) for k, c in enumerate(calibration["channels"])], dtype=float)


def _swatch(calibration: dict[str, Any], white: Any, net: Any) -> tuple[float, float, float] | None:
    """About how a pad looks on a screen: three bands of its reflectance, gamma 2.2."""
    if white is None or min(white) <= 0:
        return None
    r = np.array(reflectances(net, white, calibration["paper_reflectance"]), dtype=float)
    nm = _wavelengths(calibration)
    bands = [(590, 700), (500, 580), (400, 490)]
    mean = [float(np.mean(r[(nm >= low) & (nm <= high)])) if np.any((nm >= low) & (nm <= high)) else float(r.mean())
            for low, high in bands]  # fmt: skip
    red, green, blue = (float(np.clip(v, 0.0, 1.0)) ** (1 / 2.2) for v in mean)
    return red, green, blue


def draw_pads(axes: Any, calibration: dict[str, Any], pours: list[tuple[str, ColourTest]]) -> None:
    """Every pad at every time of each pour, as it looks; saturated readings are crossed out."""
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    pads = list(calibration["pads"])
    first_s, last_s = calibration["window_s"]
    left = 0.0
    ticks: list[tuple[float, str, bool]] = []
    for name, test in pours:
        white = test.dry("white", len(calibration["channels"]))
        times = sorted({one[1] for one in test.readings})
        axes.text(left, -0.35, name, fontsize=8.5, fontweight="bold", va="bottom")
        for k, time_s in enumerate(times):
            ticks.append((left + k + 0.46, "dry" if time_s <= 0 else f"{time_s / 60:.3g}", first_s <= time_s <= last_s))
            for row, pad in enumerate(pads):
                for one in test.series(pad, time_s, time_s):
                    colour = _swatch(calibration, white, one[2])
                    box = Rectangle((left + k, row), 0.92, 0.86, facecolor=colour or GRID, edgecolor=GRID, lw=0.6)
                    axes.add_patch(box)
                    if one[4]:
                        axes.plot([left + k + 0.46], [row + 0.43], "x", color=RED, ms=8)
        left += len(times) + 0.8
    for x, word, inside in ticks:
        axes.text(x, len(pads) + 0.1, word, ha="center", va="top", fontsize=7.5, color=INK if inside else MUTED,
                  fontweight="bold" if inside else "normal")  # fmt: skip
    axes.set_yticks([row + 0.43 for row in range(len(pads))], pads)
    axes.tick_params(length=0)
    axes.set_xticks([])
    axes.set_xlim(-0.1, left)
    axes.set_ylim(len(pads) + 0.4, -0.5)
    axes.set_title("The pads as they look, by minutes after wetting (bold: the reading window)", pad=12)


def draw_ph(axes: Any, calibration: dict[str, Any], pours: list[tuple[str, ColourTest]]) -> None:
    """Where the indicators of the pH and buffer pads stand between acid and basic, and the calibrated range."""
    low = min(entry["buffer_share"][0] for entry in calibration["analytes"])
    high = max(entry["buffer_share"][1] for entry in calibration["analytes"])
    for row, (pad, words) in enumerate((("ph", "the drink"), ("buffer", "at the drug pads"))):
        if pad == "buffer":
            axes.barh([row], [high - low], left=[low], height=0.62, color=BAND)
            axes.text(
                0.5, row + 0.45, "shaded: range that was calibrated", fontsize=7, color=MUTED, ha="center", va="top"
            )
        for k, (name, test) in enumerate(pours):
            share = core.indicator(calibration, test, pad)
            label = name if pad == "ph" else None
            axes.plot([share], [row], "o" if k == 0 else "D", ms=8, color=BLUE if k == 0 else MUTED, label=label,
                      markeredgecolor=INK, markeredgewidth=0.5)  # fmt: skip
        axes.text(-0.16, row - 0.36, words, fontsize=8)
    axes.set_xlim(-0.2, 1.2)
    axes.set_ylim(1.6, -0.6)
    axes.set_yticks([])
    axes.set_xticks([0, 1], ["acid colour", "basic colour"])
    axes.legend(loc="upper right", fontsize=7)
    axes.set_title("pH by the indicator pads")


def draw_spectra(
    axes: Any, calibration: dict[str, Any], entry: dict[str, Any], pours: list[tuple[str, ColourTest]]
) -> None:
    """K/S of the drug's pad above the wet white pad: this pour, the clean pour, their difference, the dye in it."""
    nm = _wavelengths(calibration)
    middle = 0.5 * sum(calibration["window_s"])
    values = []
    for k, (name, test) in enumerate(pours):
        one = test.nearest(entry["pad"], middle)
        values.append(np.array(core.pad_values(calibration, test, one)[0]))
        axes.plot(nm, values[-1], "o-" if k == 0 else "D-", ms=4, color=BLUE if k == 0 else MUTED, lw=1.2, label=name)
    difference = values[0] - values[1] if len(values) > 1 else values[0]
    if len(values) > 1:
        axes.plot(nm, difference, color=INK, lw=1.6, label="difference")
    dye = np.array(entry["dye"])
    slope, flat = np.polyfit(dye, difference, 1)
    axes.plot(nm, slope * dye + flat, color=RED, lw=1.2, ls="--", label=f"{entry['name']}'s dye in it")
    axes.axhline(0, color=MUTED, lw=0.6)
    axes.set_xlabel("wavelength / nm")
    axes.set_ylabel("K/S above the white pad")
    axes.set_title(f"{entry['name']} pad: spectrum")
    axes.legend()


def draw_kinetics(
    axes: Any, calibration: dict[str, Any], entry: dict[str, Any], test: ColourTest, clean: ColourTest | None
) -> None:
    """Dye over time with what the drug's kinetics bring at this temperature, and the reading window."""
    part = entry["paired"] if clean is not None and entry["paired"] is not None else entry["unpaired"]
    found = core.signal(calibration, entry, test, clean)
    first_s, last_s = calibration["window_s"]
    points = np.array(found.points)
    end_s = max(last_s, float(points[-1, 0])) * 1.04
    time_s = np.linspace(0.0, end_s, 200)
    course = np.array([extent(entry["kinetics"], test.temperature_c, float(t)) for t in time_s])
    window = float(np.mean([v for t, v in found.points if first_s <= t <= last_s]))
    axes.axvspan(first_s / 60, last_s / 60, color=BAND, lw=0)
    axes.plot(time_s / 60, course * window / found.developed, color=INK, lw=1.1, label="as the drug brings it")
    scale = window / found.value if found.value else 1.0
    limit = (part["blank_signal"] + (part["lc_signal"] - part["blank_signal"])) * scale * course
    if scale > 0:
        axes.plot(time_s / 60, limit, color=BLUE, lw=1.1, ls="--", label="decision limit")
    axes.plot(points[:, 0] / 60, points[:, 1], "o", color=RED, ms=5, label="read")
    axes.axhline(0, color=MUTED, lw=0.6)
    axes.set_xlabel(f"minutes, at {test.temperature_c:.0f} °C (shaded: reading window)")
    axes.set_ylabel("dye, K/S")
    axes.set_title(f"{entry['name']} pad: kinetics")
    axes.legend(loc="best")


def test_figure(calibration: dict[str, Any], recorded: RecordedColourTest, verdict: Verdict) -> Any:
    """The figure of one colour test: pads and pH, then spectrum, kinetics and concentration of each drug."""
    test, clean = recorded.for_detector(calibration["channels"])
    pours = [("this pour", test)] + ([("clean pour", clean)] if clean is not None else [])
    judged = refusal(calibration, test) is None and (clean is None or refusal(calibration, clean) is None)
    entries = calibration["analytes"] if judged else []
    rows = 1 + len(entries)
    figure = plt.figure(figsize=(12.5, 2.9 + 2.7 * len(entries)), layout="constrained")
    grid = figure.add_gridspec(rows, 3, width_ratios=[1, 1, 1.05], height_ratios=[1.05] + [1] * len(entries))
    draw_pads(figure.add_subplot(grid[0, :2] if judged else grid[0, :]), calibration, pours)
    if judged:
        draw_ph(figure.add_subplot(grid[0, 2]), calibration, pours)
    said = {one.analyte: one.to_dict() for one in verdict.analytes}
    for row, entry in enumerate(entries, 1):
        draw_spectra(figure.add_subplot(grid[row, 0]), calibration, entry, pours)
        draw_kinetics(figure.add_subplot(grid[row, 1]), calibration, entry, test, clean)
        axes = figure.add_subplot(grid[row, 2])
        part = entry["paired"] if clean is not None and entry["paired"] is not None else entry["unpaired"]
        found = said.get(entry["name"])
        if found is None:
            axes.set_axis_off()
            continue
        concentration_axis(axes, found, {"LC": part["lc_mol_l"], "LD": part["ld_mol_l"]}, entry["dose_mol_l"])
        colour, shape = VERDICTS[found["verdict"]]
        lines = textwrap.wrap(found["reason"], 62)
        words = "\n".join(lines)
        axes.set_title(f"{shape} {found['verdict']}", color=colour, pad=6 + 11 * len(lines))
        axes.text(0, 1.02, words, transform=axes.transAxes, fontsize=7.5, va="bottom")
    colour, shape = VERDICTS[verdict.verdict]
    drink = f", {recorded.matrix}" if recorded.matrix else ""
    figure.suptitle(f"{shape} {verdict.verdict}  {recorded.scan_id}{drink}", x=0.01, ha="left", color=colour,
                    fontweight="bold", fontsize=11)  # fmt: skip
    return figure


def chemistry_figure(calibration: dict[str, Any]) -> Any:
    """What a colour calibration learned of its pads: dyes, kinetics by temperature, response by pH, indicators."""
    nm = _wavelengths(calibration)
    figure, axes = plt.subplots(1, 4, figsize=(13.5, 3.3), layout="constrained")
    low_c, high_c = calibration["temperature_c"]
    for k, entry in enumerate(calibration["analytes"]):
        colour = DRUG_COLOURS[k % len(DRUG_COLOURS)]
        axes[0].plot(nm, entry["dye"], "o-", ms=4, color=colour, label=entry["name"])
        time_s = np.linspace(0, calibration["window_s"][1], 120)
        for temperature_c, style in ((low_c, ":"), (25.0, "-"), (high_c, "--")):
            share = [extent(entry["kinetics"], temperature_c, float(t)) for t in time_s]
            axes[1].plot(time_s / 60, share, style, color=colour, lw=1.2,
                         label=f"{entry['name']}, {temperature_c:.0f} °C")  # fmt: skip
        if entry["response"] is not None:
            axes[2].plot(entry["response"]["share"], entry["response"]["gain"], "o-", ms=4, color=colour,
                         label=entry["name"])  # fmt: skip
    axes[1].axvspan(*(t / 60 for t in calibration["window_s"]), color=BAND, lw=0)
    for pad, style in (("ph", "-"), ("buffer", "--")):
        acid, basic = calibration["indicators"][pad]
        axes[3].plot(nm, acid, style, color=AMBER, label=f"{pad} pad, acid")
        axes[3].plot(nm, basic, style, color=BLUE, label=f"{pad} pad, basic")
    for axis, title, x, y in (
        (axes[0], "Dyes", "wavelength / nm", "absorption, relative"),
        (axes[1], "Kinetics", "minutes after wetting", "share of the final colour"),
        (axes[2], "Response by pH at the pad", "buffer pad: acid to basic", "response, relative"),
        (axes[3], "Indicators", "wavelength / nm", "K/S"),
    ):
        axis.set_title(title)
        axis.set_xlabel(x)
        axis.set_ylabel(y)
        axis.legend(fontsize=6.5)
    return figure
