"""Servers of somebody else's that replace the embedded ones."""

import os
from dataclasses import dataclass, field
from typing import Self

from deploy.local.part import StackError
from shared.messaging.kafka_address import KafkaAddress


@dataclass(frozen=True, slots=True)
class External:
    """Servers that replace the embedded ones. Both users are administrators."""

    kafka: KafkaAddress | None = None
    mongodb_uri: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls) -> Self:
        """KAFKA_BOOTSTRAP_SERVERS with KAFKA_USERNAME and KAFKA_PASSWORD, and MONGODB_URI."""
        servers, user, password = map(os.environ.get, ("KAFKA_BOOTSTRAP_SERVERS", "KAFKA_USERNAME", "KAFKA_PASSWORD"))
        kafka = KafkaAddress(servers, user or None, password or None) if servers else None
        return cls(kafka, os.environ.get("MONGODB_URI") or None)


class ServerUnreachable(StackError):
    def __init__(self, variable: str, problem: str) -> None:
        super().__init__(
            f"The server of {variable} can't be used ({problem}). Correct it, or unset it for an embedded one."
        )
