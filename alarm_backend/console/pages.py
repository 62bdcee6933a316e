"""The console's pages: live queue and map, the panel of one alarm, preferences."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from alarm_backend.access import OperatorUser, ServicesOf, SessionOf
from alarm_backend.alarms.schemas import AlarmDetail, AlarmView
from alarm_backend.auth.schemas import User
from alarm_backend.console import (
    acts,
    case_pages,
    catalogue,
    maintenance_pages,
    records_pages,
    refusal_texts,
    register_pages,
    sign_in_pages,
    situation,
    wearer_page,
)
from alarm_backend.console.assets import router_of
from alarm_backend.console.page_frame import (
    HEADERS,
    LANGUAGE_COOKIE,
    OPERATOR_ROLES,
    THEME_COOKIE,
    THEMES,
    assets,
    compressed,
    home_of,
    language_of,
    pages,
)
from alarm_backend.console.shared import Packed, Shared
from alarm_backend.instructions.schemas import Outcome
from alarm_backend.orders.schemas import OrderView
from alarm_backend.services import Services

YEAR_S = 365 * 24 * 3600
TESTS_SHOWN = 20
BROWSER_TEXTS = (
    "status.",
    "banner.",
    "queue.",
    "severity.",
    "kind.",
    "state.",
    "condition.",
    "role.",
    "detail.",
    "map.",
    "reason.",
    "sound.",
    "unit.",
    "step.",
    "replay.",
    "called.",
    "page.login",
    "act.",
    "cause.",
    "policy.",
    "police.",
    *refusal_texts.BROWSER_TEXTS,
)

router = APIRouter()
router.include_router(router_of(assets))
router.include_router(records_pages.router)
router.include_router(case_pages.router)
router.include_router(register_pages.router)
router.include_router(maintenance_pages.router)
router.include_router(sign_in_pages.router)
router.include_router(situation.router)
router.include_router(wearer_page.router)


@router.get("/")
def queue_page(request: Request, services: ServicesOf, session: SessionOf) -> Response:
    """The live queue and the map."""
    if session.user.role not in OPERATOR_ROLES:
        return RedirectResponse(home_of(session.user.role), status_code=303)
    queue = services.alarms.queue()
    language = language_of(request)
    page = pages.render(
        request,
        "console.html",
        session,
        here="queue",
        alarms=queue.alarms,
        unacknowledged=sum(alarm.state == "raised" for alarm in queue.alarms),
        last_event_id=queue.last_event_id,
        flood=queue.flood,
        now_ms=queue.now_ms,
        wall_ms=services.clocks.wall_ms(),
        field_tests=services.field_tests.newest(TESTS_SHOWN),
        handovers=[
            {"identifier": one.identifier, "alarm_id": one.alarm_id, "state": "failing"}
            for one in services.police.failing()
        ],
        sources=[source.model_dump(mode="json") for source in services.heartbeats.freshness()],
        browser_texts=catalogue.for_browser(language, BROWSER_TEXTS),
    )
    return compressed(request, page)


@router.get("/console/field-tests")
def field_test_rows(request: Request, services: ServicesOf, _user: OperatorUser, session: SessionOf) -> Response:
    """The newest drink tests, as a fragment: verdict and reason in the reader's language."""
    newest = services.field_tests.newest(TESTS_SHOWN)
    return pages.render(request, "field_test_rows.html", session, field_tests=newest)


def _shown(value: Any) -> str:
    """A number of the evidence, as short as it can be without losing what it says."""
    if isinstance(value, list):
        return " · ".join(_shown(part) for part in value)
    if value is None:
        return "–"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _evidence(detail: AlarmDetail) -> list[tuple[str, str]]:
    """The numbers of the last decision of the gateway, flat, in the order it gave them."""
    for step in reversed(detail.transitions):
        if isinstance(step.evidence, dict) and step.evidence:
            numbers = step.evidence.get("numbers")
            facts = {**step.evidence, **(numbers if isinstance(numbers, dict) else {})}
            if isinstance(facts.get("approach"), dict):
                facts["approach"] = facts["approach"].get("who", "unknown")
            return [
                (name, _shown(value))
                for name, value in facts.items()
                if isinstance(value, (str, int, float, list)) and name != "fixes" and value != []
            ]
    return []


