"""What a span may take along is on a list, by name and by form; all else stays, whoever put it there."""

import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.trace import Span, SpanContext, Status, StatusCode, TraceFlags, TraceState

from shared.http.settings import ServiceSettings
from shared.observability import trace_export, tracing
from shared.observability.trace_export import ALLOWED, AllowedOnly, may_leave, provider_of
from shared.observability.tracing import Collector
from tests.collector import collector
from tests.spans import Kept, kept

CANARY = "Тәуелсізқызова"
TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
STATE = TraceState([("shop", CANARY.encode().hex())])
assert STATE.to_header() == f"shop={CANARY.encode().hex()}"
STRANGER = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1), trace_state=STATE)

PLANTED: dict[str, Callable[[Span], Any]] = {
    "an attribute nobody allowed": lambda span: span.set_attribute("url.query", f"phone={CANARY}"),
    "a value of another form": lambda span: span.set_attribute("sealed.outcome", CANARY),
    "a path in the place of a route": lambda span: span.set_attribute("http.route", f"/my/{CANARY}"),
    "an error's text": lambda span: span.record_exception(ValueError(CANARY)),
    "an event": lambda span: span.add_event(CANARY, {CANARY: CANARY}),
    "a status's text": lambda span: span.set_status(Status(StatusCode.ERROR, CANARY)),
    "a name": lambda span: span.update_name(f"GET /my/{CANARY}"),
    "a link's attributes": lambda span: span.add_link(STRANGER, {"why": CANARY}),
}


@pytest.mark.parametrize("plant", PLANTED.values(), ids=PLANTED)
def test_what_is_not_allowed_stays(plant: Callable[[Span], Any]) -> None:
    with kept() as spans, tracing.span("send letter", of=TRACE, attributes={"sealed.outcome": "sent"}) as span:
        plant(span)
    (one,) = spans.spans
    sent = encode_spans([one]).SerializeToString()
    assert CANARY.encode() not in sent
    assert CANARY.encode().hex().encode() not in sent
    assert b"sealed-orders" in sent
    assert not one.events


@pytest.mark.parametrize("plant", PLANTED.values(), ids=PLANTED)
def test_the_same_search_finds_it_where_all_is_sent(plant: Callable[[Span], Any]) -> None:
    exporter, provider = Kept(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    span = provider.get_tracer(tracing.SCOPE).start_span("send letter")
    plant(span)
    span.end()
    assert CANARY.encode() in encode_spans(exporter.spans).SerializeToString()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sealed.case_id", "0" * 31),
        ("cloudevents.event_id", CANARY),
        ("http.response.status_code", 77001110300),
        ("http.response.status_code", True),
        ("http.response.status_code", "200"),
        ("http.route", "/my/case/3f7c2f7be20f4f5f9d0c64a9b6f00f5c3f7c2f7b"),
        ("sealed.channel", "someone@example.kz"),
        ("messaging.destination.name", "+77001110300"),
        ("sealed.purpose", "7.700.111"),
        ("client.address", "192.0.2.1"),
        ("db.query.text", "find"),
    ],
)
def test_a_value_of_another_form_may_not_leave(name: str, value: str | int) -> None:
    assert not may_leave(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("http.route", "/"),
        ("http.route", "/v1/orders/{order_id}/withdraw-consent"),
        ("http.route", "/static/{path:path}"),
        ("http.response.status_code", 201),
        ("cloudevents.event_type", "kz.exl.OrderPlaced.v1"),
        ("error.type", "PartnerAway"),
        ("sealed.purpose", "3.2.3"),
        ("sealed.recipient", "courier_partner"),
    ],
)
def test_a_value_of_its_form_may_leave(name: str, value: str | int) -> None:
    assert may_leave(name, value)


def test_a_library_that_was_not_chosen_sends_nothing() -> None:
    exporter = Kept()
    provider = provider_of("intake", exporter, 1.0)
    provider.get_tracer("opentelemetry.instrumentation.pymongo").start_span("find people").end()
    provider.get_tracer(tracing.SCOPE).start_span("send letter").end()
    provider.shutdown()
    assert [span.name for span in exporter.spans] == ["send letter"]


