"""Calibrates colour pads from known drinks: dyes, kinetics, indicators, limits with and without a clean pour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from firmware.detection import colour_quality
from firmware.detection import colour_signal as core
from firmware.detection.colour import SCHEMA
from firmware.detection.colour_test import ColourTest, absorption, reflectances
from sensor_models import colour_kinetics, limits, response_curve
from sensor_models.calibration import COVERAGE, WIDEN_MOST
from sensor_models.colour_scans import RecordedColourTest
from sensor_models.colour_strip import REFERENCES, ColourStrip, PadAnalyte
from sensor_models.errors import CalibrationRefused
from sensor_models.scans import Array

AMBIENT_MOST = 0.3  # ASSUMED: part of the light that may come from the room
REFLECTANCE_SD, VALUE_SD = (
    0.002,
    0.003,
)  # ASSUMED scale of a reading's error; calibrated scatter sets what it counts for
SOAK_SD = 0.3  # ASSUMED: a pad soaks up this much more or less than the white one
END_SHARE = 0.1  # most acid and most basic indicator pads that define the ends of the scale
TAIL = 0.005  # of the calibration's tests on either side: what lies beyond is outside what was calibrated
EARLY_SLACK = 0.35  # ASSUMED: strips of other lots may be this much faster or slower than any seen
EXTENT_LEAST = 0.25  # ASSUMED: with less of the colour come, its correction says more than the reading
SHIFT_SLACK = 0.08  # ASSUMED: of the buffer pad's scale, beyond what the calibration's pours showed
SPIKED_LEAST, BLANKS_LEAST = 6, 10
CLEAR = 4.0  # colour this many standard deviations strong says how strong the response is
TEMPERATURE_SLACK_C = 2.0

Pair = tuple[ColourTest, ColourTest | None]


@dataclass
class CalibratedColour:
    """The calibration document, what was left out, and what a report needs to draw."""

    document: dict[str, Any]
    excluded: list[tuple[str, str]]
    tests: list[RecordedColourTest]
    curves: dict[tuple[str, str], response_curve.ResponseCurve] = field(default_factory=dict)
    data: dict[tuple[str, str], response_curve.CurveData] = field(default_factory=dict)


def _values(frame: dict[str, Any], test: ColourTest, pad: str) -> Array:
    one = test.nearest(pad, 0.5 * sum(frame["window_s"]))
    return np.array(core.pad_values(frame, test, one)[0])


def _pours(pairs: Sequence[Pair]) -> list[ColourTest]:
    return [pour for pair in pairs for pour in pair if pour is not None]


def _indicator_ends(frame: dict[str, Any], pours: Sequence[ColourTest], pad: str) -> list[list[float]]:
    """[acid, basic] K/S of an indicator pad: the ends of the direction in which its colour varies most.

    The basic form of the usual indicators (sulphonphthaleins) absorbs at longer wavelengths than the acid one.
    """
    rows = np.array([_values(frame, pour, pad) for pour in pours])
    direction = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[2][0]
    direction *= np.sign(float(np.arange(len(direction)) @ (direction - direction.mean()))) or 1.0
    order = np.argsort(rows @ direction)
    count = max(int(END_SHARE * len(order)), 3)
    ends = [rows[order[:count]].mean(axis=0), rows[order[-count:]].mean(axis=0)]
    if float(np.linalg.norm(ends[1] - ends[0])) < 1e-3:
        raise CalibrationRefused(pad, "the indicator has the same colour in every drink: calibrate with more kinds")
    return [end.tolist() for end in ends]


def _dye(frame: dict[str, Any], analyte: PadAnalyte, tests: Sequence[RecordedColourTest], pairs: Sequence[Pair]) -> Any:
    """The dye's spectrum, largest value 1: mean difference to clean drinks over the more concentrated half."""
    spiked = [n for n, one in enumerate(tests) if one.analyte == analyte.name and (one.concentration_mol_l or 0) > 0]
    if len(spiked) < SPIKED_LEAST:
        raise CalibrationRefused(analyte.name, f"{len(spiked)} spiked tests; at least {SPIKED_LEAST} are needed")
    blank = np.mean(
        [_values(frame, pairs[n][0], analyte.pad) for n, one in enumerate(tests) if one.concentration_mol_l == 0],
        axis=0,
    )
    middle = np.median([tests[n].concentration_mol_l for n in spiked])
    rows = []
    for n in spiked:
        if (tests[n].concentration_mol_l or 0.0) >= middle:
            test, clean = pairs[n]
            rows.append(
                _values(frame, test, analyte.pad) - (blank if clean is None else _values(frame, clean, analyte.pad))
            )
    shape = np.mean(rows, axis=0)
    return (shape / np.max(np.abs(shape))).tolist()


