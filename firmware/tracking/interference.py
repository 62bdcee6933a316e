"""When a receiver's word about jamming and spoofing becomes an alarm: told once when it lasts, re-armed when clean."""

JAMMING_CRITICAL_MS = 2_000  # ASSUMED: no fix because of interference, in two epochs
JAMMING_WARNING_MS = 15_000  # ASSUMED: passing a transmitter takes less; a jammer in a car stays
SPOOFING_AFFIRMED_MS = 1_000  # ASSUMED: several indications in two epochs
SPOOFING_INDICATED_MS = 5_000  # ASSUMED: the state is of one epoch only and may flicker
CLEAN_MS = 60_000  # ASSUMED: clean this long re-arms the alarm

CLEAN = 1
WARNING = 2
CRITICAL = 3


class Persistent:
    """One indicator (1 clean, 2 warning, 3 critical). step() says True once it has lasted; not again until clean."""

    def __init__(self, warning_ms: int, critical_ms: int) -> None:
        self._warning_ms = warning_ms
        self._critical_ms = critical_ms
        self._warning_since_ms: "int | None" = None
        self._critical_since_ms: "int | None" = None
        self._clean_since_ms: "int | None" = None
        self._told = False

    def step(self, state: int, now_ms: int) -> bool:
        """`state` as just heard. Unknown states are not stepped: they neither raise nor clear."""
        if state == CLEAN:
            self._warning_since_ms = None
            self._critical_since_ms = None
            if self._clean_since_ms is None:
                self._clean_since_ms = now_ms
            if now_ms - self._clean_since_ms >= CLEAN_MS:
                self._told = False
            return False
        self._clean_since_ms = None
        if self._warning_since_ms is None:
            self._warning_since_ms = now_ms
        if state < CRITICAL:
            self._critical_since_ms = None
        elif self._critical_since_ms is None:
            self._critical_since_ms = now_ms
        lasted = now_ms - self._warning_since_ms >= self._warning_ms or (
            self._critical_since_ms is not None and now_ms - self._critical_since_ms >= self._critical_ms
        )
        if self._told or not lasted:
            return False
        self._told = True
        return True


class Interference:
    """Both indicators. step() returns the event words that follow."""

    def __init__(self) -> None:
        self.jamming: "int | None" = None
        self.spoofing: "int | None" = None
        self._jamming = Persistent(JAMMING_WARNING_MS, JAMMING_CRITICAL_MS)
        self._spoofing = Persistent(SPOOFING_INDICATED_MS, SPOOFING_AFFIRMED_MS)

    def step(self, jamming, spoofing, now_ms: int) -> list:
        """What the receiver says now; None is unknown."""
        words = []
        if jamming is not None:
            self.jamming = jamming
            if self._jamming.step(jamming, now_ms):
                words.append("jamming")
        if spoofing is not None:
            self.spoofing = spoofing
            if self._spoofing.step(spoofing, now_ms):
                words.append("spoofing")
        return words
