"""Pages of the registers: trackers and hook-ups, stock, the form for experiences, the indicators. Plain forms: they

work without scripts; what is refused comes back as the page itself with the reason."""

from __future__ import annotations

import uuid
from datetime import date
from functools import partial
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from alarm_backend.access import (
    CASE_WORKERS,
    CaseUser,
    IndicatorReader,
    OrderReader,
    ServicesOf,
    SessionOf,
    StockUser,
)
from alarm_backend.auth.schemas import User
from alarm_backend.console import catalogue
from alarm_backend.console.forms import answered, attempt, fields, only
from alarm_backend.console.page_frame import language_of, pages
from alarm_backend.console.records_pages import VERDICTS
from alarm_backend.devices.schemas import Condition, ConditionIn, DeviceIn, HookupIn, UnhookIn, UnhookReason
from alarm_backend.feedback.questions import AGAIN, PROBLEMS, SCORES
from alarm_backend.feedback.schemas import FeedbackIn
from alarm_backend.services import Services
from alarm_backend.stock.schemas import LotIn, MoveIn, RecallIn, VenueIn, What
from alarm_backend.stock.service import day_of

router = APIRouter()


# ---- trackers -------------------------------------------------------------------------------------------------------
def _devices(
    request: Request, services: Services, session: Any, user: User, failure: str = "", status: int = 200
) -> Response:
    services.devices.look()
    return pages.render(
        request,
        "devices.html",
        session,
        status=status,
        here="devices",
        devices=services.devices.listed(),
        orders=[order for order in services.orders.all() if order.in_force] if user.role in CASE_WORKERS else [],
        may_write=user.role in CASE_WORKERS,
        conditions=get_args(Condition),
        unhook_reasons=get_args(UnhookReason),
        failure=failure,
    )


@router.get("/devices")
def devices_page(request: Request, services: ServicesOf, user: OrderReader, session: SessionOf) -> Response:
    """Every tracker, who wears it, and whether that is effective."""
    return _devices(request, services, session, user)


@router.get("/devices/{device_id}")
def device_page(
    device_id: str, request: Request, services: ServicesOf, _user: OrderReader, session: SessionOf
) -> Response:
    """One tracker with its history."""
    return pages.render(request, "device.html", session, here="devices", device=services.devices.history(device_id))


@router.post("/devices")
async def devices_form(request: Request, services: ServicesOf, user: CaseUser, session: SessionOf) -> Response:
    """Register, hook up, unhook, or say what became of a tracker."""
    sent = await fields(request)

    def act() -> None:
        what, device_id = sent.get("act", ""), sent.get("device_id", "")
        if what == "register":
            services.devices.register(_device_id(device_id), DeviceIn.model_validate(only(sent, DeviceIn)), user)
        elif what == "hook_up":
            order_id, _, person_id = sent.get("party", "").partition("|")
            body = {**sent, "order_id": order_id, "person_id": person_id, "consent": "consent" in sent}
            services.devices.hook_up(HookupIn.model_validate(only(body, HookupIn)), user)
        elif what == "unhook":
            services.devices.unhook(sent.get("hookup_id", ""), UnhookIn.model_validate(only(sent, UnhookIn)), user)
        else:
            services.devices.set_condition(device_id, ConditionIn.model_validate(only(sent, ConditionIn)), user)

    return answered(request, act, partial(_devices, request, services, session, user))


def _device_id(device_id: str) -> str:
    """A tracker id as on the wire; raises ValidationError."""
    return HookupIn.model_validate(
        {"device_id": device_id, "order_id": "x", "person_id": "x", "strap_number": "x", "battery_percent": 0}
    ).device_id


# ---- stock ----------------------------------------------------------------------------------------------------------
def _stock(
    request: Request, services: Services, session: Any, user: User, failure: str = "", status: int = 200
) -> Response:
    return pages.render(
        request,
        "stock.html",
        session,
        status=status,
        here="stock",
        lots=services.stock.lots(),
        venues=services.stock.venues(),
        moves=services.stock.moves()[:50],
        whats=get_args(What),
        today=day_of(services.clocks.now_ms()),
        move_id=uuid.uuid4().hex,
        may_write=user.role == "administrator",
        failure=failure,
    )


@router.get("/stock")
def stock_page(request: Request, services: ServicesOf, user: IndicatorReader, session: SessionOf) -> Response:
    """Lots, venues and where everything is."""
    return _stock(request, services, session, user)


