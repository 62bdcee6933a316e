"""The measuring effects of a colour strip on the AS7341: pads lit one by one, dry, early, in their window.

Generators: the same effects as `instrument.Instrument`, each ending with the event that moves the test on
or raising DriverError.
"""

from array import array

from firmware.bracelet.charge import require_charge
from firmware.bracelet.judging import colour_test_of, said_by
from firmware.detection.verdict import INVALID
from firmware.drivers.errors import CellFault, ChipFault

CHIP = "AS7341"
# Counts are comparable with the calibration's only with its settings: 64x, 50.04 ms, 12 mA.
ATIME, ASTEP, GAIN_CODE, LAMP_MA = 29, 599, 7, 12
LAMP_SETTLE_US = 2_000
LAMPS = 8
NO_PAD_PART = 0.2  # ASSUMED: of the darkest white pad; what strays from a lamp that is not there
LOOK_EVERY_US = 400_000
WAIT_US_MAX = 5_000_000
LOOKS_WET = 2
EARLY_S = (60, 180, 300)  # readings before the window: they show whether the colour came as the drug brings it
AFTER_WINDOW_S = 10  # read this long after the window opens


class ColourInstrument:
    """One spectrometer, one pad selector (`select(number)`), one colour calibration. `thermometer` may be None."""

    def __init__(self, spectrometer, select, clock, calibration: dict, config: dict, gauge=None, thermometer=None):
        self._sensor = spectrometer
        self._select = select
        self._clock = clock
        self._calibration = calibration
        self._config = config
        self._gauge = gauge
        self._thermometer = thermometer
        self._wet_ms = None
        self._dry_white = 0.0
        self._references: dict = {}
        self._readings: list = []
        self._clean: "list | None" = None
        self.temperature_c = None
        self.verdict = None

    def forget(self) -> None:
        """Drop the last test's data."""
        self._readings = []
        self._clean = None
        self._wet_ms = None
        self.verdict = None

    # --- effects ------------------------------------------------------------------------------------------------------

    def self_test(self):
        """Charge, identity, both SMUX maps proved, darkness measured with the lamp off; the temperature."""
        require_charge(self._gauge)
        yield from self._sensor.start()
        self._sensor.settings(ATIME, ASTEP, GAIN_CODE)
        self._sensor.lamp(0)
        yield from self._sensor.measure()
        if self._thermometer is not None:
            self.temperature_c = yield from self._thermometer()
        return ("passed",)

    def check_strip(self, today: str):
        """Refuse an expired lot; read every pad dry, and refuse a dark window and pads that are coloured already."""
        expiry = self._config.get("colour_expiry") or self._calibration.get("expiry")
        if expiry and today and today > expiry[:10]:
            raise CellFault(CHIP, "expired", expiry)
        self._readings = []
        self._wet_ms = None
        for number in range(len(self._calibration["pads"])):
            yield from self._read(number)
        yield from self._prove_selector()
        white = self._mean(0)
        least = self._calibration["white_least"]
        if white < sum(least) / len(least):
            raise CellFault(CHIP, "dark", "white pad %.0f counts" % white)
        self._dry_white = white
        self._references = self._of_white()
        from firmware.detection.colour_quality import coloured_before

        if coloured_before(self._calibration, self._test(self._readings)):
            raise CellFault(CHIP, "used", "pads are coloured before any drink")
        return ("ready",)

    def _prove_selector(self):
        """Lamps over no pad must light nothing: else a line of the selector sticks and pads are taken for others."""
        first = len(self._calibration["pads"])
        white = sum(self._calibration["white_least"]) / len(self._calibration["white_least"])
        for number in range(first, LAMPS):
            counts, _, _ = yield from self._lit(number)
            if sum(counts) / len(counts) > NO_PAD_PART * white:
                raise ChipFault("selector", "stuck", "lamp %d of no pad lights one" % number)

    def watch_wetting(self):
        """Look at the white pad until the drink has darkened it; the state's own limit ends a wait that is too long."""
        wet = 0
        number = self._calibration["pads"].index("white")
        while True:
            counts, _, _ = yield from self._lit(number)
            wet = wet + 1 if sum(counts) / len(counts) <= self._calibration["wet_most"] * self._dry_white else 0
            if wet == 1:
                self._wet_ms = self._clock.ticks_ms()
            if wet >= LOOKS_WET:
                return ("wet",)
            yield LOOK_EVERY_US

    def incubate(self):
        """Let the colour come: early readings, then wait for the window."""
        first_s = self._calibration["window_s"][0]
        for due_s in EARLY_S:
            if due_s < first_s:
                yield from self._wait_until(due_s)
                yield from self._read_all()
        yield from self._wait_until(first_s + AFTER_WINDOW_S)
        return ("due",)

    def measure(self):
        """Every pad once, inside the window; later than that is for the core to refuse."""
        yield from self._read_all()
        yield from self._prove_selector()
        return ("measured",)

    def keep_clean(self):
        """What was measured is the clean pour of the drink that comes next."""
        self._clean = self._readings
        self._readings = []
        self._wet_ms = None
        yield 0
        return ("kept",)

    def decide(self):
        """Judge the readings, beside the clean pour when there is one."""
        clean = None
        if self._clean is not None:
            clean = self._test(self._clean)
        else:
            for entry in self._calibration["analytes"]:
                entry["paired"] = None  # no test without a clean pour needs it, and memory is short
        from firmware.detection.colour import colour_steps

        for outcome in colour_steps(self._calibration, self._test(self._readings), clean):
            if outcome is not None:
                self.verdict = outcome
                return ("decided", outcome.verdict, outcome.reason)
            yield 0
        raise ChipFault("firmware", "no_verdict", "the evaluation ended without one")

    def said(self) -> tuple:
        """What this strip has said, as `judging.of_all` takes it."""
        return said_by(self._calibration, self.verdict)

    def drop_calibration(self) -> None:
        """Another strip's calibration needs the memory; what was measured stays."""
        self._calibration = {"pads": self._calibration["pads"]}

    def release(self) -> None:
        """Lamp off, sensor at rest."""
        self._sensor.lamp(0)
        self._sensor.sleep()

    def trace(self) -> dict:
        """The `trace` members of a record."""
        if not self._readings:
            return {}
        colour = {
            "pads": self._calibration["pads"],
            "lot": self._config.get("colour_lot", ""),
            "temperature_c": self.temperature_c,
            "readings": self._readings,
        }
        if self._clean is not None:
            colour["clean"] = self._clean
        return {"colour": colour}

    def references(self) -> dict:
        """What the dry white pad showed, by the measures of `references.LIMITS`."""
        return self._references

    def _of_white(self) -> dict:
        for number, _, saturated, lit, unlit in self._readings:
            if number == self._calibration["pads"].index("white") and not saturated:
                net = [lit[k] - unlit[k] for k in range(len(lit))]
                half = len(net) // 2
                return {
                    "white": sum(net) / len(net),
                    "tilt": sum(net[:half]) / max(1, sum(net[half:])),
                    "dark": sum(unlit) / max(1, sum(lit)),
                }
        return {}

    def refuses_nothing(self) -> str:
        """ "" when the core refuses a strip that was never read; why not, when it would judge it."""
        from firmware.detection.colour import colour_steps

        try:
            for outcome in colour_steps(self._calibration, self._test([])):
                if outcome is not None:
                    return "" if outcome.verdict == INVALID else "detection: no strip is judged " + outcome.verdict
        except (ValueError, KeyError) as error:
            return "calibration: %s %s" % (type(error).__name__, error)
        return "detection: no verdict"

    # --- inside -------------------------------------------------------------------------------------------------------

    def _seconds(self) -> int:
        if self._wet_ms is None:
            return 0
        return max(1, (self._clock.ticks_diff(self._clock.ticks_ms(), self._wet_ms) + 500) // 1000)

    def _wait_until(self, due_s: int):
        while self._seconds() < due_s:  # long pauses: the runner looks at its inputs less often, for the battery
            yield min(WAIT_US_MAX, max(LOOK_EVERY_US, (due_s - self._seconds()) * 1_000_000))

    def _lit(self, number: int):
        """(net counts, unlit, saturated) of a pad (generator): lamp off, then on; off again however it ends."""
        channels = len(self._calibration["channels"])
        self._select(number)
        try:
            unlit = yield from self._sensor.measure()
            self._sensor.lamp(LAMP_MA)
            yield LAMP_SETTLE_US
            lit = yield from self._sensor.measure()
        finally:
            self._sensor.lamp(0)
        net = [lit.counts[k] - unlit.counts[k] for k in range(channels)]
        return net, (lit.counts, unlit.counts), lit.saturated or unlit.saturated

    def _read(self, number: int):
        channels = len(self._calibration["channels"])
        _, (lit, unlit), saturated = yield from self._lit(number)
        self._readings.append(
            (number, self._seconds(), int(saturated), array("H", lit[:channels]), array("H", unlit[:channels]))
        )

    def _read_all(self):
        for number in range(len(self._calibration["pads"])):
            yield from self._read(number)

    def _mean(self, number: int) -> float:
        for one in self._readings:
            if one[0] == number:
                return (sum(one[3]) - sum(one[4])) / len(one[3])
        return 0.0

    def _test(self, readings: list):
        return colour_test_of(
            readings,
            self._calibration["pads"],
            self._config.get("colour_lot", ""),
            self._config.get("drink_declared", ""),
            self.temperature_c,
        )
