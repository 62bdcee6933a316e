"""The record of one test: its fields from outcome and trace, sealed piece by piece into the flash ring."""

from firmware.bracelet.flash_ring import RingError
from firmware.wire.record import seal_pieces

VERSION = "0.1.0"
STRIP_BYTES = 48 * 1024  # the most that one strip's trace takes: 700 points of the drink and of a clean pour


class Recorder:
    """Seals tests of one bracelet. `now_text` gives RFC 3339 time or "" when the clock was never set."""

    def __init__(self, ring, config: dict, hashes: dict, now_text):
        self._ring = ring
        self._config = config
        self._hashes = hashes
        self._now_text = now_text
        self._aside = 0  # files of traces that wait for the record of the test under way
        self._room = STRIP_BYTES * len(config.get("strips", ("",)))
        self._key = bytes(int(config["key"][at : at + 2], 16) for at in range(0, 64, 2))
        self.last_number = 0

    def fields(self, number: int, verdict: str, reason: str, evidence) -> dict:
        """The record's fields, the unknown left out. `evidence` has `verdict`, `temperature_c` and `trace()`."""
        config = self._config
        found = {
            "record_id": "%s-%06d" % (config["device_id"], number),
            "time": self._now_text() or None,
            "device_id": config["device_id"],
            "firmware_version": self._hashes.get("version") or VERSION,
            "firmware_sha256": self._hashes.get("firmware"),
            "calibration_sha256": self._hashes.get("calibration"),
            "strip_lot": config.get("strip_lot"),
            "drink_declared": config.get("drink_declared"),
            "volume_ml": config.get("volume_ml"),
            "verdict": verdict,
            "reason": reason,
            "venue_code": config.get("venue_code"),
            "truth": config.get("truth"),
        }
        judged = evidence.verdict
        found["analytes"] = [one.to_dict() for one in judged.analytes] if judged is not None else []
        found["temperature_c"] = evidence.temperature_c
        found["trace"] = evidence.trace() or None
        return found

    def set_aside(self, members: dict):
        """Keep the members of a strip's trace in flash until this test is sealed (generator); ends with what stands
        for them in `evidence.trace()`. Raises RingError or OSError."""
        from firmware.bracelet.set_aside import set_aside

        self._ring.make_room(2 * self._room)  # for what waits and for the record
        self._aside += 1
        return (yield from set_aside(self._ring.open, self._ring.aside_path(self._aside), members))

    def drop_aside(self) -> None:
        """The test is over: its record has what was set aside, or there is none."""
        while self._aside:
            self._ring.drop_aside(self._aside)
            self._aside -= 1

    def seal(self, verdict: str, reason: str, evidence):
        """Append the sealed record to flash (generator); ends with ("sealed",). Raises RingError or OSError."""
        self._ring.make_room(self._room)
        numbers = self._ring.numbers()
        number = numbers[-1] + 1 if numbers else 1
        fields = self.fields(number, verdict, reason, evidence)
        previous = self._ring.last_sha256()
        yield 0
        written = yield from self._ring.append(seal_pieces(fields, previous, self._key))
        if written != number:
            raise RingError("number", "%d, not %d" % (written, number))
        self.last_number = number
        self.drop_aside()
        return ("sealed",)