@router.post("/stock")
async def stock_form(request: Request, services: ServicesOf, user: StockUser, session: SessionOf) -> Response:
    """Take a lot in, add a venue, write a movement down, recall a lot."""
    sent = await fields(request)

    def act() -> None:
        what = sent.get("act", "")
        if what == "lot":
            services.stock.add_lot(_named(sent, "lot_id"), LotIn.model_validate(only(sent, LotIn)), user)
        elif what == "venue":
            services.stock.put_venue(_named(sent, "venue_code"), VenueIn.model_validate(only(sent, VenueIn)), user)
        elif what == "recall":
            services.stock.recall(sent.get("lot_id", ""), RecallIn.model_validate(only(sent, RecallIn)), user)
        else:
            services.stock.move(sent.get("move_id", ""), MoveIn.model_validate(only(sent, MoveIn)), user)

    return answered(request, act, partial(_stock, request, services, session, user))


def _named(sent: dict[str, str], field: str) -> str:
    """A lot or venue name that an address can carry; raises ValidationError."""
    probe = {"lot_id": "x", "venue_code": "xx", "what": "returned", "number": 1, "day": "2026-01-01"}
    checked: str = getattr(MoveIn.model_validate({**probe, field: sent.get(field, "")}), field)
    return checked


# ---- experiences ----------------------------------------------------------------------------------------------------
def _experience(
    request: Request, services: Services, venue: str, audience: str, failure: str, done: bool, status: int
) -> Response:
    known = {place.venue_code: place for place in services.stock.venues()}
    return pages.render(
        request,
        "experience.html",
        status=status,
        venue=known.get(venue),
        venues=list(known.values()),
        audience=audience if audience in SCORES else "user",
        scores=SCORES.get(audience, SCORES["user"]),
        problems=PROBLEMS,
        again=AGAIN,
        failure=failure,
        done=done,
    )


@router.get("/experience")
def experience_page(
    request: Request,
    services: ServicesOf,
    venue: Annotated[str, Query(max_length=40)] = "",
    audience: Annotated[str, Query(max_length=10)] = "user",
    done: Annotated[bool, Query()] = False,
) -> Response:
    """The short form for wearers and venue staff; nobody signs in."""
    return _experience(request, services, venue, audience, "", done, 200)


@router.post("/experience")
async def experience_form(request: Request, services: ServicesOf) -> Response:
    """Keep an answer and say thank you."""
    form = await request.form()
    venue, audience = str(form.get("venue_code", ""))[:40], str(form.get("audience", "user"))[:10]
    scores = {name: form.get(f"score_{name}") for name in SCORES.get(audience, ()) if form.get(f"score_{name}")}

    def act() -> None:
        body: dict[str, Any] = {
            "venue_code": venue,
            "audience": audience,
            "language": language_of(request),
            "scores": scores,
        }
        body |= {"again": form.get("again") or None, "problems": [str(word) for word in form.getlist("problems")]}
        services.feedback.take(FeedbackIn.model_validate(body), request.client.host if request.client else "")

    failure, status = attempt(language_of(request), act)
    if not failure:
        return RedirectResponse(f"/experience?done=true&audience={audience}", status_code=303)
    key = {429: "experience.too_often", 404: "experience.no_venue"}.get(status, "experience.nothing")
    return _experience(request, services, venue, audience, catalogue.text(language_of(request), key), False, status)


# ---- indicators -----------------------------------------------------------------------------------------------------
@router.get("/indicators")
def indicators_page(
    request: Request,
    services: ServicesOf,
    _user: IndicatorReader,
    session: SessionOf,
    from_day: Annotated[str, Query(max_length=10)] = "",
    until_day: Annotated[str, Query(max_length=10)] = "",
    step: Annotated[str, Query(max_length=5)] = "month",
) -> Response:
    """What the action plan asks to report, both measures, with its definitions."""
    today = day_of(services.clocks.now_ms())
    asked: dict[str, Any] = {
        "from_day": from_day or f"{date.fromisoformat(today).year}-01-01",
        "until_day": until_day or today,
    }
    asked["step"] = "day" if step == "day" else "month"
    found: list[Any] = []
    failure, status = attempt(language_of(request), lambda: found.append(services.indicators.report(**asked)))
    return pages.render(
        request,
        "indicators.html",
        session,
        status=200 if not failure else status,
        here="indicators",
        found=found[0] if found else None,
        asked=asked,
        failure=failure,
        scores=SCORES,
        verdicts=VERDICTS,
    )
