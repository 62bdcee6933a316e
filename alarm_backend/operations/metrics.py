"""`/metrics` for Prometheus: read from the database when asked, so that it cannot drift; behind the gateway's token."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from alarm_backend.access import GatewayCaller, ServicesOf
from alarm_backend.alarms import repository as alarms
from alarm_backend.alarms.lifecycle import STATES
from alarm_backend.audit import repository as audit
from alarm_backend.police import repository as police
from alarm_backend.services import Services
from alarm_backend.watch import Watch

router = APIRouter(tags=["operations"])


class BackendCollector(Collector):
    """The figures of one backend at one moment."""

    def __init__(self, services: Services, watch: Watch) -> None:
        self._services = services
        self._watch = watch

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with self._services.database.reading() as connection:
            by_state = alarms.counts_by_state(connection)
            handovers = police.counts(connection)
            audit_lines = audit.head(connection)[0]
        states = GaugeMetricFamily("waakzaam_alarms", "Alarms by state.", labels=["state"])
        for state in STATES:
            states.add_metric([state], by_state.get(state, 0))
        yield states
        messages = GaugeMetricFamily("waakzaam_police_messages", "Messages to the police by state.", labels=["state"])
        for state in ("waiting", "failing", "receipted"):
            messages.add_metric([state], handovers.get(state, 0))
        yield messages
        ages = GaugeMetricFamily("waakzaam_heartbeat_age_seconds", "Age of each last heartbeat.", labels=["source"])
        depth = GaugeMetricFamily("waakzaam_outbox_depth", "Alarms a gateway has not delivered.", labels=["source"])
        for source in self._services.heartbeats.freshness():
            ages.add_metric([source.source], source.age_ms / 1000)
            depth.add_metric([source.source], source.outbox_depth)
        yield ages
        yield depth
        now_ms = self._services.clocks.wall_ms()
        for name, value, text in (
            ("rejected_items", self._services.rejections.count(), "Items that could not be used."),
            ("audit_lines", audit_lines, "Lines of the audit chain."),
            ("event_stream_readers", self._services.events.readers, "Consoles connected."),
            ("watch_age_seconds", (now_ms - self._watch.watch.last_round_ms) / 1000, "Since deadlines were looked at."),
            ("auditor_age_seconds", (now_ms - self._watch.auditor.last_round_ms) / 1000, "Since the auditor looked."),
        ):
            yield GaugeMetricFamily(f"waakzaam_{name}", text, value=value)


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request, services: ServicesOf, _caller: GatewayCaller) -> Response:
    """The figures in Prometheus' text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(BackendCollector(services, request.app.state.watch))
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")
