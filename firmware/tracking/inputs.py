"""What a tracker's contacts mean over time: a button held, a loop that really opened."""

PANIC_HOLD_MS = 3_000  # DOMAIN: a panic call is a press of three seconds, so that a bump is none
SETTLE_MS = 60  # ASSUMED: contact bounce and the tug on a strap are over; far below the 5 s that NIJ 1004.00 allows


class Hold:
    """Says once per press that the button has been held long enough."""

    def __init__(self, hold_ms: int = PANIC_HOLD_MS) -> None:
        self._hold_ms = hold_ms
        self._since_ms: "int | None" = None
        self._told = False

    def step(self, pressed: bool, now_ms: int) -> bool:
        """True at the moment the hold is complete."""
        if not pressed:
            self._since_ms = None
            self._told = False
            return False
        if self._since_ms is None:
            self._since_ms = now_ms
        if self._told or now_ms - self._since_ms < self._hold_ms:
            return False
        self._told = True
        return True


class Contact:
    """A contact's settled state. `closed` is None until it is known; the first settled state is a change too."""

    def __init__(self) -> None:
        self.closed: "bool | None" = None
        self._candidate: "bool | None" = None
        self._since_ms = 0

    def step(self, closed: bool, now_ms: int) -> bool:
        """True when the settled state has just changed."""
        if closed == self.closed:
            self._candidate = None
            return False
        if closed != self._candidate:
            self._candidate = closed
            self._since_ms = now_ms
            return False
        if now_ms - self._since_ms < SETTLE_MS:
            return False
        self.closed = closed
        self._candidate = None
        return True


class Battery:
    """Charge from voltage, and the two warnings with hysteresis."""

    LOW_PERCENT = 20  # ASSUMED: about five hours at the default interval
    CRITICAL_PERCENT = 5  # ASSUMED: about one hour
    HYSTERESIS_PERCENT = 5
    # ASSUMED: a lithium-ion cell at light load and room temperature, (mV, percent)
    CURVE = ((3300, 0), (3500, 5), (3600, 10), (3680, 20), (3740, 40), (3820, 60), (3920, 80), (4100, 100))

    def __init__(self) -> None:
        self.mv: "int | None" = None
        self.percent: "int | None" = None
        self._warned = 0

    def step(self, mv: int) -> str:
        """The event that this voltage causes: "battery_low", "battery_critical" or ""."""
        self.mv = mv
        self.percent = percent = percent_of(mv, self.CURVE)
        if self._warned < 2 and percent <= self.CRITICAL_PERCENT:
            self._warned = 2
            return "battery_critical"
        if self._warned < 1 and percent <= self.LOW_PERCENT:
            self._warned = 1
            return "battery_low"
        if percent > self.LOW_PERCENT + self.HYSTERESIS_PERCENT:
            self._warned = 0
        elif percent > self.CRITICAL_PERCENT + self.HYSTERESIS_PERCENT and self._warned == 2:
            self._warned = 1
        return ""


def percent_of(mv: int, curve: tuple) -> int:
    """Linear between the points of a curve, held at its ends."""
    if mv <= curve[0][0]:
        return curve[0][1]
    for i in range(1, len(curve)):
        high_mv, high = curve[i]
        if mv <= high_mv:
            low_mv, low = curve[i - 1]
            return low + (high - low) * (mv - low_mv) // (high_mv - low_mv)
    return curve[-1][1]
