"""Weekly schedules in local time: overnight windows and daylight saving included."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from gateway.contract.errors import OrdersInvalid
from gateway.contract.reading import mapping, member, sequence

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
DAY_MS = 86_400_000


@dataclass(frozen=True)
class Window:
    """One weekly window: weekdays (0 = Monday), from and until in minutes of local wall time.

    `until_minute` <= `from_minute` means the window ends on the next day.
    """

    days: tuple[int, ...]
    from_minute: int
    until_minute: int


def _minute(value: Any, path: str) -> int:
    if not isinstance(value, str) or not CLOCK.fullmatch(value):
        raise OrdersInvalid(path, f"{value!r} is not a time of day such as 08:00 (24:00 at most)")
    return int(value[:2]) * 60 + int(value[3:])


def parse(value: Any, path: str) -> tuple[Window, ...]:
    """The windows of a schedule; raises OrdersInvalid. An empty list is refused: it would never be active."""
    windows = []
    for i, entry in enumerate(sequence(value, path, 1, 200)):
        at = f"{path}[{i}]"
        document = mapping(entry, at)
        days = []
        for k, day in enumerate(sequence(member(document, "days", at), f"{at}.days", 1, 7)):
            if day not in DAYS:
                raise OrdersInvalid(f"{at}.days[{k}]", f"{day!r} is not one of {', '.join(DAYS)}")
            days.append(DAYS.index(day))
        start = _minute(member(document, "from", at), f"{at}.from")
        until = _minute(member(document, "until", at), f"{at}.until")
        if start == 24 * 60:
            raise OrdersInvalid(f"{at}.from", "24:00 is the end of a day; write 00:00 of the next")
        windows.append(Window(tuple(sorted(set(days))), start, until))
    return tuple(windows)


def _unix_ms(day: date, minute: int, zone: ZoneInfo, latest: bool) -> int:
    """Unix milliseconds of a local wall time; of a doubtful one (clock change) the earliest or the latest reading."""
    naive = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)
    readings = [round(naive.replace(tzinfo=zone, fold=fold).timestamp() * 1000) for fold in (0, 1)]
    return max(readings) if latest else min(readings)


@lru_cache(maxsize=4096)
def _spans(windows: tuple[Window, ...], timezone: str, day_ordinal: int) -> tuple[tuple[int, int], ...]:
    """The active spans that begin on this local day, as Unix milliseconds [from, until)."""
    zone = ZoneInfo(timezone)
    day = date.fromordinal(day_ordinal)
    spans = []
    for window in windows:
        if day.weekday() in window.days:
            until = window.until_minute + (24 * 60 if window.until_minute <= window.from_minute else 0)
            start_ms = _unix_ms(day, window.from_minute, zone, latest=False)
            spans.append((start_ms, _unix_ms(day, until, zone, latest=True)))
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