def test_the_state_of_a_strangers_trace_stays() -> None:
    of_a_stranger = trace.set_span_in_context(trace.NonRecordingSpan(STRANGER))
    exporter = Kept()
    for passed_on in (exporter, AllowedOnly(exporter)):
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(passed_on))
        provider.get_tracer(tracing.SCOPE).start_span("send letter", of_a_stranger).end()
    states = [encode_spans([span]).resource_spans[0].scope_spans[0].spans[0].trace_state for span in exporter.spans]
    assert states == [STATE.to_header(), ""]


def test_spans_go_to_the_collector_past_any_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with collector() as sent, collector() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with tracing.exporting("intake", Collector(sent.url)):
            tracing.note("send letter", of=TRACE)
        assert [span.name for span in sent.spans()] == ["send letter"]
        assert not proxy.bodies


def test_the_collector_is_checked_by_its_authority_and_waited_for_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def exporter(endpoint: str, **options: Any) -> Kept:
        given.update(options, endpoint=endpoint)
        return Kept()

    monkeypatch.setattr(trace_export, "OTLPSpanExporter", exporter)
    with tracing.exporting("intake", Collector("https://collector.example.kz/", Path("ca.pem"))):
        pass
    assert given["endpoint"] == "https://collector.example.kz/v1/traces"
    assert (given["certificate_file"], given["timeout"]) == ("ca.pem", trace_export.EXPORT_SECONDS)


def test_nothing_of_the_machine_or_its_environment_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", f"owner={CANARY}")
    exporter = Kept()
    provider = provider_of("intake", exporter, 1.0)
    provider.get_tracer(tracing.SCOPE).start_span("send letter").end()
    provider.shutdown()
    (span,) = exporter.spans
    assert dict(span.resource.attributes) == {"service.name": "intake", "service.namespace": "sealed-orders"}


def test_a_ratio_of_what_begins_here_is_recorded_and_the_rest_follows_it() -> None:
    exporter = Kept()
    provider = provider_of("intake", exporter, 0.0)
    tracing.use(provider)
    try:
        provider.get_tracer(tracing.SCOPE).start_span("send letter").end()
        tracing.note("publish orders", of=TRACE)
    finally:
        tracing.use(None)
        provider.shutdown()
    assert [span.name for span in exporter.spans] == ["publish orders"]


class Slow(Kept):
    """A collector that does not answer for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.answer, self.answered = threading.Event(), False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.answer.wait(2)
        self.answered = True
        return super().export(spans)


def test_a_collector_that_does_not_answer_keeps_nobody_from_leaving(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trace_export, "LEAVE_SECONDS", 0.01)
    exporter = Slow()
    provider = provider_of("intake", exporter, 1.0)
    provider.get_tracer(tracing.SCOPE).start_span("send letter").end()
    trace_export.leave(provider)
    assert not exporter.answered
    exporter.answer.set()


def test_what_is_still_to_be_sent_is_sent_before_leaving() -> None:
    exporter = Kept()
    provider = provider_of("intake", exporter, 1.0)
    provider.get_tracer(tracing.SCOPE).start_span("send letter").end()
    trace_export.leave(provider)
    assert [span.name for span in exporter.spans] == ["send letter"]


def test_the_page_for_operators_names_what_may_leave_and_the_settings() -> None:
    page = (Path(__file__).parents[3] / "docs" / "traces.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`((?:http|error|messaging|cloudevents|sealed)\.[a-z_.]+)`", page))
    assert listed == set(ALLOWED)
    assert set(re.findall(r"`(OTEL_[A-Z_]+)`", page)) == {
        str(setting.validation_alias)
        for setting in ServiceSettings.model_fields.values()
        if str(setting.validation_alias).startswith("OTEL_")
    }
