"""The figures that the action plan asks for, of both measures, over one period; pseudonyms do not even occur in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel
from sqlalchemy import RowMapping, func, select

from alarm_backend.clocks import Clocks
from alarm_backend.devices import repository as devices
from alarm_backend.devices.service import DeviceService
from alarm_backend.errors import InvalidRequest
from alarm_backend.feedback.schemas import FeedbackReport
from alarm_backend.feedback.service import FeedbackService
from alarm_backend.stock.schemas import VenueStock
from alarm_backend.stock.service import ZONE, StockService
from alarm_backend.store.database import Database
from alarm_backend.store.tables import field_tests

DAYS_MAX = 3700
Step = Literal["day", "month"]


class Connections(BaseModel):
    """Effective connections at the end of a day or month: hooked up, heard, not yet taken off."""

    until_day: str
    connections: int
    orders: int


class VictimAlarmIndicators(BaseModel):
    """Action 90. `mandates`: effective hook-ups in the period by mandate kind."""

    different_mandates: int
    mandates: dict[str, int]
    effective_connections: int
    orders_with_connection: int
    series: list[Connections]


class DetectionIndicators(BaseModel):
    """Action 22. `distributed` counts what was handed out in the period; what came back is counted apart."""

    distributed: dict[str, int]
    returned: dict[str, int]
    venues: int
    events: int
    by_venue: list[VenueStock]
    experiences: FeedbackReport
    tests_by_verdict: dict[str, int]


class Indicators(BaseModel):
    """Both measures over [from_day, until_day], Belgian days, both included."""

    from_day: str
    until_day: str
    made_ms: int
    step: Step
    victim_alarm: VictimAlarmIndicators
    detection: DetectionIndicators


def day_end_ms(day: date) -> int:
    """The first instant after a Belgian day."""
    following = day + timedelta(days=1)
    return round(datetime(following.year, following.month, following.day, tzinfo=ZONE).timestamp() * 1000)


def day_start_ms(day: date) -> int:
    """The first instant of a Belgian day."""
    return round(datetime(day.year, day.month, day.day, tzinfo=ZONE).timestamp() * 1000)


def period(from_day: str, until_day: str) -> tuple[date, date]:
    """Both days. Raises InvalidRequest for days that do not exist, follow each other wrongly or span too much."""
    days = []
    for field, text in (("from_day", from_day), ("until_day", until_day)):
        try:
            days.append(date.fromisoformat(text))
        except ValueError:
            raise InvalidRequest(field, "no_day", given=text) from None
    if days[1] < days[0]:
        raise InvalidRequest("until_day", "before_first_day")
    if (days[1] - days[0]).days > DAYS_MAX:
        raise InvalidRequest("until_day", "too_many_days", most=DAYS_MAX)
    return days[0], days[1]


def ends_of(first: date, last: date, step: Step) -> list[date]:
    """The last day of each step within the period; the period's own last day closes the series."""
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    return [day for day in days if step == "day" or (day + timedelta(days=1)).day == 1 or day == last]


def at(hookups: Sequence[RowMapping], ms: int) -> list[RowMapping]:
    """The hook-ups that are effective just before this instant."""
    return [h for h in hookups if h["effective_ms"] < ms and (h["unhooked_ms"] is None or h["unhooked_ms"] >= ms)]


