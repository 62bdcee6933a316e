"""Looks at deadlines while the backend runs: silent sources, acknowledgements and shelvings whose time is over."""

from __future__ import annotations

import asyncio
import logging

from starlette.concurrency import run_in_threadpool

from alarm_backend.services import Services

log = logging.getLogger(__name__)


def look(services: Services) -> None:
    """One round over everything that has a deadline."""
    services.heartbeats.look()
    services.alarms.expire()


class Watch:
    """The recurring round. A round that fails is counted and shown by `/ready`, and the next one is tried."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.rounds = 0
        self.failures_in_a_row = 0
        self.last_error = ""
        self.last_round_ms: int | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await run_in_threadpool(look, self._services)
            except Exception as error:
                self.failures_in_a_row += 1
                self.last_error = f"{type(error).__name__}: {error}"
                log.exception("a round over the deadlines failed")
            else:
                self.rounds += 1
                self.failures_in_a_row = 0
                self.last_round_ms = self._services.clocks.wall_ms()
            await asyncio.sleep(self._services.settings.watch_interval_ms / 1000)
