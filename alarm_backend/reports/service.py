"""Makes the reports."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from alarm_backend.alarms.service import AlarmService
from alarm_backend.maintenance.service import MaintenanceService
from alarm_backend.police.service import PoliceService
from alarm_backend.rejections.service import RejectionService
from alarm_backend.reports import anomalies, repository
from alarm_backend.reports.anomalies import Closing
from alarm_backend.reports.schemas import AnomalyView, ShiftReport
from alarm_backend.store.database import Database


class ReportService:
    """Reports for supervisors and for the next shift."""

    def __init__(
        self,
        database: Database,
        alarms: AlarmService,
        police: PoliceService,
        rejections: RejectionService,
        maintenance: MaintenanceService,
    ) -> None:
        self._database = database
        self._alarms = alarms
        self._police = police
        self._rejections = rejections
        self._maintenance = maintenance

    def anomalies(self, from_ms: int, until_ms: int, inspections_ms: Sequence[int] = ()) -> list[AnomalyView]:
        """Ways of closing in [from, until) (real clock) that somebody should look at."""
        with self._database.reading() as connection:
            rows = repository.closed(connection, from_ms, until_ms)
        asked_by: dict[str, str] = {}
        closings = []
        for row in rows:
            if row["transition"] == "resolve":
                asked_by[row["alarm_id"]] = row["actor"]
                if row["severity"] >= self._alarms.policy.four_eyes_severity:
                    continue  # it is closed by the second person's step
            facts = {name: row[name] for name in ("alarm_id", "kind", "severity", "stored_ms", "closed_ms")}
            by = asked_by.get(row["alarm_id"], row["actor"])
            closings.append(Closing(by=by, confirmed_by=row["actor"], **facts))
        return [
            AnomalyView(**{**vars(found), "alarm_ids": list(found.alarm_ids)})
            for found in anomalies.find(closings, inspections_ms)
        ]

    def shift(self, from_ms: int, until_ms: int) -> ShiftReport:
        """What happened in [from, until) (real clock) and what is open now."""
        with self._database.reading() as connection:
            new = repository.new_by_kind(connection, from_ms, until_ms)
            closed = repository.closed_by_cause(connection, from_ms, until_ms)
            answers = repository.answer_times_ms(connection, from_ms, until_ms)
        alarms = self._alarms.queue().alarms
        count = len(answers)
        return ShiftReport(
            from_ms=from_ms,
            until_ms=until_ms,
            new_by_kind=new,
            closed_by_cause=closed,
            answered=count,
            answered_within_30_s=sum(ms <= 30_000 for ms in answers) / count if count else None,
            answered_within_60_s=sum(ms <= 60_000 for ms in answers) / count if count else None,
            answer_median_s=statistics.median(answers) / 1000 if count else None,
            open=[alarm for alarm in alarms if alarm.state != "shelved"],
            shelved=[alarm for alarm in alarms if alarm.state == "shelved"],
            police_without_receipt=[m.identifier for m in self._police.newest(1000) if m.state != "receipted"],
            rejected_items=self._rejections.count(),
            maintenance=[
                w for w in self._maintenance.listed_since(from_ms) if w.starts_ms < until_ms or not w.ended_ms
            ],
        )
