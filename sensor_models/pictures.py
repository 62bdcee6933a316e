"""Pictures to judge a verdict by: trace, baseline, peaks, residuals; calibration curve with bands and limits."""

from __future__ import annotations

import base64
import html
import io
from typing import Any

import matplotlib as mpl

mpl.use("Agg")  # before pyplot: no display is needed or wanted

import matplotlib.pyplot as plt
import numpy as np

from sensor_models import limits
from sensor_models.batch_fit import fill, polynomial_basis
from sensor_models.calibration import COVERAGE, Calibrated
from sensor_models.detection import Judged
from sensor_models.model_building import fit_scans
from sensor_models.scans import Array, RecordedScan, cut_scan

SCANS_MOST = 24
COLOURS = {"positive": "#b00020", "negative": "#1b6e3c", "inconclusive": "#8a5a00", "invalid": "#555555"}


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


def draw_scan(axes: Any, calibration: dict[str, Any], one: Judged) -> None:
    """Trace, baseline, fitted peaks and residuals of one scan, with its verdict as the title."""
    model = calibration["model"]
    found = one.to_json()
    top, bottom = axes
    net = one.scan.net_a
    top.plot(one.scan.potential_v, net * 1e6, color="#999999", lw=0.8, label="net current")
    inside = cut_scan(one.scan, model["window_v"], 1.0)[0]
    if found["verdict"] != "invalid" and len(inside) > 12 and np.all(np.isfinite(net)):
        potential, cut, baseline, peaks = _components(model, one.scan)
        top.plot(potential, baseline * 1e6, color="#000000", lw=0.9, ls="--", label="baseline")
        total = baseline + np.sum(peaks, axis=0)
        for peak, value in zip(model["peaks"], peaks, strict=True):
            style = "-" if peak["role"] == "analyte" else ":"
            top.plot(potential, (baseline + value) * 1e6, lw=1.3, ls=style, label=peak["name"])
        top.plot(potential, total * 1e6, color="#b00020", lw=0.8, label="fit")
        bottom.plot(potential, (cut - total) / model["sigma_a"], color="#333333", lw=0.7)
        bottom.axhspan(-2, 2, color="#dddddd", zorder=0)
    for entry in calibration["analytes"]:
        top.axvspan(*entry["peak_window_v"], color="#eef3ff", zorder=0)
    amount = "" if found["concentration_mol_l"] is None else f" {found['concentration_mol_l']:.2g} mol/L"
    top.set_title(f"{one.scan.scan_id}: {found['verdict']}{amount}\n{found['reason']}", fontsize=8,
                  color=COLOURS[found["verdict"]])  # fmt: skip
    top.set_ylabel("net / µA", fontsize=8)
    top.legend(fontsize=6)
    bottom.set_ylabel("residual / noise", fontsize=7)
    bottom.set_xlabel("E / V", fontsize=8)


