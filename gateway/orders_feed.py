"""Takes over the orders that were signed off at the backend, and tells the backend which ones are judged.

Nothing that the backend merely forgets is given up: an order leaves only when the backend names it as withdrawn, and
a version never goes back. So a backend restored from an old copy, or an empty one, cannot end anybody's protection.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from gateway import orders_file
from gateway.contract import orders as contract
from gateway.contract.errors import OrdersInvalid
from gateway.errors import FileUnreadable
from gateway.worker import say

REMEMBERED = "orders-from-backend.json"
IN_FORCE = "orders-in-force.json"
POLL_S = 1.0
BACKOFF_MAX_S = 15.0
TIMEOUT_S = 30.0
RECEIPTS_MAX = 1000

Documents = dict[str, dict[str, Any]]


class Orders(NamedTuple):
    """Orders by id, and the ids of those that were withdrawn."""

    documents: Documents
    withdrawn: frozenset[str]


NOTHING = Orders({}, frozenset())


def taken_over(before: Orders, sent: Mapping[str, Any]) -> tuple[Orders, list[str]]:
    """What is remembered after the backend's answer, and a complaint for each order that could not be taken as sent.

    An answer with `since` names only what changed: nothing follows from what it does not name.
    """
    complaints: list[str] = []
    documents = dict(before.documents)
    named: set[str] = set()
    for source in sent["orders"]:
        try:
            order = contract.parse({"schema": contract.SCHEMA, "orders": [source]})[0]
        except OrdersInvalid as error:
            complaints.append(f"the backend sends an order that cannot be used: {error}")
            continue
        named.add(order.order_id)
        known = documents.get(order.order_id)
        if known is not None and known["version"] > order.version:
            complaints.append(
                f"{order.order_id}: the backend sends version {order.version}, version {known['version']} stays"
            )
        else:
            documents[order.order_id] = source
    withdrawn = (before.withdrawn | frozenset(sent["withdrawn"])) - named
    forgotten = set() if sent.get("since") else documents.keys() - named - withdrawn
    complaints += [f"{order_id}: the backend no longer knows it; it stays in force" for order_id in sorted(forgotten)]
    return Orders({i: d for i, d in documents.items() if i not in withdrawn}, withdrawn), complaints


def in_force(given: Documents, remembered: Orders) -> Documents:
    """Of the file that was given and of the backend the newer version of each order; of equal ones the file's."""
    merged = {i: d for i, d in given.items() if i not in remembered.withdrawn}
    for order_id, document in remembered.documents.items():
        known = merged.get(order_id)
        if known is None or known["version"] < document["version"]:
            merged[order_id] = document
    return merged


