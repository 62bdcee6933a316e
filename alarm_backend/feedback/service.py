"""Takes answers from anybody, at a bounded rate, and reports them without pointing at anybody."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections import deque
from typing import Any

from sqlalchemy import insert, select

from alarm_backend.clocks import Clocks
from alarm_backend.errors import InvalidRequest, NotFound, TooManyRequests
from alarm_backend.feedback.questions import SCORES, shown
from alarm_backend.feedback.schemas import FeedbackIn, FeedbackReport
from alarm_backend.stock import repository as stock
from alarm_backend.stock.service import day_of
from alarm_backend.store.database import Database
from alarm_backend.store.register_tables import feedback

HOUR_MS = 3_600_000
PER_ADDRESS_HOUR = 10
"""A group shares the venue's address, so not fewer. ASSUMED."""
PER_VENUE_HOUR = 300
ADDRESSES_MAX = 10_000


class Rate:
    """At most so many in an hour for each key; keys are kept in memory only, hashed with a salt of this process."""

    def __init__(self, at_most: int) -> None:
        self._at_most = at_most
        self._salt = secrets.token_bytes(16)
        self._times: dict[bytes, deque[int]] = {}

    def take(self, key: str, now_ms: int) -> int:
        """0 when it may go on, else how many seconds to wait."""
        name = hashlib.sha256(self._salt + key.encode(errors="replace")).digest()
        if name not in self._times and len(self._times) >= ADDRESSES_MAX:
            self._times.pop(next(iter(self._times)))
        times = self._times.setdefault(name, deque())
        while times and times[0] <= now_ms - HOUR_MS:
            times.popleft()
        if len(times) >= self._at_most:
            return (times[0] + HOUR_MS - now_ms) // 1000 + 1
        times.append(now_ms)
        return 0


class FeedbackService:
    """Experiences of users and staff."""

    def __init__(self, database: Database, clocks: Clocks) -> None:
        self._database = database
        self._clocks = clocks
        self._addresses = Rate(PER_ADDRESS_HOUR)
        self._venues = Rate(PER_VENUE_HOUR)

    def take(self, given: FeedbackIn, address: str) -> None:
        """Keep an answer. Raises NotFound, InvalidRequest or TooManyRequests."""
        foreign = given.scores.keys() - set(SCORES[given.audience])
        if foreign:
            raise InvalidRequest("scores", "no_question", question=sorted(foreign)[0], audience=given.audience)
        if not given.scores and given.again is None and not given.problems:
            raise InvalidRequest("scores", "nothing_answered")
        with self._database.reading() as connection:
            if stock.venue(connection, given.venue_code) is None:
                raise NotFound("venue", given.venue_code)
        now_ms = self._clocks.wall_ms()
        wait_s = self._addresses.take(address, now_ms) or self._venues.take(given.venue_code, now_ms)
        if wait_s:
            raise TooManyRequests("too_many_answers", wait_s)
        row = {
            "feedback_id": uuid.uuid4().hex,
            "venue_code": given.venue_code,
            "audience": given.audience,
            "language": given.language,
            "day": day_of(self._clocks.now_ms()),
            "answers": {"scores": given.scores, "again": given.again, "problems": sorted(set(given.problems))},
        }
        with self._database.writing() as connection:
            connection.execute(insert(feedback), row)

    def report(self, from_day: str, until_day: str) -> FeedbackReport:
        """The figures of a period, first and last day included."""
        query = select(feedback).where(feedback.c.day >= from_day, feedback.c.day <= until_day)
        answers: dict[str, dict[str, list[dict[str, Any]]]] = {"user": {}, "staff": {}}
        with self._database.reading() as connection:
            for row in connection.execute(query).mappings():
                answers[row["audience"]].setdefault(row["venue_code"], []).append(row["answers"])
        return FeedbackReport(
            from_day=from_day,
            until_day=until_day,
            user=shown(answers["user"], "user"),
            staff=shown(answers["staff"], "staff"),
        )
