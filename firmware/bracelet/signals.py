"""LED and motor together: what one of them cannot say, the other still does; each failure is reported once."""

from firmware.drivers.errors import DriverError


class Signals:
    """`led.show(colour)` and `haptics.vibrate(percent)`, either may be None: not there, or did not start."""

    def __init__(self, led, haptics, say):
        self._led = led
        self._haptics = haptics
        self._say = say
        self.faults = 0
        self._reported = set()

    def light(self, colour: tuple, vibration: int) -> None:
        """Shine and shake like this from now on."""
        if self._led is not None:
            try:
                self._led.show(colour)
            except (DriverError, OSError) as error:
                self._failed("led", error)
        if self._haptics is not None:
            try:
                self._haptics.vibrate(vibration)
            except (DriverError, OSError) as error:
                self._failed("haptics", error)

    def works(self) -> bool:
        """Whether light and motor can be driven; the motor's chip answers, the LED only listens."""
        if self._led is None or self._haptics is None:
            return False
        before = self.faults
        self.light((0, 0, 0), 1)
        self.light((0, 0, 0), 0)
        return self.faults == before

    def _failed(self, part: str, error) -> None:
        self.faults += 1
        if part not in self._reported:
            self._reported.add(part)
            self._say("fault", {"during": "telling", "part": part, "reason": str(error)})
