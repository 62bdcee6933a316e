"""Does this firmware work on this bracelet? Asked while it is on trial: only a bracelet that could test, judge, tell
and keep a record says yes. A generator of microseconds to wait; ends with "" or the reason why not.
"""

from firmware.bracelet.flash_ring import RingError
from firmware.drivers.errors import DriverError


def check(instrument, ring, texts: dict, signals):
    """ "" when healthy. Nothing here trusts a start without an error: each part has to do its work once."""
    try:
        yield from instrument.self_test()
        instrument.release()
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
    return instrument.refuses_nothing()
