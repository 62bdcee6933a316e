"""Makes the messages and delivers them until each has its receipt."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from alarm_backend.alarms.intake import SYSTEM
from alarm_backend.alarms.schemas import AlarmView
from alarm_backend.alarms.service import AlarmService
from alarm_backend.auth.schemas import User
from alarm_backend.clocks import Clocks
from alarm_backend.errors import Refused
from alarm_backend.event_stream.schemas import StatusEvent
from alarm_backend.event_stream.service import EventStreamService
from alarm_backend.people.service import PeopleService
from alarm_backend.police import repository, webhook
from alarm_backend.police.cap import Place, Report, build, token
from alarm_backend.police.schemas import HandoverIn, HandoverView
from alarm_backend.positions.service import PositionService
from alarm_backend.settings import Settings
from alarm_backend.store.database import Database

ROUND_MAX = 5
ERROR_LENGTH_MAX = 500
UNKNOWN_ACCURACY_M = 1000.0
"""Radius told to the police when a fix has no accuracy. ASSUMED: rather search too wide."""

log = logging.getLogger(__name__)

Post = Callable[[str, bytes, Mapping[str, str]], tuple[int, Mapping[str, str], bytes]]
"""(url, body, headers) → (status, headers in lower case, body); raises PostFailed."""


class PostFailed(Exception):
    """The request did not get through, or no answer came in time."""


class PoliceService:
    """The hand-overs of all alarms."""

    def __init__(
        self,
        *,
        database: Database,
        clocks: Clocks,
        events: EventStreamService,
        alarms: AlarmService,
        positions: PositionService,
        people: PeopleService,
        settings: Settings,
        post: Post,
    ) -> None:
        self._database = database
        self._clocks = clocks
        self._events = events
        self._alarms = alarms
        self._positions = positions
        self._people = people
        self._settings = settings
        self._post = post

    def hand_over(self, alarm_id: str, asked: HandoverIn, user: User) -> HandoverView:
        """Make a message about an alarm and queue it; durable when this returns. Raises NotFound or Refused."""
        if self._settings.police_url is None:
            raise Refused("notify police", "no endpoint", "no_police_endpoint")
        alarm = self._alarms.get(alarm_id)
        tracks = self._positions.tracks(alarm.order_id, user)
        places = tuple(
            Place(
                last.lat,
                last.lon,
                last.horizontal_accuracy_m or UNKNOWN_ACCURACY_M,
                last.fix_ms,
                f"{track.role} {track.person_id}",
            )
            for track in tracks
            if track.positions
            for last in track.positions[-1:]
        )
        names = {
            f"{role}_name": identity.full_name
            for role, person_id in (("monitored", alarm.monitored), ("protected", alarm.protected))
            if (identity := self._people.read(person_id, user.username, f"police:{alarm_id}")) is not None
        }
        now_ms = self._clocks.wall_ms()
        with self._database.writing() as connection:
            earlier = repository.of_alarm(connection, alarm_id)
            msg_type = asked.msg_type if earlier else "Alert"
            if earlier and msg_type == "Alert":
                msg_type = "Update"
            identifier = token(f"waakzaam-{alarm_id}-{len(earlier) + 1}")
            report = self._report(alarm, identifier, msg_type, asked.note, places, names)
            references = tuple((row["identifier"], row["created_ms"]) for row in earlier)
            xml = build(Report(**{**vars(report), "references": references, "sent_ms": now_ms}))
            row: dict[str, Any] = {
                "identifier": identifier,
                "alarm_id": alarm_id,
                "msg_type": msg_type,
                "cap_xml": xml,
                "state": "waiting",
                "created_by": user.username,
                "created_ms": now_ms,
                "attempts": 0,
                "next_try_ms": now_ms,
                "last_error": None,
                "receipt": None,
                "receipted_ms": None,
            }
            repository.hurry(connection, alarm_id, now_ms)
            repository.add(connection, row)
            self._note(connection, row, user.username, "waiting", sound=False)
        return _view(row)

    def _report(
        self,
        alarm: AlarmView,
        identifier: str,
        msg_type: str,
        note: str,
        places: tuple[Place, ...],
        names: dict[str, str],
    ) -> Report:
        parameters = {
            "order_id": alarm.order_id,
            "alarm_id": alarm.alarm_id,
            "monitored": alarm.monitored or "",
            "protected": alarm.protected or "",
            "zone_id": alarm.zone_id or "",
            "distance_m": "" if alarm.distance_m is None else f"{alarm.distance_m:.0f}",
            "probability": "" if alarm.probability is None else f"{alarm.probability:.3f}",
            **names,
        }
        distance = "" if alarm.distance_m is None else f", {alarm.distance_m:.0f} m"
        return Report(
            identifier=identifier,
            sender=self._settings.police_sender,
            sent_ms=0,
            status=self._settings.police_status,
            msg_type=msg_type,
            references=(),
            incident_id=alarm.incident_id or alarm.alarm_id,
            kind=alarm.kind,
            severity=alarm.severity,
            condition=alarm.condition,
            probability=alarm.probability,
            headline=f"{alarm.order_id}: {alarm.kind}{distance}",
            description=alarm.reason or alarm.kind,
            contact=self._settings.police_contact,
            addresses="police",
            parameters=tuple((name, value) for name, value in parameters.items() if value),
            places=places,
            note=note,
        )

    @property
    def delivers(self) -> bool:
        """Whether messages are tried at all: without an endpoint and its secret they are left where they are."""
        return self._settings.police_url is not None and self._settings.police_secret is not None

    def deliver(self) -> int:
        """Try every message whose attempt is due; how many got their receipt.

        In the order in which they were made, and a Cancel only after the receipts of all that it cancels: the police
        would first strike what they do not have, and then act on it.
        """
        url, secret = self._settings.police_url, self._settings.police_secret
        if url is None or secret is None:
            return 0
        with self._database.reading() as connection:
            due = repository.due(connection, self._clocks.wall_ms(), ROUND_MAX)
        return sum(self._attempt(dict(row), url, secret) for row in due)

    def _attempt(self, row: dict[str, Any], url: str, secret: str) -> bool:
        body = row["cap_xml"].encode()
        headers = webhook.headers(row["identifier"], body, self._clocks.wall_ms(), secret)
        try:
            status, answered, content = self._post(url, body, headers)
        except PostFailed as error:
            receipt, wrong = "", str(error)
        except Exception as error:
            # Ours, not the endpoint's: told like any other, or it would stop all messages behind it.
            log.exception("a message to the police was not sent")
            receipt, wrong = "", f"{type(error).__name__}: {error}"
        else:
            receipt, wrong = webhook.receipt(row["identifier"], status, answered, content, secret)
        now_ms = self._clocks.wall_ms()
        attempts = row["attempts"] + 1
        state = "receipted" if receipt else "failing"
        values: dict[str, Any] = {"attempts": attempts, "state": state}
        if receipt:
            values |= {"receipt": receipt, "receipted_ms": now_ms, "next_try_ms": None, "last_error": None}
        else:
            values |= {"last_error": wrong[:ERROR_LENGTH_MAX], "next_try_ms": now_ms + webhook.wait_ms(attempts)}
        with self._database.writing() as connection:
            known = repository.get(connection, row["identifier"])
            if known is None or known["state"] == "receipted":  # another process was faster
                return False
            repository.change(connection, row["identifier"], values)
            self._note(connection, row | values, SYSTEM, state, sound=state == "failing" and attempts == 1)
        return bool(receipt)

    def _note(self, connection: Any, row: dict[str, Any], actor: str, state: str, *, sound: bool) -> None:
        """Write the state of a message into its alarm's history (failures once) and tell the consoles."""
        detail = {name: row[name] for name in ("identifier", "msg_type", "attempts", "last_error", "receipt")}
        if state != "failing" or row["attempts"] == 1:
            note = row["receipt"] or row["last_error"] or row["msg_type"]
            self._alarms.note_step(
                connection, row["alarm_id"], f"police_{state}", actor=actor, note=note, detail=detail, sound=sound
            )
        told = StatusEvent(
            what="handover",
            source="police",
            detail={**detail, "alarm_id": row["alarm_id"], "state": state},
            stored_ms=self._clocks.wall_ms(),
        )
        self._events.append(connection, "status", told)

    def of_alarm(self, alarm_id: str) -> list[HandoverView]:
        """The messages about an alarm, oldest first."""
        with self._database.reading() as connection:
            return [_view(dict(row)) for row in repository.of_alarm(connection, alarm_id)]

    def failing(self, limit: int = 20) -> list[HandoverView]:
        """The newest messages that do not arrive; without an endpoint, those too that were never tried."""
        states = ("failing",) if self.delivers else ("failing", "waiting")
        with self._database.reading() as connection:
            return [_view(dict(row)) for row in repository.undelivered(connection, states, limit)]

    def newest(self, limit: int = 100) -> list[HandoverView]:
        """The newest messages."""
        with self._database.reading() as connection:
            return [_view(dict(row)) for row in repository.newest(connection, limit)]


def _view(row: dict[str, Any]) -> HandoverView:
    return HandoverView.model_validate(row)
