"""From draft to signed order: nobody signs what they wrote, and nobody signs what they did not read."""

from __future__ import annotations

import hashlib
import json
import uuid
from typing import Any

from sqlalchemy import Connection, RowMapping

from alarm_backend.audit.service import AuditService
from alarm_backend.auth.schemas import User
from alarm_backend.clocks import Clocks
from alarm_backend.drafts import changes, problems, repository, what_if
from alarm_backend.drafts.cautions import cautions
from alarm_backend.drafts.schemas import (
    ChangeView,
    DraftNew,
    DraftSave,
    DraftStep,
    DraftSummary,
    DraftView,
    ProblemView,
    RevisionView,
    Signed,
)
from alarm_backend.errors import Forbidden, InvalidRequest, NotFound, Refused, found
from alarm_backend.event_stream.schemas import StatusEvent
from alarm_backend.event_stream.service import EventStreamService
from alarm_backend.orders import delivery
from alarm_backend.orders import repository as orders
from alarm_backend.orders.service import parse
from alarm_backend.store.database import Database
from gateway.contract import orders as contract

DOCUMENT_BYTES_MAX = 2_000_000
LISTED_MAX = 200
CASE_ROLES = frozenset({"case_manager", "supervisor"})


class DraftService:
    """Orders in the making."""

    def __init__(
        self,
        *,
        database: Database,
        clocks: Clocks,
        audit: AuditService,
        events: EventStreamService,
        ask_what_if: what_if.Port = what_if.no_port,
    ) -> None:
        self._database = database
        self._clocks = clocks
        self._audit = audit
        self._events = events
        self._ask_what_if = ask_what_if

    # ---- writing it ---------------------------------------------------------------------------------------------
    def begin(self, new: DraftNew, user: User) -> DraftView:
        """A draft of a new order, of a change to one that is there, or of its withdrawal. Raises Refused, NotFound."""
        now_ms = self._clocks.wall_ms()
        draft_id = uuid.uuid4().hex
        with self._database.writing() as connection:
            present = orders.current_of(connection, new.order_id)
            if new.act == "withdraw" and (present is None or present["withdrawn"]):
                raise NotFound("order in force", new.order_id)
            under_way = repository.open_of_order(connection, new.order_id)
            if under_way:
                raise Refused("begin a draft", under_way[0]["state"], "draft_under_way", who=under_way[0]["changed_by"])
            document = new.document
            if new.act == "withdraw" or document is None:
                document = dict(present["document"]) if present else _empty(new.order_id)
            row = {
                "draft_id": draft_id,
                "order_id": new.order_id,
                "act": new.act,
                "base_version": present["version"] if present else None,
                "revision": 1,
                "state": "draft",
                "document": _bounded(document),
                "reason": new.reason,
                "created_by": user.username,
                "created_ms": now_ms,
                "changed_by": user.username,
                "changed_ms": now_ms,
                "review_note": "",
            }
            repository.add(connection, row)
            self._keep_revision(connection, row, user)
            self._note(connection, user, "draft.begin", row, {"act": new.act})
        return self.view(draft_id, user)

    def save(self, draft_id: str, saved: DraftSave, user: User) -> DraftView:
        """A new revision. Raises Refused when it is no draft any more or somebody else saved meanwhile."""
        with self._database.writing() as connection:
            row = self._at(connection, draft_id, saved.revision, ("draft",), "save")
            document = _bounded(saved.document) if row["act"] == "set" else row["document"]
            changed = {"revision": saved.revision + 1, "document": document, "reason": saved.reason, "what_if": None}
            self._put(connection, row, changed, user, "draft.save")
            self._keep_revision(connection, {**row, **changed}, user)
        return self.view(draft_id, user)

    def rebase(self, draft_id: str, step: DraftStep, user: User) -> DraftView:
        """Base the draft on the version that is in force now, after somebody looked at what differs."""
        with self._database.writing() as connection:
            row = self._at(connection, draft_id, step.revision, repository.OPEN_STATES, "rebase")
            present = orders.current_of(connection, row["order_id"])
            changed = {
                "base_version": present["version"] if present else None,
                "revision": step.revision + 1,
                "state": "draft",
                "what_if": None,
                "submitted_by": None,
                "submitted_ms": None,
            }
            if row["act"] == "withdraw" and present is not None:
                changed["document"] = present["document"]
            self._put(connection, row, changed, user, "draft.rebase")
            self._keep_revision(connection, {**row, **changed}, user)
        return self.view(draft_id, user)

    def discard(self, draft_id: str, step: DraftStep, user: User) -> DraftView:
        """Put it aside for good; it stays in the history."""
        with self._database.writing() as connection:
            row = self._at(connection, draft_id, step.revision, repository.OPEN_STATES, "discard")
            self._put(connection, row, {"state": "discarded", "review_note": step.note}, user, "draft.discard")
        return self.view(draft_id, user)

    # ---- four eyes ----------------------------------------------------------------------------------------------
    def submit(self, draft_id: str, step: DraftStep, user: User) -> DraftView:
        """Hand it over for review; from here on it is fixed. Raises InvalidRequest while anything is wrong with it."""
        with self._database.writing() as connection:
            row = self._at(connection, draft_id, step.revision, ("draft",), "submit")
            self._sound(connection, row)
            changed: dict[str, Any] = {
                "state": "submitted",
                "submitted_by": user.username,
                "submitted_ms": self._clocks.wall_ms(),
            }
            self._put(connection, row, changed, user, "draft.submit")
        return self.view(draft_id, user)

    def send_back(self, draft_id: str, step: DraftStep, user: User) -> DraftView:
        """Not like this: back to its authors with the reason, or taken back by one of them, who need not give one."""
        with self._database.writing() as connection:
            row = self._at(connection, draft_id, step.revision, ("submitted",), "send back")
            own = user.username in {*repository.editors(connection, draft_id), row["submitted_by"]}
            if not own and not step.note.strip():
                raise InvalidRequest("note", "say_why_sent_back")
            changed: dict[str, Any] = {
                "state": "draft",
                "submitted_by": None,
                "submitted_ms": None,
                "review_note": step.note,
            }
            changed |= {"reviewed_by": user.username, "reviewed_ms": self._clocks.wall_ms()}
            self._put(connection, row, changed, user, "draft.send_back", {"note": step.note})
        return self.view(draft_id, user)

    def sign(self, draft_id: str, step: DraftStep, user: User) -> Signed:
        """Make it the order's next version. Raises Forbidden for its own authors, Refused for a stale draft."""
        stored_ms = self._clocks.wall_ms()
        with self._database.writing() as connection:
            row = self._at(connection, draft_id, step.revision, ("submitted",), "sign off")
            authors = sorted({*repository.editors(connection, draft_id), row["submitted_by"]})
            if user.username in authors:
                raise Forbidden("four_eyes")
            present = orders.current_of(connection, row["order_id"])
            if (present["version"] if present else None) != row["base_version"]:
                raise Refused("sign off", "stale", "order_changed")
            self._sound(connection, row)
            version = (row["base_version"] or 0) + 1
            withdrawn = row["act"] == "withdraw"
            document = {**row["document"], "version": version}
            order = parse({"schema": contract.SCHEMA, "orders": [document]})[0]
            digest = orders.digest(document)
            orders.add_current(
                connection,
                {
                    "order_id": order.order_id,
                    "version": version,
                    "mandate_kind": order.mandate_kind,
                    "valid_from_ms": order.valid_from_ms,
                    "valid_until_ms": order.valid_until_ms,
                    "document": document,
                    "sha256": digest,
                    "withdrawn": withdrawn,
                    "stored_ms": stored_ms,
                },
            )
            repository.add_signature(
                connection,
                {
                    "order_id": order.order_id,
                    "version": version,
                    "draft_id": draft_id,
                    "drafted_by": authors,
                    "signed_by": user.username,
                    "signed_ms": stored_ms,
                    "reason": row["reason"],
                    "what_if": row["what_if"],
                },
            )
            delivery.changed(connection, stored_ms, [order.order_id])
            changed: dict[str, Any] = {"state": "signed", "signed_version": version, "review_note": step.note}
            changed |= {"reviewed_by": user.username, "reviewed_ms": stored_ms}
            detail = {"version": version, "sha256": digest, "drafted_by": authors, "withdrawn": withdrawn}
            self._put(connection, row, changed, user, "draft.sign", detail)
            self._audit.append(connection, user.username, "order.sign", f"order:{order.order_id}", detail)
            told = StatusEvent(
                what="orders", source=user.username, detail={"stored": [order.order_id]}, stored_ms=stored_ms
            )
            self._events.append(connection, "status", told)
        return Signed(order_id=order.order_id, version=version, sha256=digest, withdrawn=withdrawn, stored_ms=stored_ms)

    # ---- figures ------------------------------------------------------------------------------------------------
    def figures(self, draft_id: str, user: User) -> dict[str, Any]:
        """What the draft would have done over the past positions, or why that cannot be told. Kept with the draft.

        Positions are read for it, so the read is logged.
        """
        now_ms = self._clocks.now_ms()
        with self._database.reading() as connection:
            row = self._get(connection, draft_id)
            present = orders.current_of(connection, row["order_id"])
        try:
            outcome = self._figures(row, present, user, now_ms)
        except what_if.WhatIfUnavailable as why:
            outcome = {"available": False, "code": why.code, "values": why.values, "made_ms": now_ms}
        outcome["revision"] = row["revision"]
        with self._database.writing() as connection:
            now = self._get(connection, draft_id)
            if now["revision"] == row["revision"] and now["state"] in repository.OPEN_STATES:
                repository.put(connection, draft_id, {"what_if": outcome})
        return outcome

    def _figures(self, row: RowMapping, present: RowMapping | None, user: User, now_ms: int) -> dict[str, Any]:
        if row["act"] == "withdraw":
            raise what_if.WhatIfUnavailable("withdrawal")
        if problems.find(row["document"], row["order_id"]):
            raise what_if.WhatIfUnavailable("problems")
        with self._database.reading() as connection:
            rows = what_if.past_rows(connection, row["order_id"], now_ms)
        detail = {"from_ms": rows[0][1], "until_ms": rows[-1][1], "purpose": f"what-if of draft {row['draft_id']}"}
        self._audit.record(user.username, "position.read", f"order:{row['order_id']}", detail)
        in_force = present["document"] if present is not None and not present["withdrawn"] else None
        question = what_if.Question(in_force, {**row["document"], "version": 1}, rows)
        answer = self._ask_what_if(question)
        with self._database.reading() as connection:
            return what_if.figures(connection, question, answer, now_ms)

    # ---- reading it ---------------------------------------------------------------------------------------------
    def listed(self, order_id: str | None = None) -> list[DraftSummary]:
        """Open drafts first."""
        with self._database.reading() as connection:
            return [DraftSummary.model_validate(dict(r)) for r in repository.newest(connection, LISTED_MAX, order_id)]

    def view(self, draft_id: str, user: User) -> DraftView:
        """A draft with everything a reviewer needs. Raises NotFound."""
        now_ms = self._clocks.now_ms()
        with self._database.reading() as connection:
            row = self._get(connection, draft_id)
            present = orders.current_of(connection, row["order_id"])
            found = [] if row["act"] == "withdraw" else problems.find(row["document"], row["order_id"])
            known = repository.revisions(connection, draft_id)
            warned = cautions(connection, row["document"], row["order_id"], now_ms) if row["state"] != "signed" else []
        version = present["version"] if present else None
        stale = row["state"] in repository.OPEN_STATES and version != row["base_version"]
        editors = sorted({revision["actor"] for revision in known})
        before = present["document"] if present is not None and not present["withdrawn"] else None
        facts = {name: row[name] for name in (*DraftSummary.model_fields, "document", "reason", "review_note")}
        return DraftView(
            **facts,
            present=before,
            present_version=version,
            stale=stale,
            editors=editors,
            reviewed_by=row["reviewed_by"],
            problems=[ProblemView(**{**vars(p), "values": dict(p.values)}) for p in found],
            warnings=warned,
            changes=[ChangeView(**vars(change)) for change in changes.between(before, row["document"])],
            revisions=[RevisionView.model_validate(dict(revision)) for revision in known],
            may=_may(row, user, editors, stale=stale, sound=not found),
            what_if=row["what_if"],
        )

    def compared(self, draft_id: str, revision: int, other: int) -> list[ChangeView]:
        """What changed between two saved revisions of a draft. Raises NotFound."""
        with self._database.reading() as connection:
            known = {r["revision"]: r["document"] for r in repository.revisions(connection, draft_id)}
        for number in (revision, other):
            if number not in known:
                raise NotFound("revision of this draft", str(number))
        return [ChangeView(**vars(change)) for change in changes.between(known[revision], known[other])]

    # ---- inside -------------------------------------------------------------------------------------------------
    @staticmethod
    def _get(connection: Connection, draft_id: str) -> RowMapping:
        return found(repository.get(connection, draft_id), "draft", draft_id)

    def _at(
        self, connection: Connection, draft_id: str, revision: int, states: tuple[str, ...], act: str
    ) -> RowMapping:
        """The draft, if it still is what the caller read."""
        row = self._get(connection, draft_id)
        if row["state"] not in states:
            raise Refused(act, row["state"], "only_in_states", states=states)
        if row["revision"] != revision:
            facts = {"who": row["changed_by"], "revision": row["revision"], "read": revision}
            raise Refused(act, row["state"], "saved_meanwhile", **facts)
        return row

    @staticmethod
    def _sound(_connection: Connection, row: RowMapping) -> None:
        found = problems.find(row["document"], row["order_id"]) if row["act"] == "set" else []
        if found:
            raise InvalidRequest(found[0].path or "document", "document_fault", reason=found[0].reason)

    def _put(
        self,
        connection: Connection,
        row: RowMapping,
        changed: dict[str, Any],
        user: User,
        action: str,
        detail: dict[str, Any] | None = None,
    ) -> None:
        touched = {**changed, "changed_ms": self._clocks.wall_ms()}
        if "revision" in changed:  # a step of the review makes nobody an author
            touched["changed_by"] = user.username
        repository.put(connection, row["draft_id"], touched)
        self._note(connection, user, action, {**row, **changed}, detail or {})

    def _note(
        self, connection: Connection, user: User, action: str, row: dict[str, Any], detail: dict[str, Any]
    ) -> None:
        """What happened to a draft, in the audit chain; with the hash of what was written, not the text."""
        digest = hashlib.sha256(json.dumps(row["document"], sort_keys=True).encode()).hexdigest()
        facts = {"order_id": row["order_id"], "revision": row["revision"], "document_sha256": digest, **detail}
        self._audit.append(connection, user.username, action, f"draft:{row['draft_id']}", facts)

    def _keep_revision(self, connection: Connection, row: dict[str, Any], user: User) -> None:
        kept = {name: row[name] for name in ("draft_id", "revision", "document")}
        kept |= {"actor": user.username, "stored_ms": self._clocks.wall_ms()}
        repository.add_revision(connection, kept)


