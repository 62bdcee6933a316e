"""The published procedures applied to one analyte's calibration scans, for the calibration file and its report."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sensor_models import detection_limits
from sensor_models.limits import Limits
from sensor_models.response_curve import CurveData, ResponseCurve
from sensor_models.scans import Array

LOW_REACH = 5.0  # levels up to this many decision limits count as low
EP17_BLANKS = 60  # CLSI EP17-A2: at least 60 blank and 60 low results, 2 lots, 3 days, 4 samples


def _concentration(curve: ResponseCurve, signal: Array) -> Array:
    """Signals brought to the common lot and drink, as concentrations; straight on below the blank."""
    grid = np.concatenate([[0.0], np.geomspace(curve.unit_c * 1e-5, curve.unit_c * 1.2, 4000)])
    value = curve.value(grid)
    near = curve.unit_c * 0.02
    slope = (float(curve.value(np.array([near]))[0]) - float(value[0])) / near
    below = (signal - value[0]) / slope
    out: Array = np.where(signal <= value[0], below, np.interp(signal, value, grid))
    return out


def _levelled(curve: ResponseCurve, data: CurveData) -> Array:
    """Signals without the offsets of lots and drinks; gains are left in, as a test meets them."""
    lots = np.array([curve.lots.effects.get(name, (0.0, 1.0))[0] for name in data.lot])
    matrices = np.array([curve.matrices.effects.get(name, (0.0, 1.0))[0] for name in data.matrix])
    return np.asarray(data.signal - lots - matrices, dtype=np.float64)


def _ep17(amount: Array, lots: Array, blank: Array, low: list[Array]) -> dict[str, Any] | None:
    names = sorted(set(lots.tolist()))
    blanks = {lot: amount[blank & (lots == lot)].tolist() for lot in names}
    samples = {lot: [amount[level & (lots == lot)].tolist() for level in low] for lot in names}
    samples = {lot: [one for one in found if len(one) >= 2] for lot, found in samples.items()}
    samples = {lot: found for lot, found in samples.items() if found}
    blanks = {lot: found for lot, found in blanks.items() if len(found) >= 2}
    if not samples or not blanks:
        return None
    counts = (sum(map(len, blanks.values())), sum(len(one) for found in samples.values() for one in found))
    out: dict[str, Any] = {"n_blank": counts[0], "n_low": counts[1], "lots": len(blanks)}
    out["enough"] = min(counts) >= EP17_BLANKS and len(blanks) >= 2
    for word, parametric in (("parametric", True), ("rank", False)):
        lob, lod = detection_limits.over_lots(blanks, samples, parametric)
        out[word] = {"LoB": lob, "LoD": lod}
        out[word]["LoB_by_lot"] = {lot: detection_limits.limit_of_blank(v, parametric) for lot, v in blanks.items()}
    return out


def _probit(concentration: Array, positive: npt.NDArray[np.bool_]) -> dict[str, Any]:
    levels = np.unique(concentration[concentration > 0])
    hits = [int(np.sum(positive[concentration == level])) for level in levels]
    total = [int(np.sum(concentration == level)) for level in levels]
    try:
        c5, c50, c95 = detection_limits.probit(levels.tolist(), hits, total)
    except ValueError as error:
        return {"C5": None, "C50": None, "C95": None, "reason": str(error)}
    inside = any(0 < h < n for h, n in zip(hits, total, strict=True))
    why = "" if inside else "no level has both answers: the slope is not known"
    return (
        {"C5": c5, "C50": c50, "C95": c95, "reason": why}
        if inside
        else {**dict.fromkeys(("C5", "C50", "C95")), "reason": why}
    )


def procedures(curve: ResponseCurve, data: CurveData, found: Limits, *, alpha: float, beta: float) -> dict[str, Any]:
    """Currie, ISO 11843-2 or -5, EP17-A2 (parametric and rank, by lots), C5/C50/C95; concentrations in mol/L."""
    signal = _levelled(curve, data)
    amount = _concentration(curve, signal)
    blank = data.concentration == 0
    spiked = np.unique(data.concentration[~blank])
    near = spiked[spiked <= LOW_REACH * (found.lc_mol_l or 0.0)]
    near = near if len(near) else spiked[:1]
    low = [data.concentration == level for level in near]
    currie = detection_limits.currie(amount[blank].tolist(), alpha, beta)
    out: dict[str, Any] = {
        "currie": {"LC": currie.decision, "LD": currie.detection, "LQ": currie.quantification, "n": int(blank.sum())},
        "ep17_a2": _ep17(amount, np.array(data.lot), blank, low),
        "probit": _probit(data.concentration, signal > found.lc_signal_a),
    }
    if curve.model == "linear":
        # Constant scatter is this part's premise: only the low half of the range.
        part = data.concentration <= max(float(np.median(spiked)), float(spiked[min(1, len(spiked) - 1)]))
        xc, xd = detection_limits.iso_11843_2(
            data.concentration[part].tolist(), signal[part].tolist(), alpha=alpha, beta=beta
        )
        out["iso_11843_2"] = {"critical": xc, "minimum_detectable": xd, "n": int(part.sum())}
    critical, detectable = detection_limits.iso_11843_5(
        curve.value,
        lambda c: np.hypot(curve.sd_of_observation(c), curve.sd_of_curve(c)),
        curve.unit_c * 1.2,
        (int(blank.sum()), curve.degrees),
        alpha,
        beta,
    )
    out["iso_11843_5"] = {"critical": critical, "minimum_detectable": detectable}
    return out
