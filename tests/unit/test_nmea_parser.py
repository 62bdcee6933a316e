"""The NMEA parser: cut lines, void fixes, any talker, one fix an epoch, told as soon as it is complete."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from firmware.tracking.calendar import GPS_WEEKS_MS, after_rollover, unix_day
from firmware.tracking.nmea import UERE_MM, Fix, NmeaParser

R68_PER_DRMS = math.sqrt(-2 * math.log(0.32)) / math.sqrt(2)
RMC = "GNRMC,094500.00,A,5103.25800,N,00343.50000,E,2.700,271.90,231126,,,A"
GGA = "GNGGA,094500.00,5103.25800,N,00343.50000,E,1,11,0.80,24.0,M,47.1,M,,"
GSA = "GNGSA,A,3,05,07,13,15,21,24,30,,,,,,1.40,0.80,1.15"
GST = "GNGST,094500.00,6.0,2.4,2.1,0.0,3.000,4.000,4.5"


def line(body: str) -> bytes:
    total = 0
    for character in body:
        total ^= ord(character)
    return f"${body}*{total:02X}\r\n".encode()


def fixes(*bodies: str) -> list[Fix]:
    parser = NmeaParser()
    found: list[Fix] = parser.feed(b"".join(map(line, bodies)))
    return found + list(parser.flush())


def test_one_epoch_gives_one_fix_in_integers() -> None:
    (fix,) = fixes(RMC, GGA, GSA, GST)
    assert fix.valid
    assert fix.time_ms == datetime(2026, 11, 23, 9, 45, tzinfo=UTC).timestamp() * 1000
    assert (fix.lat_e7, fix.lon_e7) == (510543000, 37250000)
    assert fix.speed_mm_s == round(2.7 * 1852 / 3.6)
    assert fix.course_cdeg == 27190
    assert (fix.altitude_mm, fix.satellites_used, fix.mode) == (24000, 11, 3)


def test_the_accuracy_is_the_receivers_own_when_it_tells_it() -> None:
    (fix,) = fixes(RMC, GGA, GSA, GST)
    assert fix.horizontal_accuracy_mm == pytest.approx(5000 * R68_PER_DRMS, abs=1.5)
    assert fix.accuracy_from_receiver


def test_without_gst_the_accuracy_is_hdop_times_the_range_error() -> None:
    (fix,) = fixes(RMC, GGA)
    assert fix.horizontal_accuracy_mm == pytest.approx(UERE_MM * 0.80 * R68_PER_DRMS, abs=1.5)
    assert not fix.accuracy_from_receiver


def test_without_gst_and_hdop_the_accuracy_is_unknown_not_zero() -> None:
    (fix,) = fixes(RMC)
    assert fix.valid
    assert fix.horizontal_accuracy_mm is None


@pytest.mark.parametrize(
    "bodies",
    [
        (RMC.replace(",A,", ",V,", 1), GGA),
        (RMC, GGA.replace("E,1,", "E,0,")),
        (RMC, GGA.replace("E,1,", "E,6,")),
        (RMC, GGA.replace("E,1,", "E,8,")),
        (RMC[:-1] + "E", GGA),
        (RMC[:-1] + "N", GGA),
        (RMC, GGA, GSA.replace(",A,3,", ",A,1,")),
        ("GNRMC,094500.00,V,,,,,,,231126,,,N", "GNGGA,094500.00,,,,,0,00,99.99,,,,,,"),
    ],
)
def test_an_epoch_that_any_sentence_calls_void_is_told_but_not_valid(bodies: tuple[str, ...]) -> None:
    (fix,) = fixes(*bodies)
    assert not fix.valid


def test_a_position_without_a_date_is_not_valid() -> None:
    (fix,) = fixes(GGA)
    assert not fix.valid
    assert fix.time_ms is None


@pytest.mark.parametrize("talker", ["GP", "GN", "GL", "GA", "GB", "BD", "QZ"])
def test_any_talker_is_heard(talker: str) -> None:
    (fix,) = fixes(talker + RMC[2:], talker + GGA[2:])
    assert fix.valid


def test_the_next_epochs_are_told_with_their_last_sentence_not_with_the_one_after() -> None:
    parser = NmeaParser()
    for second in range(5):
        told: list[Fix] = []
        for body in (RMC, GGA, GSA, GSA, GST):
            before = len(told)
            told += parser.feed(line(body.replace("094500", f"09450{second}")))
        if second == 0:
            assert told == []
        else:
            assert before == len(told) - 1
            assert told[-1].time_ms % 60_000 == second * 1000
            assert told[-1].accuracy_from_receiver


def test_a_line_cut_and_joined_to_the_next_gives_nothing_false() -> None:
    parser = NmeaParser()
    whole = line(RMC)
    told = parser.feed(whole[:40] + line(GGA.replace("094500", "094501")) + whole[:-6] + b"\r\n" + line(RMC))
    told += parser.flush()
    assert [fix.time_ms is not None and fix.valid for fix in told] == [False, True]
    assert parser.sentences_bad == 2


def test_a_changed_digit_is_refused_by_the_checksum() -> None:
    parser = NmeaParser()
    assert parser.feed(line(RMC).replace(b"5103", b"5104")) + parser.flush() == []
    assert parser.sentences_bad == 1


@pytest.mark.parametrize(
    "body",
    [
        RMC.replace("5103.25800", "5163.25800"),
        RMC.replace("5103.25800", "9103.25800"),
        RMC.replace(",N,", ",X,"),
        RMC.replace("231126", "311126"),
        RMC.replace("094500.00", "254500.00"),
        RMC.replace("2.700", "2.7.0"),
        RMC.replace("2.700", "2-7"),
        RMC.replace("2.700", "."),
    ],
)
def test_a_field_that_cannot_be_is_refused_and_counted(body: str) -> None:
    parser = NmeaParser()
    told = parser.feed(line(body)) + parser.flush()
    assert not [fix for fix in told if fix.valid]
    assert parser.bad_fields == 1


def test_south_and_west_are_negative_and_small_letters_in_a_checksum_are_heard() -> None:
    parser = NmeaParser()
    body = RMC.replace(",N,", ",S,").replace(",E,", ",W,").replace("2.700", "2.704")
    written = line(body)
    star = written.index(b"*")
    (fix,) = parser.feed(written[:star] + written[star:].lower()) + parser.flush()
    assert (fix.lat_e7, fix.lon_e7) == (-510543000, -37250000)


def test_midnight_between_two_epochs_keeps_the_order_of_time() -> None:
    one, two = fixes(
        RMC.replace("094500.00", "235959.00"), RMC.replace("094500.00", "000000.00").replace("231126", "241126")
    )
    assert two.time_ms - one.time_ms == 1000


def test_a_receiver_whose_week_number_has_overflown_is_put_right() -> None:
    build = unix_day(2026, 1, 1) * 86_400_000
    true_ms = unix_day(2026, 11, 23) * 86_400_000
    assert after_rollover(true_ms - GPS_WEEKS_MS, build) == true_ms
    assert after_rollover(true_ms - 2 * GPS_WEEKS_MS, build) == true_ms
    assert after_rollover(true_ms, build) == true_ms


def test_dates_are_those_of_pythons_calendar() -> None:
    for day in range(0, 47_500, 13):
        date = datetime.fromtimestamp(day * 86_400, UTC)
        assert unix_day(date.year, date.month, date.day) == day
    for wrong in ((2026, 2, 29), (2026, 13, 1), (2026, 0, 1), (2026, 4, 31), (2100, 2, 29)):
        with pytest.raises(ValueError, match="no such date"):
            unix_day(*wrong)
