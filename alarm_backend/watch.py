"""Looks at deadlines while the backend runs, and an auditor on a thread of its own that looks whether that happens."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool

from alarm_backend.escalation.service import GRACE_MS
from alarm_backend.services import Services

COURIER_GRACE_MS = 90_000
"""A courier's round may wait for five slow exchanges of ten seconds."""

log = logging.getLogger(__name__)


def look(services: Services) -> None:
    """One round over everything that has a deadline."""
    services.maintenance.look()
    services.heartbeats.look()
    services.alarms.expire()
    services.alarms.escalate()
    services.escalation.look_for_flood()
    services.devices.look()
    services.confirmation.look()


class Rounds:
    """What became of a recurring round. A round that fails is counted and shown by `/ready`, and tried again."""

    def __init__(self, name: str, work: Callable[[], object], wall_ms: Callable[[], int]) -> None:
        self.name = name
        self._work = work
        self._wall_ms = wall_ms
        self.rounds = 0
        self.failures_in_a_row = 0
        self.last_error = ""
        self.last_round_ms = wall_ms()

    def once(self) -> None:
        """One round; never raises."""
        try:
            self._work()
        except Exception as error:
            self.failures_in_a_row += 1
            self.last_error = f"{type(error).__name__}: {error}"
            log.exception("a round of the %s failed", self.name)
        else:
            self.rounds += 1
            self.failures_in_a_row = 0
            self.last_round_ms = self._wall_ms()

    def complaint(self, now_ms: int, grace_ms: int = GRACE_MS) -> str:
        """What is wrong with it, or ""."""
        late_ms = now_ms - self.last_round_ms
        if late_ms > grace_ms:
            return f"the {self.name} has not finished a round for {late_ms // 1000} s {self.last_error}".strip()
        return ""


class Watch:
    """The recurring rounds of one backend process; watch and auditor each complain when the other stops."""

    def __init__(self, services: Services) -> None:
        self._services = services
        wall_ms = services.clocks.wall_ms
        self.watch = Rounds("watch over deadlines", lambda: look(services), wall_ms)
        self.auditor = Rounds("auditor", lambda: services.escalation.check(self.watch.complaint), wall_ms)
        self.courier = Rounds("courier to the police", services.police.deliver, wall_ms)
        self._interval_s = services.settings.watch_interval_ms / 1000
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(rounds,), name=rounds.name, daemon=True)
            for rounds in (self.auditor, self.courier)
        ]

    async def run(self) -> None:
        """Until cancelled."""
        for thread in self._threads:
            thread.start()
        try:
            while True:
                await run_in_threadpool(self.watch.once)
                await asyncio.sleep(self._interval_s)
        finally:
            self._ending.set()

    def _repeat(self, rounds: Rounds) -> None:
        while not self._ending.wait(self._interval_s):
            rounds.once()

    def join(self) -> None:
        """Wait for the rounds under way to end."""
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(5)

    def complaints(self) -> list[str]:
        """What is wrong now."""
        now_ms = self._services.clocks.wall_ms()
        limits = ((self.watch, GRACE_MS), (self.auditor, GRACE_MS), (self.courier, COURIER_GRACE_MS))
        return [said for rounds, grace_ms in limits if (said := rounds.complaint(now_ms, grace_ms))]
