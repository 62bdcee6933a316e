"""Drafts on the way in and out."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

DraftState = Literal["draft", "submitted", "signed", "discarded"]
DraftAct = Literal["set", "withdraw"]
OrderId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
"""As the contract has it, without the slash, which an address cannot carry."""
Note = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$")]
Revision = Annotated[int, Field(ge=1, le=2**31 - 1)]


class DraftNew(BaseModel):
    """Begin a draft: of a new order, of a change to the order that is there, or of its withdrawal."""

    order_id: OrderId
    act: DraftAct = "set"
    document: dict[str, Any] | None = None
    """Left out: the present order, or an empty one."""
    reason: Note = ""


class DraftSave(BaseModel):
    """A new content. `revision` is the one that was read: a draft that somebody else changed is not overwritten."""

    revision: Revision
    document: dict[str, Any]
    reason: Note = ""


class DraftStep(BaseModel):
    """A step of the review, on exactly the revision that was read."""

    revision: Revision
    note: Note = ""


class ProblemView(BaseModel):
    """Why the gateway would not take it: the place in the document, a code with values, the parser's own words."""

    path: str
    code: str
    values: dict[str, str]
    reason: str


class WarningView(BaseModel):
    """Something a reviewer should know, which does not stop the draft."""

    path: str
    code: str
    values: dict[str, str]


class ChangeView(BaseModel):
    """One difference with the version it is based on; null where there is nothing on that side."""

    path: str
    before: Any
    after: Any


class RevisionView(BaseModel):
    """One saved revision."""

    revision: int
    actor: str
    stored_ms: int


class DraftSummary(BaseModel):
    """One line of the list."""

    draft_id: str
    order_id: str
    act: DraftAct
    state: DraftState
    base_version: int | None
    revision: int
    changed_by: str
    changed_ms: int
    submitted_by: str | None
    signed_version: int | None


class DraftView(DraftSummary):
    """A draft with what is wrong with it, what it changes, and what this reader may do with it."""

    document: dict[str, Any]
    present: dict[str, Any] | None
    """The order as it is in force, None for a new one."""
    present_version: int | None
    stale: bool
    """The order was changed since this draft was begun: it cannot be signed off before it is rebased."""
    reason: str
    review_note: str
    editors: list[str]
    reviewed_by: str | None
    problems: list[ProblemView]
    warnings: list[WarningView]
    changes: list[ChangeView]
    revisions: list[RevisionView]
    may: list[str]
    what_if: dict[str, Any] | None


class Signed(BaseModel):
    """What a sign-off made."""

    order_id: str
    version: int
    sha256: str
    withdrawn: bool
    stored_ms: int