def _curve(
    strip: ColourStrip, analyte: PadAnalyte, rows: Sequence[tuple[RecordedColourTest, float, core.Signal]]
) -> tuple[dict[str, Any], response_curve.ResponseCurve, response_curve.CurveData]:
    """One part (paired or unpaired) of an analyte's entry from (test, concentration, signal)."""
    concentration = np.array([c for _, c, _ in rows])
    sd = np.array([one.sd for _, _, one in rows])
    blank = concentration == 0.0
    if int(blank.sum()) < BLANKS_LEAST:
        raise CalibrationRefused(analyte.name, f"{int(blank.sum())} clean drinks; at least {BLANKS_LEAST} are needed")
    usual = float(np.median(sd[blank]))
    data = response_curve.CurveData(
        concentration=concentration,
        signal=np.array([one.value for _, _, one in rows]),
        lot=tuple(test.lot for test, _, _ in rows),
        matrix=tuple(test.matrix for test, _, _ in rows),
        own=sd / usual,
        others=np.array([max(one.drink, 1e-6) for _, _, one in rows]),
    )
    curve = response_curve.fit_curve(analyte.name, analyte.model, data)
    found = limits.limits(curve, strip.alpha, strip.beta)
    dose = analyte.dose_mol_l
    why = ""
    if strip.volume_ml is not None and dose is not None:
        if found.ld_mol_l is None:
            why = "the calibration reaches no detection limit"
        elif found.ld_mol_l > dose:
            why = (
                f"detection limit {found.ld_mol_l:.2g} mol/L is above the dose's {dose:.2g} mol/L "
                f"in {strip.volume_ml:g} mL"
            )
    part = {
        "lc_mol_l": found.lc_mol_l,
        "ld_mol_l": found.ld_mol_l,
        "lq_mol_l": found.lq_mol_l,
        "n": len(rows),
        "n_blanks": curve.blanks,
        "lots": {name: list(pair) for name, pair in curve.lots.effects.items()},
        "matrices": {name: list(pair) for name, pair in curve.matrices.effects.items()},
        "blank_signal": curve.blank_mean,
        "lc_signal": found.lc_signal_a,
        "lc_signal_unknown_lot": found.lc_signal_unknown_lot_a,
        "unseen_gain": float(np.hypot(curve.lots.unseen_gain(COVERAGE), curve.matrices.unseen_gain(COVERAGE))),
        "noise": curve.noise,
        "own_sd": usual,
        "leak": curve.variance.leak,
        "t_interval": limits.two_sided(curve, COVERAGE),
        "widen_most": WIDEN_MOST,
        "not_testable": why,
        "table": limits.table(curve, COVERAGE),
    }
    return part, curve, data


def _range(values: Sequence[float], slack: float) -> list[float]:
    low, high = np.quantile(values, [TAIL, 1.0 - TAIL])
    return [float(low) - slack, float(high) + slack]


