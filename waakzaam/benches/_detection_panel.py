"""The panel: drinks x drugs x incapacitating dose in 330 mL x 4 to 30 degC x 3 lots, judged as the product judges."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

import numpy as np

from firmware.detection.colour import evaluate_colour
from sensor_models import calibration, colour_calibration, colour_strip, detection, guarantees, strip_definition
from sensor_models.errors import CalibrationRefused
from sensor_models.proportions import clopper_pearson, clustered
from sensor_models.scans import RecordedScan
from simulators.strip.__main__ import by_group
from simulators.strip.chemistry import Strip, concentration_mol_l, doses_mg, drinks
from simulators.strip.colour_readings import calibration_tests, colour_cases
from simulators.strip.panel import LOTS, cases, swv_strips
from simulators.strip.scans import Scan, simulate_scan
from waakzaam.benches import _detection_colour
from waakzaam.benches.report import Figure, at_least, at_most
from waakzaam.machine import ROOT

STRIPS = ROOT / "sensor_models/strips"
# Levels of a calibration, parts of the low dose in the stated volume, and how many scans of each.
LEVELS = {0.0: 560, 0.05: 60, 0.15: 60, 0.3: 60, 0.5: 60, 0.75: 280, 1.0: 280, 2.0: 60, 4.0: 60}
ALSO_LEVELS = (0.75, 1.0)
REPEATS = 3  # of every combination: 20,160 tests on the square-wave strips, 3,840 on the colour strip
PROCESSES = 2
COLOUR = "ghb_gbl_colour"


@dataclass(frozen=True)
class Outcome:
    """One test of the panel: what was put in, what was said, and whether the decision table's set held the truth."""

    drug: str
    strip: str
    group: str
    lot: str
    spiked: bool
    verdict: str
    reason: str
    covered: bool | None


def recorded(scan: Scan, known: bool) -> RecordedScan:
    """A simulated scan as a recorded one; `known` with its concentration."""
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