@router.get("/console/alarms/{alarm_id}")
def alarm_panel(alarm_id: str, request: Request, services: ServicesOf, user: OperatorUser) -> Response:
    """The panel of one alarm, as a fragment; written once for all consoles that show the same of it."""
    version = services.events.version  # before the look: what changes meanwhile makes another one
    alarms: Shared[dict[str, Any]] = request.app.state.shared_alarms
    facts = alarms.of((alarm_id, version), lambda: _facts(alarm_id, services))
    language = language_of(request)
    mine = _for_reader(facts, services, user, language)
    steps = tuple(step.model_dump_json() for step in mine["steps"])
    panels: Shared[Packed] = request.app.state.shared_panels
    packed = panels.of(
        (alarm_id, version, language, mine["offer"], steps),
        lambda: Packed.of(bytes(pages.render(request, "detail.html", **facts, **mine).body)),
    )
    return packed.answer(request, "text/html", HEADERS)


@router.get("/alarms/{alarm_id}")
def alarm_page(
    alarm_id: str, request: Request, services: ServicesOf, _user: OperatorUser, session: SessionOf
) -> Response:
    """One alarm of any time, on a page of its own."""
    return pages.render(request, "alarm.html", session, here="search", **_facts(alarm_id, services))


def _facts(alarm_id: str, services: Services) -> dict[str, Any]:
    """What the panel of an alarm shows, the same to everybody."""
    detail = services.alarms.detail(alarm_id)
    alarm = detail.alarm
    plan = services.instructions.unnamed(alarm_id) if alarm.state != "resolved" else []
    by_telephone = any(step.step_id == "notify_police" for step in plan)
    online = services.settings.police_url is not None
    order = situation.order_of(services, alarm.order_id)
    return {
        "detail": detail,
        "holder": acts.holder(alarm),
        "four_eyes": alarm.severity >= services.alarms.policy.four_eyes_severity,
        "order": order,
        "people": _people(alarm, order),
        "evidence": _evidence(detail),
        "plan": plan,
        "outcomes": get_args(Outcome),
        "police": "send" if online and alarm.monitored else "log" if by_telephone else "",
        "handovers": services.police.of_alarm(alarm_id),
        "police_tried": services.police.delivers,
    }


def _people(alarm: AlarmView, order: OrderView | None) -> list[tuple[str, str]]:
    """Whom an alarm names, with their roles, then everybody else of its order: a cut strap names only one of them."""
    named = [(alarm.monitored, "monitored"), (alarm.protected, "protected")]
    if order is not None:
        named.append((order.monitored.person_id, "monitored"))
        named += [(party.person_id, "protected") for party in order.protected]
    return [(person, role) for person, role in dict.fromkeys(named) if person]


def _for_reader(facts: dict[str, Any], services: Services, user: User, language: str) -> dict[str, Any]:
    """What of it depends on who looks: what he may do, and whom he may call (each name he reads is logged)."""
    detail: AlarmDetail = facts["detail"]
    return {
        "offer": acts.offer(services, detail.alarm, user, language),
        "steps": services.instructions.named(facts["plan"], detail.alarm.alarm_id, user),
    }


@router.post("/console/preferences")
def preferences(
    language: Annotated[str | None, Form()] = None,
    theme: Annotated[str | None, Form()] = None,
    back: Annotated[str, Form(max_length=200)] = "/",
) -> Response:
    """Keep a language or a theme in this browser and go back. Sets two cookies only, so it needs no session."""
    inside = back.startswith("/") and not back.startswith("//") and "\\" not in back
    response = RedirectResponse(back if inside else "/", status_code=303)
    if language in catalogue.LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=YEAR_S, samesite="lax", path="/")
    if theme in THEMES:
        response.set_cookie(THEME_COOKIE, theme, max_age=YEAR_S, samesite="lax", path="/")
    return response
