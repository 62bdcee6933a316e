"""Drafts over HTTP: case managers and supervisors write and sign off, operators may read."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from alarm_backend.access import CaseUser, OrderReader, ServicesOf
from alarm_backend.drafts.schemas import ChangeView, DraftNew, DraftSave, DraftStep, DraftSummary, DraftView, Signed

router = APIRouter(prefix="/api/v1/order-drafts", tags=["order drafts"])
DraftId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]
RevisionNumber = Annotated[int, Query(ge=1, le=2**31 - 1)]


@router.get("")
def drafts(
    services: ServicesOf,
    _user: OrderReader,
    order_id: Annotated[str | None, Query(max_length=80, pattern=r"^[^\x00]*$")] = None,
) -> list[DraftSummary]:
    """Drafts of all orders or of one, the open ones first."""
    return services.drafts.listed(order_id)


@router.post("", status_code=201)
def begin(body: DraftNew, services: ServicesOf, user: CaseUser) -> DraftView:
    """Begin a draft; one at a time for each order."""
    return services.drafts.begin(body, user)


@router.get("/{draft_id}")
def draft(draft_id: DraftId, services: ServicesOf, user: OrderReader) -> DraftView:
    """A draft, what is wrong with it and what it changes."""
    return services.drafts.view(draft_id, user)


@router.put("/{draft_id}")
def save(draft_id: DraftId, body: DraftSave, services: ServicesOf, user: CaseUser) -> DraftView:
    """Save a revision. 409 when somebody else saved since `revision` was read."""
    return services.drafts.save(draft_id, body, user)


@router.get("/{draft_id}/changes")
def compared(
    draft_id: DraftId, services: ServicesOf, _user: OrderReader, revision: RevisionNumber, other: RevisionNumber
) -> list[ChangeView]:
    """What changed between two revisions."""
    return services.drafts.compared(draft_id, revision, other)


@router.post("/{draft_id}/what-if")
def figures(draft_id: DraftId, services: ServicesOf, user: CaseUser) -> dict[str, Any]:
    """The figures over past positions, with n and period, or `available: false` and why. Takes up to 20 s; logged."""
    return services.drafts.figures(draft_id, user)


@router.post("/{draft_id}/submit")
def submit(draft_id: DraftId, body: DraftStep, services: ServicesOf, user: CaseUser) -> DraftView:
    """Hand it over for review."""
    return services.drafts.submit(draft_id, body, user)


@router.post("/{draft_id}/send-back")
def send_back(draft_id: DraftId, body: DraftStep, services: ServicesOf, user: CaseUser) -> DraftView:
    """Back to its authors, with a note."""
    return services.drafts.send_back(draft_id, body, user)


@router.post("/{draft_id}/rebase")
def rebase(draft_id: DraftId, body: DraftStep, services: ServicesOf, user: CaseUser) -> DraftView:
    """Base a stale draft on the version that is in force now."""
    return services.drafts.rebase(draft_id, body, user)


@router.post("/{draft_id}/discard")
def discard(draft_id: DraftId, body: DraftStep, services: ServicesOf, user: CaseUser) -> DraftView:
    """Put it aside."""
    return services.drafts.discard(draft_id, body, user)


@router.post("/{draft_id}/sign")
def sign(draft_id: DraftId, body: DraftStep, services: ServicesOf, user: CaseUser) -> Signed:
    """Sign it off: somebody who did not write it makes it the order's next version."""
    return services.drafts.sign(draft_id, body, user)
