"""The verdict on a colour test: pads beside a clean pour, kinetics with temperature, pH; the same code on both sides.

How the bracelet uses it (MicroPython, 110 KB heap):

    from firmware.detection.colour import ColourTest, colour_steps

    test = ColourTest(lot="C1", matrix="lager", temperature_c=21.5)
    test.add("white", 0.0, lit, unlit)            # the dry strip first: every pad once at time 0 or before
    test.add("GHB", 60.0, lit, unlit, saturated)  # then wet: each pad at some times, at least once inside the window
    run = colour_steps(calibration, test, clean)  # clean: a ColourTest of a clean pour of the same drink, or None
    verdict = None
    while verdict is None:
        verdict = next(run)                       # None until done, as firmware.detection.steps
    verdict.verdict, verdict.reason               # a Verdict, as for a voltammetric scan

`lit` and `unlit` are counts of the calibration's "channels" (F1..F8), lamp on and off, all with one gain and one
integration time, or divided by both. The calibration is that of `waakzaam calibrate` with technique "colour";
calibration["window_s"] = [first, last] says when the pads are read, calibration["pads"] which ones.
`evaluate_colour(calibration, test, clean)` does the same in one call. No function of the maths library is used.
"""

from firmware.detection.colour_quality import refusal
from firmware.detection.colour_signal import Signal, indicator, signal
from firmware.detection.colour_test import ColourTest
from firmware.detection.decision import interpolate
from firmware.detection.verdict import INCONCLUSIVE, NEGATIVE, POSITIVE, AnalyteVerdict, Verdict, invalid, together

SCHEMA = "waakzaam.colour_calibration/1"
EARLY_DEVIATIONS = 3.0  # a share of early colour this far beyond what was calibrated is another reaction's

__all__ = ("SCHEMA", "ColourTest", "colour_steps", "evaluate_colour")


def widening(part: dict, found: Signal) -> float:
    """This test's standard deviation relative to a usual blank's: a dark drink leaves less certain."""
    own = found.sd / part["own_sd"]
    leak = part["leak"] * found.drink / part["noise"]
    return (own * own + leak * leak) ** 0.5


def _normalised(part: dict, value: float, test: ColourTest) -> tuple:
    """(signal without the lot's and drink's offset, their gain, True when the calibration knows both)."""
    known = True
    gain = 1.0
    for table, name in ((part["lots"], test.lot), (part["matrices"], test.matrix)):
        if name in table:
            value -= table[name][0]
            gain *= table[name][1]
        elif table:
            known = False
    return value, gain, known


def _read(part: dict, found: Signal, test: ColourTest) -> tuple:
    """(detected, concentration or None, low, high or None) of a signal by one part (paired, unpaired) of an entry."""
    u, gain, known = _normalised(part, found.value, test)
    limit = part["lc_signal"] if known else part["lc_signal_unknown_lot"]
    centre = part["blank_signal"]
    widen = max(widening(part, found), 0.5)
    level = centre + (u - centre) / gain
    table = part["table"]
    extra = max(widen * widen - 1.0, 0.0) ** 0.5 * part["t_interval"] * part["noise"] / gain
    c = interpolate(table["signal"], table["concentration"], level)
    low = interpolate(table["signal"], table["low"], level - extra)
    high = interpolate(table["signal"], table["high"], level + extra)
    between = 0.0 if known else part["unseen_gain"] * c
    above = level > table["signal"][-1]
    unbounded = above or level + extra > table["bounded_signal"]
    detected = u > centre + (limit - centre) * max(widen, 1.0)
    return (
        detected,
        None if above else max(0.0, c),
        max(0.0, min(low, c) - between),
        None if unbounded else max(0.0, high) + between,
    )


def _ph_doubt(calibration: dict, entry: dict, test: ColourTest, clean, detected: bool):
    """Why the pH forbids an answer of this pad, in words, or None."""
    name = entry["name"]
    if entry["ph_only"]:
        if detected:
            return "the %s pad shows a basic drink, not %s: pH explains the colour" % (entry["pad"], name)
        return None
    share = indicator(calibration, test, "buffer")
    low, high = entry["buffer_share"]
    if share < low:
        return "the drink is too sour for the pad's buffer: the %s pad cannot answer" % name
    if share > high:
        if detected:
            return "the drink is more basic than the pad's buffer holds: pH explains the colour, %s need not" % name
        return "the drink is more basic than the pad's buffer holds: the %s pad cannot answer" % name
    if clean is None:
        return None
    shift = share - indicator(calibration, clean, "buffer")
    if detected and not entry["buffer_shift"][0] <= shift <= entry["buffer_shift"][1]:
        return "the pads' pH differs between the two pours: it explains the colour, %s need not" % name
    if not detected and entry["basic_salt"]:
        shift = indicator(calibration, test, "ph") - indicator(calibration, clean, "ph")
        if shift > calibration["ph_shift_most"]:
            return "the drink is more basic than its clean pour, as a salt of %s makes it" % name
    return None


