"""The backend's part of an alarm's trace: taken in, shown, acted on. Nothing is recorded when tracing is off.

Spans carry the alarm's identifier and the act, never a position, a person or a name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import Request
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from gateway.contract.tracing import traceparent_of, usable

_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = trace.get_tracer("waakzaam.alarm_backend")


@contextmanager
def span(name: str, alarm_id: str, traceparent: object, **attributes: str) -> Iterator[str]:
    """A span under that context, or under the alarm's own when there is none; gives the context to hand on."""
    parent = usable(traceparent) or traceparent_of(alarm_id)
    context = _PROPAGATOR.extract({"traceparent": parent})
    # Never made the current one: a dependency ends in another thread's context than it began in.
    made = _TRACER.start_span(name, context=context, attributes={"alarm_id": alarm_id, **attributes})
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(made))
    try:
        yield carrier.get("traceparent", parent)
    finally:
        made.end()


def traced_act(request: Request) -> Iterator[None]:
    """A dependency: what an operator does to an alarm is a span of its trace, under the console's context."""
    alarm_id = request.path_params.get("alarm_id")
    if request.method != "POST" or not isinstance(alarm_id, str):
        yield
        return
    act = request.url.path.rsplit("/", 1)[-1]
    with span(f"operator.{act}", alarm_id, request.headers.get("traceparent")):
        yield
