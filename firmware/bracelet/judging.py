"""From what was measured to one verdict: a clean pour beside the drink, several strips, and a sealed record again.

The bracelet and `waakzaam verify` call the same functions, so that a record judges again to what it says. Pure.
"""

from array import array

from firmware.detection.verdict import INCONCLUSIVE, INVALID, NEGATIVE, POSITIVE, Verdict

STATED = ("amplitude_v", "frequency_hz")  # members of a trace that say how it was run
COLOUR_SCHEMA = "waakzaam.colour_calibration/1"


def beside_clean(drink, clean) -> Verdict:
    """The drink's verdict with the verdict on its clean pour beside it; never turns a doubt into "negative"."""
    if drink.verdict == INVALID:
        return drink
    if clean.verdict == INVALID:
        return Verdict(INVALID, "clean pour: " + clean.reason, [])
    if clean.verdict == NEGATIVE or drink.verdict == INCONCLUSIVE:
        return drink
    analytes = []
    for one, other in zip(drink.analytes, clean.analytes):  # noqa: B905  MicroPython's zip has no `strict`
        if one.verdict in (POSITIVE, NEGATIVE) and other.verdict != NEGATIVE:
            one.verdict = INCONCLUSIVE
            one.reason = (
                "the clean pour reads %s as well: it is spiked too, or this drink cannot be tested" % one.analyte
            )
        analytes.append(one)
    from firmware.detection.verdict import together

    return together(analytes)


def said_by(calibration: dict, verdict) -> tuple:
    """(strip's name, its verdict, the drugs that it looks for), as several strips' answers are brought together."""
    drugs = [one.analyte for one in verdict.analytes] or [entry["name"] for entry in calibration["analytes"]]
    return calibration.get("strip", ""), verdict, drugs


def of_all(found: list) -> Verdict:
    """One verdict from `said_by` of each strip dipped in one drink, in their order."""
    for _, verdict, _ in found:  # a strip that gave no measurement leaves its drugs untested: the whole test failed
        if verdict.verdict == INVALID:
            return Verdict(INVALID, verdict.reason, [])
    if len(found) == 1:
        return found[0][1]
    from firmware.detection.fusion import fuse

    return fuse(found)


def ends_here(verdict, left: int) -> bool:
    """Whether a strip's verdict ends the test, with so many strips left: a find or a failure is told at once."""
    return left <= 0 or verdict.verdict in (POSITIVE, INVALID)


# --- a record again ---------------------------------------------------------------------------------------------------


def columns_of(trace: dict) -> tuple:
    """(potential_v, forward_a, reverse_a) of a voltammetric trace, single precision."""
    return array("f", trace["potential_v"]), array("f", trace["forward_a"]), array("f", trace["reverse_a"])


def kept_beside(members: dict, more: dict, number: int) -> None:
    """Add the trace of strip `number` to those of the strips before it: `strip_N` when one of them has its names."""
    for name in more:
        if name in members:
            members["strip_%d" % number] = more
            return
    members.update(more)


def judge_scan(calibration: dict, trace: dict, lot: str, drink: str) -> Verdict:
    """The verdict on a record's voltammetric trace, its clean pour beside it when there is one."""
    lot = trace.get("lot", lot)
    from firmware.detection import Scan, evaluate

    def one(part):
        potential_v, forward_a, reverse_a = columns_of(part)
        stated = {name: part[name] for name in STATED if name in part}
        return evaluate(calibration, Scan(potential_v, forward_a, reverse_a, lot=lot, matrix=drink, **stated))

    found = one(trace)
    return beside_clean(found, one(trace["clean"])) if "clean" in trace else found


def colour_test_of(readings: list, pads: list, lot: str, drink: str, temperature_c):
    """A ColourTest from a record's readings: [pad number, seconds, saturated, lit counts, unlit counts] each."""
    from firmware.detection.colour_test import ColourTest

    test = ColourTest(lot=lot, matrix=drink, temperature_c=temperature_c)
    for number, time_s, saturated, lit, unlit in readings:
        test.add(pads[number], float(time_s), lit, unlit, bool(saturated))
    return test


def judge_colour(calibration: dict, colour: dict, drink: str) -> Verdict:
    """The verdict on a record's colour readings."""
    from firmware.detection.colour import evaluate_colour

    def one(readings):
        return colour_test_of(readings, colour["pads"], colour["lot"], drink, colour["temperature_c"])

    clean = one(colour["clean"]) if "clean" in colour else None
    return evaluate_colour(calibration, one(colour["readings"]), clean)


def judged_again(calibrations: list, fields: dict):
    """The verdict on a sealed record's traces with the calibrations of its strips in their order.

    None when there is no trace, or one is not of the strip whose turn it was. A test may end before its last strip.
    """
    trace = fields.get("trace") or {}
    drink = fields.get("drink_declared") or ""
    plain = [name for name in ("potential_v", "colour") if name in trace]
    left = len(plain) + len([name for name in trace if name.startswith("strip_")])
    found = []
    for i in range(min(left, len(calibrations))):
        calibration = calibrations[i]
        name = "colour" if calibration["schema"] == COLOUR_SCHEMA else "potential_v"
        part = trace.get("strip_%d" % (i + 1))
        if part is None and name in plain:
            plain.remove(name)
            part = trace
        if part is None or name not in part:
            return None
        if name == "colour":
            verdict = judge_colour(calibration, part["colour"], drink)
        else:
            verdict = judge_scan(calibration, part, fields.get("strip_lot") or "", drink)
        found.append(said_by(calibration, verdict))
    return of_all(found) if found and len(found) == left else None