class IndicatorService:
    """The report's figures."""

    def __init__(
        self,
        database: Database,
        clocks: Clocks,
        register: DeviceService,
        stock: StockService,
        feedback: FeedbackService,
    ) -> None:
        self._database = database
        self._clocks = clocks
        self._register = register
        self._stock = stock
        self._feedback = feedback

    def report(self, from_day: str, until_day: str, step: Step = "month") -> Indicators:
        """Both measures over a period. Raises InvalidRequest."""
        first, last = period(from_day, until_day)
        self._register.look()  # what was heard a moment ago counts
        return Indicators(
            from_day=from_day,
            until_day=until_day,
            made_ms=self._clocks.wall_ms(),
            step=step,
            victim_alarm=self._victim_alarm(first, last, step),
            detection=self._detection(first, last),
        )

    def _victim_alarm(self, first: date, last: date, step: Step) -> VictimAlarmIndicators:
        start_ms, end_ms = day_start_ms(first), day_end_ms(last)
        now_ms = self._clocks.now_ms()
        with self._database.reading() as connection:
            known = devices.effective(connection, end_ms)
        within = [h for h in known if h["unhooked_ms"] is None or h["unhooked_ms"] > start_ms]
        mandates: dict[str, int] = {}
        for hookup in within:
            mandates[hookup["mandate_kind"]] = mandates.get(hookup["mandate_kind"], 0) + 1
        series = []
        for day in ends_of(first, last, step):
            if day_start_ms(day) > now_ms:
                break  # what is still to come has no figure
            live = at(known, day_end_ms(day))
            orders = len({h["order_id"] for h in live})
            series.append(Connections(until_day=day.isoformat(), connections=len(live), orders=orders))
        live = at(known, end_ms)
        return VictimAlarmIndicators(
            different_mandates=len(mandates),
            mandates=dict(sorted(mandates.items())),
            effective_connections=len(live),
            orders_with_connection=len({h["order_id"] for h in live}),
            series=series,
        )

    def _detection(self, first: date, last: date) -> DetectionIndicators:
        by_venue = self._stock.by_venue(first.isoformat(), last.isoformat())
        query = (
            select(field_tests.c.verdict, func.count())
            .where(field_tests.c.time_ms >= day_start_ms(first), field_tests.c.time_ms < day_end_ms(last))
            .group_by(field_tests.c.verdict)
        )
        with self._database.reading() as connection:
            verdicts = {row[0]: int(row[1]) for row in connection.execute(query)}
        served = [venue for venue in by_venue if venue.distributed]
        return DetectionIndicators(
            distributed=_sum([venue.distributed for venue in by_venue]),
            returned=_sum([venue.returned for venue in by_venue]),
            venues=sum(venue.kind == "venue" for venue in served),
            events=sum(venue.kind == "event" for venue in served),
            by_venue=by_venue,
            experiences=self._feedback.report(first.isoformat(), last.isoformat()),
            tests_by_verdict=verdicts,
        )


def _sum(counts: list[dict[str, int]]) -> dict[str, int]:
    return {item: sum(count.get(item, 0) for count in counts) for item in ("bracelet", "strip")}


def as_csv(found: Indicators) -> str:
    """The same figures as lines of `measure,indicator,of,period,value`; no cell is a formula to a spreadsheet."""
    rows: list[tuple[str, str, str, str, Any]] = []
    span = f"{found.from_day}/{found.until_day}"
    alarm, tool = found.victim_alarm, found.detection
    rows.append(("90", "different_mandates", "", span, alarm.different_mandates))
    rows += [("90", "effective_hookups", kind, span, n) for kind, n in alarm.mandates.items()]
    rows += [("90", "effective_connections", "", one.until_day, one.connections) for one in alarm.series]
    rows += [("90", "orders_with_connection", "", one.until_day, one.orders) for one in alarm.series]
    rows += [("22", "distributed", item, span, n) for item, n in tool.distributed.items()]
    rows += [("22", "returned", item, span, n) for item, n in tool.returned.items()]
    rows += [("22", "venues", kind, span, n) for kind, n in (("venue", tool.venues), ("event", tool.events))]
    for venue in tool.by_venue:
        rows += [("22", f"distributed_{i}", venue.venue_code, span, n) for i, n in venue.distributed.items()]
    rows += [("22", "tests", verdict, span, n) for verdict, n in tool.tests_by_verdict.items()]
    for audience in ("user", "staff"):
        total = getattr(tool.experiences, audience)["total"]
        rows.append(("22", f"experiences_{audience}", "answers", span, "withheld" if total is None else total["n"]))
        for name, score in (total or {"scores": {}})["scores"].items():
            rows.append(("22", f"experiences_{audience}", name, span, score["mean"]))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(("measure", "indicator", "of", "period", "value"))
    writer.writerows([[_harmless(cell) for cell in row] for row in rows])
    return out.getvalue()


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t")) else cell
