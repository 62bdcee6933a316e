"""Feeds consoles: each reads the numbered log from where it was, woken by every commit."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from alarm_backend.clocks import Clocks
from alarm_backend.event_stream import repository
from alarm_backend.event_stream.schemas import StatusEvent
from alarm_backend.store.database import Database

EVENTS = "events"
BATCH_MAX = 500
"""Events sent per read: bounds a slow console's memory."""


@dataclass(frozen=True)
class Chunk:
    """What the log holds after one number: encoded once, sent to every console that stands there."""

    after: int
    last: int
    text: str
    whole: bool
    """Nothing came after `last` when it was read."""
    commits: int
    """Commits of this process with events that were known when it was read."""
    read_at_s: float

    @property
    def empty(self) -> bool:
        return not self.text


class EventStreamService:
    """The event log and its readers."""

    def __init__(self, database: Database, clocks: Clocks, poll_ms: int, ping_ms: int) -> None:
        self._database = database
        self._clocks = clocks
        self._poll_s = poll_ms / 1000
        self._ping_ms = ping_ms
        self._waiting: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ending = False
        self._added = threading.local()  # a transaction is flushed and committed by one thread
        self._commits = 0
        self._counting = itertools.count(1)
        self.version = 0
        """Another one after each commit of this process that consoles hear of; known before who committed goes on."""
        self._newest: Chunk | None = None
        self._reading = asyncio.Lock()
        database.before_commit(self._flush)
        database.on_commit(self._committed)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Use this loop to wake the streams (called once, when the server starts)."""
        self._loop = loop

    def end(self) -> None:
        """Let every stream finish, so that the server can stop."""
        self._ending = True
        self._wake()

    @property
    def readers(self) -> int:
        """How many consoles are connected now."""
        return len(self._waiting)

    def _committed(self) -> None:
        if not self._added.any:
            return
        self.version = next(self._counting)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._commits += 1
        for waiting in self._waiting:
            waiting.set()

    def append(self, _connection: Connection, name: str, payload: BaseModel) -> None:
        """Add an event to the caller's writing transaction."""
        row = {"name": name, "data": payload.model_dump_json(), "stored_ms": self._clocks.wall_ms()}
        self._database.pending.setdefault(EVENTS, []).append(row)

    def _flush(self, connection: Connection) -> None:
        pending = self._database.pending.get(EVENTS)
        self._added.any = bool(pending)
        if pending:
            repository.add_all(connection, pending)

    def last_event_id(self) -> int:
        """The newest number. A page takes it *before* it reads what it shows, and resumes the stream from it."""
        with self._database.reading() as connection:
            return repository.span(connection)[1]

    def _read(self, after: int) -> list[repository.Stored]:
        with self._database.reading() as connection:
            return repository.after(connection, after, BATCH_MAX)

    async def _chunk(self, after: int) -> Chunk:
        """What comes after that number; one look at the database serves every console that stands there.

        The log only grows: what was read once stays right. That there is nothing holds until the next commit of this
        process, or until another process on the same database is looked for again; so does that nothing comes after
        what was read last, and a console that has been sent it costs no look of its own.
        """
        async with self._reading:
            known = self._newest
            if known is not None:
                fresh = known.commits == self._commits and time.monotonic() - known.read_at_s < self._poll_s / 2
                if known.after == after and (fresh or not known.empty):
                    return known
                if known.last == after and known.whole and fresh:
                    return replace(known, after=after, text="")
            commits, read_at_s = self._commits, time.monotonic()
            batch = await run_in_threadpool(self._read, after)
            text = "".join(f"id: {e.event_id}\nevent: {e.name}\ndata: {e.data}\n\n" for e in batch)
            last = batch[-1].event_id if batch else after
            self._newest = Chunk(after, last, text, len(batch) < BATCH_MAX, commits, read_at_s)
            return self._newest

    def _resume_point(self, last_event_id: int | None) -> tuple[int, str | None]:
        """(where to read on, why the console must reload everything first)."""
        with self._database.reading() as connection:
            oldest, newest = repository.span(connection)
        if last_event_id is None:
            return newest, None
        if last_event_id > newest:
            return newest, "the log does not reach that far: it is another database"
        if oldest and last_event_id < oldest - 1:
            return newest, "events between have been removed"
        return last_event_id, None

    async def stream(self, last_event_id: int | None) -> AsyncIterator[str]:
        """Server-sent events after that number (None = from now on), without loss; ends when the server stops."""
        waiting = asyncio.Event()
        self._waiting.add(waiting)
        try:
            at, gap = await run_in_threadpool(self._resume_point, last_event_id)
            yield "retry: 1000\n\n"
            if gap is not None:
                lost = StatusEvent(
                    what="resync", source="backend", detail={"reason": gap}, stored_ms=self._clocks.wall_ms()
                )
                yield f"id: {at}\nevent: status\ndata: {lost.model_dump_json()}\n\n"
            sent_ms, told = self._clocks.wall_ms(), 0
            while not self._ending:
                waiting.clear()
                chunk = await self._chunk(at)
                if not chunk.empty:
                    at = chunk.last
                    sent_ms = self._clocks.wall_ms()
                    yield chunk.text
                    continue
                if told != self.readers or self._clocks.wall_ms() - sent_ms >= self._ping_ms:
                    sent_ms, told = self._clocks.wall_ms(), self.readers
                    yield f": {json.dumps({'now_ms': self._clocks.now_ms(), 'consoles': told})}\n\n"
                await _within(waiting, self._poll_s)
        finally:
            self._waiting.discard(waiting)


async def _within(waiting: asyncio.Event, seconds: float) -> bool:
    """Wait for the event at most that long; whether it came."""
    try:
        await asyncio.wait_for(waiting.wait(), seconds)
    except TimeoutError:
        return False
    return True
