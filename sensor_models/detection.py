"""Many scans against one calibration: the verdict core with its fit done in batches; near a limit, the core itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware.detection import SCHEMA, Verdict, evaluate, expired
from firmware.detection.decision import UPSIDE_DOWN, decide, interpolate, normalised, spread
from firmware.detection.quality import drifted, refusal
from firmware.detection.scan import POINTS_MIN
from firmware.detection.verdict import invalid, together
from sensor_models.errors import MalformedFile
from sensor_models.model_building import fit_scans
from sensor_models.scans import RecordedScan, cut_scan

GUARD = 2e-3  # relative closeness to a limit at which the verdict core itself decides


@dataclass(frozen=True)
class Judged:
    """A scan and its verdict."""

    scan: RecordedScan
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """One entry of `waakzaam detect --json`."""
        return {"scan_id": self.scan.scan_id, **self.verdict.to_dict()}


def load_calibration(path: Path) -> dict[str, Any]:
    """Read a calibration file; raises MalformedFile."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MalformedFile(str(path), 0, "", error.strerror or "cannot be read") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise MalformedFile(str(path), getattr(error, "lineno", 0), "", f"is not JSON: {error}") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise MalformedFile(str(path), 0, "schema", f"is not {SCHEMA} (make one with `waakzaam calibrate`)")
    for key in ("quality", "model", "analytes"):
        if key not in document:
            raise MalformedFile(str(path), 0, key, "is missing")
    return document


def _near_a_limit(calibration: dict[str, Any], fit: Any, scan: RecordedScan) -> bool:
    if not fit.converged:
        return True
    model = calibration["model"]
    for entry in calibration["analytes"]:
        k = entry["peak"]
        u, _, unseen = normalised(entry, fit.height[k] * model["sigma_a"], scan.lot, scan.matrix)
        limit = entry["lc_signal_unknown_lot_a"] if unseen else entry["lc_signal_a"]
        widen, excess = spread(model, entry, fit)
        limit = entry["blank_signal_a"] + (limit - entry["blank_signal_a"]) * widen
        statistic = (u - entry["blank_signal_a"]) / (entry["noise_a"] * widen)
        if abs(u - limit) < GUARD * (abs(limit) + entry["noise_a"]) or _near_an_edge(entry, statistic):
            return True
        if min(abs(excess / entry[name] - 1.0) for name in ("excess_most", "excess_noisy")) < GUARD:
            return True
        if abs(widen / entry["widen_most"] - 1.0) < GUARD or _near_the_dose(entry, u, widen):
            return True
        place = model["peaks"][k]["potential_v"] + fit.shift[k] * model["peaks"][k]["shift_sd_v"]
        if min(abs(place - edge) for edge in entry["peak_window_v"]) < GUARD * 0.1:
            return True
    return False


def _near_the_dose(entry: dict[str, Any], u: float, widen: float) -> bool:
    """Whether the upper end of the interval may fall on either side of the dose that has to be excluded."""
    dose = entry["dose_mol_l"]
    if not dose:
        return False
    table = entry["table"]
    high = interpolate(table["signal"], table["high"], u)
    c = interpolate(table["signal"], table["concentration"], u)
    return bool(abs(c + (high - c) * widen - dose) < 0.3 * dose)


def _near_an_edge(entry: dict[str, Any], statistic: float) -> bool:
    cells = entry.get("guarantee", {}).get("cells", {}).values()
    edges = [-UPSIDE_DOWN, *(edge for cell in cells for edge in cell[2:] if edge is not None)]
    return any(abs(statistic - edge) < GUARD * (abs(edge) + 1.0) for edge in edges)


def _for_analyte(calibration: dict[str, Any], scan: RecordedScan) -> list[dict[str, Any]]:
    """The analytes to judge: the one the scan names, or all."""
    named = [entry for entry in calibration["analytes"] if entry["name"] == scan.analyte]
    return named or calibration["analytes"]


def judge(calibration: dict[str, Any], scans: list[RecordedScan], today: str = "") -> list[Judged]:
    """Verdicts in the order of the scans; the same verdicts as firmware.detection.evaluate on each.

    `today` (ISO date): an expired calibration gives no verdict.
    """
    verdicts: dict[int, Verdict] = {}
    model = calibration["model"]
    sound = []
    for n, scan in enumerate(scans):
        why = expired(calibration, today) or refusal(calibration["quality"], scan.for_detector())
        if not why:
            points = len(cut_scan(scan, model["window_v"], 1.0)[0])
            if points < POINTS_MIN:
                why = f"too few points in the fitted window: {points} (at least {POINTS_MIN})"
        if why:
            verdicts[n] = invalid(why)
        else:
            sound.append(n)
    for n, (fits, row, degrees, _) in zip(sound, fit_scans(model, [scans[n] for n in sound]), strict=True):
        scan = scans[n]
        fit = fits.one(row, degrees)
        entries = _for_analyte(calibration, scan)
        if _near_a_limit(calibration, fit, scan):
            verdicts[n] = evaluate({**calibration, "analytes": entries}, scan.for_detector())
            continue
        if why := drifted(model, fit):
            verdicts[n] = invalid(why)
            continue
        verdicts[n] = together([decide(model, e, fit, scan.lot, scan.matrix) for e in entries], fit)
    return [Judged(scan, verdicts[n]) for n, scan in enumerate(scans)]
