"""A trace is carried on by what was given; without that, or without a provider, nothing is made."""

import subprocess
import sys

import pytest
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import ReadableSpan

from shared.observability import tracing
from tests.spans import kept, parent_of, traceparent_of

TRACE = f"00-{'a' * 32}-{'b' * 16}-01"
NOT_RECORDED = f"00-{'a' * 32}-{'b' * 16}-00"


def test_without_a_provider_nothing_is_made_and_what_came_is_handed_on() -> None:
    with tracing.span("send letter", of=TRACE) as one, tracing.caused_by({"somebody": TRACE}):
        assert not one.is_recording()
        assert tracing.here() is None
        assert tracing.cause_of("somebody") == TRACE
    assert tracing.cause_of("somebody") is None


def test_a_span_is_a_child_of_what_was_given_and_the_parent_of_what_is_done_in_it() -> None:
    with kept() as spans, tracing.span("send letter", of=TRACE), tracing.span("open contact"):
        inner = tracing.here()
    (first,), (second,) = spans.named("send letter"), spans.named("open contact")
    assert parent_of(first) == TRACE
    assert parent_of(second) == traceparent_of(first)
    assert not second.links  # to its parent it needs none
    assert inner == traceparent_of(second)


def test_outside_of_a_trace_none_begins() -> None:
    with kept() as spans:
        with tracing.span("send letter"):
            assert tracing.here() is None
        tracing.note("publish orders", of=None)
    assert spans.spans == []


def test_a_trace_that_is_not_recorded_is_carried_on_unrecorded() -> None:
    with kept() as spans, tracing.span("send letter", of=NOT_RECORDED):
        here = tracing.here() or ""
    assert spans.spans == []
    assert (here[:35], here[-3:]) == (NOT_RECORDED[:35], "-00")


def test_a_request_that_takes_up_an_older_matter_is_linked() -> None:
    other = f"00-{'c' * 32}-{'d' * 16}-01"
    with kept() as spans, tracing.span("request one", of=other), tracing.span("hand over", of=TRACE):
        pass
    (request,), (act,) = spans.named("request one"), spans.named("hand over")
    assert parent_of(act) == TRACE
    assert [tracing.traceparent_of(link.context) for link in act.links] == [traceparent_of(request)]
    assert not request.links


def test_a_cause_that_is_named_goes_before_the_current_span() -> None:
    with kept(), tracing.span("send letter", of=TRACE), tracing.caused_by({"somebody": NOT_RECORDED}):
        assert tracing.cause_of("somebody") == NOT_RECORDED
        assert tracing.cause_of("somebody else") == tracing.here()


def test_a_failure_is_told_by_its_type() -> None:
    with kept() as spans, pytest.raises(ValueError, match="Ақбөпе"), tracing.span("send letter", of=TRACE) as one:
        raise ValueError("Ақбөпе")
    assert isinstance(one, ReadableSpan)  # as it is before anything is taken from it
    assert (list(one.events), one.status.description) == ([], None)
    (span,) = spans.spans
    assert dict(span.attributes or {}) == {"error.type": "ValueError"}
    assert span.status.status_code is trace.StatusCode.ERROR


def test_no_library_joins_a_strangers_trace_or_tells_one_of_ours() -> None:
    with kept(), tracing.span("send letter", of=TRACE):
        told: dict[str, str] = {}
        propagate.inject(told)
        assert told == {}
        strangers = propagate.extract({"traceparent": TRACE, "tracestate": "a=b", "baggage": "name=Ақбөпе"})
        assert not trace.get_current_span(strangers).get_span_context().is_valid


def test_without_a_collector_no_service_loads_what_would_make_spans() -> None:
    code = """
import sys
import services.delivery.app, services.intake.app, services.notifications.app, services.privacy.app
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter"))])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.strip() == "[]"
