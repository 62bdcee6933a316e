"""Sends transitions, positions and signs of life to the backend, again until they are stored."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable
from typing import Any

import httpx

from gateway.contract.transitions import time_text
from gateway.journal.port import Outbox, Pending, StoreAway
from gateway.outbox import spans as spans_of
from gateway.worker import say

BATCH_MAX = 500
POSITIONS_BATCH_MAX = 300
BACKOFF_FIRST_S, BACKOFF_MAX_S = 0.2, 15.0
HEARTBEAT_S = 5.0
TIMEOUT_S = 10.0


class Sender(threading.Thread):
    """One thread; wakes when told, at the latest after half a second. `away` is set while the backend is silent."""

    def __init__(
        self,
        url: str,
        token: str,
        outbox: Outbox,
        positions: queue.Queue[dict[str, Any]],
        now_ms: Callable[[], int],
        *,
        source: str = "gateway-1",
        broker_alive: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__(name="outbox", daemon=True)
        self.outbox = outbox
        self.positions = positions
        self.now_ms = now_ms
        self.source = source
        self.broker_alive = broker_alive
        self._broker_named = False
        self.away = threading.Event()
        self.failure: Exception | None = None
        self.sent = 0
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._client = httpx.Client(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_S,
            trust_env=False,
        )
        self._waiting: list[dict[str, Any]] = []
        self._idle_s = 0.0

    def notify(self) -> None:
        """There may be something to send."""
        self._wake.set()

    def stop(self) -> None:
        self._ending.set()
        self._wake.set()
        self.join(TIMEOUT_S)

    def run(self) -> None:
        """Until stopped. What it cannot get over is left in `failure`: whoever started it must not go on in silence."""
        try:
            self._run()
        except Exception as error:
            self.failure = error
        finally:
            self._client.close()

    def _run(self) -> None:
        backoff_s = BACKOFF_FIRST_S
        since_heartbeat_s = HEARTBEAT_S
        while not self._ending.is_set():
            pause_s = 0.5
            try:
                more = self._send_transitions()
                if since_heartbeat_s >= HEARTBEAT_S:
                    self._send_heartbeat()
                    since_heartbeat_s = 0.0
                more = self._send_positions() or more
                if self.away.is_set():
                    say("backend is back")
                    self.away.clear()
                backoff_s = BACKOFF_FIRST_S
                pause_s = 0.0 if more else 0.5
            except (httpx.HTTPError, StoreAway) as error:
                if not self.away.is_set():
                    whose = (
                        "the outbox cannot be read"
                        if isinstance(error, StoreAway)
                        else "backend does not take our alarms"
                    )
                    say(f"{whose}: {error!r}; they wait in the outbox", trouble=True)
                self.away.set()
                pause_s, backoff_s = backoff_s, min(2 * backoff_s, BACKOFF_MAX_S)
            if pause_s and not self.away.is_set():
                self._wake.wait(pause_s)
            elif pause_s:
                self._ending.wait(pause_s)
            self._wake.clear()
            since_heartbeat_s += max(pause_s, 0.01)

    def _post(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        answer = self._client.post(path, json=document)
        answer.raise_for_status()
        content = answer.json() if answer.content else {}
        return content if isinstance(content, dict) else {}

    def _send_transitions(self) -> bool:
        """One batch; an entry counts as sent only when the backend names it in its answer."""
        waiting = self.outbox.unsent(BATCH_MAX)
        if not waiting:
            return False
        documents = [_document(entry) for entry in waiting]
        spans = []
        for document in documents:
            span, document["traceparent"] = spans_of.delivering(
                document["alarm_id"], document["transition"], document["fix_received_ms"]
            )
            spans.append(span)
        try:
            answer = self._post("/api/v1/transitions", {"transitions": documents})
        finally:
            for span in spans:
                span.end()
        try:
            told = {result["idempotency_key"]: result for result in answer["results"]}
        except (KeyError, TypeError):
            raise httpx.DecodingError("the answer names no results") from None
        done = [entry for entry in waiting if entry.idempotency_key in told]
        for entry in done:
            if told[entry.idempotency_key].get("status") == "rejected":
                say(f"backend rejects {entry.idempotency_key}: {told[entry.idempotency_key].get('reason')}")
        self.outbox.confirmed([entry.id for entry in done])
        self.sent += len(done)
        if len(done) < len(waiting):
            raise httpx.DecodingError("the answer does not name all of the transitions sent")
        return len(waiting) == BATCH_MAX

    def _send_positions(self) -> bool:
        """One batch; positions that could not be sent go again, before newer ones."""
        while len(self._waiting) < POSITIONS_BATCH_MAX:
            try:
                self._waiting.append(self.positions.get_nowait())
            except queue.Empty:
                break
        if not self._waiting:
            return False
        self._post("/api/v1/positions", {"positions": self._waiting})
        full = len(self._waiting) == POSITIONS_BATCH_MAX
        self._waiting = []
        return full

    def _send_heartbeat(self) -> None:
        signs = self.outbox.signs()._asdict()
        self._post("/api/v1/heartbeats", {"source": self.source, "time": time_text(self.now_ms()), **signs})
        if self.broker_alive is None:
            return
        # The broker's sign of life goes through us: once at the start, so that one that never comes is missed too, and
        # then only while it is there. Its silence is an alarm of its own, beside a gateway that is well.
        if self.broker_alive() or not self._broker_named:
            source = f"{self.source}-broker"
            self._post("/api/v1/heartbeats", {"source": source, "time": time_text(self.now_ms()), **signs})
            self._broker_named = True


def _document(entry: Pending) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(entry.document)
    document["idempotency_key"] = entry.idempotency_key
    document["fix_received_ms"] = entry.fix_received_ms
    return document
