"""Which strips a test takes, one after the other, and the instrument that reads each; one calibration at a time."""

import gc
import sys

from firmware.bracelet.judging import COLOUR_SCHEMA
from firmware.bracelet.settings import of_strip
from firmware.detection import SCHEMA

# What only one kind of strip needs. A test of several strips loads them anew for each, for the memory.
OF_ONE_KIND = {
    "firmware.bracelet": ("instrument", "colour_instrument"),
    "firmware.drivers": ("ad5941_scan", "ad5941_selftest", "as7341"),
    "firmware.detection": (
        "peaks",
        "orthogonal",
        "template",
        "quality",
        "waveform",
        "internal_standard",
        "decision",
        "guarantee",
        "colour",
        "colour_quality",
        "colour_signal",
        "colour_test",
        "kinetics",
    ),
}


def forget(package: str, name: str) -> None:
    """Let go of a module that is needed once, for the memory."""
    sys.modules.pop(package + "." + name, None)
    if hasattr(sys.modules.get(package), name):
        delattr(sys.modules[package], name)


def make_room_to_judge() -> None:
    """Let go of what a judgement does not need: the peak fit is the worst moment of a test for the memory."""
    forget("firmware.bracelet", "table")
    forget("firmware.bracelet", "set_aside")


class Analytes:
    """The analytes of a voltammetric calibration, each read from its file when it is its turn.

    They are needed after the peak fit only, and the fit's arrays and they have no room beside each other.
    """

    def __init__(self, opener, path: str, drink: str):
        self._open = opener
        self._path = path
        self._drink = drink

    def __iter__(self):
        from firmware.bracelet import calibration_file

        try:
            yield from calibration_file.analytes(self._open, self._path, self._drink)
        finally:
            forget("firmware.bracelet", "calibration_file")


class Strips:
    """`paths` are calibration files in the order of the test; `parts` has afe, dummy, clock, gauge, thermometer,
    spectrometer() and select_pad()."""

    def __init__(self, opener, paths: list, config: dict, parts):
        self._open = opener
        self.paths = paths
        self._config = config
        self._parts = parts
        self.count = len(paths)

    def instrument(self, number: int):
        """The instrument of strip `number`; drop the one before first. BadSettings when its file cannot be used."""
        if self.count > 1:
            for package, names in OF_ONE_KIND.items():
                for name in names:
                    forget(package, name)
        gc.collect()
        path = self.paths[number]
        config = of_strip(self._config, path)
        from firmware.bracelet import calibration_file

        drink = config["drink_declared"]
        document = calibration_file.read(self._open, path, drink, SCHEMA)
        if document.get("schema") == SCHEMA:
            document["analytes"] = Analytes(self._open, path, drink)
        del calibration_file
        forget("firmware.bracelet", "calibration_file")
        parts = self._parts
        if document.get("schema") == COLOUR_SCHEMA:
            from firmware.bracelet.colour_instrument import ColourInstrument

            return ColourInstrument(
                parts.spectrometer(),
                parts.select_pad,
                parts.clock,
                document,
                config,
                parts.gauge,
                parts.thermometer,
            )
        from firmware.bracelet.instrument import Instrument

        return Instrument(parts.afe, parts.dummy, document, config, parts.gauge, parts.thermometer)
