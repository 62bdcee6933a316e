"""Weekly schedules in local time: overnight windows and daylight saving included."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from gateway.contract.errors import OrdersInvalid
from gateway.contract.reading import each, inside, mapping

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
DAY_MS = 86_400_000
EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


class Window(NamedTuple):
    """One weekly window: weekdays (0 = Monday), from and until in minutes of local wall time.

    `until_minute` <= `from_minute` means the window ends on the next day.
    """

    days: tuple[int, ...]
    from_minute: int
    until_minute: int


def _minute(value: Any) -> int:
    if not isinstance(value, str) or not CLOCK.fullmatch(value):
        raise OrdersInvalid("", f"{value!r} is not a time of day such as 08:00 (24:00 at most)")
    return int(value[:2]) * 60 + int(value[3:])


def _day(value: Any) -> int:
    if value not in DAYS:
        raise OrdersInvalid("", f"{value!r} is not one of {', '.join(DAYS)}")
    return DAYS.index(value)


def _days(value: Any) -> tuple[int, ...]:
    return tuple(sorted(set(each(_day, value, 1, 7))))


def _window(value: Any) -> Window:
    document = mapping(value)
    days = inside(_days, document, "days")
    start, until = inside(_minute, document, "from"), inside(_minute, document, "until")
    if start == 24 * 60:
        raise OrdersInvalid("from", "24:00 is the end of a day; write 00:00 of the next")
    return Window(days, start, until)


def parse(value: Any) -> tuple[Window, ...]:
    """The windows of a schedule; raises OrdersInvalid. An empty list is refused: it would never be active."""
    return tuple(each(_window, value, 1, 200))


def _offsets(zone: ZoneInfo, from_s: int, until_s: int) -> list[tuple[int, int, int]]:
    """The spans [from, until) of one offset each, in Unix seconds, that make up this time; offset in seconds."""

    def offset(at_s: int) -> int:
        shift = datetime.fromtimestamp(at_s, zone).utcoffset() or timedelta()
        return round(shift.total_seconds())

    before, after = offset(from_s), offset(until_s - 1)
    if before == after:
        return [(from_s, until_s, before)]
    low, high = from_s, until_s - 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset(middle) == before else (low, middle)
    return [(from_s, high, before), (high, until_s, after)]


@lru_cache(maxsize=4096)
def _spans(windows: tuple[Window, ...], timezone: str, day_ordinal: int) -> tuple[tuple[int, int], ...]:
    """The active spans that begin on this local day, as Unix milliseconds [from, until).

    A window is active while a clock on the wall shows a time within it: twice in the hour that comes twice, not in the
    hour that is left out.
    """
    zone = ZoneInfo(timezone)
    day = date.fromordinal(day_ordinal)
    midnight_s = (day_ordinal - EPOCH_ORDINAL) * DAY_MS // 1000
    offsets = _offsets(zone, midnight_s - DAY_MS // 1000, midnight_s + 3 * DAY_MS // 1000)
    spans: list[tuple[int, int]] = []
    for window in windows:
        if day.weekday() in window.days:
            until = window.until_minute + (24 * 60 if window.until_minute <= window.from_minute else 0)
            for from_s, until_s, offset_s in offsets:
                start_ms = 1000 * max(from_s, midnight_s + 60 * window.from_minute - offset_s)
                end_ms = 1000 * min(until_s, midnight_s + 60 * until - offset_s)
                if spans and start_ms == spans[-1][1]:
                    spans[-1] = (spans[-1][0], max(spans[-1][1], end_ms))
                elif start_ms < end_ms:
                    spans.append((start_ms, end_ms))
    return tuple(spans)


def _near(windows: tuple[Window, ...], timezone: str, now_ms: int, days_ahead: int) -> list[tuple[int, int]]:
    today = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(timezone)).toordinal()
    return [span for ordinal in range(today - 2, today + days_ahead) for span in _spans(windows, timezone, ordinal)]


def active(windows: tuple[Window, ...], timezone: str, now_ms: int) -> bool:
    """Whether any window is active at this instant. No windows means always."""
    if not windows:
        return True
    return any(start <= now_ms < until for start, until in _near(windows, timezone, now_ms, 2))


def next_change_ms(windows: tuple[Window, ...], timezone: str, now_ms: int) -> int | None:
    """The first instant after `now_ms` at which a window begins or ends; None when the schedule never changes."""
    if not windows:
        return None
    edges = [edge for span in _near(windows, timezone, now_ms, 9) for edge in span if edge > now_ms]
    return min(edges, default=None)