def calibration_scans(strip: Strip, seed: int, lots: tuple[str, ...] = LOTS) -> list[RecordedScan]:
    """Blanks and every level of every analyte, every drink group equally often, 4 to 30 degC, over the lots."""
    rng = np.random.default_rng(seed)
    order = by_group(tuple(drinks()))
    scans = []
    for analyte in strip.analytes:
        shared = tuple(name for name, peak in strip.also if peak == analyte)
        dose = min(concentration_mol_l(one, doses_mg()[one][0], strip.volume_ml) for one in (analyte, *shared))
        # A drug that shares the peak: what the decision table has to know, about the dose.
        levels = [(analyte, *one) for one in LEVELS.items()]
        levels += [(drug, level, LEVELS[level]) for drug in shared for level in ALSO_LEVELS]
        for drug, level, count in levels:
            for n in range(count):
                one = simulate_scan(
                    strip,
                    order[n % len(order)],
                    {drug: level * dose},
                    temperature_c=float(rng.uniform(4, 30)),
                    lot=lots[(n // len({d.group for d in drinks().values()})) % len(lots)],
                    seed=f"calibration {seed} {drug} {level} {n}",
                    scan_id=f"{drug}-{level:g}-{n}",
                )
                scans.append(recorded(one, True))
    return scans


def calibrated(strip: Strip, seed: int) -> dict[str, Any]:
    """The calibration file of a strip from its calibration scans; raises CalibrationRefused."""
    definition = strip_definition.load(STRIPS / f"{strip.name}.toml")
    made = calibration.calibrate(definition, calibration_scans(strip, seed), "2100-01-01", {"seed": seed})
    return dict(json.loads(json.dumps(made.document)))


def _covered(document: dict[str, Any], name: str, judged: detection.Judged, spiked: bool) -> bool | None:
    """Whether the decision table holds the truth possible; None where it promises nothing or was not asked."""
    entry = next(e for e in document["analytes"] if e["name"] == name)
    cell = entry.get("guarantee", {}).get("cells", {}).get(guarantees.group_of(judged.scan.matrix))
    fit: Any = judged.verdict.fit
    if fit is None or cell is None or cell[2] is None or cell[3] is None:
        return None
    if not guarantees.answered(document["model"], entry, fit, judged.scan.lot, judged.scan.matrix):
        return None
    value = guarantees.statistic(document["model"], entry, fit, judged.scan.lot, judged.scan.matrix)
    return bool(value >= cell[3] if spiked else value <= cell[2])


def judged_strip(strip: Strip, seed: int, quick: bool) -> tuple[list[Outcome], dict[str, str]]:
    """(every test of one strip, drugs that cannot be calibrated and why)."""
    try:
        document = calibrated(strip, seed)
    except CalibrationRefused as error:
        return [], {f"{analyte} on {strip.name}": str(error) for analyte in strip.analytes}
    chosen = list(cases([strip], seed=seed, repeats=1 if quick else REPEATS))
    chosen = chosen[:200] if quick else chosen
    analyte = {**dict(strip.also), **{name: name for name in strip.analytes}}
    scans = [recorded(case.scan(), False) for case in chosen]
    found = []
    for case, one in zip(chosen, detection.judge(document, scans), strict=True):
        # A strip of several drugs speaks with its own verdict: a drug called positive that is not there is an alarm all
        # the same, but finding another drug than the one put in does not count as finding it.
        said = {v.analyte: v for v in one.verdict.analytes}
        mine = said.get(analyte[case.drug])
        verdict = one.verdict.verdict if mine is None or not case.spiked else mine.verdict
        reason = one.verdict.reason if mine is None or not case.spiked else mine.reason
        covered = _covered(document, analyte[case.drug], one, case.spiked)
        found.append(Outcome(case.drug, strip.name, case.group, case.lot, case.spiked, verdict, reason, covered))
    return found, {}


def judged_colour(seed: int, quick: bool) -> tuple[list[Outcome], dict[str, str]]:
    """The same for GHB and GBL on the colour strip, each test beside a clean pour of the same drink."""
    strip = colour_strip.load(STRIPS / "ghb_gbl_colour.toml")
    known = [_detection_colour.recorded(one, known=True) for one in calibration_tests(tests=320)]
    made = colour_calibration.calibrate(strip, known, "2100-01-01", {"seed": seed})
    document = dict(json.loads(json.dumps(made.document, allow_nan=False)))
    chosen = list(colour_cases(seed=seed, repeats=1 if quick else 2))
    chosen = chosen[:200] if quick else chosen
    found = []
    for case in chosen:
        test, clean = _detection_colour.recorded(case.test(), known=False).for_detector(document["channels"])
        verdict = evaluate_colour(document, test, clean)
        spiked = case.amount_mol_l > 0.0
        mine = next((v for v in verdict.analytes if v.analyte == case.drug and spiked), verdict)
        group = drinks()[case.matrix].group
        found.append(Outcome(case.drug, strip.name, group, case.lot, spiked, mine.verdict, mine.reason, None))
    return found, {}


def _one(job: tuple[str, int, bool]) -> tuple[list[Outcome], dict[str, str]]:
    name, seed, quick = job
    if name == COLOUR:
        return judged_colour(seed, quick)
    return judged_strip(next(s for s in swv_strips(STRIPS) if s.name == name), seed, quick)


def outcomes(seed: int, quick: bool) -> tuple[list[Outcome], dict[str, str]]:
    """(every test of the panel, drugs that cannot be calibrated and why); strips side by side in processes."""
    # The slowest first, so that two processes end together.
    names = sorted(
        (s.name for s in swv_strips(STRIPS)), key=lambda n: (n != "oxidation_screen", n != "nitro_screen", n)
    )
    jobs = [(name, seed, quick) for name in (*names[:1], COLOUR, *names[1:])]
    found: list[Outcome] = []
    refused: dict[str, str] = {}
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        for part, why in pool.map(_one, jobs):
            found += part
            refused |= why
    return found, refused


def _rate(found: list[Outcome], word: str, answered_only: bool) -> dict[str, Any]:
    """Share of tests that say `word`, in percent, with exact and lot-clustered intervals.

    `answered_only` leaves inconclusive and invalid tests out; else they count against.
    """
    counted = [one for one in found if not answered_only or one.verdict in ("positive", "negative")]
    if not counted:
        return {"percent": None, "n": 0}
    hits = sum(one.verdict == word for one in counted)
    by_lot = [[o for o in counted if o.lot == lot] for lot in sorted({o.lot for o in counted})]
    n = np.array([len(group) for group in by_lot], dtype=float)
    right = np.array([sum(o.verdict == word for o in group) for group in by_lot], dtype=float)
    return {
        "percent": 100 * hits / len(counted),
        "n": len(counted),
        "exact_95": [100 * v for v in clopper_pearson(hits, len(counted))],
        "lot_clustered_95": [100 * v for v in clustered(right, n, 1)],
    }


def _row(found: list[Outcome]) -> dict[str, Any]:
    spiked, clean = [o for o in found if o.spiked], [o for o in found if not o.spiked]
    return {
        "sensitivity_answered": _rate(spiked, "positive", True),
        "sensitivity_no_answer_as_negative": _rate(spiked, "positive", False),
        "specificity_answered": _rate(clean, "negative", True),
        "specificity_no_answer_as_positive": _rate(clean, "negative", False),
        "yield_percent": 100 * float(np.mean([o.verdict in ("positive", "negative") for o in found])),
        "table": {
            state: dict(Counter(o.verdict for o in members))
            for state, members in (("spiked", spiked), ("clean", clean))
        },
        "reasons_without_answer": dict(
            Counter(o.reason[:70] for o in found if o.verdict in ("inconclusive", "invalid")).most_common(3)
        ),
    }


def _grouped(found: list[Outcome], key: Callable[[Outcome], str]) -> dict[str, Any]:
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for one in found:
        groups[key(one)].append(one)
    return {name: _row(members) for name, members in sorted(groups.items())}


def _conformal(found: list[Outcome]) -> Figure:
    """How often the calibration files' decision tables hold the truth, over panel tests that no table has seen."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for one in found:
        if one.covered is not None:
            state = "spiked" if one.spiked else "clean"
            groups[f"{one.drug} on {one.strip}, {one.group}, {state}"].append(one.covered)
    held = [covered for members in groups.values() for covered in members]
    nominal = guarantees.COVERAGE
    # Beside the binomial error of the tests, each cell's own coverage varies with the tests it was made from: Beta,
    # of variance about nominal (1 - nominal) / (n + 2) with n of some 24 tests a cell.
    error = float(np.sqrt(nominal * (1 - nominal) * (1 / max(len(held), 1) + 1 / (26 * max(len(groups), 1)))))
    value = float(np.mean(held)) if held else 0.0
    cells = {name: {"n": len(members), "coverage": float(np.mean(members))} for name, members in sorted(groups.items())}
    return at_least(
        "conformal tables: empirical coverage", 100 * value, 100 * (nominal - 3 * error), "%", n=len(held), cells=cells
    )


def figures(seed: int, quick: bool) -> list[Figure]:
    """Sensitivity, specificity and share without an answer over the panel; coverage of the conformal tables."""
    found, refused = outcomes(seed, quick)
    whole = _row(found)
    by_drug = _grouped(found, lambda o: f"{o.drug} on {o.strip}")
    by_group = _grouped(found, lambda o: o.group)
    counted = whole["sensitivity_no_answer_as_negative"]
    return [
        at_least(
            "panel: sensitivity (answered tests)", whole["sensitivity_answered"]["percent"] or 0.0, 99.0, "%",
            **whole["sensitivity_answered"],
        ),
        Figure("panel: sensitivity, no answer counted as negative", counted["percent"], "%", detail=counted),
        at_least(
            "panel: specificity (answered tests)", whole["specificity_answered"]["percent"] or 0.0, 99.5, "%",
            **whole["specificity_answered"],
        ),
        at_most(
            "panel: inconclusive and invalid", 100.0 - whole["yield_percent"], 5.0, "%",
            tests=len(found), table=whole["table"], by_drug=by_drug, by_drink_group=by_group,
        ),
        Figure("panel: tests", len(found), "tests") if quick else at_least("panel: tests", len(found), 20_000, "tests"),
        at_most("panel: drugs whose strip could not be calibrated", len(refused), 0, "drugs", why=refused),
        _conformal(found),
    ]  # fmt: skip
