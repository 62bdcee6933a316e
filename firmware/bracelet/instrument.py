"""The measuring effects of a test on the AD5941: self-test, strip check, wetting, scan, decision. Generators.

Each ends with the event that moves the test on, or raises DriverError; the runner turns that into a fault event.
"""

from array import array

from firmware.bracelet.charge import require_charge
from firmware.bracelet.judging import beside_clean, said_by
from firmware.detection import INVALID, Scan, steps
from firmware.drivers import ad5941_registers as reg
from firmware.drivers.ad5941_convert import nominal_rtia_ohm
from firmware.drivers.ad5941_scan import Trace, plan_of, scan
from firmware.drivers.ad5941_selftest import DRY, PULSE_GAIN_CODE, PULSE_UV, WET, cell_state, require_sound, self_test
from firmware.drivers.errors import CellFault, ChipFault, DriverError

AVDD_V = 3.3
LOOK_EVERY_US = 400_000
WETTED_CHANGE_MAX = 0.15  # ASSUMED: two looks this alike mean that the drink has stopped creeping
INCUBATE_MS = 2_000  # ASSUMED: dry buffer dissolved; a strip's own figure replaces it ("incubate_ms")
SCAN_TRIES = 2
SELF_TEST_AGAIN_US = 100_000
RELAX_US = 2_000_000  # ASSUMED: diffusion brings fresh drink to the electrode before a second scan
WET_FACTOR_MAX = 3.0  # ASSUMED: a strip that conducts this much more or less after the scan is not the one before it
RANGE_STEP = 4  # a clipped scan is repeated once with a quarter of the resistance