def _empty(order_id: str) -> dict[str, Any]:
    """A draft with nothing decided yet but what the law leaves no choice in."""
    return {
        "order_id": order_id,
        "timezone": "Europe/Brussels",
        "monitored": {"person_id": "", "device_id": None},
        "protected": [],
        "zones": [],
    }


def _bounded(document: dict[str, Any]) -> dict[str, Any]:
    try:
        written = json.dumps(document, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("document", "cannot_be_kept", reason=str(error)) from None
    if len(written) > DOCUMENT_BYTES_MAX:
        raise InvalidRequest("document", "too_large", size=len(written), most=DOCUMENT_BYTES_MAX)
    if "\\u0000" in written:
        raise InvalidRequest("document", "has_null")
    return document


def _may(row: RowMapping, user: User, editors: list[str], *, stale: bool, sound: bool) -> list[str]:
    """The acts the page offers to this reader; the service checks each again."""
    if user.role not in CASE_ROLES:
        return []
    if row["state"] == "draft":
        return ["save", *(["submit"] if sound and not stale else []), *(["rebase"] if stale else []), "discard"]
    if row["state"] == "submitted":
        own = user.username in editors or user.username == row["submitted_by"]
        return ["send_back", *([] if own or stale else ["sign"]), *(["rebase"] if stale else []), "discard"]
    return []