def scans_figure(calibration: dict[str, Any], judged: list[Judged]) -> bytes:
    """PNG of up to SCANS_MOST judged scans."""
    shown = judged[:SCANS_MOST]
    columns = min(len(shown), 3)
    rows = -(-len(shown) // columns)
    figure, axes = plt.subplots(
        2 * rows,
        columns,
        figsize=(5.2 * columns, 4.0 * rows),
        squeeze=False,
        gridspec_kw={"height_ratios": [3, 1] * rows},
    )
    for n, one in enumerate(shown):
        row, column = divmod(n, columns)
        draw_scan((axes[2 * row][column], axes[2 * row + 1][column]), calibration, one)
    for n in range(len(shown), rows * columns):
        row, column = divmod(n, columns)
        axes[2 * row][column].axis("off")
        axes[2 * row + 1][column].axis("off")
    return _png(figure)


def curve_figure(made: Calibrated, name: str) -> bytes:
    """PNG of one analyte's calibration: points by lot, curve, prediction band, LC, LD, LQ."""
    curve, data = made.curves[name], made.data[name]
    entry = next(one for one in made.document["analytes"] if one["name"] == name)
    figure, axes = plt.subplots(1, 2, figsize=(11, 4.2))
    grid = np.linspace(0, curve.unit_c, 300)
    mean = curve.value(grid)
    half = limits.two_sided(curve, COVERAGE) * np.hypot(curve.sd_of_observation(grid), curve.sd_of_curve(grid))
    for panel, top in ((axes[0], curve.unit_c), (axes[1], 4 * (entry["ld_mol_l"] or curve.unit_c / 4))):
        shown = data.concentration <= top
        for lot in sorted(set(data.lot)):
            mask = shown & np.array([one == lot for one in data.lot])
            panel.plot(data.concentration[mask] * 1e6, data.signal[mask] * 1e6, ".", ms=4, label=f"lot {lot}")
        inside = grid <= top
        panel.plot(grid[inside] * 1e6, mean[inside] * 1e6, color="#000000", lw=1)
        panel.fill_between(
            grid[inside] * 1e6, (mean - half)[inside] * 1e6, (mean + half)[inside] * 1e6, color="#d6e4ff", zorder=0
        )
        for key, word in (("lc_mol_l", "LC"), ("ld_mol_l", "LD"), ("lq_mol_l", "LQ")):
            if entry[key] and entry[key] <= top:
                panel.axvline(entry[key] * 1e6, lw=0.8, ls="--", color="#b00020")
                panel.text(entry[key] * 1e6, panel.get_ylim()[1], word, fontsize=7, va="top")
        panel.axhline(entry["lc_signal_a"] * 1e6, lw=0.6, color="#888888")
        panel.set_xlabel(f"{name} / µmol/L", fontsize=8)
        panel.set_ylabel("peak / µA", fontsize=8)
    axes[0].legend(fontsize=7)
    return _png(figure)


def _png(figure: Any) -> bytes:
    stream = io.BytesIO()
    figure.tight_layout()
    figure.savefig(stream, format="png", dpi=110)
    plt.close(figure)
    return stream.getvalue()


def _image(png: bytes, text: str) -> str:
    data = base64.b64encode(png).decode()
    return f'<img alt="{html.escape(text)}" style="max-width:100%" src="data:image/png;base64,{data}">'


def _page(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        "<style>body{font:15px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem}"
        "td,th{border:1px solid #999;padding:.2rem .6rem;text-align:left}table{border-collapse:collapse}</style>"
        f"<h1>{html.escape(title)}</h1>{body}</html>\n"
    )


def scans_page(calibration: dict[str, Any], judged: list[Judged]) -> str:
    """HTML of judged scans: table of all verdicts, pictures of the first ones."""
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(value))}</td>" for value in (v["scan_id"], v["verdict"], v["analyte"],
        v["concentration_mol_l"], v["ci_low"], v["ci_high"], v["reason"])) + "</tr>"
        for v in (one.to_json() for one in judged)
    )  # fmt: skip
    head = "".join(f"<th>{w}</th>" for w in ("scan", "verdict", "analyte", "mol/L", "from", "to", "reason"))
    picture = _image(scans_figure(calibration, judged), "scans with baseline, peaks and residuals")
    return _page("Verdicts", f"{picture}<table><tr>{head}</tr>{rows}</table>")


def calibration_page(made: Calibrated) -> str:
    """HTML report of a calibration: limits, curve with bands, what was left out."""
    parts = []
    for entry in made.document["analytes"]:
        words = {key: "not reached" if entry[key] is None else f"{entry[key]:.3g}" for key in
                 ("lc_mol_l", "ld_mol_l", "lq_mol_l")}  # fmt: skip
        parts.append(
            f"<h2>{html.escape(entry['name'])}</h2><p>LC {words['lc_mol_l']}, LD {words['ld_mol_l']}, LQ "
            f"{words['lq_mol_l']} mol/L; {entry['n']} scans, {entry['n_blanks']} blanks; "
            f"{html.escape(entry['not_testable'] and 'not testable: ' + entry['not_testable'])}</p>"
        )
        parts.append(_image(curve_figure(made, entry["name"]), "calibration curve with prediction band and limits"))
    document = made.document
    parts.append(
        f"<p>Valid to {document['expiry']}, coverage {document['coverage']}, lots {', '.join(document['lots'])}.</p>"
    )
    if made.excluded:
        rows = "".join(f"<tr><td>{html.escape(a)}</td><td>{html.escape(b)}</td></tr>" for a, b in made.excluded)
        parts.append(f"<h2>Left out</h2><table>{rows}</table>")
    return _page(f"Calibration of {document['strip']}", "".join(parts))
