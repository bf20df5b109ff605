"""(a) What traces cost the pipeline: all messages, or one in ten, are in a recorded trace.

Their spans are made into what a collector is sent, and not sent. Figures are of this process's processor time, the
exporter's thread included: on two cores the rest of the machine decides what a second gives.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from deploy.bench.measure import Measured, in_turn
from deploy.bench.orders import Bench, placed_events
from deploy.bench.pipeline import MESSAGES, READER, ROUNDS, handled
from deploy.bench.topics import as_message, create_topics
from shared.messaging.cloudevents import TRACE, new_id
from shared.observability import tracing
from shared.observability.trace_export import provider_of
from shared.stores.mongo import Collection

TRACED: dict[str, int] = {"bench-traced": 1, "bench-traced-tenth": 10}  # topic → one recorded trace in so many messages
UNIT = "messages/s of processor"


class _NotSent(SpanExporter):
    """Spans are made, batched, encoded and counted; nobody is sent them."""

    encoded = 0

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        assert encode_spans(spans).SerializeToString()
        self.encoded += len(spans)
        return SpanExportResult.SUCCESS


async def measure(bench: Bench) -> list[Measured]:
    await _fill_topics(bench)
    bench.people.clear()
    shipments = bench.client["delivery"]["shipments"]
    everything = _NotSent()

    async def untraced() -> float:
        return await handled(bench, shipments, finish=lambda: None)

    async def traced() -> float:
        return await _traced(bench, shipments, "bench-traced", everything)

    async def tenth_traced() -> float:
        return await _traced(bench, shipments, "bench-traced-tenth", _NotSent())

    a, b = await in_turn(traced, untraced, ROUNDS)
    kept = f"{everything.encoded:,} of {ROUNDS * MESSAGES:,} spans were encoded; the others found the queue full"
    c, d = await in_turn(tenth_traced, untraced, ROUNDS)
    return [
        Measured("a4. pipeline, every message traced, vs without traces", a, b, None, UNIT, note=kept),
        Measured("a5. pipeline, one message in ten traced, vs without", c, d, None, UNIT),
    ]


async def _traced(bench: Bench, shipments: Collection, topic: str, exporter: SpanExporter) -> float:
    provider = provider_of(READER, exporter, 1.0)
    tracing.use(provider)
    try:
        return await handled(bench, shipments, topic=topic, finish=provider.force_flush)
    finally:
        tracing.use(None)
        provider.shutdown()


async def _fill_topics(bench: Bench) -> None:
    """The same orders twice, sealed as intake publishes them, with and among traces that are recorded."""
    await create_topics(bench.kafka, *TRACED, partitions=6)
    producer = AIOKafkaProducer(**bench.kafka.client_options(), max_batch_size=256 * 1024, compression_type="zstd")
    await producer.start()
    send: Callable[..., Awaitable[Any]] = producer.send
    try:
        for start in range(0, MESSAGES, 2_000):
            for number, outgoing in enumerate(placed_events(bench.people[start : start + 2_000])):
                value, key, headers = as_message(outgoing)
                for topic, every in TRACED.items():
                    trace = f"00-{new_id()}-{new_id()[:16]}-{'00' if number % every else '01'}"
                    await send(topic, value, key, headers=[*headers, (TRACE, trace.encode())])
        await producer.flush()
    finally:
        await producer.stop()
