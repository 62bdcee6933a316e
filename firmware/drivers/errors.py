"""What can go wrong at a chip, and whose fault it is.

`fault` is one of FAULTS: "bus" (wires, stuck or corrupted transfers), "chip" (not the part, or not doing what it must),
"supply" (voltage outside the part's range), "cell" (the strip or its contacts), "caller" (a request the part cannot
do). `reason` is a short word that goes into the record; the other attributes carry the facts.
"""

FAULTS = ("bus", "chip", "supply", "cell", "caller")


class DriverError(Exception):
    """Root of everything a driver raises."""

    fault = "chip"

    def __init__(self, chip: str, reason: str, detail: str = ""):
        super().__init__("%s: %s%s" % (chip, reason, " (" + detail + ")" if detail else ""))
        self.chip = chip
        self.reason = reason
        self.detail = detail


class BusFault(DriverError):
    """The transfer itself cannot be trusted: no acknowledgement, a stuck line, a value that did not arrive."""

    fault = "bus"


class WrongChip(DriverError):
    """Something answers, but it is not the part this driver is for."""

    fault = "chip"

    def __init__(self, chip: str, register: str, expected: int, got: int):
        super().__init__(chip, "wrong_chip", "%s is 0x%04X, not 0x%04X" % (register, got, expected))
        self.register = register
        self.expected = expected
        self.got = got


class NoAnswer(DriverError):
    """The part did not finish in its time: every wait has a limit."""

    fault = "chip"

    def __init__(self, chip: str, waiting_for: str, waited_us: int):
        super().__init__(chip, "no_answer", "%s after %d us" % (waiting_for, waited_us))
        self.waiting_for = waiting_for
        self.waited_us = waited_us


class ChipFault(DriverError):
    """The part answers, but what it did is not what was asked (a self-check failed)."""

    fault = "chip"


class SupplyFault(DriverError):
    """The supply is outside the part's range."""

    fault = "supply"


class CellFault(DriverError):
    """The strip or its contacts: dry, open, short, saturated."""

    fault = "cell"


class BadRequest(DriverError):
    """The caller asked for something outside the part's range."""

    fault = "caller"
