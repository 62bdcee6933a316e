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


class Stored(NamedTuple):
    """What is known of a stored state without reading it: it holds every message up to `seq` of the journal."""

    deadline_ms: int | None
    order_version: int
    seq: int


class StateRow(NamedTuple):
    """A state to store, with the version of the order that it was judged by."""

    order_id: str
    deadline_ms: int | None
    document: str
    order_version: int


class Batch(NamedTuple):
    """Messages that were decided together; `seq` is the last of them."""

    batch: int
    now_ms: int
    seq: int
    messages: list[Message]


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

    def since(self, seq: int) -> Iterator[Batch]:
        """The batches journalled after `seq`, in order."""

    def last_seq(self) -> int: ...

    def last_batch(self) -> int: ...

    def forget_before(self, wall_ms: int) -> None:
        """Drops what is older and needed no more."""

    def set_aside(self, time_ms: int, topic: str, payload: bytes, fault: str) -> None:
        """Keeps a message that could not be used, with its fault."""

    def put_out(self, idempotency_key: str, document: str, fix_received_ms: int | None) -> bool:
        """Adds a transition to the outbox; False when it is there already."""

    def save_states(self, rows: Iterable[StateRow], gone: Iterable[str], seq: int, covers_seq: int) -> None:
        """Stores states that hold every message up to `seq`; with them all stored states hold those to `covers_seq`."""

    def stored(self) -> dict[str, Stored]:
        """What states there are, by order."""

    def state_of(self, order_id: str) -> str: ...

    def alarmed(self) -> list[str]:
        """The orders whose stored state has a standing alarm."""

    def checkpoint_seq(self) -> int:
        """Up to where every stored state holds the journal; one by one they may be ahead."""


class Outbox(Protocol):
    """The sender's side of a journal, on a connection of its own."""

    def unsent(self, at_most: int) -> list[Pending]:
        """The next transitions that the backend has not confirmed, oldest first."""

    def confirmed(self, ids: Sequence[int]) -> None:
        """The backend has stored these."""

    def signs(self) -> Signs: ...
