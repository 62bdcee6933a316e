"""NMEA sentences to fixes: RMC, GGA, GSA and GST of one epoch merged, in integers, from any receiver and talker.

An epoch ends when its last sentence has come (learned from the epoch before), when another time begins, or when the
shell says that the line is idle (`flush`). An epoch without a valid position is told too, as a fix that is not valid.
"""

from firmware.tracking.calendar import DAY_MS, after_rollover, unix_day
from firmware.tracking.sentence import Sentence

UERE_MM = 6_000  # ASSUMED: user-equivalent range error, 1 sigma, single frequency in a town; only used without GST

_A = 65
_KINDS = (b"RMC", b"GGA", b"GSA", b"GST")
_RMC = 0
_GGA = 1
_GSA = 2
_GST = 3
_GOOD_QUALITIES = (1, 2, 3, 4, 5, 9)  # not 0 none, 6 dead reckoning, 7 typed in by hand, 8 simulator
_GOOD_MODES = (0, 65, 68, 70, 80, 82)  # RMC mode: absent, A, D, F, P, R; not E estimated, M manual, N none, S simulator


class Fix:
    """One epoch. Unknown is None; `valid` says whether the position may be used.

    horizontal_accuracy_mm: the radius that holds 68 % of positions, from the deviations per axis of the receiver's own
    GST when it tells them, else from HDOP times UERE_MM.
    """

    def __init__(self) -> None:
        self.valid = False
        self.time_ms: "int | None" = None
        self.lat_e7: "int | None" = None
        self.lon_e7: "int | None" = None
        self.altitude_mm: "int | None" = None
        self.horizontal_accuracy_mm: "int | None" = None
        self.accuracy_from_receiver = False
        self.speed_mm_s: "int | None" = None
        self.course_cdeg: "int | None" = None
        self.satellites_used: "int | None" = None
        self.hdop_centi: "int | None" = None
        self.mode: "int | None" = None  # 2 or 3 dimensions, as GSA says


