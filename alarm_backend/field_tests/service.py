"""Takes records in and shows them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, RowMapping

from alarm_backend.alarms.schemas import Result
from alarm_backend.audit.service import AuditService
from alarm_backend.clocks import Clocks
from alarm_backend.event_stream.schemas import FieldTestEvent
from alarm_backend.event_stream.service import EventStreamService
from alarm_backend.field_tests import repository
from alarm_backend.field_tests.schemas import FieldTestView
from alarm_backend.field_tests.signature import Checked, DeviceKeys, check
from alarm_backend.rejections.service import RejectionService
from alarm_backend.store.database import Database
from alarm_backend.time_text import to_ms
from firmware.wire import record
from firmware.wire.errors import MalformedMessage


class FieldTestService:
    """The field-test store."""

    def __init__(
        self,
        *,
        database: Database,
        clocks: Clocks,
        audit: AuditService,
        events: EventStreamService,
        rejections: RejectionService,
        keys: DeviceKeys,
    ) -> None:
        self._database = database
        self._clocks = clocks
        self._audit = audit
        self._events = events
        self._rejections = rejections
        self._keys = keys

    def ingest(self, sent: list[str | dict[str, Any]], source: str) -> list[Result]:
        """Store records; one result each. A bad signature is stored and flagged; only what is no record is rejected."""
        with self._database.writing() as connection:
            return [self._ingest_one(connection, item, source) for item in sent]

    def _ingest_one(self, connection: Connection, item: str | dict[str, Any], source: str) -> Result:
        try:
            checked = check(item, self._keys)
            digest = record.sha256_of(checked.line)
        except (MalformedMessage, UnicodeEncodeError) as error:
            return self._rejections.keep(connection, source, item, str(error))
        known = repository.get(connection, digest)
        key = str(checked.fields["record_id"])
        if known is not None:
            return Result(idempotency_key=key, status="duplicate", stored_ms=known["stored_ms"])
        stored_ms = self._clocks.wall_ms()
        time_ms, flags = self._time_of(checked, stored_ms)
        flags += self._flags(connection, checked)
        row = {
            "line_sha256": digest,
            "record_id": key[:80],
            "device_id": str(checked.fields["device_id"])[:80],
            "time_ms": time_ms,
            "verdict": checked.fields["verdict"],
            "reason": checked.fields["reason"],
            "signature_state": checked.signature_state,
            "flags": flags,
            "record": checked.fields,
            "line": checked.line,
            "stored_ms": stored_ms,
        }
        repository.add(connection, row)
        self._audit.append(
            connection,
            source,
            "field_test.store",
            f"field_test:{digest}",
            {"record_id": key, "signature_state": checked.signature_state, "flags": flags},
        )
        told = FieldTestEvent(
            record_id=row["record_id"],
            device_id=row["device_id"],
            time_ms=time_ms,
            verdict=row["verdict"],
            reason=row["reason"],
            drink_declared=_text(checked.fields.get("drink_declared")),
            signature_state=checked.signature_state,
            flags=flags,
            stored_ms=stored_ms,
        )
        self._events.append(connection, "field_test", told)
        reason = checked.reason or None
        return Result(idempotency_key=key, status="stored", stored_ms=stored_ms, reason=reason)

    def _time_of(self, checked: Checked, stored_ms: int) -> tuple[int, list[str]]:
        """When the test was done; without a usable time, when it arrived, and a flag that says so."""
        time = checked.fields.get("time")
        if isinstance(time, int) and not isinstance(time, bool) and 0 < time < 2**53:
            return time, []
        try:
            return to_ms(str(time)), []
        except (ValueError, TypeError, OverflowError):
            return stored_ms, ["no_time"]

    def _flags(self, connection: Connection, checked: Checked) -> list[str]:
        flags = []
        previous = checked.fields.get("previous_sha256")
        if not isinstance(previous, str) or (
            previous != record.GENESIS_SHA256 and repository.get(connection, previous) is None
        ):
            flags.append("chain_gap")
        if repository.same_record(connection, checked.fields["device_id"], checked.fields["record_id"]):
            flags.append("record_id_repeated")
        if not checked.original:
            flags.append("not_original_line")
        return flags

    def newest(self, limit: int = 50) -> list[FieldTestView]:
        """The records that arrived last, newest first."""
        with self._database.reading() as connection:
            return [view(row) for row in repository.newest(connection, limit)]

    def counts(self) -> dict[str, int]:
        """Number of records by verdict."""
        with self._database.reading() as connection:
            return repository.counts(connection)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def view(row: RowMapping) -> FieldTestView:
    fields = row["record"]
    analytes = fields.get("analytes")
    volume = fields.get("volume_ml")
    return FieldTestView(
        line_sha256=row["line_sha256"],
        record_id=row["record_id"],
        device_id=row["device_id"],
        time_ms=row["time_ms"],
        verdict=row["verdict"],
        reason=row["reason"],
        drink_declared=_text(fields.get("drink_declared")),
        volume_ml=float(volume) if isinstance(volume, (int, float)) and not isinstance(volume, bool) else None,
        venue_code=_text(fields.get("venue_code")),
        analytes=[item for item in analytes if isinstance(item, dict)] if isinstance(analytes, list) else [],
        signature_state=row["signature_state"],
        flags=row["flags"],
        stored_ms=row["stored_ms"],
    )
