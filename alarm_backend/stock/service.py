"""Keeps count of bracelets and strips; never hands out what is not there, expired or recalled."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping

from alarm_backend.audit.service import AuditService
from alarm_backend.auth.schemas import User
from alarm_backend.clocks import Clocks
from alarm_backend.errors import InvalidRequest, Refused, found
from alarm_backend.stock import repository
from alarm_backend.stock.schemas import (
    LotIn,
    LotView,
    MoveIn,
    MoveView,
    RecallIn,
    VenueIn,
    VenueStock,
    VenueView,
)
from alarm_backend.store.database import Database

ZONE = ZoneInfo("Europe/Brussels")
MOVES_SHOWN = 200
ITEMS = ("bracelet", "strip")


def day_of(ms: int) -> str:
    """The Belgian day of an instant."""
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(ZONE).strftime("%Y-%m-%d")


def checked_day(field: str, day: str) -> str:
    """A day that exists. Raises InvalidRequest for the 31st of February."""
    try:
        datetime.strptime(day, "%Y-%m-%d")
    except ValueError:
        raise InvalidRequest(field, "no_day", given=day) from None
    return day


class StockService:
    """Lots, venues, movements."""

    def __init__(self, database: Database, clocks: Clocks, audit: AuditService) -> None:
        self._database = database
        self._clocks = clocks
        self._audit = audit

    def put_venue(self, venue_code: str, venue: VenueIn, user: User) -> VenueView:
        """Add a venue or change what is known of it."""
        for field in ("from_day", "until_day"):
            if (day := getattr(venue, field)) is not None:
                checked_day(field, day)
        if venue.from_day and venue.until_day and venue.until_day < venue.from_day:
            raise InvalidRequest("until_day", "before_first_day")
        row = {"venue_code": venue_code, **venue.model_dump(), "created_ms": self._clocks.wall_ms()}
        with self._database.writing() as connection:
            repository.put_venue(connection, row)
            self._audit.append(connection, user.username, "venue.put", f"venue:{venue_code}", venue.model_dump())
        return VenueView(venue_code=venue_code, **venue.model_dump())

    def venues(self) -> list[VenueView]:
        """Every venue."""
        with self._database.reading() as connection:
            return [VenueView.model_validate(dict(row)) for row in repository.all_venues(connection)]

    def add_lot(self, lot_id: str, lot: LotIn, user: User) -> LotView:
        """Take a delivery in; the same again changes nothing. Raises Refused when the lot is there and differs."""
        if lot.item == "strip" and lot.expires_day is None:
            raise InvalidRequest("expires_day", "strips_expire")
        if lot.expires_day is not None:
            checked_day("expires_day", lot.expires_day)
        with self._database.writing() as connection:
            known = repository.lot(connection, lot_id)
            if known is None:
                row = {"lot_id": lot_id, **lot.model_dump(), "created_by": user.username}
                repository.add_lot(connection, {**row, "created_ms": self._clocks.wall_ms()})
                self._audit.append(connection, user.username, "lot.add", f"lot:{lot_id}", lot.model_dump())
            elif any(known[name] != value for name, value in lot.model_dump().items()):
                raise Refused("take in", "known", "lot_is_there", lot=lot_id)
            return self._lot_view(connection, self._lot(connection, lot_id))

    def recall(self, lot_id: str, why: RecallIn, user: User) -> LotView:
        """Nothing of it is handed out any more; the answer says where its pieces are."""
        with self._database.writing() as connection:
            known = self._lot(connection, lot_id)
            if known["recalled_ms"] is None:
                repository.recall(connection, lot_id, self._clocks.wall_ms(), why.reason)
                self._audit.append(connection, user.username, "lot.recall", f"lot:{lot_id}", {"reason": why.reason})
            return self._lot_view(connection, self._lot(connection, lot_id))

    def move(self, move_id: str, wanted: MoveIn, user: User) -> MoveView:
        """Write a movement down; may be repeated. Raises InvalidRequest, NotFound or Refused with the reason."""
        day = checked_day("day", wanted.day)
        now_ms = self._clocks.wall_ms()
        with self._database.writing() as connection:
            known = repository.move(connection, move_id)
            if known is not None:
                if any(known[name] != value for name, value in wanted.model_dump().items()):
                    raise Refused("move", "known", "move_is_there", move=move_id)
                return MoveView.model_validate(dict(known))
            lot = self._lot(connection, wanted.lot_id)
            found(repository.venue(connection, wanted.venue_code), "venue", wanted.venue_code)
            if day > day_of(self._clocks.now_ms()):
                raise InvalidRequest("day", "still_to_come", day=day)
            view = self._lot_view(connection, lot)
            if wanted.what == "distributed":
                self._may_leave(lot, view, wanted)
            elif wanted.number > view.where.get(wanted.venue_code, 0):
                there = view.where.get(wanted.venue_code, 0)
                raise Refused(
                    "move",
                    f"{there} there",
                    "venue_has_not_so_many",
                    venue=wanted.venue_code,
                    number=wanted.number,
                    lot=wanted.lot_id,
                )
            row = {"move_id": move_id, **wanted.model_dump(), "actor": user.username, "stored_ms": now_ms}
            repository.add_move(connection, row)
            self._audit.append(connection, user.username, "stock.move", f"lot:{wanted.lot_id}", wanted.model_dump())
        return MoveView.model_validate(row)

    @staticmethod
    def _may_leave(lot: RowMapping, view: LotView, wanted: MoveIn) -> None:
        """Judged by the day of the handing out, which may be written down later."""
        if lot["recalled_ms"] is not None and wanted.day >= day_of(lot["recalled_ms"]):
            raise Refused("hand out", "recalled", "lot_recalled", lot=lot["lot_id"], reason=lot["recall_reason"])
        if lot["expires_day"] is not None and wanted.day > lot["expires_day"]:
            raise Refused("hand out", "expired", "lot_expired", lot=lot["lot_id"], day=lot["expires_day"])
        if wanted.number > view.in_stock:
            raise Refused(
                "hand out", f"{view.in_stock} in stock", "lot_has_not_so_many", lot=lot["lot_id"], number=wanted.number
            )

    def lots(self) -> list[LotView]:
        """Every lot with what is left of it and where the rest is."""
        with self._database.reading() as connection:
            sums = repository.sums(connection)
            return [self._shown(row, sums) for row in repository.all_lots(connection)]

    def moves(self) -> list[MoveView]:
        """The movements that were written down last."""
        with self._database.reading() as connection:
            return [MoveView.model_validate(dict(row)) for row in repository.newest_moves(connection, MOVES_SHOWN)]

    def by_venue(self, from_day: str, until_day: str) -> list[VenueStock]:
        """What was handed out where in a period, first and last day included."""
        with self._database.reading() as connection:
            rows = repository.of_period(connection, from_day, until_day)
            known = {row["venue_code"]: row for row in repository.all_venues(connection)}
        found = []
        for code in sorted({row["venue_code"] for row in rows}):
            mine = [row for row in rows if row["venue_code"] == code]
            out = [row for row in mine if row["what"] == "distributed"]
            found.append(
                VenueStock(
                    **{name: known[code][name] for name in ("venue_code", "name", "kind", "municipality")},
                    distributed={row["item"]: int(row["number"]) for row in out},
                    returned={row["item"]: int(row["number"]) for row in mine if row["what"] == "returned"},
                    first_day=min((row["first_day"] for row in out), default=None),
                    last_day=max((row["last_day"] for row in out), default=None),
                )
            )
        return found

    @staticmethod
    def _lot(connection: Connection, lot_id: str) -> RowMapping:
        return found(repository.lot(connection, lot_id), "lot", lot_id)

    def _lot_view(self, connection: Connection, row: RowMapping) -> LotView:
        return self._shown(row, repository.sums(connection, row["lot_id"]))

    def _shown(self, row: RowMapping, sums: dict[tuple[str, str, str], int]) -> LotView:
        mine = {(venue, what): n for (lot_id, venue, what), n in sums.items() if lot_id == row["lot_id"]}
        out: dict[str, int] = {}
        left = int(row["received"])
        for (venue, what), number in mine.items():
            out[venue] = out.get(venue, 0) + (number if what == "distributed" else -number)
            left += {"distributed": -number, "returned": number, "discarded": 0}[what]
        today = day_of(self._clocks.now_ms())
        expired = row["expires_day"] is not None and today > row["expires_day"]
        facts = ("lot_id", "item", "received", "expires_day", "recalled_ms", "recall_reason")
        return LotView(
            **{name: row[name] for name in facts},
            in_stock=left,
            outstanding=sum(out.values()),
            usable=not expired and row["recalled_ms"] is None,
            where={venue: number for venue, number in sorted(out.items()) if number},
        )
