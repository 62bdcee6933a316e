"""The pages of case managers: drafts of orders, the editor with its map, the versions of an order."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from alarm_backend.access import CASE_WORKERS, CaseUser, OrderReader, ServicesOf, SessionOf
from alarm_backend.console import catalogue, order_words, refusal_texts
from alarm_backend.console.page_frame import language_of, pages
from alarm_backend.drafts.schemas import DraftNew
from alarm_backend.errors import NotFound, Refused
from gateway.contract import orders as contract
from gateway.contract import victim_contact

router = APIRouter()
BROWSER_TEXTS = (
    "draft.",
    *refusal_texts.BROWSER_TEXTS,
    "problem.",
    "caution.",
    "whatif.",
    "map.",
    "unit.",
    "kind.",
    "mandate.",
    "role.",
    "day.",
)
OrderId = Annotated[str, Path(max_length=80, pattern=r"^[^\x00-\x1f]+$")]


@router.get("/orders/drafts")
def drafts_page(
    request: Request,
    services: ServicesOf,
    user: OrderReader,
    session: SessionOf,
    order_id: Annotated[str, Query(max_length=80, pattern=r"^[^\x00]*$")] = "",
) -> Response:
    """Orders in the making, the open ones first."""
    return pages.render(
        request,
        "drafts.html",
        session,
        here="orders",
        drafts=services.drafts.listed(order_id or None),
        order_id=order_id,
        may_write=user.role in CASE_WORKERS,
        failure="",
    )


@router.post("/orders/drafts")
def begin_draft(
    request: Request,
    services: ServicesOf,
    user: CaseUser,
    session: SessionOf,
    order_id: Annotated[str, Form(max_length=80)] = "",
    act: Annotated[str, Form(max_length=10)] = "set",
) -> Response:
    """Begin a draft and open it; the list again, with the reason, when that is not possible."""
    language = language_of(request)
    try:
        new = DraftNew.model_validate({"order_id": order_id.strip(), "act": act})
        begun = services.drafts.begin(new, user)
    except ValidationError:
        failure, status = catalogue.text(language, "drafts.bad_order_id"), 422
    except Refused as refused:
        why = refusal_texts.refused(language, refused)
        failure, status = catalogue.text(language, "drafts.under_way", why=why), 409
    except NotFound:
        failure, status = catalogue.text(language, "drafts.nothing_to_withdraw"), 404
    else:
        return RedirectResponse(f"/orders/drafts/{begun.draft_id}", status_code=303)
    return pages.render(
        request,
        "drafts.html",
        session,
        status=status,
        here="orders",
        drafts=services.drafts.listed(),
        order_id=order_id,
        may_write=True,
        failure=failure,
    )


@router.get("/orders/drafts/{draft_id}")
def draft_page(
    draft_id: Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")],
    request: Request,
    services: ServicesOf,
    user: OrderReader,
    session: SessionOf,
) -> Response:
    """One draft: form, map, review."""
    draft = services.drafts.view(draft_id, user)
    return pages.render(
        request,
        "draft.html",
        session,
        here="orders",
        draft=draft.model_dump(mode="json"),
        mandate_kinds=contract.MANDATE_KINDS,
        alarm_kinds=list(victim_contact.DEFAULT),
        browser_texts=catalogue.for_browser(language_of(request), BROWSER_TEXTS),
    )


@router.get("/orders/{order_id}/versions")
def versions_page(
    order_id: OrderId, request: Request, services: ServicesOf, _user: OrderReader, session: SessionOf
) -> Response:
    """Every version of an order: who drafted and signed it, what it changed, where it is judged."""
    versions = services.orders.versions(order_id)
    return pages.render(
        request,
        "versions.html",
        session,
        here="orders",
        order_id=order_id,
        versions=versions,
        place=lambda path: order_words.place_name(language_of(request), path),
        said=lambda value: order_words.value_text(language_of(request), value),
        still_judged=any(version.active_at for version in versions),
    )