def _undetected(entry: dict, part: dict, found: Signal, high, paired: bool) -> tuple:
    """(verdict, reason) of a pad that shows no colour beyond the limit."""
    dose = entry["dose_mol_l"]
    hint = "" if paired else ": test a clean pour beside it"
    if dose and (high is None or high >= dose):
        if widening(part, found) > 1.5 and found.drink > 0.1:
            return INCONCLUSIVE, "the drink's own colour hides the %s pad%s" % (entry["name"], hint)
        return INCONCLUSIVE, "an incapacitating dose of %s cannot be excluded%s" % (entry["name"], hint)
    if not dose and widening(part, found) > part["widen_most"]:
        return INCONCLUSIVE, "the drink's own colour hides the %s pad%s" % (entry["name"], hint)
    return NEGATIVE, "the %s pad shows no colour beyond the decision limit" % entry["name"]


def _in_time(entry: dict, found: Signal) -> bool:
    """Whether early readings had the colour that the drug's kinetics bring by then, as far as they can tell."""
    low, high = entry["early_share"]
    slack = EARLY_DEVIATIONS * found.early_sd
    return low - slack <= found.early <= high + slack


def _one(calibration: dict, entry: dict, test: ColourTest, clean) -> AnalyteVerdict:
    out = AnalyteVerdict(entry["name"], INCONCLUSIVE, "")
    paired = clean is not None and entry["paired"] is not None
    part = entry["paired"] if paired else entry["unpaired"]
    if part["not_testable"]:
        out.reason = "not testable: " + part["not_testable"]
        return out
    found = signal(calibration, entry, test, clean if paired else None)
    out.signal = found.value
    if found.developed < entry["extent_least"]:
        out.reason = "too cold or too soon: %d %% of the %s pad's colour has come" % (
            100 * found.developed,
            entry["name"],
        )
        return out
    detected, c, low, high = _read(part, found, test)
    out.concentration_mol_l = c
    out.ci_low = low
    out.ci_high = high
    why = _ph_doubt(calibration, entry, test, clean if paired else None, detected)
    if why:
        out.reason = why
        return out
    if paired and not detected and entry["dose_mol_l"]:
        beside = _read(entry["unpaired"], signal(calibration, entry, clean), clean)
        if beside[0] and (beside[3] is None or beside[3] >= entry["dose_mol_l"]):
            out.reason = (
                "the clean pour colours the %s pad as well: it is spiked too, or cannot be tested" % entry["name"]
            )
            return out
    if not detected:
        out.verdict, out.reason = _undetected(entry, part, found, high, paired)
        return out
    if found.early_known and not _in_time(entry, found):
        out.reason = "the colour did not come as %s brings it: %.1f times what its kinetics allow by then" % (
            entry["name"],
            found.early,
        )
        return out
    out.verdict = POSITIVE
    if c is None:
        out.reason = "%s above the calibrated range (at least %.2g mol/L)" % (entry["name"], low)
    else:
        out.reason = "the %s pad coloured beyond the decision limit%s" % (
            entry["name"],
            ", the clean pour did not" if paired else "",
        )
    return out


def colour_steps(calibration: dict, test: ColourTest, clean=None):
    """Generator: yields None after each short piece of work, then the Verdict.

    Raises ValueError when the calibration is of another schema: that is the caller's fault, not the drink's.
    """
    if calibration.get("schema") != SCHEMA:
        raise ValueError("the calibration's schema is not " + SCHEMA)
    why = refusal(calibration, test)
    yield None
    if not why and clean is not None:
        why = refusal(calibration, clean)
        if why:
            why = "clean pour: " + why
        yield None
    if why:
        yield invalid(why)
        return
    found = []
    for entry in calibration["analytes"]:
        found.append(_one(calibration, entry, test, clean))
        yield None
    yield together(found)


def evaluate_colour(calibration: dict, test: ColourTest, clean=None) -> Verdict:
    """The verdict on a colour test, in one call."""
    for outcome in colour_steps(calibration, test, clean):
        if outcome is not None:
            return outcome
    return invalid("the evaluation ended without a verdict")
