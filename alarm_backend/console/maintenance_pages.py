"""The page of planned maintenance: what is being worked on, what is to come, and the form of supervisors."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response

from alarm_backend.access import MaintenanceReader, ServicesOf, SessionOf, SupervisorUser
from alarm_backend.auth.schemas import User
from alarm_backend.console.forms import answered, fields, only
from alarm_backend.console.page_frame import ZONE, pages
from alarm_backend.errors import InvalidRequest
from alarm_backend.maintenance.schemas import WindowEnd, WindowIn
from alarm_backend.services import Services

router = APIRouter()
PAST_HOURS = 7 * 24


def _page(
    request: Request,
    services: Services,
    session: Any,
    user: User,
    failure: str = "",
    status: int = 200,
    asked: dict[str, str] | None = None,
) -> Response:
    return pages.render(
        request,
        "maintenance.html",
        session,
        status=status,
        here="maintenance",
        maintenance=services.maintenance.listed(PAST_HOURS),
        gateways=[source.source for source in services.heartbeats.freshness()],
        may_write=user.is_supervisor,
        asked=asked or {},
        failure=failure,
    )


@router.get("/maintenance")
def maintenance_page(request: Request, services: ServicesOf, user: MaintenanceReader, session: SessionOf) -> Response:
    """What is being worked on now, what is planned, what was."""
    return _page(request, services, session, user)


@router.post("/maintenance")
async def maintenance_form(
    request: Request, services: ServicesOf, user: SupervisorUser, session: SessionOf
) -> Response:
    """Plan, agree, end."""
    sent = await fields(request)

    def act() -> None:
        what, window_id = sent.get("act", ""), sent.get("window_id", "")
        if what == "approve":
            services.maintenance.approve(window_id, user)
        elif what == "end":
            services.maintenance.end(window_id, WindowEnd.model_validate(only(sent, WindowEnd)), user)
        else:
            scope, _, target = sent.get("what", "").partition("|")
            body: dict[str, Any] = {"scope": scope, "reason": sent.get("reason", "")}
            body["target"] = sent.get("device_id") if scope == "device" else target or None
            body |= {name: _instant(name, sent[name]) for name in ("starts_ms", "ends_ms") if name in sent}
            services.maintenance.plan(WindowIn.model_validate(body), user)

    return answered(request, act, partial(_page, request, services, session, user, asked=sent))


def _instant(field: str, wall: str) -> int:
    """A time of the Belgian clock, as a form sends it; when the clocks go back the first of the two."""
    try:
        return round(datetime.fromisoformat(wall).replace(tzinfo=ZONE).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise InvalidRequest(field, "no_time", given=wall) from None
