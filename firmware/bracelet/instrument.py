"""The measuring effects of a test on the AD5941: self-test, strip check, wetting, scan, decision. Generators.

Each ends with the event that moves the test on, or raises DriverError; the runner turns that into a fault event.
"""

from array import array

from firmware.detection import Scan, steps
from firmware.drivers import ad5941_registers as reg
from firmware.drivers.ad5941_scan import Trace, plan_of, scan
from firmware.drivers.ad5941_selftest import DRY, PULSE_GAIN_CODE, WET, cell_state, require_sound, self_test
from firmware.drivers.errors import CellFault, ChipFault, DriverError, SupplyFault

AVDD_V = 3.3
LOOK_EVERY_US = 400_000
WETTED_CHANGE_MAX = 0.15  # ASSUMED: two looks this alike mean that the drink has stopped creeping
INCUBATE_MS = 2_000  # ASSUMED: dry buffer dissolved; a strip's own figure replaces it ("incubate_ms")
SCAN_TRIES = 2
CHARGE_MIN_PERCENT = 5  # ASSUMED: a test takes well under 1 %; below this the gauge itself is not sure of the rest
CELL_MIN_MV = 3_400  # ASSUMED: regulator drop-out at 3.3 V
RELAX_US = 2_000_000  # ASSUMED: diffusion brings fresh drink to the electrode before a second scan
WET_FACTOR_MAX = 3.0  # ASSUMED: a strip that conducts this much more or less after the scan is not the one before it
RANGE_STEP = 4  # a clipped scan is repeated once with a quarter of the resistance


class Instrument:
    """One analogue front end, one strip holder, one calibration. `dummy` is the pin of the reference resistor."""

    def __init__(self, afe, dummy, calibration: dict, config: dict, gauge=None):
        self._gauge = gauge
        self._afe = afe
        self._dummy = dummy
        self._calibration = calibration
        self._config = config
        self.trace: "Trace | None" = None
        self.verdict = None
        self.evidence: dict = {}
        self._wet_a = 0.0

    def forget(self) -> None:
        """Drop the last test's data."""
        self.trace = None
        self.verdict = None
        self.evidence = {}

    def plan(self, divisor: int):
        """The scan of this strip, with the feedback resistor divided; BadRequest when the front end cannot do it."""
        strip = self._calibration if "waveform" in self._calibration else self._config
        rtia_ohm = self._config.get("rtia_ohm", 10_000)
        return plan_of(strip.get("waveform", {}), max(1_000, rtia_ohm // divisor))

    def self_test(self):
        """Prove cell and chip, measure the feedback resistors that this strip's scan may use."""
        if self._gauge is not None:
            percent, millivolts = self._gauge.charge_percent(), self._gauge.voltage_mv()
            if percent < CHARGE_MIN_PERCENT or millivolts < CELL_MIN_MV:
                raise SupplyFault("MAX17048", "battery_low", "%.0f %%, %.0f mV" % (percent, millivolts))
        codes = [PULSE_GAIN_CODE]
        for divisor in (1, RANGE_STEP):
            code = self.plan(divisor).gain_code
            if code not in codes:
                codes.append(code)
        self.evidence = yield from self_test(self._afe, self._dummy, self._config.get("dummy_ohm", 10_000.0), codes)
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
                self.trace = trace
                return ("measured",)
            if divisor > 1:
                raise CellFault(reg.CHIP, "saturated", "%d of %d readings" % (trace.saturated, trace.filled))
            divisor = RANGE_STEP
            self._afe.start()
            yield RELAX_US

    def decide(self):
        """Judge the trace. The strip is looked at once more, so that one that fell out is not judged."""
        trace = self.trace
        if trace is None:
            raise CellFault(reg.CHIP, "no_trace", "nothing was measured")
        state, early_a, late_a = yield from cell_state(self._afe)
        require_sound(state, late_a)
        if state != WET:
            raise CellFault(reg.CHIP, "dry", "not wet any more after the scan")
        if not self._wet_a / WET_FACTOR_MAX <= early_a <= self._wet_a * WET_FACTOR_MAX:
            raise CellFault(reg.CHIP, "changed", "%.3g A before the scan, %.3g A after it" % (self._wet_a, early_a))
        columns = columns_of(trace)
        yield 0
        judged = Scan(
            columns[0],
            columns[1],
            columns[2],
            lot=self._config.get("strip_lot", ""),
            matrix=self._config.get("drink_declared", ""),
        )
        for outcome in steps(self._calibration, judged):
            if outcome is not None:
                self.verdict = outcome
                return ("decided", outcome.verdict, outcome.reason)
            yield 0
        raise ChipFault("firmware", "no_verdict", "the evaluation ended without one")

    def release(self) -> None:
        """Open the cell and put the front end to rest."""
        self._afe.hold_reset()


def columns_of(trace: Trace) -> tuple:
    """(potential_v, forward_a, reverse_a) of a trace, single precision."""
    points = trace.plan.points
    potential_v = array("f", bytes(4 * points))
    forward_a = array("f", bytes(4 * points))
    reverse_a = array("f", bytes(4 * points))
    for point in range(points):
        potential_v[point] = trace.potential_v(point)
        forward_a[point] = trace.forward_a(point)
        reverse_a[point] = trace.reverse_a(point)
    return potential_v, forward_a, reverse_a
