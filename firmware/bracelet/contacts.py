"""How well the contacts conduct, for whoever maintains a bracelet: the AD5941's impedance of what is in the holder.

With the metal test piece that is the contact itself; with a wet strip the drink comes on top. First the reference
resistor on the board proves the way there. Loaded for one answer and let go (docs/adr/0290).
"""

from firmware.drivers.ad5941_impedance import measure
from firmware.drivers.errors import DriverError

FREQUENCY_HZ = 20_000  # the double layer of a strip is some 6 ohm then, and not in the real part
RCAL_OHM = 10_000  # R12 of the circuit
_TOLERANCE = 0.03  # a path that reads the known resistor worse than this tells nothing
SWITCH_SETTLE_US = 3_000
_SAID = {
    "open": "nothing conducts between the contacts: no strip, a dry one, or a contact that does not touch",
    "short": "less than 2 ohm: metal touches the springs themselves, and tells nothing of a contact",
    "saturated": "more current than can be measured: what is in the holder is no strip and no test piece",
}


def ask(hardware, dummy_ohm: float) -> tuple:
    """("contacts", {"line", "real", "imag", "frequency_hz"}), or ("fault", {"during", "reason"}) in words.

    "real" and "imag" are in ohm; `dummy_ohm` is the board's reference resistor (R14), which proves the way to the
    contacts. Takes 0.4 s and leaves the chip asleep.
    """
    khz = FREQUENCY_HZ // 1000
    words = {}
    try:
        reference_ohm, _ = _run(hardware, 1)
        if abs(reference_ohm - dummy_ohm) > _TOLERANCE * dummy_ohm:
            return _not_told("the reference resistor reads %d ohm at %d kHz" % (round(reference_ohm), khz))
        words = _SAID
        ohm, reactance_ohm = _run(hardware, 0)
    except DriverError as error:
        return _not_told(words.get(error.reason) or "%s: %s" % (error.fault, error))
    finally:
        hardware.dummy(0)
    line = "contact resistance %d ohm at %d kHz" % (round(ohm), khz)
    return "contacts", {"line": line, "real": ohm, "imag": reactance_ohm, "frequency_hz": FREQUENCY_HZ}


def _not_told(reason: str) -> tuple:
    return "fault", {"during": "contacts", "reason": reason}


def _run(hardware, dummy: int) -> tuple:
    """(real, imaginary) in ohm with the reference resistor (1) or the holder (0) on the front end."""
    clock = hardware.clock
    hardware.dummy(dummy)
    clock.sleep_us(SWITCH_SETTLE_US)
    steps = measure(hardware.afe, FREQUENCY_HZ, RCAL_OHM)
    while True:
        try:
            clock.sleep_us(next(steps))
        except StopIteration as end:
            return end.value
