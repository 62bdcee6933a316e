"""One trace from the fix to the operator's key press: gateway, backend, console; and logs that name nobody."""

from __future__ import annotations

import json
import logging
import queue
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from gateway.contract.tracing import trace_id_of, traceparent_of, usable
from gateway.journal.port import Pending, Signs
from gateway.outbox.sender import Sender
from tests.support.backend import TOKEN, Backend, LiveBackend, transition, until
from waakzaam.logs import JsonLines
from waakzaam.tracing import OursOnly

pytest_plugins = ("tests.support.backend",)


@pytest.fixture(scope="module")
def _exporter() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(OursOnly(SimpleSpanProcessor(exporter)))
    trace.set_tracer_provider(provider)
    return exporter


@pytest.fixture
def spans(_exporter: InMemorySpanExporter) -> InMemorySpanExporter:
    _exporter.clear()
    return _exporter


class OneAlarm:
    """An outbox with one alarm in it."""

    def __init__(self, document: dict[str, Any]) -> None:
        facts = {k: v for k, v in document.items() if k not in {"idempotency_key", "fix_received_ms"}}
        entry = {
            "id": 1,
            "document": json.dumps(facts),
            "idempotency_key": document["idempotency_key"],
            "fix_received_ms": document["fix_received_ms"],
        }
        self.waiting = [Pending(**{name: entry[name] for name in Pending._fields})]

    def unsent(self, _limit: int) -> list[Pending]:
        return self.waiting

    def confirmed(self, _ids: list[int]) -> None:
        self.waiting = []

    def signs(self) -> Signs:
        return Signs(*([0] * len(Signs._fields)))


def _event_of(client: httpx.Client, alarm_id: str) -> dict[str, Any]:
    """The event that a console hears about the alarm."""
    with client.stream("GET", "/events?after=0") as answer:
        for line in answer.iter_lines():
            if line.startswith("data: ") and alarm_id in line:
                event: dict[str, Any] = json.loads(line[6:])
                return event
    raise AssertionError("the stream ended")


def test_one_trace_spans_gateway_backend_and_the_consoles_key(live: LiveBackend, spans: InMemorySpanExporter) -> None:
    outbox = OneAlarm(transition("a-traced"))
    sender = Sender(live.url, TOKEN, outbox, queue.Queue(), lambda: 0)  # type: ignore[arg-type]
    sender.start()
    until(lambda: not outbox.waiting, "delivered")
    sender.stop()
    operator = live.signed_in()
    told = _event_of(operator, "a-traced")
    acknowledged = operator.post("/api/v1/alarms/a-traced/acknowledge", headers={"traceparent": told["traceparent"]})
    assert acknowledged.status_code == 200
    until(lambda: len(spans.get_finished_spans()) >= 3, "three spans")
    made = {span.name: span for span in spans.get_finished_spans()}
    assert set(made) == {"gateway.deliver", "backend.intake", "operator.acknowledge"}
    assert {f"{span.context.trace_id:032x}" for span in made.values()} == {trace_id_of("a-traced")}
    parents = {name: span.parent.span_id for name, span in made.items() if span.parent}
    assert parents["backend.intake"] == made["gateway.deliver"].context.span_id
    assert parents["operator.acknowledge"] == made["backend.intake"].context.span_id
    started_ns = made["gateway.deliver"].start_time
    assert started_ns == transition()["fix_received_ms"] * 1_000_000, "the trace begins when the fix came in"
    for span in made.values():
        assert set(span.attributes or {}) <= {"alarm_id", "transition"}, "no position and no person in a span"


def test_a_trace_context_that_cannot_be_used_never_costs_an_alarm(backend: Backend) -> None:
    for number, wrong in enumerate(("nonsense", 7, {"a": 1}, "00-" + "0" * 32 + "-" + "0" * 16 + "-01", None)):
        assert backend.post(transition(f"a-{number}", traceparent=wrong))[0]["status"] == "stored"
        assert usable(wrong) is None
    assert usable(traceparent_of("a-1")) == traceparent_of("a-1")


def test_a_json_log_line_carries_no_more_than_it_may() -> None:
    record = logging.LogRecord("waakzaam", logging.ERROR, "x.py", 1, "could not %s", ("deliver",), None)
    record.alarm_id, record.lat, record.full_name = "a-1", 50.85, "Somebody"
    try:
        raise ValueError("50.8503 4.3517 Somebody")
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    line = json.loads(JsonLines().format(record))
    assert line["message"] == "could not deliver"
    assert line["alarm_id"] == "a-1"
    assert line["error"] == "ValueError"
    for word in ("50.85", "4.3517", "Somebody"):
        assert word not in json.dumps(line)


def test_the_backend_logs_no_position_and_no_identity(live: LiveBackend, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    where = {"lat": 50.8123456, "lon": 4.3123456, "device_id": "trk-m1", "order_id": "VL-1", "person_id": "M-secret"}
    position = where | {"role": "monitored", "fix_time": "2026-05-28T20:26:40Z", "horizontal_accuracy_m": 8.0}
    for path, body in (
        ("/api/v1/positions", {"positions": [position, position | {"lat": 500.0}]}),
        ("/api/v1/transitions", {"transitions": [transition(monitored="M-secret"), {"nonsense": 50.8123456}]}),
    ):
        assert httpx.post(live.url + path, json=body, headers=headers).status_code == 200
    operator = live.signed_in()
    assert operator.get("/api/v1/alarms/search", params={"person": "M-secret"}).status_code == 200
    written = "\n".join(JsonLines().format(record) for record in caplog.records if record.name != "httpx")
    for word in ("50.81234", "4.31234", "M-secret"):
        assert word not in written
