"""What a worker asks of its journal, whichever database keeps it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from gateway.errors import GatewayError


class StoreAway(GatewayError):
    """The database cannot be reached or has ended the transaction; nothing of it is kept. Trying again may help."""


class Message(NamedTuple):
    """One authentic message as journalled; `body` is what the tracker signed."""

    device_id: str
    boot_id: int
    msg_seq: int
    source: str
    received_wall_ms: int
    body: bytes


class Arrival(NamedTuple):
    """A message with the batch it is decided in and the time it is decided at."""

    message: Message
    batch: int
    now_ms: int


class Pending(NamedTuple):
    """One transition that waits to be sent."""

    id: int
    idempotency_key: str
    document: str
    fix_received_ms: int | None


class Signs(NamedTuple):
    """What a heartbeat says of a gateway."""

    journal_seq: int
    outbox_depth: int
    quarantined: int


class Store(Protocol):
    """The journal of one worker. What is written within `transaction` becomes durable together, or not at all."""

    def transaction(self) -> AbstractContextManager[None]: ...

    def take_in(self, arrivals: Sequence[Arrival]) -> list[bool]:
        """Journals messages; False for each that is a repeat."""

    def since(self, seq: int) -> Iterator[tuple[int, int, list[Message]]]:
        """The batches journalled after `seq`: (batch, now_ms, messages), in order."""

    def last_seq(self) -> int: ...

    def last_batch(self) -> int: ...

    def forget_before(self, wall_ms: int) -> None:
        """Drops what is older and needed no more."""

    def set_aside(self, time_ms: int, topic: str, payload: bytes, fault: str) -> None:
        """Keeps a message that could not be used, with its fault."""

    def put_out(self, idempotency_key: str, document: str, fix_received_ms: int | None) -> bool:
        """Adds a transition to the outbox; False when it is there already."""

    def save_states(self, rows: Iterable[tuple[str, int | None, str]], gone: Iterable[str], covers_seq: int) -> None:
        """Stores states that cover the journal up to `covers_seq`."""

    def state_deadlines(self) -> dict[str, int | None]: ...

    def state_of(self, order_id: str) -> str: ...

    def alarmed(self) -> list[str]:
        """The orders whose stored state has a standing alarm."""

    def checkpoint_seq(self) -> int:
        """Up to where the stored states cover the journal."""


class Outbox(Protocol):
    """The sender's side of a journal, on a connection of its own."""

    def unsent(self, at_most: int) -> list[Pending]:
        """The next transitions that the backend has not confirmed, oldest first."""

    def confirmed(self, ids: Sequence[int]) -> None:
        """The backend has stored these."""

    def signs(self) -> Signs: ...
