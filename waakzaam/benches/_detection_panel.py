"""The panel: drinks x drugs x incapacitating dose in 330 mL x 4 to 30 degC x 3 lots, and the conformal tables on it."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from firmware.detection.decision import normalised, spread
from sensor_models import calibration, conformal, detection, strip_definition
from sensor_models.errors import CalibrationRefused
from sensor_models.proportions import clopper_pearson, clustered
from sensor_models.scans import RecordedScan
from simulators.strip.chemistry import Strip, concentration_mol_l, doses_mg, drinks
from simulators.strip.panel import LOTS, Case, cases, swv_strips
from simulators.strip.scans import Scan, simulate_scan
from waakzaam.benches.report import Figure, at_least, at_most
from waakzaam.machine import ROOT

STRIPS = ROOT / "sensor_models/strips"
LEVELS = (0.05, 0.2, 0.5, 1.0, 2.0, 4.0)  # of the low dose in the stated volume
CONFORMAL_ALPHA = 0.05


@dataclass(frozen=True)
class Outcome:
    """One test of the panel: what was said, and the detection statistic (signal over its own limit's width)."""

    case: Case
    verdict: str
    reason: str
    statistic: float | None


def _recorded(scan: Scan, known: bool) -> RecordedScan:
    return RecordedScan(
        scan.scan_id,
        scan.lot,
        scan.matrix,
        scan.analyte,
        scan.concentration_mol_l if known else None,
        scan.potential_v,
        scan.forward_a,
        scan.reverse_a,
        scan.forward_a - scan.reverse_a,
    )


def calibrated(strip: Strip, seed: int, quick: bool) -> dict[str, Any]:
    """A calibration of the strip over all drinks, 4 to 30 degC and the panel's lots; raises CalibrationRefused."""
    rng = np.random.default_rng(seed)
    definition = strip_definition.load(STRIPS / f"{strip.name}.toml")
    doses = {a: concentration_mol_l(a, doses_mg()[a][0], strip.volume_ml) for a in strip.analytes}
    definition = dataclasses.replace(
        definition, analytes=tuple(dataclasses.replace(a, dose_mol_l=doses[a.name]) for a in definition.analytes)
    )
    scans = []
    names = tuple(drinks())
    for analyte, lot in itertools.product(strip.analytes, LOTS):
        amounts = [0.0] * (48 if quick else 96) + [v * doses[analyte] for v in LEVELS] * (6 if quick else 12)
        for n, amount in enumerate(amounts):
            one = simulate_scan(
                strip,
                names[(n * 5 + 3) % len(names)],
                {analyte: amount},
                temperature_c=float(rng.uniform(4, 30)),
                lot=lot,
                seed=f"calibration {seed} {analyte} {n}",
                scan_id=f"{lot}-{analyte}-{n}",
            )
            scans.append(_recorded(one, True))
    made = calibration.calibrate(definition, scans, "2100-01-01", {})
    return dict(json.loads(json.dumps(made.document)))


def _statistic(document: dict[str, Any], drug: str, judged: detection.Judged) -> float | None:
    fit: Any = judged.verdict.fit
    if fit is None:
        return None
    entry = next(e for e in document["analytes"] if e["name"] == drug)
    signal = fit.height[entry["peak"]] * document["model"]["sigma_a"]
    u, _, _ = normalised(entry, signal, judged.scan.lot, judged.scan.matrix)
    widen, _ = spread(document["model"], entry, fit)
    return float((u - entry["blank_signal_a"]) / (entry["noise_a"] * widen))


def outcomes(seed: int, quick: bool) -> tuple[list[Outcome], dict[str, str]]:
    """(every test of the panel, drugs that cannot be tested and why)."""
    found: list[Outcome] = []
    refused: dict[str, str] = {}
    for strip in swv_strips(STRIPS):
        try:
            document = calibrated(strip, seed, quick)
        except CalibrationRefused as error:
            for analyte in strip.analytes:
                refused[f"{analyte} on {strip.name}"] = str(error)
            continue
        chosen = list(cases([strip], seed=seed, repeats=1 if quick else 4))
        chosen = chosen[:200] if quick else chosen
        judged = detection.judge(document, [_recorded(case.scan(), False) for case in chosen])
        for case, one in zip(chosen, judged, strict=True):
            lead = one.to_json()
            found.append(Outcome(case, lead["verdict"], lead["reason"], _statistic(document, case.drug, one)))
    return found, refused


def _rate(found: list[Outcome], word: str) -> dict[str, Any]:
    """Share of answered tests that say `word`, exact and lot-clustered intervals."""
    answered = [one for one in found if one.verdict in ("positive", "negative")]
    hits = sum(one.verdict == word for one in answered)
    by_lot = [[o for o in answered if o.case.lot == lot] for lot in sorted({o.case.lot for o in answered})]
    n = np.array([len(group) for group in by_lot], dtype=float)
    right = np.array([sum(o.verdict == word for o in group) for group in by_lot], dtype=float)
    return {
        "percent": 100 * hits / len(answered) if answered else None,
        "n": len(answered),
        "of": len(found),
        "exact_95": [100 * v for v in clopper_pearson(hits, len(answered))],
        "lot_clustered_95": [100 * v for v in clustered(right, n, 1)] if answered else None,
    }


def _grouped(found: list[Outcome], key: str) -> dict[str, Any]:
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for one in found:
        name = one.case.group if key == "group" else f"{one.case.drug} on {one.case.strip.name}"
        groups[name].append(one)
    return {
        name: {
            "sensitivity": _rate([o for o in group if o.case.spiked], "positive"),
            "specificity": _rate([o for o in group if not o.case.spiked], "negative"),
            "no_answer": 100 * float(np.mean([o.verdict in ("inconclusive", "invalid") for o in group])),
        }
        for name, group in sorted(groups.items())
    }


def _conformal(found: list[Outcome]) -> Figure:
    """Tables from one half of the panel, coverage on the other, over every drug and drink group."""
    groups: dict[tuple[str, str], list[Outcome]] = defaultdict(list)
    for one in found:
        if one.statistic is not None:
            groups[f"{one.case.drug} on {one.case.strip.name}", one.case.group].append(one)
    inside = total = 0
    cells = {}
    for (drug, group), members in sorted(groups.items()):
        learn, test = members[::2], members[1::2]
        clean = [o.statistic for o in learn if not o.case.spiked and o.statistic is not None]
        spiked = [o.statistic for o in learn if o.case.spiked and o.statistic is not None]
        cell = conformal.cell(drug, group, clean, spiked, CONFORMAL_ALPHA)
        held = [cell.covers(o.statistic, o.case.spiked) for o in test if o.statistic is not None]
        inside += sum(held)
        total += len(held)
        cells[f"{drug}, {group}"] = {"n": [cell.n_clean, cell.n_spiked], "coverage": float(np.mean(held))}
    nominal = 1 - CONFORMAL_ALPHA
    # The tables themselves vary: Beta spread of each cell's coverage adds to the binomial error of the test half.
    error = float(np.sqrt(2 * nominal * (1 - nominal) / max(total, 1)))
    value = inside / max(total, 1)
    return at_least(
        "conformal tables: empirical coverage", 100 * value, 100 * (nominal - 3 * error), "%", n=total, cells=cells
    )


def figures(seed: int, quick: bool) -> list[Figure]:
    """Sensitivity, specificity and share without an answer over the panel; coverage of the conformal tables."""
    found, refused = outcomes(seed, quick)
    spiked = [one for one in found if one.case.spiked]
    clean = [one for one in found if not one.case.spiked]
    sensitivity, specificity = _rate(spiked, "positive"), _rate(clean, "negative")
    none = 100 * float(np.mean([one.verdict in ("inconclusive", "invalid") for one in found]))
    detail = {"by_drug": _grouped(found, "drug"), "by_drink_group": _grouped(found, "group")}
    return [
        at_least("panel: sensitivity (answered tests)", sensitivity["percent"] or 0.0, 99.0, "%", **sensitivity),
        at_least("panel: specificity (answered tests)", specificity["percent"] or 0.0, 99.5, "%", **specificity),
        at_most("panel: inconclusive and invalid", none, 5.0, "%", tests=len(found), **detail),
        at_most("panel: drugs whose strip could not be calibrated", len(refused), 0, "drugs", why=refused),
        _conformal(found),
    ]
