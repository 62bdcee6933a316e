"""Takes positions in and shows tracks; every read by a person is logged with who, whose and which span."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, RowMapping

from alarm_backend.alarms.schemas import Result
from alarm_backend.audit.service import AuditService
from alarm_backend.auth.schemas import User
from alarm_backend.clocks import Clocks
from alarm_backend.event_stream.schemas import PositionEvent
from alarm_backend.event_stream.service import EventStreamService
from alarm_backend.orders import repository as orders_repository
from alarm_backend.positions import repository
from alarm_backend.positions.schemas import PositionIn, PositionView, TrackView
from alarm_backend.rejections.service import RejectionService
from alarm_backend.store.database import Database
from alarm_backend.time_text import to_ms

HOUR_MS = 3_600_000
TRACK_POSITIONS_MAX = 20_000
GATEWAY = "gateway"


class PositionService:
    """The positions of the parties of every order."""

    def __init__(
        self,
        database: Database,
        clocks: Clocks,
        audit: AuditService,
        events: EventStreamService,
        rejections: RejectionService,
    ) -> None:
        self._database = database
        self._clocks = clocks
        self._audit = audit
        self._events = events
        self._rejections = rejections

    def ingest(self, documents: list[dict[str, Any]]) -> list[Result]:
        """Store a batch; each item for itself, one result each."""
        with self._database.writing() as connection:
            return [self._ingest_one(connection, document) for document in documents]

    def _ingest_one(self, connection: Connection, document: dict[str, Any]) -> Result:
        try:
            incoming = PositionIn.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            return self._rejections.keep(connection, GATEWAY, document, f"{where}: {first['msg']}")
        stored_ms = self._clocks.wall_ms()
        fix_ms = to_ms(incoming.fix_time.isoformat())
        row = {**incoming.model_dump(exclude={"fix_time"}), "fix_ms": fix_ms, "stored_ms": stored_ms}
        key = f"{incoming.order_id}:{incoming.device_id}:{fix_ms}"
        if not repository.add(connection, row):
            known_ms = repository.stored_ms(connection, incoming.order_id, incoming.device_id, fix_ms)
            return Result(idempotency_key=key, status="duplicate", stored_ms=known_ms)
        self._events.append(connection, "position", PositionEvent(**row))
        return Result(idempotency_key=key, status="stored", stored_ms=stored_ms)

    def tracks(self, order_id: str, user: User, since_ms: int = HOUR_MS) -> list[TrackView]:
        """The track of each party of an order over the last `since_ms`, the newest position last. Logged.

        A party without a position in that time is shown with the last one that is known, however old.
        """
        now_ms = self._clocks.now_ms()
        return self.tracks_between(order_id, user, now_ms - since_ms, now_ms, keep_last=True)

    def latest_of(
        self, order_ids: list[str], since_ms: int = HOUR_MS
    ) -> tuple[list[TrackView], list[tuple[str, dict[str, Any]]]]:
        """The same for several orders, and what `note_read` must be given before anybody sees them."""
        now_ms = self._clocks.now_ms()
        found = {order_id: self._tracks(order_id, now_ms - since_ms, now_ms, keep_last=True) for order_id in order_ids}
        read = [
            (f"order:{order_id}", _read_span(now_ms - since_ms, now_ms, tracks)) for order_id, tracks in found.items()
        ]
        return [track for tracks in found.values() for track in tracks], read

    def note_read(self, read: list[tuple[str, dict[str, Any]]], user: User) -> None:
        """A line in the audit chain for each order that this person is about to see; durable when it returns."""
        self._audit.record_reads(user.username, "position.read", read)

    def tracks_between(
        self, order_id: str, user: User, from_ms: int, until_ms: int, keep_last: bool = False
    ) -> list[TrackView]:
        """The tracks of an order's parties in [from, until] (process clock). Logged."""
        tracks = self._tracks(order_id, from_ms, until_ms, keep_last)
        span = _read_span(from_ms, until_ms, tracks)
        self._audit.record_reads(user.username, "position.read", [(f"order:{order_id}", span)])
        return tracks

    def _tracks(self, order_id: str, from_ms: int, until_ms: int, keep_last: bool) -> list[TrackView]:
        with self._database.reading() as connection:
            rows = repository.of_order(connection, order_id, from_ms, until_ms, TRACK_POSITIONS_MAX)
            parties = self._parties(connection, order_id)
            last = {
                person_id: repository.newest_of_device(connection, order_id, device_id)
                for person_id, (_role, device_id) in parties.items()
                if keep_last and device_id is not None
            }
        tracks = {
            person_id: TrackView(order_id=order_id, person_id=person_id, role=role, positions=[])
            for person_id, (role, _device) in parties.items()
        }
        for row in rows:
            track = tracks.setdefault(
                row["person_id"],
                TrackView(order_id=order_id, person_id=row["person_id"], role=row["role"], positions=[]),
            )
            track.positions.append(view(row))
        for person_id, newest in last.items():
            if newest is not None and not tracks[person_id].positions:
                tracks[person_id].positions.append(view(newest))
        return list(tracks.values())

    @staticmethod
    def _parties(connection: Connection, order_id: str) -> dict[str, tuple[Any, str | None]]:
        """person_id → (role, device_id) of the current order."""
        row = orders_repository.current_of(connection, order_id)
        if row is None:
            return {}
        document = row["document"]
        parties = {document["monitored"]["person_id"]: ("monitored", document["monitored"].get("device_id"))}
        for party in document.get("protected", []):
            parties[party["person_id"]] = ("protected", party.get("device_id"))
        return parties


def _read_span(from_ms: int, until_ms: int, tracks: list[TrackView]) -> dict[str, Any]:
    """What the audit chain keeps of a read: which span, whose positions."""
    return {"from_ms": from_ms, "until_ms": until_ms, "people": sorted(track.person_id for track in tracks)}


def view(row: RowMapping) -> PositionView:
    return PositionView.model_validate(dict(row))
