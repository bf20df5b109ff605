"""Export of traces by OTLP over HTTP, of what is on a list and of nothing else.

Libraries put paths, queries, addresses and texts of exceptions into spans, and a trace store is out of an erasure's
reach. So a span leaves with its times, its place in the trace, a name and attributes that have an allowed form. Its
events, its status's text and whatever a library measured beside that stay behind.
"""

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Link, SpanContext, Status
from opentelemetry.util.types import AttributeValue

from shared.observability import tracing
from shared.observability.tracing import SCOPE, Collector

QUEUED: Final = 8_192  # spans that wait for the exporter; more are dropped, and nobody waits for them
EXPORT_SECONDS: Final = 5.0
LEAVE_SECONDS: Final = 5.0  # at the end, for what is still to be sent: a leaving process has no more time than that
LARGEST_NUMBER: Final = 99_999  # counts and status codes; no phone number
SCOPES: Final = frozenset({SCOPE, "fastapi"})
RANDOM_ID: Final = re.compile(r"[0-9a-f]{32}")
WORD: Final = re.compile(r"[a-z][a-z0-9_.-]{0,39}")
METHOD: Final = "GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS"
ROUTE: Final = r"(/(v[0-9]|[a-z_.-]{1,30}|\{[a-z_:]{1,40}\})?)+"  # no segment that holds a number, as a path would
NAME: Final = re.compile(rf"({METHOD}|HTTP)|({METHOD}) {ROUTE}|[a-z]+( [A-Za-z_-]{{1,60}}){{1,3}}")
ALLOWED: Final[Mapping[str, re.Pattern[str] | type[int]]] = {
    "http.request.method": re.compile(f"{METHOD}|_OTHER"),
    "http.route": re.compile(ROUTE),
    "http.response.status_code": int,
    "error.type": re.compile(r"[A-Za-z_][A-Za-z0-9_.]{0,99}|[1-5][0-9]{2}"),
    "messaging.system": WORD,
    "messaging.operation.type": WORD,
    "messaging.destination.name": WORD,
    "messaging.batch.message_count": int,
    "cloudevents.event_id": RANDOM_ID,
    "cloudevents.event_type": re.compile(r"kz\.exl\.[A-Za-z]{1,40}\.v[0-9]{1,3}"),
    "sealed.case_id": RANDOM_ID,
    "sealed.channel": WORD,
    "sealed.outcome": WORD,
    "sealed.published_by": WORD,
    "sealed.purpose": re.compile(r"[0-9](\.[0-9]{1,2}){1,3}"),
    "sealed.recipient": WORD,
}


class AllowedOnly(SpanExporter):
    """Gives to another exporter what is allowed of each span."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        known = [span for span in spans if span.instrumentation_scope and span.instrumentation_scope.name in SCOPES]
        return self._exporter.export([_allowed(span) for span in known]) if known else SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _allowed(span: ReadableSpan) -> ReadableSpan:
    return ReadableSpan(
        name=span.name if NAME.fullmatch(span.name) else "unnamed",
        context=_place(span.context),
        parent=_place(span.parent) if span.parent else None,
        resource=span.resource,
        attributes={name: value for name, value in (span.attributes or {}).items() if may_leave(name, value)},
        links=[Link(_place(link.context)) for link in span.links],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _place(context: SpanContext) -> SpanContext:
    """In the trace, without its `tracestate`: that is free text."""
    return SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)


def may_leave(name: str, value: AttributeValue) -> bool:
    form = ALLOWED.get(name)
    if isinstance(form, re.Pattern):
        return isinstance(value, str) and form.fullmatch(value) is not None
    return form is int and type(value) is int and 0 <= value <= LARGEST_NUMBER


def provider_of(service: str, exporter: SpanExporter, ratio: float) -> TracerProvider:
    """`ratio`: of the traces that begin here, how many are recorded; the rest of a trace follows its beginning. Nothing
    of the machine or its environment is told."""
    resource = Resource({"service.name": service, "service.namespace": SCOPE})
    provider = TracerProvider(ParentBased(TraceIdRatioBased(ratio)), resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(AllowedOnly(exporter), max_queue_size=QUEUED))
    return provider


@contextmanager
def exported(service: str, collector: Collector) -> Iterator[None]:
    """Make spans while the block runs, and send them. A collector that is away holds up nothing: what can't be sent
    within seconds is dropped, also when the process leaves."""
    session = requests.Session()
    session.trust_env = False  # no proxy from the environment: spans go to the collector and nowhere else
    exporter = OTLPSpanExporter(
        f"{collector.endpoint.rstrip('/')}/v1/traces",
        certificate_file=str(collector.certificate) if collector.certificate else None,
        timeout=EXPORT_SECONDS,
        session=session,
    )
    provider = provider_of(service, exporter, collector.ratio)
    tracing.use(provider)
    try:
        yield
    finally:
        tracing.use(None)
        leave(provider)


def leave(provider: TracerProvider) -> None:
    """The SDK would wait for half a minute, beyond the time that a leaving pod is given."""
    leaving = threading.Thread(target=provider.shutdown, daemon=True)
    leaving.start()
    leaving.join(LEAVE_SECONDS)
