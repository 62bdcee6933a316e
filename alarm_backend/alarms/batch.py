"""The alarms that one batch is about: read together, changed in memory, written together.

Each statement costs a round trip to the database; a batch of ten alarms would pay for sixty of them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from alarm_backend.alarms import repository
from alarm_backend.maintenance.coverage import Window


class Batch:
    """What the writing transaction under way knows and has changed. Only sound while no other writer can come between.

    `flush` writes what is gathered; queries of the database outside this class see it only after that.
    """

    def __init__(
        self, connection: Connection, alarm_ids: list[str], keys: list[str], source: str, windows: list[Window]
    ) -> None:
        self._connection = connection
        self.source = source
        self.windows = windows
        self._rows = repository.get_many(connection, alarm_ids)
        self._stored_ms = repository.transitions_stored_ms(connection, keys)
        self._newest_ms = repository.newest_times_ms(connection, list(self._rows), source) if self._rows else {}
        self._added: dict[str, dict[str, Any]] = {}
        self._changed: dict[str, dict[str, Any]] = {}
        self._steps: list[dict[str, Any]] = []
        self._foreseen: dict[tuple[str, int], str | None] = {}
        self._touched: set[str] = set()

    def row(self, alarm_id: str) -> dict[str, Any] | None:
        """The alarm as it stands now."""
        return self._rows.get(alarm_id)

    def stored_ms(self, idempotency_key: str) -> int | None:
        """When the step with this key was stored."""
        return self._stored_ms.get(idempotency_key)

    def newest_ms(self, alarm_id: str) -> int | None:
        """The time of the last step that the batch's source reported for this alarm."""
        return self._newest_ms.get(alarm_id)

    def foresee_incidents(self, asked: list[tuple[str, int]]) -> None:
        """Ask at once what `incident_going_on` will be asked for."""
        if asked:
            self._foreseen = dict(zip(asked, repository.incidents_going_on(self._connection, asked), strict=True))

    def incident_going_on(self, order_id: str, active_since_ms: int) -> str | None:
        """The incident of the order's newest alarm that is open or was active since that time."""
        asked = (order_id, active_since_ms)
        if order_id not in self._touched and asked in self._foreseen:
            return self._foreseen[asked]
        self.flush()
        return repository.incidents_going_on(self._connection, [asked])[0]

    def add_step(self, step: dict[str, Any]) -> None:
        """A step of history; its key is one that `stored_ms` did not know."""
        self._steps.append(step)
        self._stored_ms[step["idempotency_key"]] = step["stored_ms"]
        before = self._newest_ms.get(step["alarm_id"])
        self._newest_ms[step["alarm_id"]] = step["time_ms"] if before is None else max(before, step["time_ms"])

    def put(self, row: dict[str, Any]) -> None:
        """The whole row of an alarm, new or changed."""
        alarm_id = row["alarm_id"]
        known = alarm_id in self._rows and alarm_id not in self._added
        (self._changed if known else self._added)[alarm_id] = row
        self._touched.add(row["order_id"])
        self._rows[alarm_id] = row

    def flush(self) -> None:
        """Write what is gathered."""
        if self._added:
            repository.add_all(self._connection, list(self._added.values()))
        if self._changed:
            repository.change_all(self._connection, list(self._changed.values()))
        if self._steps:
            repository.add_transitions(self._connection, self._steps)
        self._added, self._changed, self._steps = {}, {}, []