class _Analyte:
    """Calibrates one drug on its pad; `entry` grows step by step into what the verdict core reads."""

    def __init__(
        self,
        strip: ColourStrip,
        analyte: PadAnalyte,
        frame: dict[str, Any],
        tests: Sequence[RecordedColourTest],
        pairs: Sequence[Pair],
    ) -> None:
        chosen = [
            n
            for n, one in enumerate(tests)
            if one.concentration_mol_l == 0 or (one.analyte == analyte.name and one.concentration_mol_l is not None)
        ]
        self.strip, self.analyte, self.frame = strip, analyte, frame
        self.tests = [tests[n] for n in chosen]
        self.pairs = [pairs[n] for n in chosen]
        self.entry: dict[str, Any] = {
            "name": analyte.name,
            "pad": analyte.pad,
            "model": analyte.model,
            "ph_only": analyte.pad == "ph",
            "basic_salt": analyte.basic_salt,
            "dose_mol_l": analyte.dose_mol_l,
            "extent_least": EXTENT_LEAST,
            "kinetics": dict(colour_kinetics.AT_ONCE),
            "response": None,
            "dye": _dye(frame, analyte, self.tests, self.pairs),
        }
        self.curves: dict[str, response_curve.ResponseCurve] = {}
        self.data: dict[str, response_curve.CurveData] = {}

    def signal(self, n: int, paired: bool) -> core.Signal:
        test, clean = self.pairs[n]
        return core.signal(self.frame, self.entry, test, clean if paired else None)

    def kinetics(self) -> None:
        """Rate and activation energy from the spiked tests' time courses, the clean pour's taken out."""
        courses = []
        for n, one in enumerate(self.tests):
            if one.concentration_mol_l and one.concentration_mol_l >= 0.25 * (self.analyte.dose_mol_l or 0.0):
                points = np.array(self.signal(n, self.pairs[n][1] is not None).points)
                courses.append(colour_kinetics.Course(one.temperature_c, points[:, 0], points[:, 1]))
        self.entry["kinetics"] = colour_kinetics.fit(courses)

    def response(self) -> None:
        """How the response falls where a sour drink has worn the pad's buffer, told by the buffer pad's colour."""
        if self.entry["ph_only"]:
            return
        rows = []
        for n, one in enumerate(self.tests):
            if one.concentration_mol_l:
                found = self.signal(n, self.pairs[n][1] is not None)
                if found.value > CLEAR * found.sd:
                    share = core.indicator(self.frame, self.pairs[n][0], "buffer")
                    rows.append((one.concentration_mol_l, share, found.value))
        self.entry["response"] = colour_kinetics.response(np.array(rows).reshape(-1, 3))

    def _part(self, paired: bool) -> dict[str, Any] | None:
        rows = []
        for n, one in enumerate(self.tests):
            clean = self.pairs[n][1]
            if not paired or clean is not None:
                rows.append((one, float(one.concentration_mol_l or 0.0), self.signal(n, paired)))
            if not paired and clean is not None:
                rows.append((one, 0.0, core.signal(self.frame, self.entry, clean)))
        if paired and sum(c == 0.0 for _, c, _ in rows) < BLANKS_LEAST:
            return None
        part, curve, data = _curve(self.strip, self.analyte, rows)
        self.curves["paired" if paired else "unpaired"] = curve
        self.data["paired" if paired else "unpaired"] = data
        return part

    def parts(self) -> None:
        """Limits with a clean pour beside the drink (None when too few such tests are there) and without."""
        self.entry["paired"] = self._part(True)
        self.entry["unpaired"] = self._part(False)

    def early(self) -> None:
        """How much of the colour due by then early readings had, over doses seen beside a clean pour."""
        paired = self.entry["paired"] is not None
        strong = [
            n
            for n, one in enumerate(self.tests)
            if (one.concentration_mol_l or 0.0) >= 0.5 * (self.analyte.dose_mol_l or 0.0)
            and one.concentration_mol_l
            and (self.pairs[n][1] is not None or not paired)
        ]
        shares = [found.early for n in strong if (found := self.signal(n, paired)).early_known]
        self.entry["early_share"] = _range(shares, EARLY_SLACK) if len(shares) >= SPIKED_LEAST else [-1e9, 1e9]

    def buffer(self) -> None:
        """What the buffer pad showed in the calibration's drinks: an answer is given inside this range only."""
        shares = [core.indicator(self.frame, pour, "buffer") for pour in _pours(self.pairs)]
        self.entry["buffer_share"] = _range(shares, 0.05)
        # A salt spends a sour drink's acid and lifts the pad's pH: what spiked pours did against their clean ones is
        # allowed, each way by itself.
        shifts = [
            core.indicator(self.frame, test, "buffer") - core.indicator(self.frame, clean, "buffer")
            for test, clean in self.pairs
            if clean is not None
        ]
        self.entry["buffer_shift"] = _range(shifts, SHIFT_SLACK) if shifts else [-SHIFT_SLACK, SHIFT_SLACK]


def _frame(strip: ColourStrip, tests: Sequence[RecordedColourTest], pours: Sequence[ColourTest]) -> dict[str, Any]:
    """What belongs to the whole strip: window, light, dry and wet pads, indicators."""
    channels = len(strip.channels)
    white = np.array([pour.dry("white", channels) for pour in pours])
    temperatures = [one.temperature_c for one in tests]
    frame: dict[str, Any] = {
        "channels": list(strip.channels),
        "window_s": list(strip.window_s),
        "pads": list(strip.pads),
        "paper_reflectance": strip.paper_reflectance,
        "reflectance_sd": REFLECTANCE_SD,
        "value_sd": VALUE_SD,
        "soak_sd": SOAK_SD,
        "ambient_most": AMBIENT_MOST,
        "white_least": (0.2 * white.min(axis=0)).tolist(),
        "white_most": (2.0 * white.max(axis=0)).tolist(),
        "temperature_c": [min(temperatures) - TEMPERATURE_SLACK_C, max(temperatures) + TEMPERATURE_SLACK_C],
        "dry_pads": {},
        "wet_most": 1e9,
    }
    for pad in strip.pads:
        dry = [pour.dry(pad, channels) for pour in pours]
        if pad == "white" or any(one is None for one in dry):
            continue
        shades = [
            np.mean([absorption(r) for r in reflectances(one, pour.dry("white", channels), strip.paper_reflectance)])
            for one, pour in zip(dry, pours, strict=True)
        ]
        frame["dry_pads"][pad] = [float(np.mean(shades)), max(0.03, 6.0 * float(np.std(shades)))]
    middle = 0.5 * sum(strip.window_s)
    wet = [
        float(np.mean(np.array(p.nearest("white", middle)[2])) / np.mean(w)) for p, w in zip(pours, white, strict=True)
    ]
    frame["wet_most"] = 0.5 * (1.0 + float(np.max(wet))) if max(wet) < 1.0 else 1e9
    frame["indicators"] = {pad: _indicator_ends(frame, pours, pad) for pad in REFERENCES[1:]}
    return frame


