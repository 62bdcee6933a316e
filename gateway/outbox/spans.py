"""The gateway's part of an alarm's trace: from its fix until the backend has it. Nothing when tracing is off."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.contract.tracing import traceparent_of

_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("waakzaam.gateway")
NS_PER_MS = 1_000_000


def delivering(alarm_id: str, transition: str, fix_received_ms: int | None) -> tuple[trace.Span, str]:
    """(the span of one delivery, to be ended when it is stored; the context that goes with the transition)."""
    parent = traceparent_of(alarm_id)
    span = _TRACER.start_span(
        "gateway.deliver",
        context=_PROPAGATOR.extract({"traceparent": parent}),
        kind=trace.SpanKind.PRODUCER,
        attributes={"alarm_id": alarm_id, "transition": transition},
        start_time=fix_received_ms * NS_PER_MS if fix_received_ms else None,
    )
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(span))
    return span, carrier.get("traceparent", parent)