def write(path: Path, raw: bytes, before: Callable[[orders_file.Stamp], None] | None = None) -> None:
    """The file as a whole or not at all, also through a power cut; `before` hears its stamp before it is there."""
    draft = path.with_suffix(".part")
    with draft.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
        status = os.fstat(file.fileno())
    if before is not None:
        before((status.st_mtime_ns, status.st_size))
    os.replace(draft, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class ReadOrders:
    """What each order's document is as text and as an order: worked out once, however often the others change.

    A document is never changed in place, so the object stands for what it says; while it is known here, no other object
    has its identity.
    """

    def __init__(self) -> None:
        self._texts: dict[int, tuple[dict[str, Any], str]] = {}
        self._orders: dict[int, tuple[dict[str, Any], contract.Order]] = {}

    def text(self, document: dict[str, Any]) -> str:
        known = self._texts.get(id(document))
        if known is None:
            known = self._texts[id(document)] = (document, json.dumps(document))
        return known[1]

    def order(self, document: dict[str, Any]) -> contract.Order:
        """Raises OrdersInvalid."""
        known = self._orders.get(id(document))
        if known is None:
            order = contract.parse({"schema": contract.SCHEMA, "orders": [document]})[0]
            known = self._orders[id(document)] = (document, order)
        return known[1]

    def forget_all_but(self, *kept: Documents) -> None:
        """Let go of documents that nobody needs any more."""
        ids = {id(document) for documents in kept for document in documents.values()}
        self._texts = {name: known for name, known in self._texts.items() if name in ids}
        self._orders = {name: known for name, known in self._orders.items() if name in ids}


def _joined(texts: list[str], withdrawn: list[str] | None = None) -> bytes:
    """The document of orders that are written already."""
    ended = "" if withdrawn is None else f', "withdrawn": {json.dumps(withdrawn)}'
    return f'{{"schema": "{contract.SCHEMA}", "orders": [{", ".join(texts)}]{ended}}}'.encode()


class OrdersFeed(threading.Thread):
    """Keeps `path` equal to what must be judged. `loaded` gives the versions that the workers judge now.

    Without `follow` the given file is judged as it is, and the thread ends at once.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        given: Path,
        data: Path,
        now_ms: Callable[[], int],
        source: str,
        follow: bool = True,
    ) -> None:
        super().__init__(name="orders", daemon=True)
        self._follow = follow
        self.path = data / IN_FORCE if follow else given
        self.loaded: Callable[[], Mapping[str, int] | None] = lambda: None
        self._given = given
        self._given_stamp: orders_file.Stamp | None = None
        self._given_documents: Documents = {}
        self._given_orders: dict[str, contract.Order] = {}
        self._given_raw = b""
        self.orders = orders_file.OrdersFile(self.path)
        self._remembered_path = data / REMEMBERED
        self._now_ms = now_ms
        self._source = source
        self._remembered = NOTHING
        self._read = ReadOrders()
        self._revision = ""
        self._told: dict[str, int] = {}
        self._gone: set[str] = set()
        """Withdrawn orders of which the backend was told that they are judged no more."""
        self._last_complaint = ""
        self._ending = threading.Event()
        self._merging = threading.Lock()
        self._client = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_S,
            trust_env=False,
        )

    def prepare(self) -> None:
        """Write the orders for the first time, from the given file and what the backend sent before this start.

        Raises FileUnreadable when the given file cannot be used.
        """
        if not self._follow:
            return
        self._take_given()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            kept = json.loads(self._remembered_path.read_text(encoding="utf-8"))
            self._remembered, _ = taken_over(NOTHING, kept)
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            say(f"{self._remembered_path} cannot be read ({error}); the backend is asked again")
        self._merge()

    def refresh(self) -> None:
        """Takes over the given file at once if it has changed, also while the backend is away; raises OSError."""
        if self._follow and self._stamp() != self._given_stamp:
            self._merge()

    def stop(self) -> None:
        self._ending.set()
        if self.ident is not None:
            self.join(TIMEOUT_S)

    def run(self) -> None:
        pause_s = POLL_S
        while self._follow and not self._ending.wait(pause_s):
            try:
                self.refresh()
                self._ask()
                self._tell()
                self._complain("")
                pause_s = POLL_S
            except (httpx.HTTPError, OSError, ValueError, KeyError, TypeError) as error:
                self._complain(f"orders at the backend cannot be followed, the ones in force stay: {error!r}")
                pause_s = min(2 * pause_s, BACKOFF_MAX_S)
        self._client.close()

    def _complain(self, text: str) -> None:
        """Once, not at every round."""
        if text and text != self._last_complaint:
            say(text, trouble=True)
        self._last_complaint = text

    def _stamp(self) -> orders_file.Stamp:
        status = self._given.stat()
        return status.st_mtime_ns, status.st_size

    def _merge(self) -> None:
        """Write what must be judged, if the given file can be used; else what was written stays."""
        with self._merging:
            self._merge_alone()

    def _take_given(self) -> None:
        """Reads the given file; raises FileUnreadable or OSError, and then what was read before stays."""
        stamp = self._stamp() if self._given.exists() else None
        loaded = orders_file.load(self._given)
        self._given_stamp, self._given_raw = stamp, loaded.raw
        self._given_documents = {document["order_id"]: document for document in loaded.document["orders"]}
        self._given_orders = {order.order_id: order for order in loaded.orders}

    def _merge_alone(self) -> None:
        stamp = self._stamp()
        if stamp != self._given_stamp:
            try:
                self._take_given()
            except (FileUnreadable, OSError) as error:
                self._given_stamp = stamp
                say(f"orders not reloaded, the ones before stay in force: {error}", trouble=True)
                if self.path.exists():
                    return
        merged = in_force(self._given_documents, self._remembered)
        theirs = [document for i, document in merged.items() if document is not self._given_documents.get(i)]
        known = {**self._given_orders, **{d["order_id"]: self._read.order(d) for d in theirs}}
        raw = self._given_raw
        if theirs or len(merged) != len(self._given_documents):
            raw = _joined([self._read.text(document) for document in merged.values()])
        write(self.path, raw, lambda stamp: self.orders.expect(stamp, tuple(known[i] for i in merged)))

    def _ask(self) -> None:
        answer = self._client.get(
            "/api/v1/orders/feed", params={"since": self._revision}, headers={"If-None-Match": f'"{self._revision}"'}
        )
        if answer.status_code == httpx.codes.NOT_MODIFIED:
            return
        answer.raise_for_status()
        sent = answer.json()
        if sent.get("since") not in {None, self._revision}:
            self._revision = ""  # what lies between is missing: ask for everything
            raise ValueError("the backend's answer goes on from another revision than the one asked for")
        remembered, complaints = taken_over(self._remembered, sent)
        for complaint in complaints:
            say(complaint, trouble=True)
        self._read.forget_all_but(remembered.documents, self._given_documents)
        texts = [self._read.text(document) for document in remembered.documents.values()]
        write(self._remembered_path, _joined(texts, sorted(remembered.withdrawn)))
        changed = remembered != self._remembered
        self._remembered = remembered
        if changed:
            self._merge()
        self._revision = str(sent["revision"])

    def _tell(self) -> None:
        """Say which versions are judged now, as far as the backend does not know it."""
        judged = self.loaded()
        if judged is None:
            return
        now = dict(judged)
        news: list[tuple[str, int | None]] = [(i, v) for i, v in now.items() if self._told.get(i) != v]
        news += [(i, None) for i in self._told if i not in now]
        # Withdrawn while nobody here listened: the backend waits for a word all the same.
        news += [(i, None) for i in sorted(self._remembered.withdrawn - now.keys() - self._told.keys() - self._gone)]
        for begin in range(0, len(news), RECEIPTS_MAX):
            batch = news[begin : begin + RECEIPTS_MAX]
            at_ms = self._now_ms()
            receipts = [{"order_id": i, "version": v, "active_ms": at_ms} for i, v in batch]
            answer = self._client.post("/api/v1/orders/receipts", json={"source": self._source, "receipts": receipts})
            answer.raise_for_status()
            for order_id, version in batch:
                if version is None:
                    self._told.pop(order_id, None)
                    self._gone.add(order_id)
                else:
                    self._told[order_id] = version
                    self._gone.discard(order_id)
