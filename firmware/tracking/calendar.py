"""Civil dates to Unix milliseconds in integers (proleptic Gregorian calendar, no leap seconds)."""

DAY_MS = 86_400_000
GPS_WEEKS_MS = 1024 * 7 * DAY_MS  # the ten-bit week number of the GPS legacy message starts again after this

_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def unix_day(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01; raises ValueError when there is no such date. Algorithm: H. Hinnant, days_from_civil."""
    if not 1 <= month <= 12 or not 1 <= day <= _MONTH_DAYS[month - 1] + (month == 2 and _is_leap(year)):
        raise ValueError("no such date")
    shifted_year = year - (month <= 2)
    era = shifted_year // 400
    year_of_era = shifted_year - era * 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146097 + day_of_era - 719468


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def after_rollover(time_ms: int, not_before_ms: int) -> int:
    """The time that a receiver means whose week number has overflown: the first not before `not_before_ms`.

    A receiver older than its own week-number base tells dates 1024 weeks back (observed in practice in April 2019).
    Nothing is changed when the time is already not before that moment.
    """
    while time_ms < not_before_ms:
        time_ms += GPS_WEEKS_MS
    return time_ms
