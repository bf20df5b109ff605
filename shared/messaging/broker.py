"""The Kafka broker of a service, with the settings its promises need."""

from faststream.kafka import KafkaBroker
from faststream.kafka.prometheus import KafkaPrometheusMiddleware
from prometheus_client import REGISTRY

from shared.messaging.kafka_address import KafkaAddress

GRACEFUL_SECONDS = 25.0


def kafka_broker(kafka: KafkaAddress, *, service: str, idempotent: bool) -> KafkaBroker:
    """Acknowledged by all in-sync replicas, compressed, drained on stop. `idempotent` is off on the embedded broker
    only, which does not have it. Traces are not FastStream's: its span is of a batch, and knows no event of it."""
    return KafkaBroker(
        kafka.bootstrap_servers.split(","),
        client_id=service,
        acks="all",
        enable_idempotence=idempotent,
        compression_type="zstd",
        max_batch_size=256 * 1024,
        request_timeout_ms=20_000,
        graceful_timeout=GRACEFUL_SECONDS,
        allow_auto_create_topics=False,
        security=kafka.security(),
        middlewares=(KafkaPrometheusMiddleware(registry=REGISTRY, app_name=service),),
        logger=None,
    )
