"""The receiver's byte stream: NMEA and UBX mixed, each byte to whom it belongs; and the receiver's settings."""

from firmware.tracking import ubx
from firmware.tracking.nmea import NmeaParser

ANSWER_MS = 1_000  # u-blox: a CFG message is answered within a second
ATTEMPTS = 3


class ReceiverStream:
    """feed() and flush() return the fixes completed; `radio` has what was said about interference."""

    def __init__(self, not_before_ms: int = 0) -> None:
        self.nmea = NmeaParser(not_before_ms)
        self.radio = ubx.Radio()
        self._ubx = ubx.UbxReader()

    def feed(self, data, count: int = -1) -> list:
        """Take the first `count` bytes of `data` (all by default)."""
        done: list = []
        again = b""
        for i in range(len(data) if count < 0 else count):
            again = self._take(data[i], done)
            # what was taken for a frame and was none is looked at again from its second byte on
            while again:
                byte = again[0]
                again = again[1:]
                rest = self._take(byte, done)
                if rest:
                    again = rest + again
        return done

    def flush(self) -> list:
        """The line is idle."""
        return self.nmea.flush()

    def _take(self, byte: int, done: list) -> bytes:
        if not self._ubx.active and byte != ubx.SYNC_1:
            self.nmea.take(byte, done)
            return b""
        said = self._ubx.take(byte)
        if said == ubx.COMPLETE:
            self.radio.take(self._ubx)
        elif said == ubx.REJECTED:
            return self._ubx.rejected[1:]
        return b""


class ReceiverSettings:
    """Tells the receiver what to watch, one setting after the other. step() returns bytes to send (mostly none).

    `outcome` maps a setting's name to "accepted", "refused" or "no answer" once it is known.
    """

    def __init__(self) -> None:
        self.outcome: dict = {}
        self._attempts = 0
        self._sent_ms: "int | None" = None

    @property
    def done(self) -> bool:
        """Whether every setting has its outcome."""
        return len(self.outcome) == len(ubx.SETTINGS)

    def step(self, radio: ubx.Radio, now_ms: int) -> bytes:
        """Bytes for the receiver now."""
        if self.done:
            return b""
        name, pairs = ubx.SETTINGS[len(self.outcome)]
        if radio.answered is not None and self._sent_ms is not None:
            return self._conclude(name, "accepted" if radio.answered else "refused", radio, now_ms)
        if self._sent_ms is not None and now_ms - self._sent_ms < ANSWER_MS:
            return b""
        if self._attempts == ATTEMPTS:
            return self._conclude(name, "no answer", radio, now_ms)
        self._attempts += 1
        self._sent_ms = now_ms
        radio.answered = None
        return ubx.valset(pairs)

    def _conclude(self, name: str, word: str, radio: ubx.Radio, now_ms: int) -> bytes:
        self.outcome[name] = word
        self._attempts = 0
        self._sent_ms = None
        radio.answered = None
        if word == "no answer":  # a receiver that answers nothing is asked nothing more
            for later, _pairs in ubx.SETTINGS[len(self.outcome) :]:
                self.outcome[later] = word
        return self.step(radio, now_ms)
