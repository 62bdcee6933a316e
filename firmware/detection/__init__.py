"""The verdict core: one scan and one calibration file in, one verdict with its reason out; the same code on both sides.

How the bracelet uses it (MicroPython, 110 KB heap):

    import json
    from array import array
    from firmware.detection import Scan, steps

    with open("cal.json") as file:          # written by `waakzaam calibrate`
        calibration = json.load(file)
    scan = Scan(potential_v, forward_a, reverse_a, lot="L1", matrix="lager")   # three array('f')
    run = steps(calibration, scan, today="2026-11-24")   # a generator: each next() is a short piece of work
    verdict = None
    while verdict is None:
        verdict = next(run)                 # None until done; feed the watchdog, blink, listen between calls
    verdict.verdict, verdict.reason         # "positive", "peak of ketamine at 0.851 V above the decision limit"
    [one.to_dict() for one in verdict.analytes]   # the `analytes` of a field-test record

`evaluate(calibration, scan)` does the same in one call. Nothing here imports another package of ours, reads a clock or
calls a function of the maths library: only + - * / and square roots, so that two machines cannot disagree on a verdict.
"""

from firmware.detection.scan import POINTS_MIN, Scan, cut
from firmware.detection.verdict import INCONCLUSIVE, INVALID, NEGATIVE, POSITIVE, Verdict, invalid, together

SCHEMA = "waakzaam.calibration/1"

__all__ = (
    "INCONCLUSIVE",
    "INVALID",
    "NEGATIVE",
    "POSITIVE",
    "SCHEMA",
    "Scan",
    "Verdict",
    "evaluate",
    "expired",
    "steps",
)


def expired(calibration: dict, today: str):
    """Why a calibration is not valid any more on a day (ISO date, "" = not known), in words, or None."""
    expiry = calibration.get("expiry") or ""
    if today and expiry and today[:10] > expiry[:10]:
        return "the calibration expired on " + expiry[:10]
    return None


def steps(calibration: dict, scan: Scan, today: str = ""):
    """Generator: yields None after each short piece of work, then the Verdict.

    `today` is an ISO date: an expired calibration gives no verdict. Raises ValueError when the calibration is of
    another schema: that is the caller's fault, not the drink's.
    """
    # Imported when they are needed: a board that tests colour strips has no room for them, and the fit needs its own.
    from firmware.detection.peaks import fit_peaks
    from firmware.detection.quality import drifted, refusal

    if calibration.get("schema") != SCHEMA:
        raise ValueError("the calibration's schema is not " + SCHEMA)
    why = expired(calibration, today) or refusal(calibration["quality"], scan)
    yield None
    if why:
        yield invalid(why)
        return
    model = calibration["model"]
    sigma_a = model["sigma_a"] * model["sign"]
    potential, net = cut(scan, model["window_v"][0], model["window_v"][1], sigma_a)
    if len(potential) < POINTS_MIN:
        yield invalid("too few points in the fitted window: %d (at least %d)" % (len(potential), POINTS_MIN))
        return
    yield None
    fit = yield from fit_peaks(model, potential, net)
    why = drifted(model, fit)
    if why:
        yield invalid(why)
        return
    from firmware.detection.decision import decide

    verdicts = []
    for entry in calibration["analytes"]:
        yield None
        verdicts.append(decide(model, entry, fit, scan.lot, scan.matrix))
        del entry  # a board reads them one by one, and has room for one
    yield together(verdicts, fit)


def evaluate(calibration: dict, scan: Scan, today: str = "") -> Verdict:
    """The verdict on a scan, in one call."""
    for outcome in steps(calibration, scan, today):
        if outcome is not None:
            return outcome
    return invalid("the evaluation ended without a verdict")
