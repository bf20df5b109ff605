"""Spans as they would be sent, kept instead: for tests of what is traced and of what may leave."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult

from shared.observability import tracing
from shared.observability.trace_export import AllowedOnly


class Kept(SpanExporter):
    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]


@contextmanager
def kept() -> Iterator[Kept]:
    """What is exported while the block runs, each span as it ends."""
    exporter, provider = Kept(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(AllowedOnly(exporter)))
    tracing.use(provider)
    try:
        yield exporter
    finally:
        tracing.use(None)
        provider.shutdown()


def traceparent_of(span: ReadableSpan) -> str | None:
    return tracing.traceparent_of(span.context)


def parent_of(span: ReadableSpan) -> str | None:
    return tracing.traceparent_of(span.parent) if span.parent else None
