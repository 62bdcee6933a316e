"""Sends traces to a collector, when the installation names one; off by default."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from waakzaam.exits import BadInput


class OursOnly(SpanProcessor):
    """Lets through the spans that our own code makes.

    Libraries make spans too, once there is a provider, and put whole addresses into them: whom somebody searched for,
    the token of a sign-in link.
    """

    def __init__(self, onward: SpanProcessor) -> None:
        self._onward = onward

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self._onward.on_start(span, parent_context)

    def on_end(self, span: ReadableSpan) -> None:
        scope = span.instrumentation_scope
        if scope is not None and scope.name.startswith("waakzaam."):
            self._onward.on_end(span)

    def shutdown(self) -> None:
        self._onward.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._onward.force_flush(timeout_millis)


def configure(service: str, otlp_url: str | None) -> None:
    """Export this process's spans to an OTLP/HTTP collector; nothing without an address. Raises BadInput."""
    if otlp_url is None:
        return
    if not otlp_url.startswith(("http://", "https://")):
        raise BadInput("--otlp-url", f"{otlp_url!r} is not an http(s) address")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    except ImportError:
        raise BadInput("--otlp-url", "the exporter is not installed", "pip install waakzaam[otlp]") from None
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(OursOnly(BatchSpanProcessor(OTLPSpanExporter(endpoint=otlp_url))))
    trace.set_tracer_provider(provider)
