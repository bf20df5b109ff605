"""Traces: what an order or a withdrawal led to, across services and queues, as OpenTelemetry spans.

A trace begins with a request to one of our own services and nowhere else. Messages, outbox rows and documents carry it
on as W3C `traceparent` text; what came without one is not traced. Until `use` names a provider no span is made, and
what is carried is handed on as it came.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace import Link, NonRecordingSpan, NoOpTracer, Span, SpanContext, SpanKind, StatusCode, Tracer
from opentelemetry.trace import TracerProvider as Provider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

SCOPE: Final = "sealed-orders"
TRACEPARENT: Final = "traceparent"
W3C: Final = TraceContextTextMapPropagator()
Attributes = Mapping[str, str | int]


class _NoStranger(TextMapPropagator):
    """Nobody outside says which trace a request belongs to, nor that it is recorded; and nobody outside is told."""

    def extract(
        self, carrier: CarrierT, context: Context | None = None, getter: Getter[CarrierT] = default_getter
    ) -> Context:
        return Context()

    def inject(
        self, carrier: CarrierT, context: Context | None = None, setter: Setter[CarrierT] = default_setter
    ) -> None:
        return None

    @property
    def fields(self) -> set[str]:
        return set()


@dataclass(frozen=True, slots=True)
class Collector:
    """Where spans go: the base URL of its OTLP over HTTP, the authority of its certificate where it is not a public
    one, and how many of the traces that begin here are recorded, from 0 to 1."""

    endpoint: str
    certificate: Path | None = None
    ratio: float = 1.0


class _State:
    """Of the process: one provider, or none."""

    provider: Provider | None = None
    tracer: Tracer = NoOpTracer()


_causes: ContextVar[Mapping[str, str]] = ContextVar("causes")


def use(provider: Provider | None) -> None:
    """Make spans with it from now on; with None, none."""
    _State.provider = provider
    _State.tracer = provider.get_tracer(SCOPE) if provider else NoOpTracer()
    propagate.set_global_textmap(_NoStranger())


@contextmanager
def exporting(service: str, collector: Collector | None) -> Iterator[None]:
    """Make spans while the block runs, where there is somebody to send them to. The SDK is loaded only then."""
    if collector is None:
        yield
        return
    from shared.observability.trace_export import exported

    with exported(service, collector):
        yield


def in_use() -> Provider | None:
    return _State.provider


def here() -> str | None:
    """The current span's traceparent; None outside of a trace."""
    if _State.provider is None:  # asked for every event that is published
        return None
    return traceparent_of(trace.get_current_span().get_span_context())


def traceparent_of(context: SpanContext) -> str | None:
    if not context.is_valid:
        return None
    carrier: dict[str, str] = {}
    W3C.inject(carrier, trace.set_span_in_context(NonRecordingSpan(context), Context()))
    return carrier[TRACEPARENT]


@contextmanager
def caused_by(causes: Mapping[str, str]) -> Iterator[None]:
    """Subject id → traceparent of what led to that subject's events within the block: for work that does many people's
    at once. Where one person has two causes, the one named stands for both."""
    token = _causes.set({**_causes.get({}), **causes})
    try:
        yield
    finally:
        _causes.reset(token)


def cause_of(key: str) -> str | None:
    """What led to an event of this subject: as `caused_by` has it, else the current span."""
    return _causes.get({}).get(key) or here()


def begin(
    name: str,
    of: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    at: datetime | None = None,
) -> Span:
    """A span in the trace of `of`, to be ended by the caller. It links to the current span of another trace: a request
    that takes up an older matter belongs to both."""
    around = trace.get_current_span().get_span_context()
    parent = W3C.extract({TRACEPARENT: of}, Context())
    other = around.is_valid and around.trace_id != trace.get_current_span(parent).get_span_context().trace_id
    links = [Link(around)] if other else []
    moment = int(at.timestamp() * 1e9) if at else None
    return _State.tracer.start_span(name, parent, kind, attributes, links, moment)


@contextmanager
def span(
    name: str, *, of: str | None = None, kind: SpanKind = SpanKind.INTERNAL, attributes: Attributes | None = None
) -> Iterator[Span]:
    """Around an act: in the trace of `of`, else in the current one; outside of both it is not traced."""
    of = of or here()
    if of is None or _State.provider is None:
        yield trace.INVALID_SPAN
        return
    one = begin(name, of, kind=kind, attributes=attributes)
    with trace.use_span(one, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield one
        except BaseException as error:
            mark_failed(one, error)
            raise


def note(
    name: str,
    *,
    of: str | None,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes | None = None,
    since: datetime | None = None,
) -> None:
    """A span that ends now, and began at `since` or now."""
    if of is not None and _State.provider is not None:
        begin(name, of, kind=kind, attributes=attributes, at=since).end()


def mark_failed(one: Span, error: BaseException) -> None:
    """By the error's type alone: its text may hold values."""
    one.set_attribute("error.type", type(error).__name__)
    one.set_status(StatusCode.ERROR)
