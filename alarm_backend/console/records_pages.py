"""The pages that look back or around: search, shift hand-over, orders, drink tests."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, get_args

from fastapi import APIRouter, Query, Request, Response

from alarm_backend.access import CASE_WORKERS, DrinkTestReader, OperatorUser, OrderReader, ServicesOf, SessionOf
from alarm_backend.alarms.schemas import Kind, State
from alarm_backend.console import catalogue
from alarm_backend.console.page_frame import ZONE, language_of, pages
from alarm_backend.console.response_times import FAST_MS, SLOW_MS, shift

router = APIRouter()
FOUND_MAX = 200
SHIFT_MAX = 500
TESTS_MAX = 200
HOURS = (4, 8, 12, 24)
VERDICTS = ("positive", "inconclusive", "invalid", "negative")


def _day_ms(day: str, last: bool) -> int | None:
    """The first (or last) millisecond of a Belgian day; None for no day or a day nobody can read."""
    try:
        start = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=ZONE)
    except ValueError:
        return None
    end = start.replace(hour=23, minute=59, second=59, microsecond=999_000)
    return round((end if last else start).timestamp() * 1000)


@router.get("/search")
def search_page(
    request: Request,
    services: ServicesOf,
    _user: OperatorUser,
    session: SessionOf,
    person: Annotated[str, Query(max_length=80)] = "",
    order_id: Annotated[str, Query(max_length=80)] = "",
    kind: Annotated[str, Query(max_length=40)] = "",
    state: Annotated[str, Query(max_length=20)] = "",
    from_day: Annotated[str, Query(max_length=10)] = "",
    until_day: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Alarms of all times by person, order, kind, state and day; the newest first."""
    found = services.alarms.search(
        person=person.strip() or None,
        order_id=order_id.strip() or None,
        kind=kind if kind in get_args(Kind) else None,
        state=state if state in get_args(State) else None,
        from_ms=_day_ms(from_day, last=False),
        until_ms=_day_ms(until_day, last=True),
        limit=FOUND_MAX,
    )
    asked = {"person": person, "order_id": order_id, "kind": kind, "state": state}
    asked |= {"from_day": from_day, "until_day": until_day}
    return pages.render(
        request,
        "search.html",
        session,
        here="search",
        found=found,
        full=len(found) == FOUND_MAX,
        asked=asked,
        kinds=get_args(Kind),
        states=get_args(State),
    )


@router.get("/handover")
def handover_page(
    request: Request,
    services: ServicesOf,
    _user: OperatorUser,
    session: SessionOf,
    hours: Annotated[int, Query(ge=1, le=24)] = 8,
) -> Response:
    """What this shift hands over to the next: open alarms, what happened, how fast it was answered, what is wrong."""
    now_ms = services.clocks.now_ms()
    raised = services.alarms.search(from_ms=now_ms - hours * 3_600_000, limit=SHIFT_MAX)
    return pages.render(
        request,
        "handover.html",
        session,
        here="handover",
        hours=hours,
        choices=HOURS,
        from_ms=now_ms - hours * 3_600_000,
        now_ms=now_ms,
        shift=shift(raised, services.alarms.queue().alarms),
        full=len(raised) == SHIFT_MAX,
        fast_s=FAST_MS // 1000,
        slow_s=SLOW_MS // 1000,
        maintenance=services.maintenance.listed(hours),
        sources=services.heartbeats.freshness(),
        rejected=services.rejections.count(),
    )


@router.get("/orders")
def orders_page(request: Request, services: ServicesOf, user: OrderReader, session: SessionOf) -> Response:
    """Every order with its distances and zones, and the zones on the map."""
    orders = services.orders.all()
    shown = [order.model_dump(mode="json", include={"order_id", "zones"}) for order in orders]
    return pages.render(
        request,
        "orders.html",
        session,
        here="orders",
        orders=orders,
        active=services.delivery.judged(),
        may_write=user.role in CASE_WORKERS,
        shown=shown,
        browser_texts=catalogue.for_browser(language_of(request), ("map.", "unit.")),
    )


@router.get("/field-tests")
def field_tests_page(
    request: Request,
    services: ServicesOf,
    _user: DrinkTestReader,
    session: SessionOf,
    verdict: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """The drink tests that arrived, by verdict; pseudonymous, so evaluators may look."""
    tests = [
        test for test in services.field_tests.newest(TESTS_MAX) if verdict not in VERDICTS or test.verdict == verdict
    ]
    counts = services.field_tests.counts()
    return pages.render(
        request,
        "field_tests.html",
        session,
        here="field_tests",
        tests=tests,
        counts=[(name, counts.get(name, 0)) for name in VERDICTS],
        verdict=verdict,
    )