class NmeaParser:
    """Streaming parser. feed() and flush() return the fixes completed by these bytes (mostly none)."""

    def __init__(self, not_before_ms: int = 0) -> None:
        """`not_before_ms`: no true time is before it (the firmware's build); earlier dates are a week rollover."""
        self.sentence = Sentence()
        self.bad_fields = 0
        self._not_before_ms = not_before_ms
        self._day: "int | None" = None
        self._begin()
        self._last_kind = -1
        self._last_count = 0

    @property
    def sentences_bad(self) -> int:
        """Sentences refused so far: cut, wrong checksum, or a field that is no number."""
        return self.sentence.bad + self.bad_fields

    def feed(self, data, count: int = -1) -> list:
        """Take the first `count` bytes of `data` (all by default)."""
        done: list = []
        for i in range(len(data) if count < 0 else count):
            self.take(data[i], done)
        return done

    def take(self, byte: int, done: list) -> None:
        """Take one byte; a fix that it completes is put into `done`."""
        if self.sentence.take(byte):
            self._take_sentence(done)

    def flush(self) -> list:
        """The line is idle: what has come of the epoch is all there will be."""
        done: list = []
        self._finish(done)
        return done

    def _begin(self) -> None:
        self._fix = Fix()
        self._time_of_day_ms: "int | None" = None
        self._rmc_good: "bool | None" = None
        self._gga_good: "bool | None" = None
        self._gsa_mode: "int | None" = None
        self._counts = [0, 0, 0, 0]
        self._newest_kind = -1
        self._told = False

    def _take_sentence(self, done: list) -> None:
        sentence = self.sentence
        for kind in range(4):
            if sentence.is_a(_KINDS[kind]):
                break
        else:
            return
        try:
            time_of_day_ms = None if kind == _GSA else self._clock(1)
            if time_of_day_ms is not None and self._time_of_day_ms not in (None, time_of_day_ms):
                self._finish(done)
                self._learn()
                self._begin()
            if time_of_day_ms is not None:
                self._time_of_day_ms = time_of_day_ms
            if kind == _RMC:
                self._take_rmc()
            elif kind == _GGA:
                self._take_gga()
            elif kind == _GSA:
                self._take_gsa()
            else:
                self._take_gst()
        except ValueError:
            self.bad_fields += 1
            return
        self._counts[kind] += 1
        self._newest_kind = kind
        if kind == self._last_kind and self._counts[kind] == self._last_count:
            self._finish(done)

    def _learn(self) -> None:
        if self._newest_kind >= 0:
            self._last_kind = self._newest_kind
            self._last_count = self._counts[self._newest_kind]

    def _clock(self, number: int):
        """hhmmss.sss as milliseconds of the day; None when empty."""
        value = self.sentence.scaled(number, 3)
        if value is None:
            return None
        hour, rest = divmod(value, 10_000_000)
        minute, millis = divmod(rest, 100_000)
        if value < 0 or hour > 23 or minute > 59 or millis > 60_999:
            raise ValueError("no such time")
        return (hour * 60 + minute) * 60_000 + millis

    def _angle(self, number: int, degrees_max: int, negative: int):
        """(d)ddmm.mmmm and its hemisphere as 1e-7 degrees; None when empty."""
        value = self.sentence.scaled(number, 7)
        if value is None:
            return None
        degrees, minutes_e7 = divmod(value, 1_000_000_000)
        angle = degrees * 10_000_000 + (minutes_e7 + 30) // 60
        if value < 0 or minutes_e7 >= 600_000_000 or angle > degrees_max * 10_000_000:
            raise ValueError("no such angle")
        hemisphere = self.sentence.letter(number + 1)
        if hemisphere != negative and hemisphere not in (78, 69):
            raise ValueError("no such hemisphere")
        return -angle if hemisphere == negative else angle

    def _take_position(self, number: int) -> None:
        lat_e7 = self._angle(number, 90, 83)
        lon_e7 = self._angle(number + 2, 180, 87)
        if lat_e7 is not None and lon_e7 is not None:
            self._fix.lat_e7 = lat_e7
            self._fix.lon_e7 = lon_e7

    def _take_rmc(self) -> None:
        sentence = self.sentence
        date = sentence.scaled(9, 0)
        day = None
        if date is not None:
            year = date % 100
            day = unix_day(year + (1900 if year >= 80 else 2000), date // 100 % 100, date // 10_000)
        speed_milliknots = sentence.scaled(7, 3)
        course_cdeg = sentence.scaled(8, 2)
        self._take_position(3)
        self._day = day if day is not None else self._day
        self._rmc_good = sentence.letter(2) == _A and sentence.letter(12) in _GOOD_MODES
        if speed_milliknots is not None and speed_milliknots >= 0:
            self._fix.speed_mm_s = (speed_milliknots * 1852 + 1800) // 3600
        if course_cdeg is not None and 0 <= course_cdeg <= 36_000:
            self._fix.course_cdeg = course_cdeg % 36_000

    def _take_gga(self) -> None:
        sentence = self.sentence
        quality = sentence.scaled(6, 0)
        satellites = sentence.scaled(7, 0)
        hdop_centi = sentence.scaled(8, 2)
        altitude_mm = sentence.scaled(9, 3)
        self._take_position(2)
        self._gga_good = quality in _GOOD_QUALITIES
        self._fix.satellites_used = satellites
        self._fix.altitude_mm = altitude_mm
        if hdop_centi:
            self._fix.hdop_centi = hdop_centi

    def _take_gsa(self) -> None:
        mode = self.sentence.scaled(2, 0)
        hdop_centi = self.sentence.scaled(16, 2)
        self._gsa_mode = mode
        if hdop_centi:
            self._fix.hdop_centi = hdop_centi

    def _take_gst(self) -> None:
        lat_mm = self.sentence.scaled(6, 3)
        lon_mm = self.sentence.scaled(7, 3)
        if lat_mm is not None and lon_mm is not None:
            self._fix.horizontal_accuracy_mm = _radius_68(lat_mm * lat_mm + lon_mm * lon_mm)
            self._fix.accuracy_from_receiver = True

    def _finish(self, done: list) -> None:
        """Tell the epoch once."""
        fix = self._fix
        if self._told or self._time_of_day_ms is None:
            return
        if self._day is not None:
            fix.time_ms = after_rollover(self._day * DAY_MS + self._time_of_day_ms, self._not_before_ms)
        fix.mode = self._gsa_mode
        if fix.horizontal_accuracy_mm is None and fix.hdop_centi is not None:
            fix.horizontal_accuracy_mm = _radius_68((fix.hdop_centi * UERE_MM // 100) ** 2)
        fix.valid = (
            fix.lat_e7 is not None
            and fix.time_ms is not None
            and (self._rmc_good or self._gga_good)
            and self._rmc_good is not False
            and self._gga_good is not False
            and self._gsa_mode in (None, 2, 3)
        ) is True
        self._told = True
        done.append(fix)


def _radius_68(square: int) -> int:
    """The 68 % radius from the squared distance root mean square, whose two axes are taken as equal.

    sqrt(-2 ln 0.32) deviations per axis hold 68 % of a circular Gaussian; the root mean square is sqrt(2) of them.
    """
    return (_root(square) * 10_674 + 9_999) // 10_000


def _root(square: int) -> int:
    """Integer square root, rounded up (Newton): an accuracy is never told better than it is."""
    if square <= 0:
        return 0
    x = 1 << (len(bin(square)) - 1) // 2
    while True:
        y = (x + square // x) // 2
        if y >= x:
            break
        x = y
    return x if x * x == square else x + 1
