"""Does this firmware work on this bracelet? Asked while it is on trial: only a bracelet that could test, judge, tell
and keep a record says yes. A generator of microseconds to wait; ends with "" or the reason why not.
"""

from array import array

from firmware.bracelet.flash_ring import RingError
from firmware.drivers.errors import DriverError

POINTS = 40


def check(instrument, calibration: dict, ring, texts: dict, signals):
    """ "" when healthy. Nothing here trusts a start without an error: each part has to do its work once."""
    try:
        yield from instrument.self_test()
        instrument.release()
        instrument.plan(1)
    except DriverError as error:
        return "%s: %s" % (error.fault, error)
    try:
        ring.last_sha256()
    except (RingError, OSError, ValueError) as error:
        return "records: %s" % error
    for word in ("positive", "inconclusive", "invalid", "negative", "do.suspect", "do.invalid", "do.negative"):
        if not texts.get(word):
            return "texts: no %s" % word
    if not signals.works():
        return "telling: the motor does not answer, and a dark LED cannot be told from a working one"
    yield 0
    return judges(calibration)


def judges(calibration: dict) -> str:
    """ "" when the core refuses a curve that is no measurement; a core that calls it negative must never run."""
    from firmware.detection import INVALID, Scan, steps

    low, high = calibration["quality"]["window_v"]
    step = (high - low + 0.4) / POINTS
    potential_v = array("f", [low - 0.2 + step * k for k in range(POINTS)])
    still_a = array("f", bytes(4 * POINTS))
    try:
        for outcome in steps(calibration, Scan(potential_v, still_a, still_a)):
            if outcome is not None:
                return "" if outcome.verdict == INVALID else "detection: a dead strip is judged %s" % outcome.verdict
    except (ValueError, KeyError) as error:
        return "calibration: %s %s" % (type(error).__name__, error)
    return "detection: no verdict"
