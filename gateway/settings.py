"""What a gateway process is told, once, at its start; the same words whichever role it plays."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.journal.port import Outbox
from gateway.mqtt import Broker
from gateway.orders_feed import OrdersFeed
from gateway.outbox.sender import Sender
from gateway.worker import say

HOUSEKEEPING_WALL_MS = 2_000


@dataclass(frozen=True)
class Settings:
    """What every role needs: the orders, the devices' keys, the backend and a name in its heartbeats."""

    orders: Path
    keys: Path
    backend_url: str
    token: str
    data: Path
    source: str
    follow_backend: bool = True
    """Take over the orders that are signed off at the backend, beside those of the file."""

    def feed(self, now_ms: Callable[[], int]) -> OrdersFeed:
        """The orders that must be judged, of the file and of the backend."""
        return OrdersFeed(
            self.backend_url,
            self.token,
            given=self.orders,
            data=self.data,
            now_ms=now_ms,
            source=self.source,
            follow=self.follow_backend,
        )

    def sender(
        self,
        outbox: Outbox,
        positions: queue.Queue[dict[str, Any]],
        now_ms: Callable[[], int],
        broker: Broker | None = None,
    ) -> Sender:
        """What goes to the backend; with a `broker` its sign of life too."""
        alive = None if broker is None else broker.connected.is_set
        return Sender(self.backend_url, self.token, outbox, positions, now_ms, source=self.source, broker_alive=alive)


@dataclass(frozen=True)
class Inlet:
    """Where trackers' messages come from."""

    host: str
    port: int
    owntracks: bool
    account: tuple[str, str] | None = None
    """User name and password at the broker."""

    def broker(self, source: str, wall_ms: Callable[[], int]) -> Broker:
        """A client with a session of its own."""
        extra = ("owntracks/+/+",) if self.owntracks else ()
        return Broker(self.host, self.port, f"waakzaam-{source}", wall_ms, extra, self.account)


@dataclass(frozen=True)
class Streams:
    """The NATS server between intakes and workers, and into how many partitions the orders are shared."""

    url: str
    partitions: int
    replicas: int


def take_over_given(feed: OrdersFeed) -> None:
    """Lets a changed orders file in, also while the backend is away; one that is not there leaves the old in force."""
    try:
        feed.refresh()
    except OSError as error:
        say(f"orders not reloaded, the ones before stay in force: {error}", trouble=True)