def _sound(
    strip: ColourStrip, tests: Sequence[RecordedColourTest]
) -> tuple[list[RecordedColourTest], list[Pair], list[tuple[str, str]]]:
    """(tests of known content that are measurements, as the core takes them, what was left out and why)."""
    open_limits: dict[str, Any] = {
        "channels": list(strip.channels),
        "window_s": list(strip.window_s),
        "pads": list(strip.pads),
        "paper_reflectance": strip.paper_reflectance,
        "ambient_most": AMBIENT_MOST,
        "white_least": [1e-9] * len(strip.channels),
        "white_most": [1e12] * len(strip.channels),
        "temperature_c": [-40.0, 80.0],
        "dry_pads": {},
        "wet_most": 1e9,
        "analytes": [],
    }
    used, pairs, excluded = [], [], []
    for one in tests:
        if one.concentration_mol_l is None:
            continue
        test, clean = one.for_detector(strip.channels)
        why = colour_quality.refusal(open_limits, test)
        if not why and clean is not None:
            why = colour_quality.refusal(open_limits, clean)
        if why:
            excluded.append((one.scan_id, str(why)))
        else:
            used.append(one)
            pairs.append((test, clean))
    return used, pairs, excluded


def _summary(entry: dict[str, Any]) -> dict[str, Any]:
    """LC, LD, LQ beside a clean pour (as the strip is used); `alone`: the same without one."""

    def row(part: dict[str, Any]) -> dict[str, Any]:
        return {"LC": part["lc_mol_l"], "LD": part["ld_mol_l"], "LQ": part["lq_mol_l"], "unit": "mol/L"}

    best = entry["paired"] or entry["unpaired"]
    return {**row(best), "paired": entry["paired"] is not None, "alone": row(entry["unpaired"])}


def calibrate(
    strip: ColourStrip,
    tests: Sequence[RecordedColourTest],
    expires: str,
    source: dict[str, Any],
    progress: Callable[[str], None] = lambda _: None,
) -> CalibratedColour:
    """The whole colour calibration; raises CalibrationRefused (analyte, reason) when the tests cannot carry it."""
    used, pairs, excluded = _sound(strip, tests)
    if not used:
        why = excluded[0][1] if excluded else "no test has a concentration"
        raise CalibrationRefused(strip.analytes[0].name, f"no usable test ({why})")
    pours = _pours(pairs)
    frame = _frame(strip, used, pours)
    out = CalibratedColour({}, excluded, used)
    entries = []
    for analyte in strip.analytes:
        progress(analyte.name)
        one = _Analyte(strip, analyte, frame, used, pairs)
        one.kinetics()
        one.response()
        one.parts()
        one.early()
        one.buffer()
        entries.append(one.entry)
        out.curves.update({(analyte.name, part): curve for part, curve in one.curves.items()})
        out.data.update({(analyte.name, part): data for part, data in one.data.items()})
    shifts = [
        core.indicator(frame, test, "ph") - core.indicator(frame, clean, "ph")
        for (test, clean), one in zip(pairs, used, strict=True)
        if clean is not None and one.concentration_mol_l == 0
    ]
    out.document = {
        "schema": SCHEMA,
        "strip": strip.name,
        "technique": "colour",
        "alpha": strip.alpha,
        "beta": strip.beta,
        "coverage": COVERAGE,
        "expiry": expires,
        "n": len(used),
        "lots": sorted({one.lot for one in used if one.lot}),
        "matrices": sorted({one.matrix for one in used if one.matrix}),
        "limits": {entry["name"]: _summary(entry) for entry in entries},
        "source": source,
        "excluded": [{"scan_id": scan_id, "reason": why} for scan_id, why in excluded],
        **frame,
        "ph_shift_most": max(0.1, 1.5 * float(np.quantile(shifts, 1.0 - TAIL))) if shifts else 1e9,
        "analytes": entries,
    }
    return out