class Instrument:
    """One analogue front end, one strip holder, one calibration. `dummy` is the pin of the reference resistor."""

    def __init__(self, afe, dummy, calibration: dict, config: dict, gauge=None, thermometer=None):
        self._gauge = gauge
        self._thermometer = thermometer
        self._afe = afe
        self._dummy = dummy
        self._calibration = calibration
        self._config = config
        self._trace: "Trace | None" = None
        self._clean: "Trace | None" = None
        self.temperature_c = None
        self.verdict = None
        self.evidence: dict = {}
        self._wet_a = 0.0
        self._dry_a: "float | None" = None

    def forget(self) -> None:
        """Drop the last test's data."""
        self._trace = None
        self._clean = None
        self.verdict = None
        self.evidence = {}

    def plan(self, divisor: int):
        """The scan of this strip, with the feedback resistor divided; BadRequest when the front end cannot do it."""
        strip = self._calibration if "waveform" in self._calibration else self._config
        rtia_ohm = self._config.get("rtia_ohm", 10_000)
        return plan_of(strip.get("waveform", {}), max(1_000, rtia_ohm // divisor))

    def self_test(self):
        """Prove cell and chip, measure the feedback resistors that this strip's scan may use."""
        require_charge(self._gauge)
        codes = [PULSE_GAIN_CODE]
        for divisor in (1, RANGE_STEP):
            code = self.plan(divisor).gain_code
            if code not in codes:
                codes.append(code)
        ohm = self._config.get("dummy_ohm", 10_000.0)
        try:
            self.evidence = yield from self_test(self._afe, self._dummy, ohm, codes)
        except DriverError as error:  # a disturbed transfer is no broken bracelet: once more, then it is
            if error.fault not in ("bus", "chip"):
                raise
            yield SELF_TEST_AGAIN_US
            self.evidence = yield from self_test(self._afe, self._dummy, ohm, codes)
        if self._thermometer is not None:
            self.temperature_c = yield from self._thermometer()
        return ("passed",)

    def check_strip(self, today: str):
        """Refuse an expired lot, a wet (used) strip and bridged contacts. `today` is an ISO date or ""."""
        expiry = self._config.get("strip_expiry") or self._calibration.get("expiry")
        if expiry and today and today > expiry[:10]:
            raise CellFault(reg.CHIP, "expired", expiry)
        state, early_a, late_a = yield from cell_state(self._afe)
        require_sound(state, late_a)
        if state != DRY:
            raise CellFault(reg.CHIP, "used", "%.3g A before any drink" % early_a)
        self._dry_a = abs(late_a)
        return ("ready",)

    def watch_wetting(self):
        """Look until the drink has come and stays the same; the state's own limit ends a wait that is too long."""
        before_a = 0.0
        while True:
            state, early_a, late_a = yield from cell_state(self._afe)
            require_sound(state, late_a)
            if state == WET and abs(early_a - before_a) <= WETTED_CHANGE_MAX * early_a:
                self._wet_a = early_a
                return ("wet",)
            before_a = early_a if state == WET else 0.0
            yield LOOK_EVERY_US

    def incubate(self):
        """Let the drink act on the strip."""
        yield self._config.get("incubate_ms", INCUBATE_MS) * 1000
        return ("due",)

    def measure(self):
        """One whole scan: repeated once after a bus or chip fault, once with less gain when clipped."""
        divisor = 1
        tries = SCAN_TRIES
        while True:
            plan = self.plan(divisor)
            trace = Trace(plan, self.evidence.get("supply_v", AVDD_V))
            try:
                yield from scan(self._afe, plan, trace)
            except DriverError as error:
                tries -= 1
                if tries <= 0 or error.fault not in ("bus", "chip"):
                    raise
                self._afe.start()
                yield RELAX_US
                continue
            if not trace.saturated:
                self._trace = trace
                return ("measured",)
            if divisor > 1:
                raise CellFault(reg.CHIP, "saturated", "%d of %d readings" % (trace.saturated, trace.filled))
            divisor = RANGE_STEP
            self._afe.start()
            yield RELAX_US

    def decide(self):
        """Judge the trace. The strip is looked at once more, so that one that fell out is not judged."""
        trace = self._trace
        if trace is None:
            raise CellFault(reg.CHIP, "no_trace", "nothing was measured")
        state, early_a, late_a = yield from cell_state(self._afe)
        require_sound(state, late_a)
        if state != WET:
            raise CellFault(reg.CHIP, "dry", "not wet any more after the scan")
        if not self._wet_a / WET_FACTOR_MAX <= early_a <= self._wet_a * WET_FACTOR_MAX:
            raise CellFault(reg.CHIP, "changed", "%.3g A before the scan, %.3g A after it" % (self._wet_a, early_a))
        outcome = yield from self._judge(trace)
        if self._clean is not None:
            outcome = beside_clean(outcome, (yield from self._judge(self._clean)))
        self.verdict = outcome
        return ("decided", outcome.verdict, outcome.reason)

    def keep_clean(self):
        """What was measured is the clean pour of the drink that comes next; it is judged beside it."""
        self._clean = self._trace
        self._trace = None
        yield 0
        return ("kept",)

    def trace(self) -> dict:
        """The `trace` members of a record."""
        if self._trace is None:
            return {}
        members = columns_of(self._trace)
        members["lot"] = self._config.get("strip_lot", "")
        if self._clean is not None:
            members["clean"] = columns_of(self._clean)
        return members

    def references(self) -> dict:
        """What this test read that does not depend on the drink, by the measures of `references.LIMITS`."""
        found = {}
        ohm = self._afe.rtia_ohm.get(PULSE_GAIN_CODE)
        if self.evidence and ohm:
            found["rtia"] = ohm / nominal_rtia_ohm(PULSE_GAIN_CODE)
        if self._dry_a is not None:
            found["leak_a"] = self._dry_a
        if self._wet_a > 0.0:
            found["contact_ohm"] = PULSE_UV / 1e6 / self._wet_a
        return found

    def refuses_nothing(self) -> str:
        """ "" when the core refuses a curve that is no measurement; why not, when it would judge it."""
        try:
            plan = self.plan(1)
            still_a = array("f", bytes(4 * plan.points))
            potential_v = array("f", [plan.potential_uv(point) / 1e6 for point in range(plan.points)])
            for outcome in steps(self._calibration, Scan(potential_v, still_a, still_a)):
                if outcome is not None:
                    return "" if outcome.verdict == INVALID else "detection: a dead strip is judged " + outcome.verdict
        except (DriverError, ValueError, KeyError) as error:
            return "calibration: %s %s" % (type(error).__name__, error)
        return "detection: no verdict"

    def _judge(self, trace: Trace):
        lot, drink = self._config.get("strip_lot", ""), self._config.get("drink_declared", "")
        judged = Scan(lot=lot, matrix=drink, **columns_of(trace))  # no name for the columns: heap is short from here on
        yield 0
        for outcome in steps(self._calibration, judged):
            if outcome is not None:
                return outcome
            yield 0
        raise ChipFault("firmware", "no_verdict", "the evaluation ended without one")

    def said(self) -> tuple:
        """What this strip has said, as `judging.of_all` takes it."""
        return said_by(self._calibration, self.verdict)

    def drop_calibration(self) -> None:
        """Another strip's calibration needs the memory; what was measured stays."""
        self._calibration = {}

    def release(self) -> None:
        """Open the cell and put the front end to rest."""
        self._afe.hold_reset()


class Column:
    """One column of a trace, single precision, worked out value by value: three arrays would take 4 KB."""

    _one = array("f", [0.0])  # of all columns: a value is read as soon as it is there

    def __init__(self, value_of, points: int):
        self._value_of = value_of
        self._points = points

    def __len__(self) -> int:
        return self._points

    def __getitem__(self, point):
        if isinstance(point, slice):
            return array("f", [self[one] for one in range(point.start, point.stop)])
        if point < 0:
            point += self._points
        if point >= self._points:
            raise IndexError(point)
        self._one[0] = self._value_of(point)
        return self._one[0]


def columns_of(trace: Trace) -> dict:
    """potential_v, forward_a and reverse_a of a trace, and how it was run: amplitude_v and frequency_hz."""
    points = trace.plan.points
    return {
        "amplitude_v": trace.plan.amplitude_uv / 1e6,
        "frequency_hz": trace.plan.frequency_mhz / 1e3,
        "potential_v": Column(trace.potential_v, points),
        "forward_a": Column(trace.forward_a, points),
        "reverse_a": Column(trace.reverse_a, points),
    }
